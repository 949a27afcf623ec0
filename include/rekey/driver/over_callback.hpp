// SPDX-License-Identifier: BSL-1.0
// OverCallback: what the clients over driver::callback::Client hand on to it as it is.
#ifndef REKEY_DRIVER_OVER_CALLBACK_HPP
#define REKEY_DRIVER_OVER_CALLBACK_HPP

#include <rekey/extras.hpp>
#include <rekey/version.hpp>

#include <cstddef>
#include <cstdint>
#include <utility>

namespace rekey {
inline namespace v0_1 {
namespace driver {

/// The base of a client that is a `Callback`, a `driver::callback::Client`, in other words.
///
/// Each of these does what that of the `Callback` does; those that it has not, for want of a flow
/// or of `Remember`, are errors of the compiler where they are called.
template <class Callback> class OverCallback {
public:
    using Plan = typename Callback::Plan;

    template <class Credential> void replace(const Credential& credential) const {
        client_.replace(credential);
    }
    template <class Self = Callback> auto route() const {
        return static_cast<const Self&>(client_).route();
    }
    std::size_t in_flight() const noexcept { return client_.in_flight(); }
    void close() const noexcept { client_.close(); }
    void cancel_all() const { client_.cancel_all(); }

    template <class... Extras> auto begin_authorization(const Extras&... extras) const {
        return client_.begin_authorization(extras...);
    }
    template <class TokenSet> void adopt(const Subject& user, TokenSet tokens) const {
        client_.adopt(user, std::move(tokens));
    }
    template <class Self = Callback> void forget(const Subject& user) const {
        static_cast<const Self&>(client_).forget(user);
    }

    /// For `worst_case_of(client)`, as in `rekey::Client`.
    using WorkingPlan = typename Callback::WorkingPlan;
    const typename WorkingPlan::Rules& rules() const noexcept { return client_.rules(); }
    std::uint32_t most_copies() const noexcept { return client_.most_copies(); }

protected:
    explicit OverCallback(Callback client) : client_(std::move(client)) {}

    Callback client_;
};

}  // namespace driver
}  // namespace v0_1
}  // namespace rekey

#endif
