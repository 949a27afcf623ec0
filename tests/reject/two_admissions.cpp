// expect: rekey: a client takes one door to shared state, or several
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

template <int> struct Door {
    static constexpr rekey::Role role = rekey::Role::admission;
    static rekey::Admission admit(const rekey::Action&) { return {}; }
};

#ifndef REKEY_REJECT
const rekey::Client client{http, Door<1>{}};
#else
const rekey::Client client{http, Door<1>{}, Door<2>{}};
#endif

int main() { return client.send(Request{}) ? 0 : 1; }
