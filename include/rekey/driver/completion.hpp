// SPDX-License-Identifier: BSL-1.0
// Completion: what an asynchronous transport calls with its answer.
#ifndef REKEY_DRIVER_COMPLETION_HPP
#define REKEY_DRIVER_COMPLETION_HPP

#include <rekey/detail/atomic.hpp>
#include <rekey/detail/shared.hpp>
#include <rekey/driver/transport_call.hpp>

#include <cstdint>
#include <exception>
#include <type_traits>
#include <utility>

namespace rekey {
inline namespace v0_1 {
namespace driver {

/// An owner of something that counts its owners: `keep()` and `drop()`.
template <class Counted> class Owner {
public:
    Owner() = default;
    /// Takes over a count that was made with the object.
    static Owner of_new(Counted* counted) noexcept {
        Owner owner;
        owner.counted_ = counted;
        return owner;
    }
    explicit Owner(Counted& counted) noexcept : counted_(&counted) { counted.keep(); }
    Owner(const Owner& other) noexcept : counted_(other.counted_) {
        if (counted_ != nullptr) counted_->keep();
    }
    Owner(Owner&& other) noexcept : counted_(std::exchange(other.counted_, nullptr)) {}
    template <class Derived, class = std::enable_if_t<std::is_base_of_v<Counted, Derived>>>
    Owner(const Owner<Derived>& other) noexcept : counted_(other.get()) {
        if (counted_ != nullptr) counted_->keep();
    }
    Owner& operator=(Owner other) noexcept {
        std::swap(counted_, other.counted_);
        return *this;
    }
    ~Owner() {
        if (counted_ != nullptr) counted_->drop();
    }
    explicit operator bool() const noexcept { return counted_ != nullptr; }
    Counted* get() const noexcept { return counted_; }
    Counted& operator*() const noexcept { return *counted_; }
    Counted* operator->() const noexcept { return counted_; }

private:
    Counted* counted_ = nullptr;
};

/// A call that waits for the answer to one attempt. `turn` tells that attempt from later ones.
template <class Answer> class Receiver {
public:
    virtual void keep() noexcept = 0;
    virtual void drop() noexcept = 0;
    /// `answer` is null if nobody will answer any more.
    virtual void answered(std::uint64_t turn, Answer* answer) = 0;
    virtual void failed(std::uint64_t turn, std::exception_ptr error) = 0;

protected:
    Receiver() = default;
    Receiver(const Receiver&) = delete;
    Receiver& operator=(const Receiver&) = delete;
    ~Receiver() = default;
};

/// Called by an asynchronous transport with its answer: once, on any thread, also before the
/// transport has returned.
///
/// The first call counts, any later one is dropped; so is an answer to a call that was cancelled
/// meanwhile. If all copies are destroyed without an answer, the attempt counts as sent and
/// unanswered.
/// Threads   any; copies are the same.
/// Errors    what the `done` of the call throws passes through this call. Of a callback that is
///           dropped it ends the program, for nothing may leave a destructor.
template <class Answer> class Completion {
public:
    Completion(Owner<Receiver<Answer>> receiver, std::uint64_t turn)
        : ticket_(detail::Shared<Ticket>::make(std::move(receiver), turn)) {}

    void operator()(Answer answer) const { ticket_->answer(&answer); }
    /// Instead of an answer: an exception of the transport, which ends the call unchanged.
    void fail(std::exception_ptr error) const { ticket_->fail(std::move(error)); }
    /// For a transport whose loop is gone, where nobody may be called any more: the call is not
    /// told, and ends with its last owner, its `done` destroyed and not called.
    void abandon() const noexcept { ticket_->is_used.store(true, detail::Order::release); }

private:
    struct Ticket {
        Ticket(Owner<Receiver<Answer>>&& waiting, std::uint64_t number) noexcept
            : receiver(std::move(waiting)), turn(number) {}
        Ticket(const Ticket&) = delete;
        Ticket& operator=(const Ticket&) = delete;
        ~Ticket() { answer(nullptr); }
        void answer(Answer* brought) {
            if (!is_used.exchange(true, detail::Order::acq_rel)) receiver->answered(turn, brought);
        }
        void fail(std::exception_ptr error) {
            if (!is_used.exchange(true, detail::Order::acq_rel))
                receiver->failed(turn, std::move(error));
        }
        Owner<Receiver<Answer>> receiver;
        std::uint64_t turn;
        detail::Atomic<bool> is_used{false};
    };
    detail::Shared<Ticket> ticket_;
};

/// Says what a transport answers with, if its type does not: `answering<HttpResponse>(lambda)`.
///
/// Needed for generic lambdas only. A type may say it itself, `using Answer = HttpResponse;`, and
/// of a parameter like `std::function<void(HttpResponse)>` it is read.
template <class Given, class Transport> struct Answering : Transport {
    using Answer = Given;
    explicit Answering(Transport transport) : Transport(std::move(transport)) {}
    using Transport::operator();
};
template <class Answer, class Transport>
Answering<Answer, Transport> answering(Transport transport) {
    return Answering<Answer, Transport>(std::move(transport));
}

/// The type that stands for an asynchronous transport where a blocking one is expected: it says
/// what an attempt is answered with, and is never called.
template <class Answer> struct AnswersWith {
    template <class Request> Answer operator()(const Request&, const Attempt&) const;
};

namespace async_parts {

/// The argument of something like `std::function<void(Answer)>`.
template <class Callback> struct ArgumentOf { using type = void; };
template <template <class...> class Function, class Answer>
struct ArgumentOf<Function<void(Answer)>> {
    using type = detail::Plain<Answer>;
};
template <class Answer> struct ArgumentOf<void (*)(Answer)> { using type = detail::Plain<Answer>; };

/// The answer that the last parameter of a call operator takes.
template <class Signature> struct LastTakes { using type = void; };
template <class R, class Self, class Request, class Callback>
struct LastTakes<R (Self::*)(Request, Callback)> : ArgumentOf<detail::Plain<Callback>> {};
template <class R, class Self, class Request, class Callback>
struct LastTakes<R (Self::*)(Request, Callback) const> : ArgumentOf<detail::Plain<Callback>> {};
template <class R, class Self, class Request, class Callback>
struct LastTakes<R (Self::*)(Request, const Attempt&, Callback)>
    : ArgumentOf<detail::Plain<Callback>> {};
template <class R, class Self, class Request, class Callback>
struct LastTakes<R (Self::*)(Request, const Attempt&, Callback) const>
    : ArgumentOf<detail::Plain<Callback>> {};
template <class R, class Request, class Callback>
struct LastTakes<R (*)(Request, Callback)> : ArgumentOf<detail::Plain<Callback>> {};
template <class R, class Request, class Callback>
struct LastTakes<R (*)(Request, const Attempt&, Callback)> : ArgumentOf<detail::Plain<Callback>> {};

template <class Transport, class = void> struct AnswerInSignature : LastTakes<Transport> {};
template <class Transport>
struct AnswerInSignature<Transport, std::void_t<decltype(&Transport::operator())>>
    : LastTakes<decltype(&Transport::operator())> {};

template <class Transport, class = void> struct AnswerInType : AnswerInSignature<Transport> {};
template <class Transport> struct AnswerInType<Transport, std::void_t<typename Transport::Answer>> {
    using type = typename Transport::Answer;
};
template <class Transport, class Request, class = void>
struct AnswerOf : AnswerInType<Transport> {};
template <class Transport, class Request>
struct AnswerOf<Transport, Request,
                std::void_t<typename Transport::template AnswerTo<Request>::type>>
    : Transport::template AnswerTo<Request> {};

template <class Handle, class = void> struct CanCancel : std::false_type {};
template <class Handle>
struct CanCancel<Handle, std::void_t<decltype(std::declval<Handle&>().cancel())>> : std::true_type {
};

}  // namespace async_parts

/// How an asynchronous transport is called with a request. The shape with an Attempt wins if both
/// fit.
template <class Transport, class Request> struct AsyncCall {
    using Lent = typename detail::Lent<detail::Plain<Transport>>::type;
    using Answer = typename async_parts::AnswerOf<Lent, Request>::type;
    static constexpr bool known = !std::is_void_v<Answer>;
    using Callback = Completion<std::conditional_t<known, Answer, int>>;

    // An `auto` parameter is not looked into with an answer that nobody knows.
    template <class... Arguments> static constexpr bool takes() noexcept {
        if constexpr (known)
            return std::is_invocable_v<Transport&, Arguments..., Callback>;
        else
            return false;
    }
    static constexpr bool with_attempt = takes<const Request&, const Attempt&>();
    static constexpr bool plain = !with_attempt && takes<Request&>();
    static constexpr bool fits = with_attempt || plain;

    template <class Type> struct TypeIs { using type = Type; };
    static auto shape() {
        if constexpr (with_attempt)
            return TypeIs<
                std::invoke_result_t<Transport&, const Request&, const Attempt&, Callback>>{};
        else if constexpr (plain)
            return TypeIs<std::invoke_result_t<Transport&, Request&, Callback>>{};
        else
            return TypeIs<void>{};
    }
    /// What the transport returns: something with `cancel()`, or anything else.
    using Handle = typename decltype(shape())::type;
};

}  // namespace driver
}  // namespace v0_1
}  // namespace rekey

#endif
