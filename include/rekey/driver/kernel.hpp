// SPDX-License-Identifier: BSL-1.0
// Kernel: a client without the types of its credentials, which makes the calls.
#ifndef REKEY_DRIVER_KERNEL_HPP
#define REKEY_DRIVER_KERNEL_HPP

#include <rekey/asked.hpp>
#include <rekey/driver/sync.hpp>

#include <type_traits>
#include <utility>

namespace rekey {
inline namespace v0_1 {

namespace detail {

/// Copied or moved in; an lvalue that cannot be copied is borrowed.
template <class Given>
using Held = std::conditional_t<std::is_lvalue_reference_v<Given> &&
                                    !std::is_copy_constructible_v<std::decay_t<Given>>,
                                Given, std::decay_t<Given>>;

/// A transport, owned or borrowed.
template <class Transport> struct TransportHolder {
    explicit TransportHolder(Transport&& given) : transport(std::move(given)) {}
    Transport& get() const noexcept { return transport; }
    mutable Transport transport;
};
template <class Transport> struct TransportHolder<Transport&> {
    explicit TransportHolder(Transport& given) noexcept : transport(&given) {}
    Transport& get() const noexcept { return *transport; }
    Transport* transport;
};

}  // namespace detail

namespace driver {

/// What a client with these policies works with: their parts, mostly without the types of the
/// credentials. Where a policy asks users these stay, for it may bring a credential of its own.
template <class Transport, class... Policies> struct Untyping {
    using Plan = detail::SoundPlan<Policies...>;
    // Policies that are not understood make a client without any, so that one mistake is one error.
    template <bool Understood, class... Given> struct If {
        template <class Policy>
        using Instead =
            Untyped<Policy, typename Plan::Service,
                    !Plan::reauthorizes && detail::count_role<Role::store, Policies...>() == 0>;
        using type = Parts<Transport, typename Instead<Given>::type...>;
    };
    template <class... Given> struct If<false, Given...> { using type = Parts<Transport>; };
    using type = typename If<detail::is_sound<Policies...>, Policies...>::type;

    static typename type::Store store_of([[maybe_unused]] const Policies&... policies) {
        if constexpr (detail::is_sound<Policies...> && sizeof...(Policies) != 0)
            return typename type::Store{typename type::template Stored<Policies>(policies)...};
        else
            return {};
    }
    static typename type::Plan::Rules rules_of([[maybe_unused]] const Policies&... policies) {
        if constexpr (detail::is_sound<Policies...> && sizeof...(Policies) != 0)
            return typename type::Plan::Rules(
                If<true, Policies...>::template Instead<Policies>::of(policies)...);
        else
            return {};
    }
    static auto make_slots([[maybe_unused]] const Policies&... policies) {
        using Made = detail::Shared<Slots<typename type::Chain>>;
        if constexpr (detail::is_sound<Policies...> && !std::is_void_v<typename type::Chain>)
            return Made::make(type::chain(policies...));
        else
            return Made::make();
    }
};

template <class Parts> constexpr Asks asks_of() noexcept {
    if (Parts::asks_by_flow) return Asks::flow;
    return std::is_void_v<typename Parts::Reauthorizer> ? Asks::nobody : Asks::redirector;
}

/// What a client holds, and the function that makes a call.
template <class Transport, class Parts> class Kernel {
protected:
    using Bare = detail::Plain<Transport>;
    using Slots = driver::Slots<typename Parts::Chain>;
    using Store = typename Parts::Store;
    using Rules = typename Parts::Plan::Rules;
    using Exchanger = driver::Exchanger<typename Parts::Carrier, typename Parts::Service>;

    Kernel(Transport&& transport, Store&& store, const Rules& rules,
           detail::Shared<Slots>&& slot_set)
        : transport_(std::forward<Transport>(transport)),
          store_(std::move(store)),
          rules_(rules),
          slots_(std::move(slot_set)) {}

    /// Makes a call. Out of line, so that clients that share this type share its code; each set of
    /// extras has a function of its own, in which those that are not there are constants.
    template <class Request, class Response, class... Extras>
    [[gnu::noinline]] Result<Response> run(const Request& request,
                                           [[maybe_unused]] const Extras&... extras) const {
        if constexpr ((std::is_empty_v<Extras> && ...)) {
            return run_sorted<Parts, Request, Response, false, false>(
                request, detail::constant_extras<Extras...>, rules_);
        } else {
            detail::CallExtras sorted;
            (sorted.take(extras), ...);
            constexpr bool may_stop = (detail::StopsCall<Extras>::value || ...);
            using Base =
                std::conditional_t<(std::is_same_v<Extras, NestedIn> || ...), Nested<Parts>, Parts>;
            if constexpr ((std::is_same_v<Extras, Deadline> || ...)) {
                using Timed = TimedParts<Base>;
                return run_sorted<Timed, Request, Response, may_stop, true>(
                    request, sorted, typename Timed::Plan::Rules(rules_, sorted.time_limit));
            } else {
                return run_sorted<Base, Request, Response, may_stop, true>(request, sorted, rules_);
            }
        }
    }

private:
    /// MayStop  whether an extra may stop the call; MayBePinned  whether one may pin it to a slot.
    template <class With, class Request, class Response, bool MayStop, bool MayBePinned>
    [[gnu::always_inline]] Result<Response> run_sorted(
        const Request& request, const detail::CallExtras& extras,
        const typename With::Plan::Rules& rules) const {
        using CallFrame =
            typename With::Observer::template Watched<Frame<With, Bare, Request, MayStop>>;
        Slots& slot_set = *slots_;
        Result<Response> result(slot_set.names(), !CallFrame::is_inlined);
        [[maybe_unused]] const auto hold = slot_set.hold();
        CallFrame frame(slot_set, store_, rules, request, extras, result);
        if constexpr (MayBePinned)
            if (const char* const why = frame.problem()) {
                frame.refuse_to_start(why);
                return result;
            }
        if constexpr (MayStop)
            if (frame.is_cancelled()) {
                auto stopped = std::move(frame);
                stopped.stop_before_start();
                return result;
            }
        auto&& clock = this->clock();
        driver::run<typename With::Plan>(frame, transport_.get(), exchanger(), clock);
        return result;
    }

protected:
    decltype(auto) clock() const noexcept {
        if constexpr (std::is_void_v<typename Parts::Clock>)
            return detail::SystemClock{};
        else
            return (Parts::template policy<Role::clock>(store_).clock());
    }
    Exchanger exchanger() const noexcept {
        if constexpr (std::is_void_v<typename Parts::Exchange>)
            return Exchanger{transport_.get()};
        else
            return Exchanger{Parts::template policy<Role::exchange>(store_).transport()};
    }

    detail::TransportHolder<Transport> transport_;
    Store store_;
    Rules rules_;
    detail::Shared<Slots> slots_;
};

}  // namespace driver
}  // namespace v0_1
}  // namespace rekey

#endif
