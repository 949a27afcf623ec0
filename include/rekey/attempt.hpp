// SPDX-License-Identifier: BSL-1.0
// Attempt: what rekey tells the transport about the send it is asked to make.
#ifndef REKEY_ATTEMPT_HPP
#define REKEY_ATTEMPT_HPP

#include <rekey/facts.hpp>

#include <string_view>

namespace rekey {
inline namespace v0_1 {

namespace driver {
template <class Parts, class Transport, class Request, bool MayStop> class Frame;
}

/// The values of an `Attempt`, by name; a test or an adapter fills in what it needs.
struct AttemptFields {
    std::string_view authorization{};           ///< The whole header value, with its scheme.
    std::string_view header = "Authorization";  ///< The header that carries it.
    std::string_view credential{};              ///< The credential's name, never its token.
    std::string_view idempotency_key{};         ///< The same on each attempt of a call, or empty.
    Duration timeout{0};                        ///< For this attempt; zero means no limit.
    unsigned number = 1;                        ///< 1 for the first send of a call.
};

/// One send, as the transport sees it: which header to set, how long it may take, which try it is.
///
/// A transport of the shape `Response(const Request&, const Attempt&)` puts `authorization()` on
/// the wire under `header()` and touches nothing else. The views live as long as the send.
class Attempt {
public:
    constexpr Attempt() = default;
    constexpr explicit Attempt(const AttemptFields& fields) : fields_(fields) {}

    /// The whole header value, e.g. `Bearer pat_…`; empty without a credential chain.
    constexpr std::string_view authorization() const noexcept { return fields_.authorization; }
    /// The header's name, `Authorization` unless the credential says otherwise.
    constexpr std::string_view header() const noexcept { return fields_.header; }
    /// The name of the credential that signs this send; safe to log.
    constexpr std::string_view credential() const noexcept { return fields_.credential; }
    /// The key of `IdempotencyKey{…}`, the same on each attempt of the call; empty without one.
    constexpr std::string_view idempotency_key() const noexcept { return fields_.idempotency_key; }
    /// How long this send may take; zero means that rekey sets no limit.
    constexpr Duration timeout() const noexcept { return fields_.timeout; }
    /// 1 for the first send of the call, 2 for the next, …
    constexpr unsigned number() const noexcept { return fields_.number; }
    /// True from the second send on. A client inside this attempt leaves repeating to us if it is
    /// told: `inner.send(request, NestedIn{attempt})` (rekey/nested.hpp).
    constexpr bool is_retry() const noexcept { return fields_.number > 1; }

private:
    template <class, class, class, bool> friend class driver::Frame;
    AttemptFields fields_{};
};

}  // namespace v0_1
}  // namespace rekey

#endif
