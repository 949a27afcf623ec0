// SPDX-License-Identifier: BSL-1.0
// BoostAsio: the asynchronous driver for completion tokens of Boost.Asio.
#ifndef REKEY_DRIVER_BOOST_ASIO_HPP
#define REKEY_DRIVER_BOOST_ASIO_HPP

#include <rekey/driver/basic_asio.hpp>
#include <rekey/transport.hpp>

#include <boost/asio/associated_allocator.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/execution.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/query.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/version.hpp>
#include <boost/asio/wait_traits.hpp>
#if BOOST_ASIO_VERSION >= 101900
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/cancellation_type.hpp>
#endif

#include <chrono>
#include <type_traits>
#include <utility>

namespace rekey {
inline namespace v0_1 {
namespace driver {
namespace asio {

/// The names of Boost.Asio that the driver needs; every version from 1.18 on.
struct BoostAsio {
    using ErrorCode = boost::system::error_code;
    template <class Executor>
    using Timer = boost::asio::basic_waitable_timer<
        std::chrono::steady_clock, boost::asio::wait_traits<std::chrono::steady_clock>, Executor>;
    template <class Executor> using Strand = boost::asio::strand<Executor>;
    template <class Executor> static Strand<Executor> make_strand(const Executor& executor) {
        return boost::asio::make_strand(executor);
    }
    template <class Executor> using Work = boost::asio::executor_work_guard<Executor>;
    template <class Handler, class Executor>
    using ExecutorOf = boost::asio::associated_executor_t<Handler, Executor>;
    template <class Handler, class Executor>
    static ExecutorOf<Handler, Executor> executor_of(const Handler& handler,
                                                     const Executor& executor) noexcept {
        return boost::asio::get_associated_executor(handler, executor);
    }
    template <class Handler> using AllocatorOf = boost::asio::associated_allocator_t<Handler>;
    template <class Handler> static AllocatorOf<Handler> allocator_of(const Handler& handler) {
        return boost::asio::get_associated_allocator(handler);
    }
    template <class Executor, class Act> static void post(const Executor& executor, Act&& act) {
        boost::asio::post(executor, std::forward<Act>(act));
    }
    template <class Executor, class Act> static void dispatch(const Executor& executor, Act&& act) {
        boost::asio::dispatch(executor, std::forward<Act>(act));
    }
    template <class Signature, class Begin, class Token, class... Arguments>
    static decltype(auto) initiate(Begin&& begin, Token& token, Arguments&&... arguments) {
        return boost::asio::async_initiate<Token, Signature>(std::forward<Begin>(begin), token,
                                                             std::forward<Arguments>(arguments)...);
    }

#if BOOST_ASIO_VERSION >= 101900
    static constexpr bool has_slots = true;
    using Slot = boost::asio::cancellation_slot;
    using Signal = boost::asio::cancellation_signal;
    template <class Handler> static auto slot_of(const Handler& handler) {
        return boost::asio::get_associated_cancellation_slot(handler);
    }
    static void set_off(Signal& signal) { signal.emit(boost::asio::cancellation_type::terminal); }
    /// Whether a call ends: it cannot promise that nothing has happened, which `total` asks for.
    static bool ends(boost::asio::cancellation_type how) noexcept {
        return (how & (boost::asio::cancellation_type::terminal |
                       boost::asio::cancellation_type::partial)) !=
               boost::asio::cancellation_type::none;
    }
#else
    static constexpr bool has_slots = false;
    using Slot = asio_parts::NoSlot;
    using Signal = asio_parts::NoSignal;
#endif

    /// What an error means of an operation of which only the error is known: that no connection
    /// was made, or that nobody knows whether the request arrived.
    static TransportError transport_error(const ErrorCode& error) {
        TransportError failure{Reach::sent_unanswered, error.message(), TransportVerdict::passing};
        if (error == boost::asio::error::operation_aborted) {
            failure.verdict = TransportVerdict::cancelled;
        } else if (error == boost::asio::error::connection_refused ||
                   error == boost::asio::error::host_not_found ||
                   error == boost::asio::error::host_not_found_try_again ||
                   error == boost::asio::error::no_data ||
                   error == boost::asio::error::service_not_found) {
            failure.reach = Reach::never_sent;
        }
        return failure;
    }

    template <class Executor>
    static auto context_of(const Executor& executor, int) -> decltype(executor.context());
    template <class Executor>
    static auto context_of(const Executor& executor, long)
        -> decltype(boost::asio::query(executor, boost::asio::execution::context));
};

/// Executors whose execution context is one of Boost.Asio.
template <class Executor>
struct LibraryOf<Executor, std::enable_if_t<std::is_convertible_v<
                               decltype(BoostAsio::context_of(std::declval<const Executor&>(), 0)),
                               boost::asio::execution_context&>>> {
    static constexpr bool known = true;
    using type = BoostAsio;
};

}  // namespace asio
}  // namespace driver
}  // namespace v0_1
}  // namespace rekey

#endif
