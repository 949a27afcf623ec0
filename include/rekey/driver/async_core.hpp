// SPDX-License-Identifier: BSL-1.0
// Core: what the calls of an asynchronous client share, and what its scheduler can do.
#ifndef REKEY_DRIVER_ASYNC_CORE_HPP
#define REKEY_DRIVER_ASYNC_CORE_HPP

#include <rekey/driver/calls.hpp>
#include <rekey/driver/kernel.hpp>

#include <functional>
#include <type_traits>
#include <utility>

namespace rekey {
inline namespace v0_1 {
namespace driver {

/// No scheduler: for a client whose policies never wait.
struct NoScheduler {};

/// What a scheduler gives back for `after`, or nothing.
template <class Scheduler> struct TimerOf {
    using type = detail::Plain<decltype(std::declval<Scheduler&>().after(
        Duration{}, std::declval<std::function<void()>>()))>;
};
template <> struct TimerOf<NoScheduler> { using type = char; };

/// A scheduler that says where a call goes on: `execute(f)` calls `f()` once, there.
template <class Scheduler, class = void> struct Executes : std::false_type {};
template <class Scheduler>
struct Executes<Scheduler, std::void_t<decltype(std::declval<Scheduler&>().execute(
                               std::declval<std::function<void()>>()))>> : std::true_type {};

/// Everything that the calls of an asynchronous client share.
template <class Transport, class Scheduler, class... Policies> struct Core {
    using Untyping = driver::Untyping<Transport, Policies...>;
    using Parts = typename Untyping::type;
    using Slots = driver::Slots<typename Parts::Chain>;
    using Store = typename Parts::Store;
    using Rules = typename Parts::Plan::Rules;
    static constexpr bool hedges = detail::count_role<Role::hedge, Policies...>() != 0;
    static constexpr bool may_wait =
        hedges || Parts::Plan::waits || Parts::Plan::Chain::fetching != 0;

    Core(Transport&& given_transport, Scheduler&& given_scheduler, const Policies&... policies)
        : transport(std::forward<Transport>(given_transport)),
          scheduler(std::forward<Scheduler>(given_scheduler)),
          store(Untyping::store_of(policies...)),
          rules(Untyping::rules_of(policies...)),
          slot_set(Untyping::make_slots(policies...)) {}

    decltype(auto) clock() const noexcept {
        if constexpr (std::is_void_v<typename Parts::Clock>)
            return detail::SystemClock{};
        else
            return (Parts::template policy<Role::clock>(store).clock());
    }

    /// The scheduler, also inside a `std::reference_wrapper`.
    auto& timers() const noexcept {
        using Given = detail::Plain<Scheduler>;
        if constexpr (std::is_same_v<typename detail::Lent<Given>::type, Given>)
            return scheduler.get();
        else
            return scheduler.get().get();
    }
    /// Where token requests go.
    auto& exchange_transport() const noexcept {
        if constexpr (std::is_void_v<typename Parts::Exchange>)
            return transport.get();
        else
            return Parts::template policy<Role::exchange>(store).transport();
    }

    /// Where what blocks is done, in a client that keeps its tokens in a store.
    const auto& executor() const noexcept {
        return Parts::template policy<Role::store>(store).store().executor();
    }

    detail::TransportHolder<Transport> transport;
    detail::TransportHolder<Scheduler> scheduler;
    Store store;
    Rules rules;
    detail::Shared<Slots> slot_set;
    Calls calls{};
};

}  // namespace driver
}  // namespace v0_1
}  // namespace rekey

#endif
