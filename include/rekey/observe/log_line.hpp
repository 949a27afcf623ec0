// SPDX-License-Identifier: BSL-1.0
// LogLine: one line a call, with the ids under which the service has logged it.
#ifndef REKEY_OBSERVE_LOG_LINE_HPP
#define REKEY_OBSERVE_LOG_LINE_HPP

#include <rekey/detail/foreign_text.hpp>
#include <rekey/observe/seconds.hpp>
#include <rekey/observe/words.hpp>
#include <rekey/observed.hpp>

#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace rekey {
inline namespace v0_1 {
namespace observe {

/// Gives one line a call to a function: `Observe{observe::LogLine{[](std::string_view line) {…}}}`.
///
/// ```
/// call success by enterprise in 0.043 s: personal 401 code 4101 auth_rejected log 2024…,
/// enterprise 200 code 0 accepted log 2025…
/// ```
/// One line in truth. It holds no token, no URL, no body and no words of the service.
///
/// Write    called as `write(std::string_view)`; the view ends with the call of it.
/// Threads  as `write`, which two calls may call at once.
/// Cost     one text a call, and the decoding of the log ids.
template <class Write> class LogLine {
    static_assert(std::is_invocable_v<Write&, std::string_view>,
                  "rekey: the function of LogLine is called as f(std::string_view), with one line "
                  "a call and without an end of line.");

public:
    static constexpr bool wants_time = true;
    static constexpr bool wants_log_ids = true;
    using PerCall = std::string;

    explicit LogLine(Write write) : write_(std::move(write)) {}

    void attempted(const Attempted& event, std::string& so_far) {
        step(so_far, event.credential);
        if (event.http_status != 0)
            so_far += ' ' + std::to_string(event.http_status);
        else
            so_far.append(" ").append(event.threw ? "exception" : word(event.reach));
        if (event.has_service_code) so_far += " code " + std::to_string(event.service_code);
        so_far.append(" ").append(word(event.failure));
        add_log_id(so_far, event.log_id);
    }
    void exchanged(const Exchanged& event, std::string& so_far) {
        step(so_far, event.credential);
        so_far.append(" token ").append(word(event.outcome));
        if (event.http_status != 0) so_far += ' ' + std::to_string(event.http_status);
        if (event.has_service_code) so_far += " code " + std::to_string(event.service_code);
        add_log_id(so_far, event.log_id);
    }
    void asked_user(const AskedUser& event, std::string& so_far) {
        step(so_far, "user");
        so_far.append(" ").append(word(event.outcome));
    }
    void waited(const Waited& event, std::string& so_far) {
        step(so_far, "waited");
        so_far += ' ' + seconds_text(event.delay) + " s";
    }
    void ended(const Ended& event, std::string& so_far) {
        std::string line = "call ";
        line += event.threw ? "exception" : to_string(event.reason);
        if (!event.succeeded() && !event.threw)
            line.append(" (").append(to_string(event.kind)) += ')';
        if (!event.credential.empty()) line.append(" by ").append(event.credential);
        line += " in " + seconds_text(event.duration) + " s";
        if (!so_far.empty()) line.append(": ").append(so_far);
        detail::keep_to_one_line(line);
        if constexpr (std::is_invocable_v<Write&, std::string_view>) write_(std::string_view(line));
    }

private:
    static void step(std::string& so_far, std::string_view who) {
        if (!so_far.empty()) so_far += ", ";
        so_far += who.empty() ? std::string_view("request") : who;
    }
    static void add_log_id(std::string& so_far, std::string_view log_id) {
        if (!log_id.empty()) so_far.append(" log ").append(log_id);
    }
    Write write_;
};

}  // namespace observe
}  // namespace v0_1
}  // namespace rekey

#endif
