// SPDX-License-Identifier: BSL-1.0
// Recorder: a transport around another one that remembers what was sent and what came of it.
#ifndef REKEY_TESTING_RECORDER_HPP
#define REKEY_TESTING_RECORDER_HPP

#include <rekey/attempt.hpp>
#include <rekey/driver/transport_call.hpp>
#include <rekey/http.hpp>
#include <rekey/response.hpp>
#include <rekey/testing/script.hpp>
#include <rekey/transport.hpp>

#include <cstddef>
#include <mutex>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace rekey {
inline namespace v0_1 {
namespace testing {

namespace recording {

/// All headers of a message whose type lists them; else those that rekey itself would ask for.
template <class Message> HttpHeaders listed_headers([[maybe_unused]] const Message& message) {
    HttpHeaders list;
    if constexpr (rekey::detail::HasHeadersMember<Message>::value) {
        for (const auto& field : message.headers) {
            using Field = std::decay_t<decltype(field)>;
            if constexpr (rekey::detail::HasPairFields<Field>::value)
                list.push_back({std::string(field.first), std::string(field.second)});
            else if constexpr (rekey::detail::HasNameFields<Field>::value)
                list.push_back({std::string(field.name), std::string(field.value)});
        }
    }
    return list;
}
template <class Response> HttpHeaders headers_of(const Response& response) {
    HttpHeaders list = listed_headers(response);
    if constexpr (!rekey::detail::HasHeadersMember<Response>::value)
        for (const char* const name :
             {"Content-Type", "Date", "Retry-After", "WWW-Authenticate", "X-Tt-Logid"})
            if (const auto value = rekey::detail::Reads<Response>::header(response, name);
                !value.empty())
                list.push_back({name, std::string(value)});
    return list;
}

}  // namespace recording

/// One send as a recorder saw it. Its secrets are as they were on the wire; printing shows none.
struct RecordedSend : ScriptedSend {
    RecordedSend() = default;
    template <class Request>
    RecordedSend(const Request& request, const Attempt& attempt)
        : ScriptedSend(ScriptedSend::of(request, attempt)),
          headers(recording::listed_headers(request)) {}

    HttpHeaders headers{};  ///< Those of the request itself, without the credential's.
    bool answered = false;
    HttpResponse response{};  ///< If `answered`; headers as far as its type lists them.
    TransportError error{};   ///< If not.
};

/// Remembers every send of any transport: `Recorder http{curl}; Client client{http, …};`
///
/// Transport  as of `rekey::Client`, of either shape and any response; an lvalue is borrowed. A
///            send that the transport ends by an exception is kept as one without an answer.
/// Threads    any, as the transport. `sends()` gives a copy, in the order in which they ended.
/// Not copied: a client borrows it.
template <class Transport> class Recorder {
    using Bare = rekey::detail::Plain<Transport>;

public:
    // What the transport promises, it promises through a recorder too.
    static constexpr bool follows_redirects =
        rekey::detail::follows_redirects<typename rekey::detail::Lent<Bare>::type>();
    static constexpr bool vouches_for_whole_bodies =
        rekey::detail::vouches_for_whole_bodies<Bare>();

    explicit Recorder(Transport&& transport) : transport_(std::forward<Transport>(transport)) {}
    Recorder(const Recorder&) = delete;
    Recorder& operator=(const Recorder&) = delete;

    template <class Request,
              class = std::enable_if_t<rekey::detail::TransportCall<Bare, Request>::fits>>
    auto operator()(const Request& request, const Attempt& attempt) {
        using Call = rekey::detail::TransportCall<Bare, Request>;
        Kept kept{*this, RecordedSend(request, attempt)};
        kept.send.error.detail = "the transport ended this send by an exception";
        typename Call::Answer answer = pass_on(request, attempt);
        kept.send.error.detail.clear();
        if constexpr (rekey::detail::IsExpectedLike<typename Call::Answer>::value) {
            if (answer.has_value()) {
                kept.take(rekey::detail::value_in(answer));
            } else {
                auto failure = answer.error();
                kept.send.error = rekey::detail::transport_error(std::move(failure));
            }
        } else {
            kept.take(answer);
        }
        return answer;
    }

    std::vector<RecordedSend> sends() const {
        const std::lock_guard<std::mutex> lock(mutex_);
        return sends_;
    }

private:
    /// Kept when it goes, be it by an exception of the transport.
    struct Kept {
        Recorder& recorder;
        RecordedSend send;

        Kept(Recorder& where, RecordedSend what) : recorder(where), send(std::move(what)) {}
        Kept(const Kept&) = delete;
        Kept& operator=(const Kept&) = delete;
        ~Kept() {
            const std::lock_guard<std::mutex> lock(recorder.mutex_);
            recorder.sends_.push_back(std::move(send));
        }
        template <class Response> void take(const Response& response) {
            using Reads = rekey::detail::Reads<Response>;
            send.answered = true;
            send.response = {Reads::status(response), recording::headers_of(response),
                             std::string(Reads::body(response)), Reads::delivered(response)};
        }
    };

    template <class Request> auto pass_on(const Request& request, const Attempt& attempt) {
        if constexpr (rekey::detail::TransportCall<Bare, Request>::with_attempt) {
            return transport_(request, attempt);
        } else {
            Request copy = request;
            if constexpr (rekey::detail::Asks<Request>::can_set_header) {
                using Traits = RequestTraits<Request>;
                if (!attempt.authorization().empty())
                    Traits::set_header(copy, attempt.header(), attempt.authorization());
                if (const auto key = attempt.idempotency_key();
                    !key.empty() && !rekey::detail::Asks<Request>::has_header(copy, key_header))
                    Traits::set_header(copy, key_header, key);
            }
            return transport_(copy);
        }
    }
    static constexpr std::string_view key_header = "Idempotency-Key";

    Transport transport_;
    mutable std::mutex mutex_{};
    std::vector<RecordedSend> sends_{};
};
template <class Given> Recorder(Given&&) -> Recorder<Given>;

}  // namespace testing
}  // namespace v0_1
}  // namespace rekey

#endif
