// SPDX-License-Identifier: BSL-1.0
// async_fetch: how an asynchronous call obtains the token of one of its credentials.
#ifndef REKEY_DRIVER_ASYNC_FETCH_HPP
#define REKEY_DRIVER_ASYNC_FETCH_HPP

#include <rekey/detail/maybe.hpp>
#include <rekey/detail/waker.hpp>
#include <rekey/driver/completion.hpp>
#include <rekey/driver/sync.hpp>
#include <rekey/token/source.hpp>

#include <cstdint>
#include <exception>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace rekey {
inline namespace v0_1 {
namespace driver {

/// One fetch of a slot, whatever its type. It lives as long as its call: a transport may still look
/// at its request when the call has ended, and keep the callback when the next fetch has begun.
class AnyFetch {
public:
    virtual ~AnyFetch() = default;
    virtual token::FetchStep start() = 0;
    virtual token::FetchStep woken() = 0;
    virtual token::FetchStep waited() = 0;
    virtual token::FetchStep stopped() = 0;
    virtual token::FetchStep answered(const ExchangeAnswer& answer) = 0;
    virtual token::FetchStep signed_with(std::string_view signature) = 0;
    virtual void send(std::uint64_t turn) = 0;
    virtual void sign(std::uint64_t turn) = 0;
    virtual Duration delay() = 0;
    /// Of the request that was sent last; a secret.
    virtual std::string_view authorization() = 0;
    virtual Fetched outcome() const = 0;
    virtual void hand_over() = 0;

protected:
    AnyFetch() = default;
    AnyFetch(const AnyFetch&) = delete;
    AnyFetch& operator=(const AnyFetch&) = delete;

private:
    friend class FetchHolder;
    AnyFetch* earlier_ = nullptr;
};

/// Owns the fetches of a call, of which the last one counts.
class FetchHolder {
public:
    FetchHolder() = default;
    FetchHolder(const FetchHolder&) = delete;
    FetchHolder& operator=(const FetchHolder&) = delete;
    ~FetchHolder() {
        while (fetch_ != nullptr) delete std::exchange(fetch_, fetch_->earlier_);
    }
    void set(AnyFetch* fetch) noexcept {
        fetch->earlier_ = fetch_;
        fetch_ = fetch;
    }
    explicit operator bool() const noexcept { return fetch_ != nullptr; }
    AnyFetch& operator*() const noexcept { return *fetch_; }
    AnyFetch* operator->() const noexcept { return fetch_; }

private:
    AnyFetch* fetch_ = nullptr;
};

/// The fetch of a token source, whose requests go over the client's asynchronous transport.
///
/// Call    an `Operation`.
/// Source  offers `Fetching<Report>`: `token::Source`.
template <class Call, class Source> class FetchOf final : public AnyFetch {
    using Fetching = typename Source::template Fetching<ExchangeReport>;
    using Token = detail::Plain<decltype(std::declval<Fetching&>().request().made.http)>;
    using Transport =
        detail::Plain<decltype(std::declval<const Call&>().core().exchange_transport())>;
    using Async = AsyncCall<Transport, Token>;
    static_assert(Async::fits,
                  "rekey: a credential of this chain gets its token over HTTP, and the "
                  "asynchronous transport does not take rekey::HttpRequest. Add "
                  "ExchangeOver{an asynchronous transport that does} to the client.");
    using Answer = std::conditional_t<Async::known, typename Async::Answer, int>;

    /// Reads the answer on the thread that brings it.
    struct Reader final : Receiver<Answer> {
        explicit Reader(Call& waiting) noexcept : call(waiting) {}
        void keep() noexcept override { call.keep(); }
        void drop() noexcept override { call.drop(); }
        void answered(std::uint64_t turn, Answer* answer) override {
            if (answer == nullptr)
                call.answered(turn, nullptr);
            else if constexpr (Async::fits)
                call.exchanged(
                    turn, Exchanger<Transport, typename Call::Service>::told(std::move(*answer)));
        }
        void failed(std::uint64_t turn, std::exception_ptr error) override {
            call.failed(turn, std::move(error));
        }
        Call& call;
    };

    /// Takes a signature on the thread that brings it.
    struct SignatureReader final : Receiver<std::string> {
        explicit SignatureReader(Call& waiting) noexcept : call(waiting) {}
        void keep() noexcept override { call.keep(); }
        void drop() noexcept override { call.drop(); }
        void answered(std::uint64_t turn, std::string* signature) override {
            call.signed_with(turn, signature != nullptr ? std::move(*signature) : std::string());
        }
        void failed(std::uint64_t turn, std::exception_ptr error) override {
            call.failed(turn, std::move(error));
        }
        Call& call;
    };

public:
    /// `pin`   of the call: to renew, it holds the signature that was refused.
    template <class Pin>
    FetchOf(Call& call, Source& source, Pin& pin, bool renew, ExchangeReport& report)
        : reader_(call),
          signature_(call),
          call_(call),
          fetching_(source, pin, renew, report, &call) {}

    token::FetchStep start() override {
        auto&& clock = call_.core().clock();
        return fetching_.start(clock);
    }
    token::FetchStep woken() override {
        auto&& clock = call_.core().clock();
        return fetching_.woken(clock);
    }
    token::FetchStep waited() override {
        auto&& clock = call_.core().clock();
        return fetching_.waited(clock);
    }
    token::FetchStep answered(const ExchangeAnswer& answer) override {
        auto&& clock = call_.core().clock();
        return fetching_.answered(answer, clock);
    }
    token::FetchStep stopped() override { return fetching_.stopped(); }
    token::FetchStep signed_with(std::string_view signature) override {
        return fetching_.signed_with(signature);
    }
    std::string_view authorization() override {
        return fetching_.request().made.authorization.expose();
    }
    Duration delay() override { return fetching_.delay(); }
    Fetched outcome() const override { return fetching_.outcome(); }
    void hand_over() override { fetching_.hand_over(); }

    void sign(std::uint64_t turn) override {
        if constexpr (Source::signs_later)
            fetching_.credential().sign(
                fetching_.request().made.signing_input,
                Completion<std::string>(Owner<Receiver<std::string>>(signature_), turn));
        else
            (void)turn;
    }
    void send(std::uint64_t turn) override {
        if constexpr (Async::fits) {
            const auto& request = fetching_.request();
            AttemptFields fields;
            fields.authorization = request.made.authorization.expose();
            fields.credential = request.credential;
            attempt_ = Attempt{fields};
            const Completion<Answer> completion(Owner<Receiver<Answer>>(reader_), turn);
            auto& transport = call_.core().exchange_transport();
            if constexpr (Async::with_attempt) {
                (void)transport(request.made.http, std::as_const(attempt_), completion);
            } else {
                copy_.set(request.made.http);
                if (!fields.authorization.empty())
                    RequestTraits<Token>::set_header(*copy_, attempt_.header(),
                                                     fields.authorization);
                (void)transport(*copy_, completion);
            }
        }
    }

private:
    Reader reader_;
    SignatureReader signature_;
    Call& call_;
    Fetching fetching_;
    Attempt attempt_{};
    detail::Maybe<std::conditional_t<Async::plain, Token, char>> copy_{};
};

}  // namespace driver
}  // namespace v0_1
}  // namespace rekey

#endif
