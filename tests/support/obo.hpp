// SPDX-License-Identifier: BSL-1.0
// obo: what the tests of users' authorizations share: a clock, a wire, a service with a browser.
#ifndef REKEY_TESTS_SUPPORT_OBO_HPP
#define REKEY_TESTS_SUPPORT_OBO_HPP

#include <rekey/coze.hpp>
#include <rekey/coze/device_flow.hpp>
#include <rekey/coze/pkce_loopback.hpp>
#include <rekey/coze/web_flow.hpp>
#include <rekey/rekey.hpp>
#include <rekey/testing/fake_coze.hpp>

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace obo {

using namespace rekey;
using testing::FakeCoze;

/// A manual clock for many threads. Waits return at once and are remembered.
class Clock {
public:
    TimePoint now() const noexcept { return TimePoint{Duration{elapsed_.load()}}; }
    std::int64_t unix_seconds() const noexcept {
        return start_ + elapsed_ / std::int64_t{1'000'000'000};
    }
    void sleep(Duration delay) {
        {
            const std::lock_guard<std::mutex> lock(mutex_);
            waits_.push_back(delay);
            if (while_waiting) while_waiting(delay);
        }
        elapsed_ += delay.count();
    }
    void advance(Duration delay) noexcept { elapsed_ += delay.count(); }
    /// Moves the wall clock by so much; the steady one goes on.
    void jump(std::int64_t seconds) noexcept { start_ += seconds; }
    std::vector<Duration> waits() const {
        const std::lock_guard<std::mutex> lock(mutex_);
        return waits_;
    }
    /// What happens while somebody waits; set before the threads start.
    std::function<void(Duration)> while_waiting{};

private:
    std::atomic<std::int64_t> elapsed_{0};
    std::atomic<std::int64_t> start_{1'790'000'000};  // 2026-09-21
    mutable std::mutex mutex_{};
    std::vector<Duration> waits_{};
};

/// Lets a test hold somebody until it has seen what it wanted to see.
class Gate {
public:
    void open() {
        const std::lock_guard<std::mutex> lock(mutex_);
        is_open_ = true;
        opened_.notify_all();
    }
    void wait() {
        std::unique_lock<std::mutex> lock(mutex_);
        opened_.wait(lock, [this] { return is_open_; });
    }

private:
    std::mutex mutex_{};
    std::condition_variable opened_{};
    bool is_open_ = false;
};

/// Runs `act(0)` to `act(count - 1)` at once, each in a thread.
template <class Act> void at_once(int count, const Act& act) {
    std::vector<std::thread> threads;
    std::atomic<int> ready{0};
    for (int i = 0; i != count; ++i)
        threads.emplace_back([&, i] {
            ++ready;
            while (ready != count) std::this_thread::yield();
            act(i);
        });
    for (std::thread& thread : threads) thread.join();
}

/// Gives the other threads time to come to where they wait.
inline void let_others_run() {
    for (int i = 0; i != 2000; ++i) std::this_thread::yield();
}

/// A request as it was sent.
struct Sent {
    HttpRequest request{};
    std::string authorization{};

    bool is_chat() const { return request.url.find("/v3/chat") != std::string::npos; }
    bool is_exchange() const { return request.url.find("/oauth2/token") != std::string::npos; }
    bool holds(std::string_view text) const { return request.body.find(text) != std::string::npos; }
};

using Reply = TransportResult<HttpResponse>;

/// A transport to a service that remembers what was sent, and a hand that can interfere: before the
/// service sees a request (`is_answered` is false), or between it and the caller.
class Wire {
public:
    using Hand = std::function<std::optional<Reply>(const Sent&, bool is_answered)>;
    static constexpr bool follows_redirects = false;
    static constexpr bool vouches_for_whole_bodies = true;

    explicit Wire(FakeCoze& service) : service_(service) {}
    Wire(const Wire&) = delete;
    Wire& operator=(const Wire&) = delete;

    Reply operator()(const HttpRequest& request, const Attempt& attempt) {
        const Sent sent{request, std::string(attempt.authorization())};
        Hand hand;
        {
            const std::lock_guard<std::mutex> lock(mutex_);
            sent_.push_back(sent);
            hand = hand_;
        }
        if (hand)
            if (auto instead = hand(sent, false)) return *std::move(instead);
        Reply reply = service_(request, attempt);
        if (hand)
            if (auto instead = hand(sent, true)) return *std::move(instead);
        return reply;
    }

    void interfere(Hand hand) {
        const std::lock_guard<std::mutex> lock(mutex_);
        hand_ = std::move(hand);
    }
    std::vector<Sent> sent() const {
        const std::lock_guard<std::mutex> lock(mutex_);
        return sent_;
    }
    std::vector<Sent> chats() const { return all(&Sent::is_chat); }
    std::vector<Sent> exchanges() const { return all(&Sent::is_exchange); }
    void forget() {
        const std::lock_guard<std::mutex> lock(mutex_);
        sent_.clear();
    }

private:
    std::vector<Sent> all(bool (Sent::*wanted)() const) const {
        std::vector<Sent> found;
        for (Sent& each : sent())
            if ((each.*wanted)()) found.push_back(std::move(each));
        return found;
    }

    FakeCoze& service_;
    mutable std::mutex mutex_{};
    Hand hand_{};
    std::vector<Sent> sent_{};
};

inline HttpResponse json(int status, std::string body) {
    return {status, {{"Content-Type", "application/json"}}, std::move(body), false};
}
inline HttpResponse coded(std::int64_t code) {
    return json(200, "{\"code\":" + std::to_string(code) + ",\"msg\":\"refused\"}");
}
inline TransportError lost(Reach reach = Reach::sent_unanswered) {
    return {reach, "the connection broke"};
}
inline TransportError cancelled() {
    return {Reach::sent_unanswered, "stopped", TransportVerdict::cancelled};
}

/// A service, its users' browsers and screens, and the settings of its apps.
struct Desk {
    Clock clock{};
    std::int64_t wall_difference = 0;  ///< How far the service's clock is ahead of ours.
    FakeCoze service;
    FakeCoze::Options options = service.options();
    Wire wire{service};

    explicit Desk(FakeCoze::Options wanted = {}) : service(prepared(std::move(wanted))) {}
    Desk(const Desk&) = delete;
    Desk& operator=(const Desk&) = delete;

    coze::WebFlowOptions web_app() const {
        coze::WebFlowOptions app;
        app.client_id = options.web_client_id;
        app.client_secret = Secret{options.web_client_secret};
        app.redirect_uri = options.web_redirect_uri;
        app.base = options.base;
        app.www_base = options.base;
        return app;
    }
    coze::CodeFlowOptions pkce_app() const {
        coze::CodeFlowOptions app;
        app.client_id = options.pkce_client_id;
        app.redirect_uri = options.pkce_redirect_uri;
        app.base = options.base;
        app.www_base = options.base;
        return app;
    }
    coze::DeviceFlowOptions device_app() const {
        coze::DeviceFlowOptions app;
        app.client_id = options.device_client_id;
        app.base = options.base;
        return app;
    }
    /// A client whose users authorize by this flow, over `wire`, in the time of `clock`.
    template <class Flow, class... Policies> auto client(Flow flow, Policies... policies) {
        return Client{wire, OboReauth{std::move(flow)}, coze::RetryOnRefusal{}, UseClock{clock},
                      std::move(policies)...};
    }
    auto web() { return client(coze::WebFlow{web_app()}); }

    HttpRequest chat(const std::string& more = {}) const {
        HttpRequest request;  // no list in braces: see `detail::add_header`
        request.method = "POST";
        request.url = options.base + "/v3/chat";
        rekey::detail::add_header(request.headers, "Content-Type", "application/json");
        rekey::detail::add_header(request.headers, "X-Trace", "t-1");
        request.body = R"({"bot_id":")" + options.bot_id + R"(","user_id":"u")" + more + "}";
        return request;
    }
    /// What the browser brings back to the callback after somebody decided on the page at `url`.
    std::string browse(const std::string& url, const std::string& decision = "allow",
                       const std::string& user = "alice") {
        const auto reply =
            service.handle({"GET", url + "&decision=" + decision + "&user=" + user, {}, {}});
        return std::string(find_header(reply.response.headers, "Location"));
    }
    std::int64_t exchanges(const char* grant) const {
        const auto totals = service.totals();
        const auto place = totals.token_exchanges.find(grant);
        return place == totals.token_exchanges.end() ? 0 : place->second;
    }
    std::int64_t refreshes() const { return exchanges("refresh_token"); }

private:
    FakeCoze::Options prepared(FakeCoze::Options wanted) const {
        wanted.clock = [this] { return clock.unix_seconds() + wall_difference; };
        return wanted;
    }
};

/// One parameter of a URL, as it stands there.
inline std::string parameter(const std::string& url, const std::string& name) {
    const std::size_t place = url.find(name + "=");
    if (place == std::string::npos) return {};
    const std::size_t start = place + name.size() + 1;
    return url.substr(start, url.find_first_of("&#", start) - start);
}

/// Every text that a result offers to people.
template <class Response> std::string texts_of(const Result<Response>& result) {
    std::string all;
    for (std::size_t i = 0; i != result.trail().size(); ++i) {
        const TrailEntry& entry = result.trail()[i];
        all += std::to_string(entry.service_code) + "/" + std::to_string(entry.http_status) + ",";
        all += std::string(result.trail().credential(entry.slot)) + ";";
    }
    all += std::string(result.credential());
    if (!result)
        all += result.error().describe() + result.error().message() + result.error().log_id() +
               std::string(result.error().credential);
    return all;
}

}  // namespace obo

#endif
