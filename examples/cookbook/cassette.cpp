// SPDX-License-Identifier: BSL-1.0
//
// Dear reader,
//
// you have one real exchange with a service, and want a test that replays it for ever, without the
// network and without your token in the repository. Record it once; what is saved has no secret.

#include <rekey/http.hpp>
#include <rekey/rekey.hpp>
#include <rekey/testing/cassette.hpp>

#include <iostream>
#include <sstream>
#include <string>
#include <utility>

using namespace rekey::testing;

struct Personal {
    static constexpr auto name = "personal";
    std::string token;
};

/// Yours: libcurl, cpp-httplib, whatever talks to the service.
rekey::HttpResponse real_transport(const rekey::HttpRequest&, const rekey::Attempt& attempt) {
    const std::string body =
        "{\"code\":0,\n \"greeting\":\"hello, " + std::string(attempt.authorization()) + "\"}";
    return {200, {{"Content-Type", "application/json"}}, body, false};
}

template <class Transport> auto client_over(Transport& http, std::string token) {
    return rekey::Client{http, rekey::CredentialChain{Personal{std::move(token)}}};
}
template <class Client> auto greet(const Client& client) {
    return client.send(rekey::HttpRequest{"GET", "https://api.example/greeting", {}, {}});
}

int main() {
    std::stringstream file;  // a std::ofstream, once

    CassetteRecorder recorder{real_transport};
    (void)greet(client_over(recorder, "a-real-token"));
    recorder.save(file);
    std::cout << file.str() << '\n';

    CassettePlayer player{read_cassette(file)};
    const auto result = greet(client_over(player, "any-token-of-a-test"));
    std::cout << (result ? "played: " : "not played: ") << result->status << '\n';
    std::cout << greet(client_over(player, "any-token-of-a-test")).error().message() << '\n';
}
