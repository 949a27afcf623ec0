// SPDX-License-Identifier: BSL-1.0
// ChatFailure: why a chat failed that Coze had accepted, inside its events or in a later answer.
#ifndef REKEY_COZE_CHAT_FAILURE_HPP
#define REKEY_COZE_CHAT_FAILURE_HPP

#include <rekey/body/json.hpp>
#include <rekey/coze/api.hpp>
#include <rekey/credential.hpp>
#include <rekey/detail/foreign_text.hpp>
#include <rekey/result.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace rekey {
inline namespace v0_1 {
namespace coze {

/// What Coze says went wrong after HTTP 200 and code 0, in the words of an `Error`.
struct ChatFailure {
    ErrorKind kind = ErrorKind::permanent;
    int http_status = 0;  ///< Of the answer that says it; 0 if that is not known.
    bool has_service_code = false;
    std::int64_t service_code = 0;  ///< Meaningful if `has_service_code`.
    std::string message{};          ///< What the service wrote; for people.
    std::string log_id{};           ///< Empty where the failure does not name it.
};

/// The kind of an error with this code, as if it had been the answer; `permanent` if it is unknown.
constexpr ErrorKind kind_of_code(std::int64_t code) noexcept {
    switch (Api::class_of(code)) {
        case AuthRejected: return ErrorKind::refused;
        case NotFound: return ErrorKind::not_found;
        case RateLimited: return ErrorKind::rate_limited;
        case QuotaExhausted: return ErrorKind::quota_exhausted;
        case Transient: return ErrorKind::transient;
        case Permanent:
        case NoFailure: break;
    }
    return ErrorKind::permanent;
}

/// Reads the data of an error event, or a chat whose `status` is `failed`: `last_error` if it says
/// something, else `code` and `msg` (or `error_code`, `error_message`) beside it, else free text.
///
/// Source  coze-api §2.1, §2.4: the place differs, and so does the type of the code.
inline ChatFailure read_chat_failure(std::string_view data) {
    using body::Json;
    ChatFailure failure;
    const bool is_object = body::find(data).kind == body::Kind::object;
    if (!is_object) {
        failure.message = std::string(data);
        return failure;
    }
    for (const std::string_view path : {"last_error.code", "code", "error_code"})
        if (const body::Reading reading = body::reading_of(body::find_path(data, path));
            !failure.has_service_code && reading.found == body::Found::present &&
            reading.code != 0) {
            failure.has_service_code = true;
            failure.service_code = reading.code;
            failure.kind = kind_of_code(reading.code);
        }
    for (const std::string_view path : {"last_error.msg", "msg", "error_message"})
        if (failure.message.empty()) failure.message = Json::text(data, path);
    for (const std::string_view path : Api::log_id_paths)
        if (failure.log_id.empty()) failure.log_id = Json::text(data, path);
    return failure;
}

/// Puts `[token]` where the service's words repeat a token.
inline void cut_out_token(ChatFailure& failure, std::string_view token) {
    if (token.empty()) return;
    for (std::string* const text : {&failure.message, &failure.log_id})
        rekey::detail::cut_out_all(*text, token);
}

/// One line for people: kind, HTTP status, code, message, log id, and the credential if it is
/// given.
inline std::string describe(const ChatFailure& failure, std::string_view credential = {}) {
    std::string text(to_string(failure.kind));
    const char* separator = ": ";
    const auto add = [&](std::string_view name, std::string_view what) {
        if (what.empty()) return;
        text += separator;
        text += name;
        text += what;
        separator = ", ";
    };
    if (failure.http_status != 0) add("HTTP ", std::to_string(failure.http_status));
    if (failure.has_service_code) add("code ", std::to_string(failure.service_code));
    add({}, failure.message);
    add("log id ", failure.log_id);
    add("credential ", credential);
    rekey::detail::keep_to_one_line(text);
    return text;
}

}  // namespace coze
}  // namespace v0_1
}  // namespace rekey

#endif
