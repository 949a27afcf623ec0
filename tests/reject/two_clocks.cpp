// expect: rekey: a client takes one clock (UseClock).
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

struct Clock {
    rekey::TimePoint now() const { return {}; }
    std::int64_t unix_seconds() const { return 0; }
    void sleep(rekey::Duration) {}
};
Clock clock_;

#ifndef REKEY_REJECT
const rekey::Client client{http, rekey::UseClock{clock_}};
#else
const rekey::Client client{http, rekey::UseClock{clock_}, rekey::UseClock{clock_}};
#endif

int main() { return client.send(Request{}) ? 0 : 1; }
