// SPDX-License-Identifier: BSL-1.0
//
// Dear reader,
//
// your program runs on Asio. A call is then one more asynchronous operation: it takes any
// completion token, runs your handler on its own executor, and hears its cancellation slot. Your
// transport gets a handler that is a token too, so it may hand it on to whatever makes the
// exchange; here a coroutine with a timer stands for the socket. With Boost.Asio only the include
// and the namespace change.

#include <rekey/driver/asio.hpp>
#include <rekey/http.hpp>
#include <rekey/rekey.hpp>

#include <asio.hpp>
#include <asio/experimental/awaitable_operators.hpp>

#include <chrono>
#include <exception>
#include <iostream>
#include <string>
#include <utility>

using namespace std::chrono_literals;

struct Personal {
    static constexpr auto name = "personal";
    std::string token = "pat_personal";
};
struct Enterprise {
    static constexpr auto name = "enterprise";
    std::string token = "pat_enterprise";
};

/// The server: it answers after a while, and refuses whom it does not know any more.
asio::awaitable<rekey::HttpResponse> exchange(std::string who, std::chrono::milliseconds takes) {
    asio::steady_timer timer(co_await asio::this_coro::executor, takes);
    co_await timer.async_wait(asio::use_awaitable);
    if (who == "personal") co_return rekey::HttpResponse{401, {}, R"({"code":4100})", false};
    co_return rekey::HttpResponse{200, {}, R"({"code":0})", false};
}

std::string said(const rekey::Result<rekey::HttpResponse>& result) {
    return result ? "answered for " + std::string(result.credential()) : result.error().describe();
}

template <class Client> asio::awaitable<void> ask(const Client& client) {
    using namespace asio::experimental::awaitable_operators;
    const rekey::HttpRequest chat{"POST", "https://api.example/chat", {}, {}};
    const auto result = co_await client.async_send(chat, asio::use_awaitable);
    std::cout << "a coroutine: " << said(result) << '\n';

    // Whoever does not want to wait waits for two things; the loser is cancelled at once.
    const rekey::HttpRequest slow{"GET", "https://api.example/slow", {}, {}};
    asio::steady_timer patience(co_await asio::this_coro::executor, 20ms);
    const auto first = co_await (client.async_send(slow, asio::use_awaitable) ||
                                 patience.async_wait(asio::use_awaitable));
    std::cout << (first.index() == 1 ? "lost patience, " : "") << client.in_flight()
              << " calls on their way\n";
}

int main() {
    asio::io_context io;
    const rekey::driver::asio::Client client{
        io.get_executor(),
        rekey::driver::answering<rekey::HttpResponse>(
            [&io](const rekey::HttpRequest& request, const rekey::Attempt& attempt, auto handler) {
                const auto takes = request.url.find("slow") == std::string::npos
                                       ? std::chrono::milliseconds{2}
                                       : std::chrono::milliseconds{3'600'000};
                asio::co_spawn(io, exchange(std::string(attempt.credential()), takes),
                               std::move(handler));
            }),
        rekey::CredentialChain{Personal{}, Enterprise{}}, rekey::RetryOn<4100>{}};

    // A function of the result is a token as well, and never called inside async_send.
    const rekey::HttpRequest bots{"GET", "https://api.example/bots", {}, {}};
    client.async_send(
        bots, [](const auto& result) { std::cout << "a handler: " << said(result) << '\n'; });
    std::cout << client.in_flight() << " call on its way\n";
    io.run();

    asio::co_spawn(io, ask(client), asio::detached);
    io.restart();
    io.run();

    // The end of a program: no new calls, and told when the last one has ended.
    client.close();
    client.async_drain([] { std::cout << "drained\n"; });
    auto late = client.async_send(bots, asio::use_future);
    io.restart();
    io.run();
    std::cout << "a future: " << said(late.get()) << '\n';
}

// Output:
//   1 call on its way
//   a handler: answered for enterprise
//   a coroutine: answered for enterprise
//   lost patience, 0 calls on their way
//   drained
//   a future: cancelled: this client is closed and begins no more calls, credential personal,
//   cancelled
