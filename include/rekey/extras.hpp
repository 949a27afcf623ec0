// SPDX-License-Identifier: BSL-1.0
// Extras: what one call says beside its request. Any order, each once.
#ifndef REKEY_EXTRAS_HPP
#define REKEY_EXTRAS_HPP

#include <rekey/result.hpp>

#include <cstdint>
#include <string_view>
#include <type_traits>

namespace rekey {
inline namespace v0_1 {

/// Sending this request twice does what sending it once does (RFC 9110 §9.2.2), although its
/// method does not say so. Allows repeating after an unanswered send.
struct Idempotent {};

/// A key under which the service recognises a repeated request. Makes the call idempotent; the
/// transport finds it in `attempt.idempotency_key()`, the same on each attempt. Outlives the call.
struct IdempotencyKey {
    std::string_view key;
};

/// On whose behalf the call is made: `Subject{user_id}`. Credentials see it in their `Context`.
struct Subject {
    std::string_view user;
};

/// Uses the credential that served an earlier call and no other: for retrieve, cancel and message
/// list, which must be asked by the account that created the chat.
class SameCredentialAs {
public:
    template <class Response>
    explicit SameCredentialAs(const Result<Response>& earlier) noexcept
        : slot_(earlier.slot()), name_(earlier.credential()) {}

    std::uint8_t slot() const noexcept { return slot_; }
    std::string_view name() const noexcept { return name_; }

private:
    std::uint8_t slot_;
    std::string_view name_;
};

namespace detail {

template <class Wanted, class... Given>
inline constexpr unsigned count_of = (0u + ... + (std::is_same_v<Wanted, Given> ? 1u : 0u));

template <class Extra> struct IsExtra : std::false_type {};
template <> struct IsExtra<Idempotent> : std::true_type {};
template <> struct IsExtra<IdempotencyKey> : std::true_type {};
template <> struct IsExtra<Subject> : std::true_type {};
template <> struct IsExtra<SameCredentialAs> : std::true_type {};

/// The extras of a call, sorted.
struct CallExtras {
    bool idempotent = false;
    bool pinned = false;
    std::uint8_t slot = 0;
    std::string_view pinned_name{};
    std::string_view idempotency_key{};
    std::string_view subject{};

    void take(const Idempotent&) noexcept { idempotent = true; }
    void take(const IdempotencyKey& extra) noexcept {
        idempotent = true;
        idempotency_key = extra.key;
    }
    void take(const Subject& extra) noexcept { subject = extra.user; }
    void take(const SameCredentialAs& extra) noexcept {
        pinned = true;
        slot = extra.slot();
        pinned_name = extra.name();
    }
};

}  // namespace detail

}  // namespace v0_1
}  // namespace rekey

#endif
