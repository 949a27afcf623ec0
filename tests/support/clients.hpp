// SPDX-License-Identifier: BSL-1.0
// clients: the credentials, requests and answers that the tests of the client share.
#ifndef REKEY_TESTS_SUPPORT_CLIENTS_HPP
#define REKEY_TESTS_SUPPORT_CLIENTS_HPP

#include <rekey/http.hpp>
#include <rekey/rekey.hpp>
#include <rekey/testing.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace clients {

using namespace rekey;

struct Personal {
    static constexpr std::string_view name = "personal";
    std::string token = "pat_personal_1";
};
struct Enterprise {
    static constexpr std::string_view name = "enterprise";
    std::string token = "pat_enterprise_1";
};

using Both = CredentialChain<Personal, Enterprise>;
inline Both both() { return Both{Personal{}, Enterprise{}}; }
using OnRefusal = RetryOn<AuthRejected, NotFound>;
using OnCodes = RetryOn<4100, 4101, NotFound>;

inline HttpRequest chat() {
    return {"POST",
            "https://api.coze.com/v3/chat?conversation_id=7",
            {{"Content-Type", "application/json"}},
            R"({"bot_id":"1","stream":false})"};
}
inline HttpResponse answer(int status, std::string body = {}) {
    return {status, {{"Content-Type", "application/json"}}, std::move(body), false};
}
inline HttpResponse accepted() { return answer(200, R"({"code":0,"msg":"","data":{"id":"9"}})"); }
inline HttpResponse refusal(std::int64_t code = 4101, int status = 200) {
    return answer(status, "{\"code\":" + std::to_string(code) + ",\"msg\":\"refused\"}");
}

}  // namespace clients

#endif
