// SPDX-License-Identifier: BSL-1.0
// async_fetch: how an asynchronous call obtains the token of one of its credentials.
#ifndef REKEY_DRIVER_ASYNC_FETCH_HPP
#define REKEY_DRIVER_ASYNC_FETCH_HPP

#include <rekey/detail/atomic.hpp>
#include <rekey/detail/maybe.hpp>
#include <rekey/detail/waker.hpp>
#include <rekey/driver/completion.hpp>
#include <rekey/driver/sync.hpp>
#include <rekey/driver/waiting_exchanger.hpp>
#include <rekey/driver/woken.hpp>
#include <rekey/token/source.hpp>

#include <cstdint>
#include <exception>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace rekey {
inline namespace v0_1 {

struct HttpRequest;  // <rekey/http.hpp>, which a credential with an exchange includes

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
    /// Has the token obtained where one may block.
    virtual void lead(std::uint64_t turn) = 0;
    /// `step` is null if the executor has dropped its job.
    virtual token::FetchStep led(const token::FetchStep* step) = 0;
    /// What was on its way has thrown.
    virtual void broken() noexcept = 0;
    /// Puts the signature, or what went wrong, where the call looks for it.
    virtual Fetched finish() = 0;
    /// The call has ended: somebody else may lead, now or when what is on its way is back.
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

/// Whether a fetch goes on when its call has ended: what it has sent cannot be sent again.
template <class Fetching, class = void> struct OutlivesCall : std::false_type {};
template <class Fetching>
struct OutlivesCall<Fetching, std::enable_if_t<Fetching::outlives_its_call>> : std::true_type {};

/// Whether the assertions of a source are signed by somebody who calls back.
template <class Source, class = void> struct SignedLaterIn : std::false_type {};
template <class Source>
struct SignedLaterIn<Source, std::enable_if_t<Source::signs_later>> : std::true_type {};

/// Whether the asynchronous transport that is to send the token requests of a client takes them.
template <class Parts> constexpr bool carries_tokens() noexcept {
    if constexpr (Parts::Plan::Chain::fetching == 0)
        return true;
    else
        return AsyncCall<typename Parts::Carrier, HttpRequest>::fits;
}

/// The fetch of a token source, whose requests go over the client's asynchronous transport.
///
/// What cannot be sent again goes on when the call was cancelled: the answer that comes then is
/// judged by whoever brings it, and until then the others wait for it. What blocks is done by the
/// executor of the store, on a signature and a report that are this fetch's own.
///
/// Call    an `Operation`.
/// Source  offers `Fetching<Report>`: `token::Source`, `token::SubjectSource`.
template <class Call, class Source> class FetchOf final : public AnyFetch {
    using FetchStep = token::FetchStep;
    using Fetching = typename Source::template Fetching<ExchangeReport>;
    using Token = detail::Plain<decltype(std::declval<Fetching&>().request().made.http)>;
    using Transport =
        detail::Plain<decltype(std::declval<const Call&>().core().exchange_transport())>;
    using Async = AsyncCall<Transport, Token>;
    using Answer = std::conditional_t<Async::known, typename Async::Answer, int>;
    using Exchange = Exchanger<Transport, typename Call::Service>;
    static constexpr bool outlives_call = OutlivesCall<Fetching>::value;
    static constexpr bool signs_later = SignedLaterIn<Source>::value;

    /// Reads the answer on the thread that brings it.
    struct Reader final : Receiver<Answer> {
        explicit Reader(FetchOf& waiting) noexcept : fetch(waiting) {}
        void keep() noexcept override { fetch.call_.keep(); }
        void drop() noexcept override { fetch.call_.drop(); }
        void answered(std::uint64_t turn, Answer* answer) override {
            if constexpr (Async::fits) {
                ExchangeAnswer told;
#if defined(__cpp_exceptions)
                std::exception_ptr error;
                try {
                    told = read(answer);
                } catch (...) {  // an answer that cannot be read ends the call, as one that broke
                    error = std::current_exception();
                }
                if (error) return failed(turn, std::move(error));
#else
                told = read(answer);
#endif
                fetch.answered(turn, std::move(told));
            }
        }
        void failed(std::uint64_t turn, std::exception_ptr error) override {
            if (!fetch.call_.exchange_threw(turn, error)) fetch.late(dropped_exchange());
        }
        static ExchangeAnswer read(Answer* answer) {
            return answer != nullptr ? Exchange::told(std::move(*answer)) : dropped_exchange();
        }
        FetchOf& fetch;
    };
    /// Hears of the job that the executor was given.
    struct JobReader final : Receiver<FetchStep> {
        explicit JobReader(FetchOf& waiting) noexcept : fetch(waiting) {}
        void keep() noexcept override { fetch.call_.keep(); }
        void drop() noexcept override { fetch.call_.drop(); }
        void answered(std::uint64_t turn, FetchStep* step) override {
            if (!fetch.call_.led(turn, step)) fetch.late({});
        }
        void failed(std::uint64_t turn, std::exception_ptr error) override {
            if (!fetch.call_.job_threw(turn, error)) fetch.late({});
        }
        FetchOf& fetch;
    };
    /// Obtains the token, on a thread that may block.
    struct Job {
        FetchOf* fetch;
        Completion<FetchStep> done;

        void operator()() const {
            Woken woken;
#if defined(__cpp_exceptions)
            FetchStep step = FetchStep::finish;
            std::exception_ptr error;
            try {
                step = fetch->obtain();
            } catch (...) {
                error = std::current_exception();
            }
            woken.thrown().by([&] {
                if (error)
                    done.fail(std::move(error));
                else
                    done(step);
            });
#else
            done(fetch->obtain());
#endif
            woken.thrown().pass_on();
        }
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
    /// `place`, `said`   of the call, for the end. To renew, `place` holds the signature that was
    ///                   refused.
    template <class Pin>
    FetchOf(Call& call, Source& source, Pin& place, bool renew, ExchangeReport& said)
        : reader_(*this),
          job_reader_(*this),
          signature_reader_(call),
          call_(call),
          place_(place),
          said_(said),
          pin_(std::move(place)),
          fetching_(fetching(source, pin_, renew, report_, call)) {}

    FetchStep start() override {
        auto&& clock = call_.core().clock();
        return fetching_.start(clock);
    }
    FetchStep woken() override {
        auto&& clock = call_.core().clock();
        return fetching_.woken(clock);
    }
    FetchStep waited() override {
        auto&& clock = call_.core().clock();
        return fetching_.waited(clock);
    }
    FetchStep answered(const ExchangeAnswer& answer) override {
        is_out_ = false;
        auto&& clock = call_.core().clock();
        return fetching_.answered(answer, clock);
    }
    FetchStep stopped() override {
        if (is_out_) return FetchStep::finish;
        auto&& clock = call_.core().clock();
        return fetching_.stopped(clock);
    }
    FetchStep signed_with([[maybe_unused]] std::string_view signature) override {
        if constexpr (signs_later)
            return fetching_.signed_with(signature);
        else
            return FetchStep::finish;
    }
    std::string_view authorization() override {
        return fetching_.request().made.authorization.expose();
    }
    Duration delay() override { return fetching_.delay(); }
    Fetched finish() override {
        if (is_out_) {
            said_ = ExchangeReport{};
            said_.cancelled = true;
            return Fetched::failed;
        }
        place_ = std::move(pin_);
        said_ = std::move(report_);
        return fetching_.outcome();
    }
    void hand_over() override {
        if (!is_out_) return fetching_.hand_over();
        call_.stay();
        if (is_met_.exchange(true, detail::Order::acq_rel)) settle_late();
    }
    void broken() noexcept override { is_out_ = false; }

    void sign(std::uint64_t turn) override {
        if constexpr (signs_later)
            fetching_.credential().sign(
                fetching_.request().made.signing_input,
                Completion<std::string>(Owner<Receiver<std::string>>(signature_reader_), turn));
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
            OnTheWay sending(is_out_, outlives_call);
            if constexpr (Async::with_attempt) {
                (void)transport(request.made.http, std::as_const(attempt_), completion);
            } else {
                copy_.set(request.made.http);
                if (!fields.authorization.empty())
                    RequestTraits<Token>::set_header(*copy_, attempt_.header(),
                                                     fields.authorization);
                (void)transport(*copy_, completion);
            }
            sending.has_begun = true;
        }
    }
    void lead([[maybe_unused]] std::uint64_t turn) override {
        if constexpr (Source::blocks) {
            Job job{this, Completion<FetchStep>(Owner<Receiver<FetchStep>>(job_reader_), turn)};
            OnTheWay running(is_out_, true);
            call_.core().executor()(std::move(job));
            running.has_begun = true;
        }
    }
    FetchStep led(const FetchStep* step) override {
        is_out_ = false;
        return step != nullptr ? *step : stopped();
    }

private:
    /// Something is on its way, unless what should begin it throws.
    struct OnTheWay {
        OnTheWay(bool& given, bool is_out) noexcept : flag(given) { flag = is_out; }
        OnTheWay(const OnTheWay&) = delete;
        OnTheWay& operator=(const OnTheWay&) = delete;
        ~OnTheWay() {
            if (!has_begun) flag = false;
        }
        bool& flag;
        bool has_begun = false;
    };

    static Fetching fetching(Source& source, token::Pin& pin, bool renew, ExchangeReport& report,
                             Call& call) {
        if constexpr (std::is_constructible_v<Fetching, Source&, token::Pin&, bool, ExchangeReport&,
                                              const detail::CallExtras&, detail::Waker*>)
            return Fetching(source, pin, renew, report, call.extras(), &call);
        else
            return Fetching(source, pin, renew, report, &call);
    }
    static ExchangeAnswer dropped_exchange() {
        ExchangeAnswer answer;
        answer.reach = Reach::sent_unanswered;
        answer.detail = "the transport dropped its callback without an answer";
        return answer;
    }
    void answered(std::uint64_t turn, ExchangeAnswer&& answer) {
        if (!call_.exchanged(turn, std::move(answer))) late(std::move(answer));
    }
    /// The call has ended before this came, or ends at this moment: whoever is second goes on.
    void late([[maybe_unused]] ExchangeAnswer&& answer) {
        if constexpr (outlives_call || Source::blocks) {
            late_ = std::move(answer);
            if (!is_met_.exchange(true, detail::Order::acq_rel)) return;
            Woken woken;
            settle_late();
            woken.thrown().pass_on();
        }
    }
    void settle_late() {
        if constexpr (outlives_call && !Source::blocks)
            Woken::by([this] {
                auto&& clock = call_.core().clock();
                if (fetching_.answered(late_, clock) != FetchStep::finish)
                    (void)fetching_.stopped(clock);
            });
        Woken::by([this] { fetching_.hand_over(); });
        Woken::by([this] { call_.part_over(); });
    }
    FetchStep obtain() {
        if constexpr (Source::blocks && Async::fits) {
            auto&& clock = call_.core().clock();
            const WaitingExchanger<Transport, typename Call::Service> exchanger{
                call_.core().exchange_transport()};
            return fetching_.lead(call_.extras(), exchanger, clock);
        } else {
            return FetchStep::finish;
        }
    }

    Reader reader_;
    JobReader job_reader_;
    SignatureReader signature_reader_;
    Call& call_;
    token::Pin& place_;
    ExchangeReport& said_;
    token::Pin pin_;
    ExchangeReport report_{};
    Fetching fetching_;
    Attempt attempt_{};
    detail::Maybe<std::conditional_t<Async::plain, Token, char>> copy_{};
    bool is_out_ = false;  // of whoever pumps: what goes on without the call is on its way
    detail::Atomic<bool> is_met_{false};
    ExchangeAnswer late_{};
};

}  // namespace driver
}  // namespace v0_1
}  // namespace rekey

#endif
