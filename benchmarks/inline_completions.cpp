// SPDX-License-Identifier: BSL-1.0
// What do 10 million answers need that come before the transport returns? Rival: blocking calls.
//
// One chain of calls, each begun inside the `done` of the one before, and one call of very many
// attempts. Fails if the stack grows with their number. It does not show what a loop or a socket
// costs: nothing is ever waited for.

#include <rekey/driver/callback.hpp>
#include <rekey/http.hpp>
#include <rekey/rekey.hpp>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>

namespace {

constexpr unsigned completions = 10'000'000;

struct Personal {
    static constexpr auto name = "personal";
    std::string token = "pat_personal";
};
struct Enterprise {
    static constexpr auto name = "enterprise";
    std::string token = "pat_enterprise";
};

/// The highest and the lowest place of the stack that a transport was called at.
class Stack {
public:
    void note() noexcept {
        const char here = 0;
        const auto place = reinterpret_cast<std::uintptr_t>(&here);
        if (place < lowest_) lowest_ = place;
        if (place > highest_) highest_ = place;
    }
    std::uintptr_t spread() const noexcept { return highest_ - lowest_; }

private:
    std::uintptr_t lowest_ = UINTPTR_MAX;
    std::uintptr_t highest_ = 0;
};

using Clock = std::chrono::steady_clock;
double nanoseconds_each(Clock::time_point begin) {
    return std::chrono::duration<double, std::nano>(Clock::now() - begin).count() / completions;
}
bool row(const char* what, double each, std::uintptr_t spread, bool is_right) {
    std::printf("| %s | %.0f ns | %lu bytes |\n", what, each, static_cast<unsigned long>(spread));
    return is_right && spread < 4096;
}

template <class Client> struct Again {
    const Client* client;
    const rekey::HttpRequest* request;
    unsigned* left;
    void operator()(const rekey::Result<rekey::HttpResponse>& result) const {
        if (result && --*left != 0) client->send(*request, *this);
    }
};

/// Each call falls back once: two completions.
bool chain_of_calls() {
    Stack stack;
    const rekey::HttpRequest request{"GET", "https://api.example/", {}, {}};
    const auto http = rekey::driver::answering<rekey::HttpResponse>(
        [&stack](const rekey::HttpRequest&, const rekey::Attempt& attempt, const auto& done) {
            stack.note();
            done(rekey::HttpResponse{attempt.number() == 1 ? 401 : 200, {}, {}, false});
        });
    const rekey::driver::callback::Client client{http, rekey::driver::NoScheduler{},
                                                 rekey::CredentialChain{Personal{}, Enterprise{}},
                                                 rekey::RetryOn<rekey::AuthRejected>{}};
    unsigned left = completions / 2;
    const auto begin = Clock::now();
    client.send(request, Again<decltype(client)>{&client, &request, &left});
    return row("callbacks, a chain of calls", nanoseconds_each(begin), stack.spread(), left == 0);
}

bool one_call() {
    Stack stack;
    unsigned sends = 0;
    unsigned ends = 0;
    const rekey::driver::callback::Client client{
        rekey::driver::answering<rekey::HttpResponse>(
            [&](const rekey::HttpRequest&, const rekey::Attempt&, const auto& done) {
                stack.note();
                ++sends;
                done(rekey::HttpResponse{503, {}, {}, false});
            }),
        rekey::driver::NoScheduler{}, rekey::RetryOn<rekey::Transient>{},
        rekey::MaxAttempts<completions>{}};
    const rekey::HttpRequest request{"GET", "https://api.example/", {}, {}};
    const auto begin = Clock::now();
    client.send(request, [&ends](const auto& result) { ends += result ? 0u : 1u; });
    return row("callbacks, one call of many attempts", nanoseconds_each(begin), stack.spread(),
               sends == completions && ends == 1);
}

bool blocking_calls() {
    Stack stack;
    const rekey::HttpRequest request{"GET", "https://api.example/", {}, {}};
    const rekey::Client client{
        [&stack](const rekey::HttpRequest&, const rekey::Attempt& attempt) {
            stack.note();
            return rekey::HttpResponse{attempt.number() == 1 ? 401 : 200, {}, {}, false};
        },
        rekey::CredentialChain{Personal{}, Enterprise{}}, rekey::RetryOn<rekey::AuthRejected>{}};
    unsigned served = 0;
    const auto begin = Clock::now();
    for (unsigned i = 0; i != completions / 2; ++i) served += client.send(request) ? 1u : 0u;
    return row("blocking calls", nanoseconds_each(begin), stack.spread(),
               served == completions / 2);
}

}  // namespace

int main() {
    std::puts("| 10 million answers | each | stack |\n|---|---|---|");
    const bool is_flat = chain_of_calls();
    const bool is_flat_too = one_call();
    const bool is_right = blocking_calls();
    return is_flat && is_flat_too && is_right ? 0 : 1;
}
