// SPDX-License-Identifier: BSL-1.0
// Later: an asynchronous transport that keeps what it is asked until the test answers.
#ifndef REKEY_TESTS_SUPPORT_LATER_HPP
#define REKEY_TESTS_SUPPORT_LATER_HPP

#include <rekey/attempt.hpp>
#include <rekey/http.hpp>
#include <rekey/transport.hpp>

#include <cstddef>
#include <deque>
#include <functional>
#include <string>
#include <utility>

/// Not copied: a client borrows it.
struct Later {
    using Done = std::function<void(rekey::TransportResult<rekey::HttpResponse>)>;
    struct Ask {
        rekey::HttpRequest request;
        std::string authorization;
        std::string key;
        unsigned number = 0;
        Done done;
        rekey::Duration timeout{0};
    };
    struct Handle {
        Later* later;
        void cancel() const { ++later->cancelled; }
    };

    Later() = default;
    Later(const Later&) = delete;
    Later& operator=(const Later&) = delete;

    /// Calls that are on their way end now: nobody will answer.
    ~Later() {
        is_over_ = true;
        const auto last = std::move(asks);
    }

    Handle operator()(const rekey::HttpRequest& request, const rekey::Attempt& attempt, Done done) {
        if (is_over_) return {this};
        asks.push_back({request, std::string(attempt.authorization()),
                        std::string(attempt.idempotency_key()), attempt.number(), std::move(done),
                        attempt.timeout()});
        return {this};
    }
    /// Answers the ask at that place, the first one unless told otherwise.
    void answer(rekey::TransportResult<rekey::HttpResponse> with, std::size_t place = 0) {
        const auto at = asks.begin() + static_cast<std::ptrdiff_t>(place);
        const Ask ask = std::move(*at);
        asks.erase(at);
        ask.done(std::move(with));
    }

    std::deque<Ask> asks{};
    int cancelled = 0;  // handles that were told to

private:
    bool is_over_ = false;
};

#endif
