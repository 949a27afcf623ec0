// expect: rekey: RetryOn lists a code that the service calls QuotaExhausted or
// SPDX-License-Identifier: BSL-1.0
#include <rekey/rekey.hpp>

#include <string>

struct Personal {
    static constexpr auto name = "personal";
    std::string token;
};
struct Enterprise {
    static constexpr auto name = "enterprise";
    std::string token;
};

struct Request {};
struct Response {
    int status;
    std::string body;
};
Response http(const Request&, const rekey::Attempt&) { return {200, "{}"}; }

struct Shop : rekey::Service {
    static constexpr rekey::FailureClass class_of(std::int64_t code) noexcept {
        return code == 4011 ? rekey::QuotaExhausted : rekey::NoFailure;
    }
};

#ifndef REKEY_REJECT
const rekey::Client client{http, rekey::CredentialChain{Personal{"token"}},
                           rekey::RetryOn<rekey::as_transient(4011)>{}, rekey::MaxAttempts<3>{},
                           Shop{}};
#else
const rekey::Client client{http, rekey::CredentialChain{Personal{"token"}}, rekey::RetryOn<4011>{},
                           rekey::MaxAttempts<3>{}, Shop{}};
#endif

int main() { return client.send(Request{}) ? 0 : 1; }
