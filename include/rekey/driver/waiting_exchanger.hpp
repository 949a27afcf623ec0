// SPDX-License-Identifier: BSL-1.0
// WaitingExchanger: sends a token request over an asynchronous transport, on a thread that may
// wait.
#ifndef REKEY_DRIVER_WAITING_EXCHANGER_HPP
#define REKEY_DRIVER_WAITING_EXCHANGER_HPP

#include <rekey/detail/atomic.hpp>
#include <rekey/detail/maybe.hpp>
#include <rekey/driver/completion.hpp>
#include <rekey/driver/sync.hpp>

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <mutex>
#include <string_view>
#include <type_traits>
#include <utility>

namespace rekey {
inline namespace v0_1 {
namespace driver {

/// Keeps one answer until somebody takes it; counts its owners.
template <class Answer> class Mailbox final : public Receiver<Answer> {
public:
    void keep() noexcept override { owners_.fetch_add(1, detail::Order::relaxed); }
    void drop() noexcept override {
        if (owners_.fetch_sub(1, detail::Order::acq_rel) == 1) delete this;
    }
    void answered(std::uint64_t, Answer* answer) override {
        put([&] {
#if defined(__cpp_exceptions)
            try {
                if (answer != nullptr) answer_.set(std::move(*answer));
            } catch (...) {  // an answer whose move may throw: whoever waits hears of it
                error_ = std::current_exception();
            }
#else
            if (answer != nullptr) answer_.set(std::move(*answer));
#endif
        });
    }
    void failed(std::uint64_t, std::exception_ptr error) override {
        put([&] { error_ = std::move(error); });
    }
    /// Blocks until there is an answer, or nobody is left to give one; then it is null.
    Answer* wait() {
        std::unique_lock<std::mutex> lock(mutex_);
        arrived_.wait(lock, [this] { return is_here_; });
#if defined(__cpp_exceptions)
        if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
#endif
        return answer_ ? &*answer_ : nullptr;
    }

private:
    template <class Put> void put(const Put& act) {
        const std::lock_guard<std::mutex> lock(mutex_);
        act();
        is_here_ = true;
        arrived_.notify_all();
    }
    detail::Atomic<unsigned> owners_{1};
    std::mutex mutex_{};
    std::condition_variable arrived_{};
    bool is_here_ = false;
    detail::Maybe<Answer> answer_{};
    std::exception_ptr error_{};
};

/// Where a driver's exchanger is expected: it blocks until the asynchronous transport has answered,
/// which happens on another thread.
template <class Transport, class Service> struct WaitingExchanger {
    Transport& transport;

    template <class TokenRequest>
    ExchangeAnswer operator()(const TokenRequest& request, std::string_view authorization,
                              std::string_view credential) const {
        using Async = AsyncCall<Transport, TokenRequest>;
        using Answer = typename Async::Answer;
        Mailbox<Answer>* const made = new Mailbox<Answer>;
        const auto box = Owner<Mailbox<Answer>>::of_new(made);
        AttemptFields fields;
        fields.authorization = authorization;
        fields.credential = credential;
        const Attempt attempt{fields};
        detail::Maybe<std::conditional_t<Async::with_attempt, char, TokenRequest>> copy;
        {
            const Completion<Answer> completion(Owner<Receiver<Answer>>(box), 0);
            if constexpr (Async::with_attempt) {
                (void)transport(request, attempt, completion);
            } else {
                copy.set(request);
                if (!authorization.empty())
                    RequestTraits<TokenRequest>::set_header(*copy, attempt.header(), authorization);
                (void)transport(*copy, completion);
            }
        }
        if (Answer* const answer = box->wait())
            return Exchanger<Transport, Service>::told(std::move(*answer));
        ExchangeAnswer dropped;
        dropped.reach = Reach::sent_unanswered;
        dropped.detail = "the transport dropped its callback without an answer";
        return dropped;
    }
};

}  // namespace driver
}  // namespace v0_1
}  // namespace rekey

#endif
