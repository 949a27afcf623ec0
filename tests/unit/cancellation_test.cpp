// SPDX-License-Identifier: BSL-1.0
// Cancellation: stops a call from another thread, also while it waits.
#include <rekey/cancellation.hpp>

#include "catch.hpp"
#include "support/coze_desk.hpp"

#include <rekey/coze.hpp>
#include <rekey/coze/device_flow.hpp>
#include <rekey/detail/mutex.hpp>
#include <rekey/policy/backoff.hpp>
#include <rekey/testing.hpp>

#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

using namespace rekey;

namespace {

struct Key {
    static constexpr std::string_view name = "key";
    std::string token = "key_1234";
};
const HttpRequest request{"GET", "https://api.example/things", {}, {}};

/// A clock that stops the call after so many waits.
struct StoppingClock : testing::ManualClock {
    Canceller stop;
    std::size_t after = 3;
    void sleep(Duration delay) {
        testing::ManualClock::sleep(delay);
        if (waits().size() == after) stop.cancel();
    }
};

}  // namespace

TEST_CASE("a call that was stopped before it began sends nothing") {
    Canceller stop;
    stop.cancel();
    int sends = 0;
    const auto http = [&](const HttpRequest&, const Attempt&) {
        ++sends;
        return HttpResponse{200, {}, "", false};
    };
    Client client{http, CredentialChain{Key{}}};
    const auto result = client.send(request, Cancellation{stop});
    CHECK(result.error().kind == ErrorKind::cancelled);
    CHECK(result.stop_reason() == StopReason::cancelled);
    CHECK(sends == 0);
    CHECK(result.trail().empty());
}

TEST_CASE("a call that is stopped during an attempt makes no other") {
    Canceller stop;
    int sends = 0;
    const auto http = [&](const HttpRequest&, const Attempt&) {
        ++sends;
        stop.cancel();
        return HttpResponse{503, {}, "", false};
    };
    Client client{http, CredentialChain{Key{}}, RetryOn<Transient>{}, MaxAttempts<5>{}};
    const auto result = client.send(request, Cancellation{stop});
    CHECK(result.error().kind == ErrorKind::cancelled);
    CHECK(sends == 1);
}

TEST_CASE("a call that is stopped reports the answer that it had last") {
    for (const int stopped_at : {1, 2, 3}) {
        CAPTURE(stopped_at);
        Canceller stop;
        int sends = 0;
        const auto http = [&](const HttpRequest&, const Attempt&) {
            if (++sends == stopped_at) stop.cancel();
            return HttpResponse{
                503, {}, "{\"msg\":\"answer " + std::to_string(sends) + "\"}", false};
        };
        Client client{http, CredentialChain{Key{}}, RetryOn<Transient>{}, MaxAttempts<5>{}};
        const auto result = client.send(request, Cancellation{stop});
        CHECK(sends == stopped_at);
        CHECK(result.error().kind == ErrorKind::cancelled);
        CHECK(result.error().http_status == 503);
        CHECK(result.error().message() == "answer " + std::to_string(stopped_at));
        CHECK(result.error().response() != nullptr);
    }
}

TEST_CASE("an answer that was accepted stays accepted though the call was stopped meanwhile") {
    Canceller stop;
    const auto http = [&](const HttpRequest&, const Attempt&) {
        stop.cancel();
        return HttpResponse{200, {}, R"({"code":0})", false};
    };
    Client client{http, CredentialChain{Key{}}, coze::RetryOnRefusal{}, coze::Api{}};
    CHECK(client.send(request, Cancellation{stop}));
}

TEST_CASE("S63 a device flow that waits for a person ends within a tick when it is stopped") {
    StoppingClock clock;
    CozeDesk::Options wishes;
    wishes.clock = [&clock] { return clock.unix_seconds(); };
    testing::FakeCoze coze{wishes};
    coze::DeviceFlowOptions app;
    app.client_id = coze.options().device_client_id;
    app.base = coze.options().base;
    int polls = 0;
    bool approves = false;
    const auto http = [&](const HttpRequest& sent, const Attempt& attempt) {
        if (sent.url.find("/oauth2/token") != std::string::npos) ++polls;
        return coze(sent, attempt);
    };
    Client client{http,
                  OboReauth{coze::DeviceFlow{app,
                                             [&](const AuthorizationRequest& shown) {
                                                 if (approves) coze.approve_device(shown.user_code);
                                                 return Authorized{};
                                             }}},
                  coze::RetryOnRefusal{}, UseClock{clock}};
    const HttpRequest chat{"POST",
                           coze.options().base + "/v3/chat",
                           {{"Content-Type", "application/json"}},
                           R"({"bot_id":")" + coze.options().bot_id + R"(","user_id":"u"})"};

    clock.after = 30;  // 1.5 s into the first interval of 5 s
    const auto result = client.send(chat, Cancellation{clock.stop});
    CHECK(result.error().kind == ErrorKind::cancelled);
    CHECK(polls == 0);
    CHECK(clock.waits().size() == 30);
    for (const Duration wait : clock.waits()) CHECK(wait <= std::chrono::milliseconds{50});

    // It ended for that call only: the next one asks afresh.
    approves = true;
    CHECK(client.send(chat, Cancellation{Canceller{}}));
    CHECK(polls == 1);
}

