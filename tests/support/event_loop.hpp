// SPDX-License-Identifier: BSL-1.0
// event_loop: an event loop of one thread, a pool beside it, and clients that share a store there.
#ifndef REKEY_TESTS_SUPPORT_EVENT_LOOP_HPP
#define REKEY_TESTS_SUPPORT_EVENT_LOOP_HPP

#include <rekey/driver/callback.hpp>
#include <rekey/token/memory_store.hpp>
#include <rekey/token/run_on.hpp>
#include <rekey/tokens_in.hpp>

#include "catch.hpp"
#include "support/obo.hpp"
#include "support/stores.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace event_loop {

using namespace rekey;
using namespace std::chrono_literals;
using driver::callback::CallHandle;

using Job = std::function<void()>;

/// An event loop of one thread: whoever blocks it, blocks all.
class Loop {
public:
    Loop() : thread_([this] { run(); }) {}
    Loop(const Loop&) = delete;
    Loop& operator=(const Loop&) = delete;
    ~Loop() {
        post({});
        thread_.join();
    }
    void post(Job job) {
        const std::lock_guard<std::mutex> lock(mutex_);
        jobs_.push_back(std::move(job));
        come_.notify_all();
    }
    /// Runs it there and waits until it has returned.
    void run_there(const Job& job) {
        obo::Gate over;
        post([&] {
            job();
            over.open();
        });
        over.wait();
    }

private:
    void run() {
        for (;;) {
            Job job;
            {
                std::unique_lock<std::mutex> lock(mutex_);
                come_.wait(lock, [this] { return !jobs_.empty(); });
                job = std::move(jobs_.front());
                jobs_.pop_front();
            }
            if (!job) return;
            job();
        }
    }
    std::mutex mutex_{};
    std::condition_variable come_{};
    std::deque<Job> jobs_{};
    std::thread thread_;
};

/// A pool: a thread for each job, or a hand of the test's.
struct Pool {
    std::mutex mutex{};
    std::vector<std::thread> threads{};
    std::function<void(Job)> hand{};
    int given = 0;

    void take(Job job) {
        const std::lock_guard<std::mutex> lock(mutex);
        ++given;
        if (hand) return hand(std::move(job));
        threads.emplace_back(std::move(job));
    }
    void join() {
        for (std::size_t i = 0; i != threads.size(); ++i) threads[i].join();
        threads.clear();
    }
};

/// What a store takes for the time: it stands until a test moves it.
struct StoreClock {
    std::shared_ptr<std::atomic<std::int64_t>> seconds =
        std::make_shared<std::atomic<std::int64_t>>(1'800'000'000);
    TimePoint now() const { return TimePoint{std::chrono::seconds{*seconds}}; }
    std::int64_t unix_seconds() const { return *seconds; }
};

/// A store that can go away, and has that clock.
struct Store : stores::Leaving<token::BasicMemoryStore<StoreClock>> {
    explicit Store(const StoreClock& given = {})
        : Leaving(token::BasicMemoryStore<StoreClock>{given}), clock(given) {}
    StoreClock clock;
};

/// Asynchronous clients of one app on one loop, which share a store.
struct Fleet : obo::Desk {
    Store store{};
    Pool pool{};
    std::mutex mutex{};
    std::vector<Result<HttpResponse>> results{};
    std::atomic<int> thrown{0};
    Loop loop{};

    Fleet() {
        clock.while_waiting = [](Duration) { obo::let_others_run(); };
    }
    ~Fleet() { pool.join(); }
    /// Nobody gives up while a thread is not scheduled.
    static token::RefreshTimes patient() {
        token::RefreshTimes times;
        times.patience = 600s;
        return times;
    }

    struct Wire {
        using Done = std::function<void(obo::Reply)>;
        Fleet* fleet;
        void operator()(const HttpRequest& request, const Attempt& attempt, Done done) const {
            auto reply = std::make_shared<obo::Reply>(fleet->wire(request, attempt));
            fleet->loop.post([done, reply] { done(std::move(*reply)); });
        }
    };
    struct Timers {
        struct Handle {
            void cancel() const {}
        };
        Fleet* fleet;
        Handle after(Duration, Job act) const {
            fleet->loop.post(std::move(act));
            return {};
        }
    };
    auto process() {
        return driver::callback::Client{
            Wire{this},
            Timers{this},
            OboReauth{coze::WebFlow{web_app()}},
            coze::RetryOnRefusal{},
            UseClock{clock},
            TokensIn{token::RunOn{store, [this](Job job) { pool.take(std::move(job)); }},
                     stores::sealer("key-1"), patient()}};
    }
    struct Done {
        Fleet* fleet;
        void operator()(Result<HttpResponse> result) const {
            const std::lock_guard<std::mutex> lock(fleet->mutex);
            fleet->results.push_back(std::move(result));
        }
        void failed(const std::exception_ptr&) const { ++fleet->thrown; }
    };
    template <class Client> CallHandle send(const Client& client) {
        return client.send(chat(), Done{this}, Subject{"ann"}, Binding{"cookie"});
    }
    /// Waits until no call of a client is on its way.
    template <class Client> void settle(const Client& client) {
        while (client.in_flight() != 0) std::this_thread::yield();
    }
    template <class Client> void authorize(const Client& client) {
        const auto begun = client.begin_authorization(Subject{"ann"}, Binding{"cookie"});
        REQUIRE(begun);
        const std::string callback = browse(begun.request.url);
        std::atomic<int> authorized{0};
        loop.run_there([&] {
            client.authorize(
                callback, [&authorized](const AuthorizationEnd& end) { authorized += end ? 1 : 0; },
                Binding{"cookie"});
        });
        settle(client);
        CHECK(authorized == 1);
    }
    int answered() {
        const std::lock_guard<std::mutex> lock(mutex);
        int count = 0;
        for (const auto& result : results) count += result ? 1 : 0;
        return count;
    }
};

}  // namespace event_loop

#endif
