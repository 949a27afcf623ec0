// SPDX-License-Identifier: BSL-1.0
// Extras: what one call says beside its request. Any order, each once.
#ifndef REKEY_EXTRAS_HPP
#define REKEY_EXTRAS_HPP

#include <rekey/authorization.hpp>
#include <rekey/detail/atomic.hpp>
#include <rekey/detail/detect.hpp>
#include <rekey/facts.hpp>
#include <rekey/result.hpp>

#include <chrono>
#include <cstdint>
#include <string_view>
#include <type_traits>

namespace rekey {
inline namespace v0_1 {

/// Sending this request twice does what sending it once does (RFC 9110 §9.2.2), although its
/// method does not say so. Allows repeating after an unanswered send.
struct Idempotent {};

/// A key under which the service recognises a repeated request. Makes the call idempotent; the
/// transport finds it in `attempt.idempotency_key()`, the same on each attempt, and one that takes
/// a request alone in the header `Idempotency-Key`. An empty one is none. Outlives the call.
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

class NestedIn;  // rekey/nested.hpp

namespace detail {

template <class Wanted, class... Given>
inline constexpr unsigned count_of = (0u + ... + (std::is_same_v<Wanted, Given> ? 1u : 0u));

/// An extra that has a header of its own may also say it itself: `is_extra = true`.
REKEY_DETECT(IsExtra, Extra, std::enable_if_t<Extra::is_extra>())
template <> struct IsExtra<Idempotent> : std::true_type {};
template <> struct IsExtra<IdempotencyKey> : std::true_type {};
template <> struct IsExtra<Subject> : std::true_type {};
template <> struct IsExtra<SameCredentialAs> : std::true_type {};
template <> struct IsExtra<Binding> : std::true_type {};
template <> struct IsExtra<WithoutBinding> : std::true_type {};

/// An extra whose key has to reach the wire.
template <class Extra, class = void> struct BringsKey : std::is_same<Extra, IdempotencyKey> {};
template <class Extra>
struct BringsKey<Extra, std::enable_if_t<Extra::brings_key>> : std::true_type {};

/// Whether an extra may stop its call. Of the others the driver asks no call whether it was
/// stopped.
template <class Extra> struct StopsCall : std::false_type {};

class Sleeper;

/// `rekey::StopSignal`. What waits is defined in rekey/stop_signal.hpp, for those who wait.
struct Stop {
    const Atomic<bool>* flag = nullptr;
    /// Waits by the machine's clock, and ends at once when the call is stopped; false then.
    bool (*wait)(const Atomic<bool>* flag, Duration delay) = nullptr;
    /// Somebody who waits for another caller, and not longer than until the call is stopped.
    Sleeper* (*sleeper)(const Atomic<bool>* flag) = nullptr;

    bool is_cancelled() const noexcept { return flag != nullptr && flag->load(Order::acquire); }
    inline bool wait_for(Duration delay) const;
    /// False if the call was stopped before the time was over.
    template <class Clock> bool sleep(Clock& clock, Duration delay) const;
};

/// The extras of a call, sorted.
struct CallExtras {
    bool idempotent = false, pinned = false, has_binding = false;
    bool reauthorized = false;  ///< Set by `resume` only.
    bool signs_in = false;      ///< `subject` is the user of `SignedInAs`.
    std::uint8_t slot = 0;
    std::string_view pinned_name{}, idempotency_key{}, subject{};
    std::string_view binding{};  ///< Empty without one.
    std::string_view return_to{};
    Duration time_limit{0};  ///< Meaningful if a `Deadline` is among them.
    Stop stop{};

    constexpr void take(const Idempotent&) noexcept { idempotent = true; }
    void take(const IdempotencyKey& extra) noexcept {
        idempotent = idempotent || !extra.key.empty();
        idempotency_key = extra.key;
    }
    void take(const Subject& extra) noexcept { subject = extra.user; }
    void take(const Binding& extra) noexcept {
        has_binding = true;
        binding = extra.text;
    }
    /// For extras that have a header of their own.
    template <class Extra> auto take(const Extra& extra) noexcept -> decltype(extra.add_to(*this)) {
        extra.add_to(*this);
    }
    constexpr void take(const WithoutBinding&) noexcept {}
    void take(const SameCredentialAs& extra) noexcept {
        pinned = true;
        slot = extra.slot();
        pinned_name = extra.name();
    }
};

/// Extras that say what they say by being there: a constant, which a call only points to.
template <class... Extras> constexpr CallExtras sorted_when_compiled() noexcept {
    CallExtras sorted;
    (sorted.take(Extras{}), ...);
    return sorted;
}
template <class... Extras>
inline constexpr CallExtras constant_extras = sorted_when_compiled<Extras...>();

}  // namespace detail

}  // namespace v0_1
}  // namespace rekey

#endif
