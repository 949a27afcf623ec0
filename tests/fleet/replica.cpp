// SPDX-License-Identifier: BSL-1.0
// replica: one of many processes that serve one user with tokens that lie in Redis.
//
//   replica authorize         lets the user authorize, through the consent page of fake_coze
//   replica load SECONDS N    sends chats from N threads; the last line says how they went
//   replica once              sends one chat, and prints how it went
//   replica die STEP          once, killed by SIGKILL: `acquire` holding the lease, `answer` when
//                             the token endpoint has rotated and nothing is stored yet
//   replica stop STEP         once, stopped by SIGSTOP until somebody sends SIGCONT: `send` before
//                             the refresh token goes out, `answer` as above
//
// From the environment: COZE_API_BASE, COZE_PKCE_OAUTH_CLIENT_ID, COZE_PKCE_OAUTH_REDIRECT_URI,
// PUBLISHED_BOT_ID, USER_ID, REKEY_TEST_REDIS, the socket of the server, and REKEY_TEST_LEASE, a
// lease in milliseconds that is not the usual 1500.
#include <rekey/adapter/curl.hpp>
#include <rekey/adapter/redis.hpp>
#include <rekey/coze.hpp>
#include <rekey/coze/pkce_loopback.hpp>
#include <rekey/rekey.hpp>
#include <rekey/tokens_in.hpp>

#include "support/sealer.hpp"

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <signal.h>

namespace {

using namespace rekey;
using namespace std::chrono_literals;

std::string from_environment(const char* name) {
    const char* const value = std::getenv(name);
    return value != nullptr ? value : "";
}

/// Where a process is killed or stopped, once.
enum class Place { nowhere, at_acquire, at_send, at_answer };
Place place = Place::nowhere;
int signal_there = SIGKILL;

void pass(Place where) {
    if (place != where) return;
    place = Place::nowhere;
    (void)raise(signal_there);
}

/// The store in Redis, with a process that may die right after it got the lease.
struct Store : adapter::RedisStore {
    using BasicRedisStore::BasicRedisStore;
    token::LeaseAnswer acquire(std::string_view key, std::string_view owner, Duration life) {
        const token::LeaseAnswer answer = BasicRedisStore::acquire(key, owner, life);
        if (answer.outcome == token::Leased::acquired) pass(Place::at_acquire);
        return answer;
    }
};

/// libcurl, with a process that may die before a token request or after its answer.
struct Http {
    static constexpr bool follows_redirects = false;
    static constexpr bool vouches_for_whole_bodies = true;
    curl::Transport wire{};

    TransportResult<HttpResponse> operator()(const HttpRequest& request,
                                             const Attempt& attempt) const {
        const bool is_for_token = request.url.find("/oauth2/token") != std::string::npos;
        if (is_for_token) pass(Place::at_send);
        auto answer = wire(request, attempt);
        if (is_for_token) pass(Place::at_answer);
        return answer;
    }
};

auto make_client() {
    coze::CodeFlowOptions app;
    app.client_id = from_environment("COZE_PKCE_OAUTH_CLIENT_ID");
    app.redirect_uri = from_environment("COZE_PKCE_OAUTH_REDIRECT_URI");
    app.base = from_environment("COZE_API_BASE");
    app.www_base = app.base;
    adapter::RedisAddress redis;
    redis.unix_socket = from_environment("REKEY_TEST_REDIS");
    redis.connect_timeout = 1s;
    redis.command_timeout = 1s;
    token::RefreshTimes times;
    const std::string lease = from_environment("REKEY_TEST_LEASE");
    times.lease = lease.empty() ? 1500ms : std::chrono::milliseconds{std::stoi(lease)};
    times.call = times.lease / 3;
    times.doubt = 9s;  // more than a slow refresh, an outage and a restart of Redis together
    times.patience = 12s;
    return Client{Http{}, OboReauth{coze::PkceLoopback{app, HandOver{}}}, coze::RetryOnRefusal{},
                  TokensIn{Store(redis), stores::sealer("key-1"), times}};
}
HttpRequest chat() {
    return {"POST",
            from_environment("COZE_API_BASE") + "/v3/chat",
            {{"Content-Type", "application/json"}},
            R"({"bot_id":")" + from_environment("PUBLISHED_BOT_ID") + R"(","user_id":")" +
                from_environment("USER_ID") + "\"}"};
}

int authorize() {
    const auto client = make_client();
    const auto begun = client.begin_authorization(Subject{"ann"});
    const Http browser;
    const HttpRequest consent{"GET", begun.request.url + "&decision=allow&user=ann", {}, {}};
    const auto page = browser(consent, Attempt{AttemptFields{}});
    if (!page.has_value()) return 1;
    const auto end = client.authorize(find_header((*page).headers, "Location"));
    if (!end.is_authorized) std::fprintf(stderr, "%s\n", end.message.c_str());
    return end.is_authorized ? 0 : 1;
}

int once() {
    const auto client = make_client();
    const auto result = client.send(chat(), Subject{"ann"});
    if (result) {
        std::puts("answered");
        return 0;
    }
    std::printf("%s: %s\n", std::string(to_string(result.error().kind)).c_str(),
                result.error().message().c_str());
    return 1;
}

/// One line: how many were answered, found no token for now, had to ask the user, or failed.
int load(int seconds, int count) {
    const auto client = make_client();
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{seconds};
    std::atomic<int> answered{0};
    std::atomic<int> later{0};
    std::atomic<int> asked{0};
    std::atomic<int> failed{0};
    std::vector<std::thread> threads;
    for (int i = 0; i != count; ++i)
        threads.emplace_back([&] {
            while (std::chrono::steady_clock::now() < end) {
                const auto result = client.send(chat(), Subject{"ann"});
                if (result)
                    ++answered;
                else if (result.error().kind == ErrorKind::exchange_failed)
                    ++later;
                else if (result.error().kind == ErrorKind::authorization_needed) {
                    if (++asked == 1)
                        std::fprintf(stderr, "%s\n", result.error().describe().c_str());
                } else if (++failed == 1)
                    std::fprintf(stderr, "%s\n", result.error().describe().c_str());
                std::this_thread::sleep_for(50ms);
            }
        });
    for (std::thread& thread : threads) thread.join();
    std::printf("answered %d later %d asked %d failed %d\n", answered.load(), later.load(),
                asked.load(), failed.load());
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    const auto word = [&](int i) { return std::string_view(i < argc ? argv[i] : ""); };
    if (word(1) == "authorize") return authorize();
    if (word(1) == "once") return once();
    if (word(1) == "load" && argc == 4) return load(std::atoi(argv[2]), std::atoi(argv[3]));
    if (word(1) == "die" || word(1) == "stop") {
        signal_there = word(1) == "die" ? SIGKILL : SIGSTOP;
        place = word(2) == "acquire" ? Place::at_acquire
                : word(2) == "send"  ? Place::at_send
                                     : Place::at_answer;
        return once();
    }
    std::fputs(
        "usage: replica authorize | once | load SECONDS THREADS | die acquire|answer | "
        "stop send|answer\n",
        stderr);
    return 2;
}
