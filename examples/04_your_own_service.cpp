// SPDX-License-Identifier: BSL-1.0
//
// Dear reader,
//
// the API you call answers everything with HTTP 200 and puts its verdict into a number. Some mean
// "not you", some "slow down", some "you are out of money". Say once what they mean, and every
// policy of rekey understands them: this is the same door that `rekey::coze` uses.

#include <rekey/rekey.hpp>

#include <cstdint>
#include <cstdio>
#include <string>

struct Shop : rekey::Service {
    static constexpr bool names_codes = true;  // any code but 0 is an error
    static constexpr rekey::FailureClass class_of(std::int64_t code) noexcept {
        switch (code) {
            case 17: return rekey::AuthRejected;
            case 18: return rekey::RateLimited;
            case 19: return rekey::QuotaExhausted;
            default: return rekey::NoFailure;  // unknown
        }
    }
};

struct Key {
    static constexpr auto name = "key";
    std::string token;
};
struct SpareKey {
    static constexpr auto name = "spare key";
    std::string token;
};
struct Response {
    int status;
    std::string body;
};

int main() {
    int call = 0;
    const auto http = [&call](const std::string&, const rekey::Attempt& attempt) -> Response {
        switch (++call) {
            case 1: return {200, R"({"code":18,"message":"slow down"})"};
            case 2: return {200, R"({"code":17,"message":"not you"})"};
            case 3: return {200, R"({"code":0,"order":1001})"};
            default:
                std::printf("send %u\n", attempt.number());
                return {200, R"({"code":19,"message":"out of money"})"};
        }
    };
    const rekey::Client client{http, rekey::CredentialChain{Key{"k-1"}, SpareKey{"k-2"}},
                               rekey::RetryOn<rekey::AuthRejected, rekey::RateLimited>{},
                               rekey::MaxAttempts{5}, Shop{}};

    const auto order = client.send(std::string("order a book"));
    if (!order) return 1;
    std::printf("%s by the %s after %zu sends\n", order->body.c_str(),
                std::string(order.credential()).c_str(), order.trail().count());

    const auto next = client.send(std::string("order another"));
    std::printf("%s\n", next.error().describe().c_str());
}

// Output:
//   {"code":0,"order":1001} by the spare key after 3 sends
//   send 1
//   quota_exhausted: HTTP 200, code 19, out of money, credential key, not_retryable; raise the
//   quota or settle the bill
