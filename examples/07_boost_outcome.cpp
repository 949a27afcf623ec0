// SPDX-License-Identifier: BSL-1.0
// Your program speaks Boost.Outcome: functions return a result, and TRY passes a failure up.
//
// It works in both directions. A transport may return an outcome whose error is a
// rekey::TransportError, and `to_outcome` turns how a call ended into one. Include
// <rekey/adapter/boost_outcome.hpp>; it needs the headers of Boost, and nothing to link.
#include <rekey/adapter/boost_outcome.hpp>
#include <rekey/rekey.hpp>

#include <iostream>
#include <string>

struct Personal {
    static constexpr auto name = "personal";
    std::string token = "pat_personal";
};
struct Enterprise {
    static constexpr auto name = "enterprise";
    std::string token = "pat_enterprise";
};

struct Request {
    std::string bot;
};
struct Response {
    int status = 0;
    std::string body;
};

namespace outcome = BOOST_OUTCOME_V2_NAMESPACE;
using Answer = outcome::basic_result<Response, rekey::TransportError, outcome::policy::terminate>;

// Your HTTP library: the network is down for one bot, and one is the enterprise's.
Answer http(const Request& request, const rekey::Attempt& attempt) {
    if (request.bot == "far away")
        return rekey::TransportError{rekey::Reach::never_sent, "no route to host"};
    if (request.bot == "moved" && attempt.credential() == "personal")
        return Response{200, R"({"code":4101,"msg":"no permission"})"};
    return Response{200, R"({"code":0,"msg":""})"};
}

const rekey::Client client{http, rekey::CredentialChain{Personal{}, Enterprise{}},
                           rekey::RetryOn<4100, 4101>{}};

rekey::boost_outcome::Result<Response> ask(const std::string& bot) {
    return rekey::boost_outcome::to_outcome(client.send(Request{bot}));
}

int main() {
    for (const char* bot : {"at home", "moved", "far away"}) {
        const auto answer = ask(bot);
        if (answer)
            std::cout << bot << ": HTTP " << answer.assume_value().status << '\n';
        else
            std::cout << bot << ": " << answer.assume_error().message() << '\n';
    }
}

// Prints:
//   at home: HTTP 200
//   moved: HTTP 200
//   far away: no route to host
