// SPDX-License-Identifier: BSL-1.0
// AsyncScript: the scripted transport of an asynchronous client, in virtual time.
#ifndef REKEY_TESTING_ASYNC_SCRIPT_HPP
#define REKEY_TESTING_ASYNC_SCRIPT_HPP

#include <rekey/attempt.hpp>
#include <rekey/http.hpp>
#include <rekey/testing/late_answers.hpp>
#include <rekey/testing/manual_scheduler.hpp>
#include <rekey/testing/print.hpp>
#include <rekey/testing/script.hpp>
#include <rekey/transport.hpp>

#include <cstddef>
#include <ostream>
#include <utility>
#include <vector>

namespace rekey {
inline namespace v0_1 {
namespace testing {

/// Answers as a script says, some time after it was asked:
/// `ManualScheduler time; AsyncScript http{time, 20ms}; http.then(401, 4101).then(200);`
/// `driver::callback::Client client{http, time, …}; client.send(request, done); time.run();`
///
/// A call that is cancelled cancels its answer. A test may end with calls on their way: they end
/// with the script or the time, told nothing, their `done` destroyed and not called. A send beyond
/// the script fails in words. Not copied: a client borrows it. One thread.
class AsyncScript {
public:
    using Answer = TransportResult<HttpResponse>;

    explicit AsyncScript(ManualScheduler& time, Duration delay = Duration{0}) : delay_(delay) {
        late_.come_through(time);
    }
    ~AsyncScript() { late_.end(); }
    AsyncScript(const AsyncScript&) = delete;
    AsyncScript& operator=(const AsyncScript&) = delete;

    /// The next answer; as `Script::then`.
    template <class... Said> AsyncScript& then(Said&&... said) {
        script_.then(std::forward<Said>(said)...);
        return *this;
    }
    /// How long the answers to later sends take.
    void answer_after(Duration delay) noexcept { delay_ = delay; }

    template <class Request, class Done>
    ManualScheduler::Handle operator()(const Request& request, const Attempt& attempt, Done done) {
        return late_.answer(delay_, std::move(done), script_(request, attempt));
    }

    const std::vector<ScriptedSend>& sends() const noexcept { return script_.sends(); }
    std::size_t left() const noexcept { return script_.left(); }

    friend std::ostream& operator<<(std::ostream& out, const AsyncScript& http) {
        return out << http.script_;
    }

private:
    LateAnswers late_{};
    Duration delay_;
    Script script_{};
};

}  // namespace testing
}  // namespace v0_1
}  // namespace rekey

#endif