TEST_CASE("a wait by the machine's clock ends when somebody cancels, not with its time") {
    const Canceller stop;
    detail::CallExtras extras;
    extras.take(Cancellation{stop});
    std::atomic<bool> is_waiting{false};
    bool is_over = true;
    std::thread caller([&] {
        is_waiting = true;
        detail::SystemClock clock;
        is_over = extras.stop.sleep(clock, (Duration::max)());
    });
    while (!is_waiting) std::this_thread::yield();
    stop.cancel();
    caller.join();
    CHECK_FALSE(is_over);
    CHECK_FALSE(extras.stop.wait_for((Duration::max)()));
}

TEST_CASE("a wait by the machine's clock is left whole to the canceller, which can end it") {
    static Duration asked{0};
    static int waits = 0;
    const detail::Atomic<bool> flag{false};
    detail::Stop stop;
    stop.flag = &flag;
    stop.wait = [](const detail::Atomic<bool>*, Duration delay) {
        ++waits;
        asked = delay;
        return false;
    };
    detail::SystemClock clock;
    CHECK_FALSE(stop.sleep(clock, std::chrono::hours{1}));
    CHECK(waits == 1);
    CHECK(asked == std::chrono::hours{1});

    detail::CallExtras extras;
    const Canceller canceller;
    extras.take(Cancellation{canceller});
    CHECK(extras.stop.wait == &detail::StopList::wait);
    CHECK(extras.stop.sleeper == &detail::StopList::sleeper);
}

TEST_CASE("a clock of the user's own that takes the stop waits once, and as long as it likes") {
    struct OwnClock : testing::ManualClock {
        Canceller stop;
        bool sleep(Duration delay, const StopSignal& stopped) {
            CHECK_FALSE(stopped.is_cancelled());
            testing::ManualClock::sleep(delay);
            stop.cancel();
            return stopped.wait_for(delay);
        }
    } clock;
    int sends = 0;
    const auto http = [&](const HttpRequest&, const Attempt&) {
        ++sends;
        return HttpResponse{503, {}, "", false};
    };
    const Client client{http, RetryOn<Transient>{}, MaxAttempts<5>{},
                        Backoff{Constant{std::chrono::hours{1}}, NoJitter{}}, UseClock{clock}};
    const auto result = client.send(request, Cancellation{clock.stop});
    CHECK(result.error().kind == ErrorKind::cancelled);
    CHECK(sends == 1);
    CHECK(clock.waits() == std::vector<Duration>{std::chrono::hours{1}});
}

TEST_CASE("who waits for another caller sleeps until that one wakes it or its call is stopped") {
    const Canceller stop;
    detail::CallExtras extras;
    extras.take(Cancellation{stop});
    detail::Mutex mutex;
    const auto sleeps_till = [&](auto&& ends) {
        detail::WakerList waiting;
        bool is_woken = false;
        mutex.lock();
        std::thread caller([&] {
            mutex.lock();  // it stands in the list when the lock can be had again
            is_woken = detail::sleep_in(waiting, mutex, extras.stop);
            mutex.unlock();
        });
        mutex.unlock();
        for (bool is_listed = false; !is_listed;) {
            const detail::Locked locked(mutex);
            is_listed = !waiting.empty();
        }
        ends(waiting);
        caller.join();
        return is_woken;
    };
    CHECK(sleeps_till([](detail::WakerList& waiting) { waiting.wake_all(); }));
    CHECK_FALSE(sleeps_till([&](detail::WakerList&) { stop.cancel(); }));
    // It was too late to wait at all.
    CHECK_FALSE(sleeps_till([](detail::WakerList&) {}));
}
