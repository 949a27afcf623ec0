// SPDX-License-Identifier: BSL-1.0
// Limits: when enough is enough.
#ifndef REKEY_POLICY_LIMITS_HPP
#define REKEY_POLICY_LIMITS_HPP

#include <rekey/policy/role.hpp>

#include <cstdint>
#include <type_traits>

namespace rekey {
inline namespace v0_1 {

/// Ends a call after that many sends, whatever they were for: first tries, repeats, fallbacks.
///
/// `MaxAttempts<3>{}` keeps the number in the type and costs nothing in the call;
/// `MaxAttempts{n}` takes it at run time and costs four bytes.
/// Ends with    StopReason::attempts_used_up.
/// Requires     at least 1.
template <unsigned Limit = 0> struct MaxAttempts {
    static constexpr Role role = Role::limit;
    static constexpr bool bounds_call = true, reads_time = false;

    struct Rule {
        constexpr Ruling judge(const Proposal& proposal) const noexcept {
            return {proposal.number <= Limit, StopReason::attempts_used_up};
        }
        constexpr std::uint32_t most_sends() const noexcept { return Limit; }
    };
    constexpr Rule rule() const noexcept { return {}; }
};

/// The edition whose number is known at run time, of any integer type. Less than one is taken as
/// one: a call sends at least once.
template <> struct MaxAttempts<0> {
    static constexpr Role role = Role::limit;
    static constexpr bool bounds_call = true, reads_time = false;
    std::uint32_t limit = 1;

    template <class Integer, class = std::enable_if_t<std::is_integral_v<Integer>>>
    constexpr explicit MaxAttempts(Integer attempts)
        : limit(attempts < 1 ? 1
                : static_cast<std::uint64_t>(attempts) > 0xffffffffu
                    ? 0xffffffffu
                    : static_cast<std::uint32_t>(attempts)) {}

    struct Rule {
        std::uint32_t limit = 1;
        constexpr Ruling judge(const Proposal& proposal) const noexcept {
            return {proposal.number <= limit, StopReason::attempts_used_up};
        }
        constexpr std::uint32_t most_sends() const noexcept { return limit; }
    };
    constexpr Rule rule() const noexcept { return Rule{limit}; }
};

template <class Integer> MaxAttempts(Integer) -> MaxAttempts<0>;

/// One send and no other, whatever `RetryOn` and the chain say: a type for it, so that code which
/// puts a client together can turn retrying off by name.
/// Ends with    StopReason::not_retryable.
struct NoRetry {
    static constexpr Role role = Role::limit;
    static constexpr bool bounds_call = true, reads_time = false;

    struct Rule {
        constexpr Ruling judge(const Proposal& proposal) const noexcept {
            return {proposal.number <= 1, StopReason::not_retryable};
        }
        constexpr std::uint32_t most_sends() const noexcept { return 1; }
    };
    constexpr Rule rule() const noexcept { return {}; }
};

/// The time of a whole call: `Deadline{10s}`, waits and token requests included. Of a client, or of
/// one call (`client.send(request, Deadline{2s})`), where it only tightens the client's own.
///
/// Asked before every wait and every send: none begins that could not end in time. What is left is
/// divided over the sends that are left and given to the transport as `attempt.timeout()`:
/// 10 s and three sends are 3.3 s for the first; if that took 1 s, 4.5 s for the second, and so on.
/// A call without a known last send gives each all that is left. A token request on its way is not
/// cut short, for others wait for the same one (docs/retry.md).
/// Ends with    StopReason::deadline; come_back_later if the server asks for a longer wait. One of
///              zero or less sends nothing at all.
/// Cost         16 bytes in the call, a look at the clock around each send.
class Deadline {
public:
    static constexpr Role role = Role::limit;
    static constexpr bool bounds_call = true, reads_time = true, is_extra = true;

    constexpr explicit Deadline(Duration limit) noexcept : limit_(limit) {}

    struct Rule {
        Duration limit{0};
        constexpr Ruling judge(const Proposal& proposal) const noexcept {
            const bool over = proposal.elapsed >= limit;
            if (!over && proposal.hint >= limit - proposal.elapsed)
                return {false, StopReason::come_back_later};
            return {!over && proposal.delay < limit - proposal.elapsed, StopReason::deadline};
        }
        constexpr Duration timeout(Duration elapsed, std::uint32_t sends_left) const noexcept {
            const Duration share = (limit - elapsed) / std::int64_t{sends_left};
            return share > Duration{0} ? share : Duration{1};
        }
        constexpr Duration most_time() const noexcept { return limit; }
    };
    constexpr Rule rule() const noexcept { return Rule{limit_}; }

    /// For `send(request, Deadline{2s})`.
    template <class Extras> constexpr void add_to(Extras& extras) const noexcept {
        extras.time_limit = limit_;
    }

private:
    Duration limit_;
};

}  // namespace v0_1
}  // namespace rekey

#endif
