// SPDX-License-Identifier: BSL-1.0
// Your code base has its own way to say that something failed: error codes, exceptions, a chain of
// calls. You do not want a second one beside it.
//
// A rekey::Result turns into each of them in a line or two, and a transport that speaks
// std::error_code says how far a request came. See docs/results.md for expected and Outcome.
#include <rekey/error_code.hpp>
#include <rekey/rekey.hpp>
#include <rekey/value_or_throw.hpp>

#include <iostream>
#include <string>
#include <system_error>
#include <utility>

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

using rekey::Error;
using rekey::ErrorKind;
using rekey::Result;

// Your HTTP library: it knows error codes. One bot is the enterprise's, one is nobody's.
rekey::TransportResult<Response> http(const Request& request, const rekey::Attempt& attempt) {
    if (request.bot == "far away")
        return rekey::transport_error(std::make_error_code(std::errc::host_unreachable));
    if (request.bot == "gone" || (request.bot == "moved" && attempt.credential() == "personal"))
        return Response{200, R"({"code":4101,"msg":"no permission"})"};
    return Response{200, R"({"code":0,"msg":""})"};
}

const rekey::Client client{http, rekey::CredentialChain{Personal{}, Enterprise{}},
                           rekey::RetryOn<4100, 4101>{}};

// A chain of calls.
Result<int> characters_of(const std::string& bot) {
    return client.send(Request{bot})
        .and_then([](Response response) -> Result<Response> {
            if (!response.body.empty()) return response;
            return Error<Response>{ErrorKind::malformed_response, "the answer is empty"};
        })
        .transform([](const Response& response) { return static_cast<int>(response.body.size()); });
}

// Error codes.
std::error_code ask(const std::string& bot, Response& response) {
    auto result = client.send(Request{bot});
    if (result) response = *std::move(result);
    return rekey::error_code_of(result);
}

int main() {
    std::cout << "moved: " << characters_of("moved").value_or(0)
              << " characters, gone: " << characters_of("gone").value_or(0) << '\n';

    for (const char* bot : {"moved", "gone", "far away"}) {
        Response response;
        const std::error_code code = ask(bot, response);
        std::cout << bot << ": "
                  << (code == rekey::errc::refused     ? "ask for a permission"
                      : code == rekey::errc::transport ? "look at the network"
                      : code                           ? "look at the log"
                                                       : "done")
                  << '\n';
    }

    // Exceptions.
    try {
        const Response response = rekey::value_or_throw(client.send(Request{"gone"}));
        std::cout << response.body << '\n';
    } catch (const rekey::CallFailed& error) {
        std::cout << error.what() << '\n';
    }
}

// Prints:
//   moved: 19 characters, gone: 0
//   moved: done
//   gone: ask for a permission
//   far away: look at the network
//   refused: HTTP 200, code 4101, no permission, credential personal, remedies_used_up after 2
//   attempts; create a credential that may use this resource, or authorize it again
