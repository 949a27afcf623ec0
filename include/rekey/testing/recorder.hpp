// SPDX-License-Identifier: BSL-1.0
// Recorder: a transport around another one that remembers what was sent and what came of it.
#ifndef REKEY_TESTING_RECORDER_HPP
#define REKEY_TESTING_RECORDER_HPP

#include <rekey/attempt.hpp>
#include <rekey/detail/atomic.hpp>
#include <rekey/detail/detect.hpp>
#include <rekey/driver/completion.hpp>
#include <rekey/driver/transport_call.hpp>
#include <rekey/http.hpp>
#include <rekey/response.hpp>
#include <rekey/testing/script.hpp>
#include <rekey/transport.hpp>

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace rekey {
inline namespace v0_1 {
namespace testing {

namespace recording {

template <class Response> HttpHeaders headers_of(const Response& response) {
    HttpHeaders list = listed_headers(response);
    if constexpr (!rekey::detail::HasHeadersMember<Response>::value)
        for (const char* const name :
             {"Content-Type", "Date", "Retry-After", "WWW-Authenticate", "X-Tt-Logid"})
            if (const auto value = rekey::detail::Reads<Response>::header(response, name);
                !value.empty())
                rekey::detail::add_header(list, name, std::string(value));
    return list;
}

}  // namespace recording

/// One send as a recorder saw it. Its secrets are as they were on the wire; printing shows none.
struct RecordedSend : ScriptedSend {
    RecordedSend() = default;
    template <class Request>
    RecordedSend(const Request& request, const Attempt& attempt)
        : ScriptedSend(ScriptedSend::of(request, attempt)) {}

    bool answered = false;
    HttpResponse response{};  ///< If `answered`; headers as far as its type lists them.
    TransportError error{};   ///< If not.
};

namespace recording {

/// Of a send that ended in an exception, which ends a call: nothing is sent again.
inline TransportError ended_by_exception() {
    return {Reach::sent_unanswered, "the transport ended this send by an exception",
            TransportVerdict::lasting};
}

/// Puts what a transport answered with into a send.
template <class Answer> void tell(RecordedSend& send, Answer& answer) {
    if constexpr (rekey::detail::IsExpectedLike<Answer>::value) {
        if (!answer.has_value()) {
            auto failure = answer.error();
            send.error = rekey::detail::transport_error(std::move(failure));
            return;
        }
        tell(send, rekey::detail::value_in(answer));
    } else {
        using Reads = rekey::detail::Reads<Answer>;
        HttpResponse response;
        response.status = Reads::status(answer);
        response.headers = headers_of(answer);
        response.body = std::string(Reads::body(answer));
        response.delivered = Reads::delivered(answer);
        send.error = {};
        send.answered = true;
        send.response = std::move(response);
    }
}

/// The sends of a recorder. An asynchronous transport may bring an answer when that has gone.
struct Log {
    void keep(RecordedSend&& send) {
        expect();
        keep_expected(std::move(send));
    }
    /// Makes room for one more; `keep_expected` then needs no memory.
    void expect() {
        const std::lock_guard<std::mutex> lock(mutex);
        const std::size_t needed = sends.size() + expected + 1;
        if (sends.capacity() < needed) sends.reserve(2 * needed);
        ++expected;
    }
    void keep_expected(RecordedSend&& send) noexcept {
        const std::lock_guard<std::mutex> lock(mutex);
        --expected;
        sends.push_back(std::move(send));
    }
    mutable std::mutex mutex{};
    std::vector<RecordedSend> sends{};
    std::size_t expected = 0;
};

/// Whether a transport calls back, and whether with a request alone.
template <class Transport, class Request>
struct CallsBack : std::bool_constant<driver::AsyncCall<Transport, Request>::fits> {};
template <class Transport, class Request>
struct CallsBackPlainly : std::bool_constant<driver::AsyncCall<Transport, Request>::plain> {};
/// Whether it blocks; it may be both. One that is called with a request and a callback is not asked
/// whether it takes an attempt in its place: its parameter may be an `auto`.
template <class Transport, class Request>
struct Returns : std::bool_constant<rekey::detail::TransportCall<Transport, Request>::fits> {};
template <class Transport, class Request>
using Blocks = std::conjunction<std::negation<CallsBackPlainly<Transport, Request>>,
                                Returns<Transport, Request>>;

REKEY_DETECT(CanFail, Done, std::declval<Done&>().fail(std::exception_ptr()))
REKEY_DETECT(CanAbandon, Done, std::declval<Done&>().abandon())

/// Waits for the answer to one send in the place of who asked, and passes it on.
template <class Request, class Answer, class Done>
class Waiting final : public driver::Receiver<Answer> {
public:
    Waiting(std::shared_ptr<Log> log, const Request& request, const Attempt& attempt, Done&& done)
        : log_(std::move(log)), send_(request, attempt), done_(std::move(done)) {}

    void keep() noexcept override { owners_.fetch_add(1, rekey::detail::Order::relaxed); }
    void drop() noexcept override {
        if (owners_.fetch_sub(1, rekey::detail::Order::acq_rel) == 1) delete this;
    }
    void answered(std::uint64_t, Answer* answer) override {
        is_told_ = true;
        if (answer == nullptr)
            return end_without({Reach::sent_unanswered,
                                "the transport ended this send without an answer",
                                TransportVerdict::passing});
        tell(send_, *answer);
        log_->keep(std::move(send_));
        done_(std::move(*answer));
    }
    void failed(std::uint64_t, std::exception_ptr error) override {
        is_told_ = true;
        end_without(ended_by_exception());
        if constexpr (CanFail<Done>::value) done_.fail(std::move(error));
    }

    /// Lives until the transport has let go of its callback: it may look at it until then.
    std::optional<Request> copy{};

private:
    /// A transport that abandons its callback abandons the one that it does not know.
    ~Waiting() {
        if constexpr (CanAbandon<Done>::value)
            if (!is_told_) done_.abandon();
    }
    void end_without(TransportError why) {
        send_.error = std::move(why);
        log_->keep(std::move(send_));
    }

    std::shared_ptr<Log> log_;
    RecordedSend send_;
    Done done_;
    bool is_told_ = false;
    rekey::detail::Atomic<unsigned> owners_{1};
};

}  // namespace recording

/// Remembers every send of any transport: `Recorder http{curl}; Client client{http, …};`
///
/// Transport  as of `rekey::Client`, of either shape and any response, or as of
///            `driver::callback::Client`; an lvalue is borrowed. A send that the transport ends by
///            an exception, or whose callback it drops, is kept as one without an answer.
/// Threads    any, as the transport. `sends()` gives a copy, in the order in which they ended.
/// Not copied: a client borrows it. An answer may come when it has gone.
template <class Transport> class Recorder {
    using Bare = rekey::detail::Plain<Transport>;

public:
    // What the transport promises, it promises through a recorder too.
    static constexpr bool follows_redirects =
        rekey::detail::follows_redirects<typename rekey::detail::Lent<Bare>::type>();
    static constexpr bool vouches_for_whole_bodies =
        rekey::detail::vouches_for_whole_bodies<Bare>();
    /// What an asynchronous transport answers with, for the client.
    template <class Request> struct AnswerTo {
        using type = typename driver::AsyncCall<Bare, Request>::Answer;
    };

    explicit Recorder(Transport&& transport) : transport_(std::forward<Transport>(transport)) {}
    Recorder(const Recorder&) = delete;
    Recorder& operator=(const Recorder&) = delete;

    template <class Request, class = std::enable_if_t<recording::Blocks<Bare, Request>::value>>
    auto operator()(const Request& request, const Attempt& attempt) {
        using Call = rekey::detail::TransportCall<Bare, Request>;
        Kept kept{*log_, RecordedSend(request, attempt)};
        kept.send.error = recording::ended_by_exception();
        typename Call::Answer answer = pass_on(request, attempt);
        recording::tell(kept.send, answer);
        return answer;
    }
    /// The same for a transport that calls back. Returns what it returns.
    template <class Request, class Done,
              class = std::enable_if_t<recording::CallsBack<Bare, Request>::value>>
    auto operator()(const Request& request, const Attempt& attempt, Done done) {
        using Call = driver::AsyncCall<Bare, Request>;
        using Answer = typename Call::Answer;
        using Waiting = recording::Waiting<Request, Answer, Done>;
        const auto waiting =
            driver::Owner<Waiting>::of_new(new Waiting(log_, request, attempt, std::move(done)));
        driver::Completion<Answer> callback(driver::Owner<driver::Receiver<Answer>>(waiting), 0);
        if constexpr (Call::with_attempt) {
            return transport_(request, attempt, std::move(callback));
        } else {
            waiting->copy.emplace(signed_copy(request, attempt));
            return transport_(*waiting->copy, std::move(callback));
        }
    }

    std::vector<RecordedSend> sends() const {
        const std::lock_guard<std::mutex> lock(log_->mutex);
        return log_->sends;
    }

private:
    /// Kept when it goes, be it by an exception of the transport.
    struct Kept {
        recording::Log& log;
        RecordedSend send;

        Kept(recording::Log& where, RecordedSend what) : log(where), send(std::move(what)) {
            log.expect();
        }
        Kept(const Kept&) = delete;
        Kept& operator=(const Kept&) = delete;
        ~Kept() { log.keep_expected(std::move(send)); }
    };

    template <class Request> auto pass_on(const Request& request, const Attempt& attempt) {
        if constexpr (rekey::detail::TransportCall<Bare, Request>::with_attempt) {
            return transport_(request, attempt);
        } else {
            Request copy = signed_copy(request, attempt);
            return transport_(copy);
        }
    }
    template <class Request>
    static Request signed_copy(const Request& request, [[maybe_unused]] const Attempt& attempt) {
        Request copy = request;
        if constexpr (rekey::detail::Asks<Request>::can_set_header) {
            using Traits = RequestTraits<Request>;
            if (!attempt.authorization().empty())
                Traits::set_header(copy, attempt.header(), attempt.authorization());
            if (const auto key = attempt.idempotency_key();
                !key.empty() && !rekey::detail::Asks<Request>::has_header(copy, key_header))
                Traits::set_header(copy, key_header, key);
        }
        return copy;
    }
    static constexpr std::string_view key_header = "Idempotency-Key";

    Transport transport_;
    std::shared_ptr<recording::Log> log_ = std::make_shared<recording::Log>();
};
template <class Given> Recorder(Given&&) -> Recorder<Given>;

}  // namespace testing
}  // namespace v0_1
}  // namespace rekey

#endif
