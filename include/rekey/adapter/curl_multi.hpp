// SPDX-License-Identifier: BSL-1.0
// curl::Loop: sends many HttpRequests at once on one thread, with libcurl's multi interface.
#ifndef REKEY_ADAPTER_CURL_MULTI_HPP
#define REKEY_ADAPTER_CURL_MULTI_HPP

#include <rekey/adapter/curl_handle.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <type_traits>
#include <utility>
#include <vector>

#if LIBCURL_VERSION_NUM < 0x074400
#error \
    "rekey: adapter/curl_multi.hpp needs libcurl 7.68 or newer, for curl_multi_wakeup. \
adapter/curl.hpp works from 7.62 on."
#endif

namespace rekey {
inline namespace v0_1 {
namespace curl {

namespace detail {
class Engine;
}  // namespace detail

/// An attempt on its way. Copies are the same; letting go of it does not stop the attempt.
class FlightHandle {
public:
    FlightHandle() = default;
    FlightHandle(std::weak_ptr<detail::Engine> engine, std::uint64_t number)
        : engine_(std::move(engine)), number_(number) {}
    /// Stops it: its connection is closed, its callback is dropped. On any thread; at once, unless
    /// another thread waits inside the loop, which then wakes up and does it.
    void cancel() const;

private:
    std::weak_ptr<detail::Engine> engine_{};
    std::uint64_t number_ = 0;
};

/// When a timer is due, and which of those that are due at once it is.
struct TimerKey {
    std::chrono::steady_clock::time_point due{};
    std::uint64_t number = 0;

    friend bool operator<(const TimerKey& left, const TimerKey& right) noexcept {
        return left.due != right.due ? left.due < right.due : left.number < right.number;
    }
};

/// A timer of the loop. Copies are the same.
class TimerHandle {
public:
    TimerHandle() = default;
    TimerHandle(std::weak_ptr<detail::Engine> engine, TimerKey key)
        : engine_(std::move(engine)), key_(key) {}
    void cancel() const;

private:
    std::weak_ptr<detail::Engine> engine_{};
    TimerKey key_{};
};

/// The asynchronous transport of a `Loop`: `transport(request, attempt, done)`.
///
/// What it sends, refuses and reports is what `curl::Transport` does (adapter/curl.hpp), whole
/// answers only.
/// Threads  any; copies send over the same loop. `done` runs on the thread that turns the loop;
///          inside the call if the request cannot be sent at all.
class LoopTransport {
public:
    using Answer = TransportResult<HttpResponse>;
    static constexpr bool follows_redirects = false;
    static constexpr bool vouches_for_whole_bodies = true;

    explicit LoopTransport(std::shared_ptr<detail::Engine> engine) : engine_(std::move(engine)) {}

    /// Request and attempt are borrowed until `done` was called or dropped.
    template <class Done>
    FlightHandle operator()(const HttpRequest& request, const Attempt& attempt, Done done) const;

private:
    std::shared_ptr<detail::Engine> engine_;
};

/// A loop over libcurl that the program turns, and a scheduler: `after(Duration, f)`.
///
/// ```
/// rekey::curl::Loop loop;
/// rekey::driver::callback::Client client{loop.transport(), std::ref(loop), policies...};
/// client.send(request, done);
/// loop.run();
/// ```
/// Threads   one thread at a time turns it (`run`, `run_once`). Sends, timers and cancellations may
///           come from any thread, also from inside a `done`; they wake the loop.
/// Lifetime  with the loop ends what is on its way, unanswered, and its timers never come: end the
///           calls first (`client.cancel_all()`). Its transports may outlive it, and then answer
///           `never_sent`.
/// Errors    what a `done` or a timer throws passes through `run_once`; the rest is done next time.
/// Cost      one allocation and one lock per send; connections are kept and used again.
/// Source    the libcurl manual: curl_multi_perform, curl_multi_poll, curl_multi_wakeup.
class Loop {
public:
    explicit Loop(Options options = {});
    ~Loop();
    Loop(const Loop&) = delete;
    Loop& operator=(const Loop&) = delete;

    LoopTransport transport() const { return LoopTransport(engine_); }

    /// Calls `f()` once after that time, on the thread that turns the loop.
    template <class F> TimerHandle after(Duration delay, F f);

    /// Waits until something happens, or for that long at most (rounded up to milliseconds), and
    /// does what is due. Zero waits not at all: for programs with a loop of their own.
    void run_once(Duration at_most);
    /// Turns until nothing is on its way and no timer waits.
    void run();
    /// How many attempts are on their way.
    std::size_t in_flight() const;
    /// Ends the wait of `run_once`, from any thread.
    void wake() const noexcept;

private:
    std::shared_ptr<detail::Engine> engine_;
};

namespace detail {

struct FreeMulti {
    void operator()(CURLM* multi) const noexcept { curl_multi_cleanup(multi); }
};

/// What the loop and its transports share.
///
/// One mutex guards everything but the wait, during which libcurl allows nothing but a wake-up.
/// Whoever comes then leaves word and wakes the waiting thread. User code runs without the mutex,
/// and so do destructors of callbacks.
class Engine {
public:
    using Answer = TransportResult<HttpResponse>;
    using Done = std::function<void(Answer)>;
    using Clock = std::chrono::steady_clock;

    explicit Engine(Options options) : options_(std::move(options)) {
        if (libcurl_is_ready()) multi_.reset(curl_multi_init());
        if (multi_ == nullptr || options_.max_idle > 1000000) return;
        curl_multi_setopt(multi_.get(), CURLMOPT_MAXCONNECTS,
                          static_cast<long>(options_.max_idle == 0 ? 1 : options_.max_idle));
    }
    Engine(const Engine&) = delete;
    Engine& operator=(const Engine&) = delete;

    std::uint64_t start(const HttpRequest& request, const Attempt& attempt, Done done) {
        std::unique_lock<std::mutex> lock(mutex_);
        std::unique_ptr<Handle> handle = take();
        auto wrong = handle->prepare(options_, request, attempt, {});
        if (!wrong && (is_ended_ || multi_ == nullptr)) {
            handle->abandon();
            wrong = wire::refused(is_ended_ ? "the loop of this transport has ended"
                                            : "libcurl could not be set up");
        }
        if (wrong) {
            give_back(std::move(handle));
            lock.unlock();
            done(Answer(std::move(*wrong)));
            return 0;
        }
        const std::uint64_t number = ++last_number_;
        Flight& flight = flights_[number];
        flight.handle = std::move(handle);
        flight.done = std::move(done);
        flight.number = number;
        curl_easy_setopt(flight.handle->easy(), CURLOPT_PRIVATE, &flight);
        if (is_waiting_)
            leave_word();
        else
            add(flight);
        return number;
    }

    void cancel(std::uint64_t number) {
        Done dropped;  // Outlives the lock, and libcurl's use of what it keeps alive.
        const std::lock_guard<std::mutex> lock(mutex_);
        const auto place = flights_.find(number);
        if (place == flights_.end()) {  // answered, but nobody has been told
            for (auto at = landed_.begin(); at != landed_.end(); ++at) {
                if (at->number != number) continue;
                dropped = std::move(at->done);
                landed_.erase(at);
                break;
            }
        } else if (is_waiting_ && place->second.is_added) {
            place->second.is_cancelled = true;
            leave_word();
        } else {
            dropped = remove(place);
        }
    }

    TimerKey after(Duration delay, std::function<void()> act) {
        const std::lock_guard<std::mutex> lock(mutex_);
        constexpr Duration most = std::chrono::hours{24 * 365};
        const TimerKey key{
            Clock::now() + std::chrono::duration_cast<Clock::duration>(delay < most ? delay : most),
            ++last_number_};
        if (is_ended_) return key;  // kept here, its call would keep this engine, and never end
        timers_.emplace(key, std::move(act));
        if (is_waiting_) curl_multi_wakeup(multi_.get());
        return key;
    }
    void cancel(const TimerKey& key) {
        std::function<void()> dropped;
        const std::lock_guard<std::mutex> lock(mutex_);
        const auto place = timers_.find(key);
        if (place == timers_.end()) return;
        dropped = std::move(place->second);
        timers_.erase(place);
    }

    void turn(Duration at_most) {
        if (act()) at_most = Duration::zero();
        if (at_most > Duration::zero()) {
            std::unique_lock<std::mutex> lock(mutex_);
            Duration wait = at_most;
            if (!timers_.empty()) wait = (std::min)(wait, until(timers_.begin()->first.due));
            if (wait > Duration::zero() && multi_ != nullptr) {
                is_waiting_ = true;
                lock.unlock();
                curl_multi_poll(multi_.get(), nullptr, 0, static_cast<int>(milliseconds(wait)),
                                nullptr);
                lock.lock();
                is_waiting_ = false;
            }
        }
        act();
    }
    bool is_busy() const {
        const std::lock_guard<std::mutex> lock(mutex_);
        return !flights_.empty() || !landed_.empty() || !timers_.empty();
    }
    std::size_t in_flight() const {
        const std::lock_guard<std::mutex> lock(mutex_);
        return flights_.size() + landed_.size();
    }
    void wake() const noexcept {
        if (multi_ != nullptr) curl_multi_wakeup(multi_.get());
    }

    void end() {
        std::vector<Done> dropped;
        std::map<TimerKey, std::function<void()>> timers;
        std::deque<Landed> landed;
        const std::lock_guard<std::mutex> lock(mutex_);
        is_ended_ = true;
        while (!flights_.empty()) dropped.push_back(remove(flights_.begin()));
        timers.swap(timers_);
        landed.swap(landed_);
    }

private:
    struct Flight {
        std::unique_ptr<Handle> handle{};
        Done done{};
        std::uint64_t number = 0;
        bool is_added = false;
        bool is_cancelled = false;
    };
    struct Landed {
        std::uint64_t number;
        Done done;
        Answer answer;
    };
    using Flights = std::map<std::uint64_t, Flight>;

    static Duration until(Clock::time_point due) {
        return std::chrono::duration_cast<Duration>(due - Clock::now());
    }

    void leave_word() noexcept {
        has_word_ = true;
        curl_multi_wakeup(multi_.get());
    }

    std::unique_ptr<Handle> take() {
        if (idle_.empty()) return std::make_unique<Handle>(options_, &kept_);
        std::unique_ptr<Handle> handle = std::move(idle_.back());
        idle_.pop_back();
        return handle;
    }
    void give_back(std::unique_ptr<Handle> handle) {
        if (idle_.size() < options_.max_idle) idle_.push_back(std::move(handle));
    }

    void add(Flight& flight) {
        flight.is_added = true;
        if (curl_multi_add_handle(multi_.get(), flight.handle->easy()) != CURLM_OK)
            land(flight, CURLE_FAILED_INIT);
    }
    void land(Flight& flight, CURLcode code) {
        const auto place = flights_.find(flight.number);
        kept_.note(flight.handle->easy());  // before libcurl forgets which connection it was
        curl_multi_remove_handle(multi_.get(), flight.handle->easy());
        if (flight.handle->goes_again()) return add(flight);
        auto result = flight.handle->finish(code);
        landed_.push_back({flight.number, std::move(flight.done), std::move(result)});
        give_back(std::move(flight.handle));
        flights_.erase(place);
    }
    /// Returns the callback: it keeps alive what libcurl was sending.
    Done remove(Flights::iterator place) {
        Flight& flight = place->second;
        if (flight.is_added) curl_multi_remove_handle(multi_.get(), flight.handle->easy());
        flight.handle->abandon();
        give_back(std::move(flight.handle));
        Done done = std::move(flight.done);
        flights_.erase(place);
        return done;
    }

    /// Does what others left word of, then what libcurl can do without waiting.
    void perform(std::vector<Done>& dropped) {
        for (auto place = flights_.begin(); has_word_ && place != flights_.end();) {
            const auto here = place++;
            if (here->second.is_cancelled)
                dropped.push_back(remove(here));
            else if (!here->second.is_added)
                add(here->second);
        }
        has_word_ = false;
        int running = 0;
        curl_multi_perform(multi_.get(), &running);
        int left = 0;
        while (const CURLMsg* message = curl_multi_info_read(multi_.get(), &left)) {
            if (message->msg != CURLMSG_DONE) continue;
            const CURLcode code = message->data.result;
            void* flight = nullptr;
            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &flight);
            land(*static_cast<Flight*>(flight), code);
        }
    }

    /// True if anything ended or was due.
    bool act() {
        std::vector<Done> dropped;
        {
            const std::lock_guard<std::mutex> lock(mutex_);
            if (multi_ != nullptr) perform(dropped);
        }
        dropped.clear();
        const Clock::time_point now = Clock::now();
        for (bool any = false;; any = true) {
            std::vector<Landed> landed;
            std::function<void()> due;
            {
                const std::lock_guard<std::mutex> lock(mutex_);
                if (!landed_.empty()) {
                    landed.push_back(std::move(landed_.front()));
                    landed_.pop_front();
                } else if (!timers_.empty() && timers_.begin()->first.due <= now) {
                    due = std::move(timers_.begin()->second);
                    timers_.erase(timers_.begin());
                } else {
                    return any;
                }
            }
            if (due)
                due();
            else
                landed.front().done(std::move(landed.front().answer));
        }
    }

    Options options_;
    mutable std::mutex mutex_{};
    KeptSockets kept_{};
    std::unique_ptr<CURLM, FreeMulti> multi_{};
    std::vector<std::unique_ptr<Handle>> idle_{};
    Flights flights_{};
    std::deque<Landed> landed_{};
    std::map<TimerKey, std::function<void()>> timers_{};
    std::uint64_t last_number_ = 0;
    bool is_waiting_ = false;
    bool has_word_ = false;  ///< A flight was begun or cancelled during a wait.
    bool is_ended_ = false;
};

}  // namespace detail

inline void FlightHandle::cancel() const {
    if (const auto engine = engine_.lock()) engine->cancel(number_);
}
inline void TimerHandle::cancel() const {
    if (const auto engine = engine_.lock()) engine->cancel(key_);
}

template <class Done>
FlightHandle LoopTransport::operator()(const HttpRequest& request, const Attempt& attempt,
                                       Done done) const {
    return {engine_, engine_->start(request, attempt, std::move(done))};
}

inline Loop::Loop(Options options)
    : engine_(std::make_shared<detail::Engine>(std::move(options))) {}
inline Loop::~Loop() { engine_->end(); }

template <class F> TimerHandle Loop::after(Duration delay, F f) {
    return {engine_, engine_->after(delay, std::move(f))};
}
inline void Loop::run_once(Duration at_most) { engine_->turn(at_most); }
inline void Loop::run() {
    while (engine_->is_busy()) engine_->turn(std::chrono::hours{1});
}
inline std::size_t Loop::in_flight() const { return engine_->in_flight(); }
inline void Loop::wake() const noexcept { engine_->wake(); }

}  // namespace curl
}  // namespace v0_1
}  // namespace rekey

#endif
