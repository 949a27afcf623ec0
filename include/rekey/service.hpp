// SPDX-License-Identifier: BSL-1.0
// Service: what the answers of an API mean; the base of a user's own.
#ifndef REKEY_SERVICE_HPP
#define REKEY_SERVICE_HPP

#include <rekey/policy/role.hpp>

#include <cstdint>
#include <string_view>

namespace rekey {
inline namespace v0_1 {

/// What answers mean where nobody says more: HTTP decides (RFC 9110 §15), and only the codes that
/// `RetryOn` lists are looked up.
///
/// An API with codes of its own derives from it and says what differs:
/// ```
/// struct Shop : rekey::Service {
///     static constexpr bool names_codes = true;
///     static constexpr rekey::FailureClass class_of(std::int64_t code) noexcept {
///         return code == 17 ? rekey::AuthRejected : rekey::NoFailure;  // NoFailure: unknown
///     }
/// };
/// rekey::Client client{http, CredentialChain{A{}, B{}}, RetryOn<AuthRejected>{}, Shop{}};
/// ```
struct Service {
    static constexpr Role role = Role::service;

    /// True: any code but 0 in a 2xx answer is an error, Permanent if `class_of` does not know it.
    static constexpr bool names_codes = false;

    /// The class of a code; NoFailure for one that is not known.
    static constexpr FailureClass class_of(std::int64_t) noexcept { return NoFailure; }

    /// The class of an HTTP status, asked where no known code decides.
    static constexpr FailureClass class_of_http(int status) noexcept {
        if (status >= 200 && status < 300) return NoFailure;
        if (status == 401 || status == 403) return AuthRejected;
        if (status == 404) return NotFound;
        if (status == 429) return RateLimited;
        if (status == 408 || status >= 500) return Transient;
        return Permanent;
    }

    /// True if a refusal proves that nothing was executed, so that a write may fall back.
    static constexpr bool refuses_before_acting = true;

    /// Whether a refusal with this code may pass by itself right after the user has authorized,
    /// because the service needs seconds to act on it. Such a call is repeated a few times.
    static constexpr bool settles(std::int64_t) noexcept { return false; }

    /// Whether a 2xx answer that the body reader cannot read is a success all the same. Here: yes,
    /// unless it begins like JSON, for then it is a text that was cut short.
    static constexpr bool accepts_unread(std::string_view /*content_type*/,
                                         std::string_view body) noexcept {
        for (const char c : body)  // behind spaces and a byte order mark
            if (c != ' ' && c != '\t' && c != '\r' && c != '\n' && c != '\xEF' && c != '\xBB' &&
                c != '\xBF')
                return c != '{' && c != '[';
        return true;
    }

    /// Where a code may stand if the body has no `code`; empty: nowhere.
    static constexpr std::string_view other_code_path = {};

    /// Whether a 2xx answer without any code is a success.
    static constexpr bool accepts_without_code(std::string_view /*body*/) noexcept { return true; }

    /// Where the words of an error stand: the first that is not empty counts.
    static constexpr std::string_view message_paths[] = {"msg", "message", "error.message",
                                                         "error_description", "error"};
    /// Where the id stands under which the service logged the attempt.
    static constexpr std::string_view log_id_headers[] = {"X-Request-Id"};
    static constexpr std::string_view log_id_paths[] = {"request_id"};
};

}  // namespace v0_1
}  // namespace rekey

#endif
