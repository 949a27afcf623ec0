// SPDX-License-Identifier: BSL-1.0
// ended_calls: how calls end, for tests of what results turn into.
#ifndef REKEY_TESTS_SUPPORT_ENDED_CALLS_HPP
#define REKEY_TESTS_SUPPORT_ENDED_CALLS_HPP

#include <rekey/http.hpp>
#include <rekey/rekey.hpp>
#include <rekey/testing.hpp>

#include <functional>
#include <string>
#include <utility>

namespace ended_calls {

using namespace rekey;

struct Personal {
    static constexpr auto name = "personal";
    std::string token = "personal-token";
};
struct Enterprise {
    static constexpr auto name = "enterprise";
    std::string token = "enterprise-token";
};

template <class Transport> auto client_over(Transport& transport) {
    return Client{std::ref(transport), CredentialChain{Personal{}, Enterprise{}},
                  RetryOn<4100, 4101, NotFound, Transient>{}, MaxAttempts<3>{}};
}

/// The second credential serves.
inline Result<HttpResponse> accepted() {
    testing::Script http;
    http.then(401, 4101).then(200);
    return client_over(http).send(HttpRequest{});
}
/// Both are refused, and the service repeats the token of the first.
inline Result<HttpResponse> refused() {
    testing::Script http;
    http.then(401, 4101, "no permission for personal-token").then(404);
    return client_over(http).send(HttpRequest{});
}

/// A POST over a transport that returns `Answer`: `first` the first time, then a success.
template <class Answer, class First> Result<HttpResponse> over_failing(First first, int& sends) {
    auto http = [&](const HttpRequest&, const Attempt&) -> Answer {
        if (++sends == 1) return first();
        return HttpResponse{200, {}, R"({"code":0})", false};
    };
    return client_over(http).send(HttpRequest{"POST", "https://api.example/", {}, {}});
}

}  // namespace ended_calls

#endif
