// SPDX-License-Identifier: BSL-1.0
// LateAnswers: answers to asynchronous sends, in virtual time, for as long as there is any.
#ifndef REKEY_TESTING_LATE_ANSWERS_HPP
#define REKEY_TESTING_LATE_ANSWERS_HPP

#include <rekey/detail/detect.hpp>
#include <rekey/facts.hpp>
#include <rekey/testing/manual_scheduler.hpp>

#include <memory>
#include <utility>
#include <vector>

namespace rekey {
inline namespace v0_1 {
namespace testing {

namespace late {

REKEY_DETECT(CanAbandon, Done, std::declval<const Done&>().abandon())

/// Tells the call nothing, if its callback can do that.
template <class Done> void abandon([[maybe_unused]] const Done& done) {
    if constexpr (CanAbandon<Done>::value) done.abandon();
}

/// One answer on its way.
template <class Done, class Answer> struct Due {
    Due(std::weak_ptr<void> of_transport, std::weak_ptr<void> of_time, Done&& callback,
        Answer&& brought)
        : transport(std::move(of_transport)),
          time(std::move(of_time)),
          done(std::move(callback)),
          answer(std::move(brought)) {}
    Due(const Due&) = delete;
    Due& operator=(const Due&) = delete;
    ~Due() {
        if (transport.expired() || time.expired()) abandon(done);
    }
    std::weak_ptr<void> transport;
    std::weak_ptr<void> time;
    Done done;
    Answer answer;
};

}  // namespace late

/// The answers of a scripted transport that are on their way. If the transport or the time ends
/// before they come, the calls end with them: told nothing, their `done` destroyed and not called.
///
/// Threads  one.
class LateAnswers {
public:
    LateAnswers() = default;
    LateAnswers(const LateAnswers&) = delete;
    LateAnswers& operator=(const LateAnswers&) = delete;

    /// The scheduler of later answers.
    void come_through(ManualScheduler& time) noexcept {
        time_ = &time;
        time_life_ = time.life();
    }
    /// Whether there is, or was, one.
    bool have_time() const noexcept { return time_ != nullptr; }
    /// Calls `done(answer)` after a delay; a call that is cancelled cancels it. Requires
    /// `have_time()`.
    template <class Done, class Answer>
    ManualScheduler::Handle answer(Duration delay, Done done, Answer answer) {
        if (life_ == nullptr || time_life_.expired()) {
            late::abandon(done);
            return ManualScheduler::Handle({});
        }
        const auto due = std::make_shared<late::Due<Done, Answer>>(
            life_, time_life_, std::move(done), std::move(answer));
        handles_.push_back(time_->after(delay, [due] { due->done(std::move(due->answer)); }));
        return handles_.back();
    }
    /// No answer comes any more; for the destructor of a transport, first of all. Another call may
    /// go on with what this ends, and send once more: it ends as well.
    void end() {
        life_.reset();
        for (ManualScheduler::Handle& handle : handles_) handle.cancel();
    }

private:
    ManualScheduler* time_ = nullptr;
    std::weak_ptr<void> time_life_{};
    std::shared_ptr<void> life_ = std::make_shared<char>();
    std::vector<ManualScheduler::Handle> handles_{};
};

}  // namespace testing
}  // namespace v0_1
}  // namespace rekey

#endif
