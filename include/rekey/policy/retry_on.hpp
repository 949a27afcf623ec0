// SPDX-License-Identifier: BSL-1.0
// RetryOn: which failures deserve another attempt.
#ifndef REKEY_POLICY_RETRY_ON_HPP
#define REKEY_POLICY_RETRY_ON_HPP

#include <rekey/policy/role.hpp>

#include <cstdint>
#include <type_traits>

namespace rekey {
inline namespace v0_1 {

/// An HTTP status inside `RetryOn`: `HttpStatus{404}`.
enum class HttpStatus : int {};

/// A service code inside `RetryOn`, for those numbers that look like an HTTP status.
enum class ServiceCode : std::int64_t {};

/// A service code that counts as `Transient` whatever the service says: `as_transient(4013)`.
enum class TransientCode : std::int64_t {};

/// A service code that counts as `RateLimited` whatever the service says.
enum class RateLimitedCode : std::int64_t {};

constexpr TransientCode as_transient(std::int64_t code) noexcept { return TransientCode{code}; }
constexpr RateLimitedCode as_rate_limited(std::int64_t code) noexcept {
    return RateLimitedCode{code};
}

namespace detail {

enum class Condition : unsigned char { nonsense, code, failure, http_status };

/// One entry of `RetryOn`, as a plain value.
struct Listed {
    Condition condition = Condition::nonsense;
    FailureClass failure = NoFailure;  // of `failure`, or the class that is forced on a code
    std::int64_t number = 0;
    bool spelled_out = false;  // ServiceCode{…}: may look like an HTTP status
};

template <auto Value> constexpr Listed listed() noexcept {
    using Type = std::remove_cv_t<decltype(Value)>;
    if constexpr (std::is_same_v<Type, FailureClass>)
        return {Condition::failure, Value, 0, true};
    else if constexpr (std::is_same_v<Type, HttpStatus>)
        return {Condition::http_status, NoFailure, static_cast<std::int64_t>(Value), true};
    else if constexpr (std::is_same_v<Type, ServiceCode>)
        return {Condition::code, NoFailure, static_cast<std::int64_t>(Value), true};
    else if constexpr (std::is_same_v<Type, TransientCode>)
        return {Condition::code, Transient, static_cast<std::int64_t>(Value), true};
    else if constexpr (std::is_same_v<Type, RateLimitedCode>)
        return {Condition::code, RateLimited, static_cast<std::int64_t>(Value), true};
    else if constexpr (std::is_integral_v<Type> && !std::is_same_v<Type, bool> &&
                       !std::is_same_v<Type, char>)
        return {Condition::code, NoFailure, static_cast<std::int64_t>(Value), false};
    else
        return {};
}

// Arrays and loops, not folds: clang ends a fold expression at 256 operands.
template <auto... Conditions> struct ConditionList {
    static constexpr unsigned count = sizeof...(Conditions);
    static constexpr Listed all[count + 1] = {listed<Conditions>()..., Listed{}};

    static constexpr bool understood() {
        for (unsigned i = 0; i != count; ++i)
            if (all[i].condition == Condition::nonsense) return false;
        return true;
    }
    static constexpr bool has_code() {
        for (unsigned i = 0; i != count; ++i)
            if (all[i].condition == Condition::code) return true;
        return false;
    }
    static constexpr bool no_bare_http_status() {
        for (unsigned i = 0; i != count; ++i)
            if (all[i].condition == Condition::code && !all[i].spelled_out &&
                all[i].number >= 100 && all[i].number <= 599)
                return false;
        return true;
    }
    static constexpr bool no_success() {
        for (unsigned i = 0; i != count; ++i) {
            if (all[i].condition == Condition::code && all[i].number == 0) return false;
            if (all[i].condition == Condition::failure && all[i].failure == NoFailure) return false;
            if (all[i].condition == Condition::http_status &&
                (all[i].number < 300 || all[i].number > 599))
                return false;
        }
        return true;
    }
    static constexpr bool no_hopeless_class() {
        for (unsigned i = 0; i != count; ++i)
            if (all[i].condition == Condition::failure &&
                (all[i].failure == QuotaExhausted || all[i].failure == Permanent))
                return false;
        return true;
    }
    // A shell sort: 500 codes stay within the step limits of both compilers.
    static constexpr bool no_duplicate() {
        struct Key {
            unsigned char condition = 0;
            std::int64_t number = 0;
            constexpr bool before(const Key& other) const {
                return condition != other.condition ? condition < other.condition
                                                    : number < other.number;
            }
        };
        Key keys[count + 1] = {};
        for (unsigned i = 0; i != count; ++i)
            keys[i] = {static_cast<unsigned char>(all[i].condition),
                       all[i].condition == Condition::failure
                           ? static_cast<std::int64_t>(all[i].failure)
                           : all[i].number};
        constexpr unsigned gaps[] = {301, 132, 57, 23, 10, 4, 1};
        for (unsigned gap : gaps)
            for (unsigned i = gap; i < count; ++i)
                for (unsigned j = i; j >= gap && keys[j].before(keys[j - gap]); j -= gap) {
                    const Key swapped = keys[j];
                    keys[j] = keys[j - gap];
                    keys[j - gap] = swapped;
                }
        for (unsigned i = 1; i < count; ++i)
            if (!keys[i - 1].before(keys[i])) return false;
        return true;
    }
};

}  // namespace detail

/// Says which failures deserve another attempt; what that attempt is, the remedies say.
///
/// Conditions  integers are service codes and mean exactly those; classes (`NotFound`) mean every
///             failure of that class; `HttpStatus{n}` and `ServiceCode{n}` are spelled out;
///             `as_transient(n)`, `as_rate_limited(n)` change what a code counts as. Up to 500.
/// Meaning     AuthRejected: renew the token if it had worked, fall back, reauthorize.
///             NotFound: fall back. RateLimited, Transient: repeat with the same credential.
///             A listed code has the class that the service gives it, else AuthRejected.
/// Requires    `MaxAttempts` or `Deadline` in the same client if a repeatable class is listed.
/// Cost        no state; a comparison per listed code and failure.
/// Source      Coze API error codes 4100, 4101, 4200; RFC 9110 §15.5.
/// Example     examples/01_fall_back.cpp
template <auto... Conditions> struct RetryOn {
    static constexpr Role role = Role::gate;
    using List = detail::ConditionList<Conditions...>;

    static_assert(List::understood(),
                  "rekey: RetryOn<...> takes service codes (4100), failure classes (NotFound), "
                  "HttpStatus{n}, ServiceCode{n}, as_transient(n) and as_rate_limited(n).");
    static_assert(List::no_bare_http_status(),
                  "rekey: RetryOn<404> means service code 404, not HTTP 404. "
                  "Write NotFound, HttpStatus{404} or ServiceCode{404}.");
    static_assert(List::no_success(),
                  "rekey: RetryOn<...> lists a success (code 0, NoFailure or HTTP 1xx/2xx). "
                  "Only failures deserve another attempt; take it out.");
    static_assert(List::no_hopeless_class(),
                  "rekey: RetryOn<...> cannot list QuotaExhausted or Permanent: another attempt "
                  "gives the same answer. List the one code you know better: as_transient(4011).");
    static_assert(List::no_duplicate(),
                  "rekey: RetryOn<...> lists the same code, class or status twice. "
                  "4100, ServiceCode{4100} and as_transient(4100) are one code; keep one.");

    /// The core's part. Stateless.
    struct Rule {
        static constexpr bool lists_any_code = List::has_code();
        static constexpr bool lists_code(std::int64_t code) noexcept {
            for (unsigned i = 0; i != List::count; ++i)
                if (List::all[i].condition == detail::Condition::code &&
                    List::all[i].number == code)
                    return true;
            return false;
        }
        /// The class that the type forces on a code, or NoFailure.
        static constexpr FailureClass forced_class(std::int64_t code) noexcept {
            for (unsigned i = 0; i != List::count; ++i)
                if (List::all[i].condition == detail::Condition::code &&
                    List::all[i].failure != NoFailure && List::all[i].number == code)
                    return List::all[i].failure;
            return NoFailure;
        }
        static constexpr bool lists_class(FailureClass failure) noexcept {
            for (unsigned i = 0; i != List::count; ++i)
                if (List::all[i].condition == detail::Condition::failure &&
                    List::all[i].failure == failure)
                    return true;
            return false;
        }
        static constexpr bool lists_status(int status) noexcept {
            for (unsigned i = 0; i != List::count; ++i)
                if (List::all[i].condition == detail::Condition::http_status &&
                    List::all[i].number == status)
                    return true;
            return false;
        }
    };
    constexpr Rule rule() const noexcept { return {}; }

    /// What `Plan` asks once it knows the service.
    template <class Service> static constexpr FailureClass class_of(detail::Listed entry) noexcept {
        if (entry.failure != NoFailure) return entry.failure;
        const FailureClass failure = entry.condition == detail::Condition::http_status
                                         ? Service::class_of_http(static_cast<int>(entry.number))
                                         : Service::class_of(entry.number);
        const bool unknown =
            failure == NoFailure || entry.condition == detail::Condition::http_status;
        return unknown && failure != RateLimited && failure != Transient && failure != NotFound
                   ? AuthRejected
                   : failure;
    }
    /// True if some condition is answered by sending again with the same credential.
    template <class Service> static constexpr bool repeats() noexcept {
        for (unsigned i = 0; i != List::count; ++i) {
            const FailureClass failure = class_of<Service>(List::all[i]);
            if (failure == RateLimited || failure == Transient) return true;
        }
        return false;
    }
    /// True if a code or a status is listed beside the class that the service puts it into.
    template <class Service> static constexpr bool overlaps() noexcept {
        for (unsigned i = 0; i != List::count; ++i) {
            const detail::Listed& entry = List::all[i];
            if (entry.condition == detail::Condition::failure || entry.failure != NoFailure)
                continue;
            const FailureClass failure =
                entry.condition == detail::Condition::http_status
                    ? Service::class_of_http(static_cast<int>(entry.number))
                    : Service::class_of(entry.number);
            if (failure != NoFailure && Rule::lists_class(failure)) return true;
        }
        return false;
    }
    /// True if a code is listed that the service calls hopeless.
    template <class Service> static constexpr bool lists_hopeless_code() noexcept {
        for (unsigned i = 0; i != List::count; ++i) {
            const FailureClass failure = class_of<Service>(List::all[i]);
            if (failure == QuotaExhausted || failure == Permanent) return true;
        }
        return false;
    }
};

}  // namespace v0_1
}  // namespace rekey

#endif
