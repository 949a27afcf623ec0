// SPDX-License-Identifier: BSL-1.0
// replica: one of many processes that serve one user with tokens that lie in Redis.
//
//   replica authorize         lets the user authorize, through the consent page of fake_coze
//   replica load SECONDS N    sends chats from N threads; the last line says how they went
//   replica once              sends one chat, and prints how it went
//   replica steps             once, and prints the steps of it
//   replica die STEP          once, killed by SIGKILL at a step, which is a number of `steps` or a
//                             name, the first of it: `acquire` holding the lease, `answer` when the
//                             token endpoint has rotated and nothing is stored yet
//   replica stop STEP         once, stopped by SIGSTOP until somebody sends SIGCONT: `send` before
//                             the refresh token goes out, `answer` as above; says so before
//
// From the environment: COZE_API_BASE, COZE_PKCE_OAUTH_CLIENT_ID, COZE_PKCE_OAUTH_REDIRECT_URI,
// PUBLISHED_BOT_ID, USER_ID, REKEY_TEST_REDIS, the socket of the server; in milliseconds, where
// they are not the usual: REKEY_TEST_LEASE (1500), REKEY_TEST_DOUBT (9000), REKEY_TEST_PAUSE (50)
// between two chats of a thread, REKEY_TEST_COMMAND (1000), the timeout of a command.
#include <rekey/adapter/curl.hpp>
#include <rekey/adapter/redis.hpp>
#include <rekey/coze.hpp>
#include <rekey/coze/pkce_loopback.hpp>
#include <rekey/rekey.hpp>
#include <rekey/tokens_in.hpp>

#include "support/sealer.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
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

std::chrono::milliseconds time_from_environment(const char* name, std::chrono::milliseconds usual) {
    const std::string text = from_environment(name);
    return text.empty() ? usual : std::chrono::milliseconds{std::stoi(text)};
}

/// Where a process is killed or stopped, once.
std::string place;
bool are_shown = false;
int signal_there = SIGKILL;

void pass(const char* step) {
    static int count = 0;
    ++count;
    if (are_shown) std::printf("%d %s\n", count, step);
    if (place.empty() || (place != step && place != std::to_string(count))) return;
    place.clear();
    if (signal_there == SIGSTOP) {
        std::puts("stands still");
        std::fflush(stdout);
    }
    (void)raise(signal_there);
}

/// The store in Redis, with a process that may die before or after each operation.
struct Store : adapter::RedisStore {
    using BasicRedisStore::BasicRedisStore;
    token::StoreEntry load(std::string_view key) {
        pass("to-load");
        auto entry = BasicRedisStore::load(key);
        pass("load");
        return entry;
    }
    token::Swapped swap(std::string_view key, std::uint64_t from, std::uint64_t to,
                        const Secret& value) {
        pass("to-swap");
        const token::Swapped outcome = BasicRedisStore::swap(key, from, to, value);
        pass("swap");
        return outcome;
    }
    token::LeaseAnswer acquire(std::string_view key, std::string_view owner, Duration life) {
        pass("to-acquire");
        const token::LeaseAnswer answer = BasicRedisStore::acquire(key, owner, life);
        if (answer.outcome == token::Leased::acquired) pass("acquire");
        return answer;
    }
    void release(std::string_view key, std::string_view owner) {
        pass("to-release");
        BasicRedisStore::release(key, owner);
        pass("release");
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
        if (is_for_token) pass("send");
        auto answer = wire(request, attempt);
        if (is_for_token) pass("answer");
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
    redis.command_timeout = time_from_environment("REKEY_TEST_COMMAND", 1s);
    token::RefreshTimes times;
    times.lease = time_from_environment("REKEY_TEST_LEASE", 1500ms);
    times.call = times.lease / 3;
    // Usually more than a slow refresh, an outage and a restart of Redis together.
    times.doubt = time_from_environment("REKEY_TEST_DOUBT", 9s);
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
    const auto pause = time_from_environment("REKEY_TEST_PAUSE", 50ms);
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
                std::this_thread::sleep_for(pause);
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
        place = word(2);
        return once();
    }
    if (word(1) == "steps") {
        are_shown = true;
        return once();
    }
    std::fputs(
        "usage: replica authorize | once | load SECONDS THREADS | steps | die STEP | stop STEP\n",
        stderr);
    return 2;
}
