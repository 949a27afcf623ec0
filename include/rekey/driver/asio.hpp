// SPDX-License-Identifier: BSL-1.0
// StandaloneAsio: the asynchronous driver for completion tokens of standalone Asio.
#ifndef REKEY_DRIVER_ASIO_HPP
#define REKEY_DRIVER_ASIO_HPP

#include <rekey/driver/basic_asio.hpp>
#include <rekey/transport.hpp>

#include <asio/associated_allocator.hpp>
#include <asio/associated_executor.hpp>
#include <asio/async_result.hpp>
#include <asio/basic_waitable_timer.hpp>
#include <asio/dispatch.hpp>
#include <asio/error.hpp>
#include <asio/execution.hpp>
#include <asio/execution_context.hpp>
#include <asio/executor_work_guard.hpp>
#include <asio/post.hpp>
#include <asio/query.hpp>
#include <asio/strand.hpp>
#include <asio/version.hpp>
#include <asio/wait_traits.hpp>
#if ASIO_VERSION >= 101900
#include <asio/associated_cancellation_slot.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/cancellation_type.hpp>
#endif

#include <chrono>
#include <type_traits>
#include <utility>

namespace rekey {
inline namespace v0_1 {
namespace driver {
namespace asio {

/// The names of standalone Asio that the driver needs; every version from 1.18 on.
struct StandaloneAsio {
    using ErrorCode = ::asio::error_code;
    template <class Executor>
    using Timer =
        ::asio::basic_waitable_timer<std::chrono::steady_clock,
                                     ::asio::wait_traits<std::chrono::steady_clock>, Executor>;
    template <class Executor> using Strand = ::asio::strand<Executor>;
    template <class Executor> static Strand<Executor> make_strand(const Executor& executor) {
        return ::asio::make_strand(executor);
    }
    template <class Executor> using Work = ::asio::executor_work_guard<Executor>;
    template <class Handler, class Executor>
    using ExecutorOf = ::asio::associated_executor_t<Handler, Executor>;
    template <class Handler, class Executor>
    static ExecutorOf<Handler, Executor> executor_of(const Handler& handler,
                                                     const Executor& executor) noexcept {
        return ::asio::get_associated_executor(handler, executor);
    }
    template <class Handler> using AllocatorOf = ::asio::associated_allocator_t<Handler>;
    template <class Handler> static AllocatorOf<Handler> allocator_of(const Handler& handler) {
        return ::asio::get_associated_allocator(handler);
    }
    template <class Executor, class Act> static void post(const Executor& executor, Act&& act) {
        ::asio::post(executor, std::forward<Act>(act));
    }
    template <class Executor, class Act> static void dispatch(const Executor& executor, Act&& act) {
        ::asio::dispatch(executor, std::forward<Act>(act));
    }
    template <class Signature, class Begin, class Token, class... Arguments>
    static decltype(auto) initiate(Begin&& begin, Token& token, Arguments&&... arguments) {
        return ::asio::async_initiate<Token, Signature>(std::forward<Begin>(begin), token,
                                                        std::forward<Arguments>(arguments)...);
    }

#if ASIO_VERSION >= 101900
    static constexpr bool has_slots = true;
    using Slot = ::asio::cancellation_slot;
    using Signal = ::asio::cancellation_signal;
    template <class Handler> static auto slot_of(const Handler& handler) {
        return ::asio::get_associated_cancellation_slot(handler);
    }
    static void set_off(Signal& signal) { signal.emit(::asio::cancellation_type::terminal); }
    /// Whether a call ends: it cannot promise that nothing has happened, which `total` asks for.
    static bool ends(::asio::cancellation_type how) noexcept {
        return (how & (::asio::cancellation_type::terminal | ::asio::cancellation_type::partial)) !=
               ::asio::cancellation_type::none;
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
        if (error == ::asio::error::operation_aborted) {
            failure.verdict = TransportVerdict::cancelled;
        } else if (error == ::asio::error::connection_refused ||
                   error == ::asio::error::host_not_found ||
                   error == ::asio::error::host_not_found_try_again ||
                   error == ::asio::error::no_data || error == ::asio::error::service_not_found) {
            failure.reach = Reach::never_sent;
        }
        return failure;
    }

    template <class Executor>
    static auto context_of(const Executor& executor, int) -> decltype(executor.context());
    template <class Executor>
    static auto context_of(const Executor& executor, long)
        -> decltype(::asio::query(executor, ::asio::execution::context));
};

/// Executors whose execution context is one of standalone Asio.
template <class Executor>
struct LibraryOf<Executor,
                 std::enable_if_t<std::is_convertible_v<decltype(StandaloneAsio::context_of(
                                                            std::declval<const Executor&>(), 0)),
                                                        ::asio::execution_context&>>> {
    static constexpr bool known = true;
    using type = StandaloneAsio;
};

}  // namespace asio
}  // namespace driver
}  // namespace v0_1
}  // namespace rekey

#endif
