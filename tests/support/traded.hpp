// SPDX-License-Identifier: BSL-1.0
// Traded: a credential whose token comes from an endpoint, for tests of asynchronous clients.
#ifndef REKEY_TESTS_SUPPORT_TRADED_HPP
#define REKEY_TESTS_SUPPORT_TRADED_HPP

#include <rekey/http.hpp>
#include <rekey/oauth/token_response.hpp>
#include <rekey/secret.hpp>
#include <rekey/token/source.hpp>

#include "support/clients.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace clients {

struct Traded {
    static constexpr auto name = "traded";
    using Exchange = token::Exchanged;

    struct Request {
        HttpRequest http{"POST", "https://auth.example/token", {}, {}};
        Secret authorization{"Bearer assertion-of-the-client"};
        std::string problem{};
    };
    Request token_request(std::int64_t) const { return {}; }
    oauth::TokenAnswer read_token(int status, std::string_view type, std::string_view body,
                                  std::int64_t now) const {
        oauth::TokenRules rules;
        rules.now = now;
        return oauth::read_token_answer(status, type, body, rules);
    }
};
inline HttpResponse granted(const std::string& token) {
    return answer(200, R"({"access_token":")" + token + R"(","expires_in":900})");
}

}  // namespace clients

#endif
