// SPDX-License-Identifier: BSL-1.0
// every_step: runs a test body again and again, and each time another step of it fails.
#ifndef REKEY_TESTING_EVERY_STEP_HPP
#define REKEY_TESTING_EVERY_STEP_HPP

#include <rekey/attempt.hpp>
#include <rekey/driver/transport_call.hpp>
#include <rekey/facts.hpp>
#include <rekey/http.hpp>
#include <rekey/secret.hpp>
#include <rekey/token/store.hpp>
#include <rekey/transport.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace rekey {
inline namespace v0_1 {
namespace testing {

class Faults;

template <class Transport> class FaultyTransport;
template <class Store> class FaultyStore;
template <class Clock> class FaultyClock;

/// What `every_step` did.
struct EveryStep {
    std::size_t steps = 0;     ///< Of the longest run: how many could fail.
    std::size_t runs = 0;      ///< With the last one, in which nothing failed.
    bool reached_end = false;  ///< False: it was given up, for the runs did not end.
};

/// Which step of one run fails, and how. Hands out parts that ask it before each step.
///
/// Threads  one: steps are counted in the order in which they happen.
class Faults {
public:
    Faults(std::size_t step, unsigned manner) noexcept : target_(step), manner_(manner) {}
    Faults(const Faults&) = delete;
    Faults& operator=(const Faults&) = delete;

    /// One step, which can fail in so many manners: 0 to go on, else the manner in which it fails
    /// now, from 1. For steps of the test's own: `if (faults.strike("sign", 1) != 0) return {};`
    unsigned strike(const char* step, unsigned manners) {
        if (++steps_ != target_) return 0;
        what_ = step;
        manners_ = manners;
        if (manner_ > manners) return 0;
        struck_ = true;
        return manner_;
    }

    /// A transport that may fail: never sent; sent, no answer; cut short; HTTP 500 if its response
    /// is an `HttpResponse`. Also for token requests: `ExchangeOver{faults.transport(http)}`.
    template <class Transport> auto transport(Transport& inner) {
        return FaultyTransport<Transport>(*this, inner);
    }
    /// A token store that may fail: no answer before or after it acted, a lease that is lost.
    template <class Store> auto store(Store inner) {
        return FaultyStore<Store>(*this, std::move(inner));
    }
    /// A clock that may leap an hour ahead, wake an hour late, or be a day wrong.
    template <class Clock> auto clock(Clock& inner) { return FaultyClock<Clock>(*this, inner); }

    /// How many steps there were in this run so far.
    std::size_t steps() const noexcept { return steps_; }
    /// Whether a step has failed in this run.
    bool struck() const noexcept { return struck_; }
    /// Whether the step that failed can fail in yet another manner.
    bool has_more_manners() const noexcept { return manner_ < manners_; }
    /// For a message of the test: `step 3, a transport, manner 2 of 4`.
    std::string story() const {
        if (!struck_) return "no step has failed so far";
        return "step " + std::to_string(target_) + ", " + what_ + ", manner " +
               std::to_string(manner_) + " of " + std::to_string(manners_);
    }

private:
    std::size_t target_;
    unsigned manner_;
    std::size_t steps_ = 0;
    const char* what_ = "";
    unsigned manners_ = 0;
    bool struck_ = false;
};

/// Runs `body(Faults&)` until a run comes to its end without a failure. In each run one step fails:
/// the first in each of its manners, then the second, …
///
/// The body makes everything anew and checks what must hold whatever fails; `faults.story()` names
/// the step. Faults that come in the middle change what comes later, so that runs differ in length.
/// Ends     after `most_runs` at the latest; `reached_end` is false then.
/// Example  docs/testing.md
template <class Body> EveryStep every_step(Body&& body, std::size_t most_runs = 10000) {
    EveryStep report;
    std::size_t step = 1;
    unsigned manner = 1;
    while (report.runs != most_runs) {
        Faults faults(step, manner);
        body(faults);
        ++report.runs;
        if (faults.steps() > report.steps) report.steps = faults.steps();
        if (faults.steps() < step) {
            report.reached_end = true;
            break;
        }
        if (faults.has_more_manners()) {
            ++manner;
        } else {
            ++step;
            manner = 1;
        }
    }
    return report;
}

/// What `Faults::transport` gives, around one of the shape with an `Attempt`, whose response can be
/// made without arguments. Borrows both; copies are the same.
template <class Transport> class FaultyTransport {
public:
    static constexpr bool follows_redirects =
        rekey::detail::follows_redirects<typename rekey::detail::Lent<Transport>::type>();
    static constexpr bool vouches_for_whole_bodies =
        rekey::detail::vouches_for_whole_bodies<Transport>();

    FaultyTransport(Faults& faults, Transport& inner) noexcept : faults_(&faults), inner_(&inner) {}

    template <class Request, class = std::enable_if_t<
                                 rekey::detail::TransportCall<Transport, Request>::with_attempt>>
    auto operator()(const Request& request, const Attempt& attempt) const {
        using Answer = typename rekey::detail::TransportCall<Transport, Request>::Answer;
        using Response = typename rekey::detail::ResponseOf<Answer>::type;
        constexpr bool is_ours = std::is_same_v<Response, HttpResponse>;
        constexpr Reach reaches[] = {Reach::never_sent, Reach::sent_unanswered, Reach::cut_short};
        const unsigned manner = faults_->strike("a transport", is_ours ? 4 : 3);
        if (manner == 0 || manner == 2 || manner == 3) {
            // Sent without an answer: the server may have acted.
            Answer answer = (*inner_)(request, attempt);
            if (manner == 0) return give<Response>(std::move(answer));
        }
        if constexpr (is_ours)
            if (manner == 4)
                return TransportResult<Response>(
                    HttpResponse{500, {}, R"({"msg":"a fault of the test"})", false});
        return TransportResult<Response>(
            TransportError{reaches[manner - 1], "a fault of the test", TransportVerdict::passing});
    }

private:
    template <class Response, class Answer> static TransportResult<Response> give(Answer&& answer) {
        if constexpr (rekey::detail::IsExpectedLike<std::decay_t<Answer>>::value) {
            if (!answer.has_value())
                return rekey::detail::transport_error(std::forward<Answer>(answer).error());
            return TransportResult<Response>(std::move(rekey::detail::value_in(answer)));
        } else {
            return TransportResult<Response>(std::forward<Answer>(answer));
        }
    }
    Faults* faults_;
    Transport* inner_;
};

/// What `Faults::store` gives: a token store for `TokensIn`. Borrows the faults.
template <class Store> class FaultyStore {
public:
    static constexpr bool leaves_machine = token::store_parts::LeavesMachine<Store>::value;
    FaultyStore(Faults& faults, Store inner) : faults_(&faults), inner_(std::move(inner)) {}

    token::StoreEntry load(std::string_view key) {
        if (faults_->strike("loading a record", 1) != 0) return {};
        return inner_.load(key);
    }
    token::Swapped swap(std::string_view key, std::uint64_t from, std::uint64_t to,
                        const Secret& value) {
        const unsigned manner = faults_->strike("writing a record", 2);
        if (manner == 1) return token::Swapped::unavailable;
        const token::Swapped done = inner_.swap(key, from, to, value);
        return manner == 2 ? token::Swapped::unavailable : done;
    }
    token::LeaseAnswer acquire(std::string_view key, std::string_view owner, Duration life) {
        const unsigned manner = faults_->strike("acquiring a lease", 2);
        if (manner == 1) return {};
        const token::LeaseAnswer answer = inner_.acquire(key, owner, life);
        return manner == 2 ? token::LeaseAnswer{} : answer;
    }
    token::Leased renew(std::string_view key, std::string_view owner, Duration life) {
        const unsigned manner = faults_->strike("renewing a lease", 2);
        if (manner == 1) return token::Leased::unavailable;
        if (manner == 2) {
            inner_.release(key, owner);
            return token::Leased::held;
        }
        return inner_.renew(key, owner, life);
    }
    void release(std::string_view key, std::string_view owner) {
        if (faults_->strike("releasing a lease", 1) == 0) inner_.release(key, owner);
    }

private:
    Faults* faults_;
    Store inner_;
};

/// What `Faults::clock` gives, for `UseClock`, which borrows it: keep it as a variable.
template <class Clock> class FaultyClock {
public:
    FaultyClock(Faults& faults, Clock& inner) noexcept : faults_(&faults), inner_(&inner) {}

    TimePoint now() const {
        if (faults_->strike("reading the clock", 1) != 0) leap_ += hour;
        return inner_->now() + leap_;
    }
    void sleep(Duration delay) const {
        const bool late = faults_->strike("a wait", 1) != 0;
        inner_->sleep(delay);
        if (late) leap_ += hour;
    }
    std::int64_t unix_seconds() const {
        const unsigned manner = faults_->strike("reading the time of day", 2);
        if (manner != 0) wrong_by_ += manner == 1 ? -day : day;
        return inner_->unix_seconds() + wrong_by_ +
               std::chrono::duration_cast<std::chrono::seconds>(leap_).count();
    }

private:
    static constexpr Duration hour = std::chrono::hours{1};
    static constexpr std::int64_t day = 86400;
    Faults* faults_;
    Clock* inner_;
    mutable Duration leap_{0};
    mutable std::int64_t wrong_by_ = 0;
};

}  // namespace testing
}  // namespace v0_1
}  // namespace rekey

#endif
