// SPDX-License-Identifier: BSL-1.0
// Script: a transport that answers what the test says and remembers what it was sent.
#ifndef REKEY_TESTING_SCRIPT_HPP
#define REKEY_TESTING_SCRIPT_HPP

#include <rekey/attempt.hpp>
#include <rekey/body/json_writer.hpp>
#include <rekey/http.hpp>
#include <rekey/response.hpp>
#include <rekey/transport.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace rekey {
inline namespace v0_1 {
namespace testing {

namespace recording {

/// Adds a header, once for each of its values.
template <class Value>
void add_header(HttpHeaders& list, std::string_view name, const Value& value) {
    if constexpr (rekey::detail::HoldsTexts<Value>::value && !rekey::detail::is_text<Value>) {
        for (const auto& each : value)
            rekey::detail::add_header(list, std::string(name),
                                      std::string(rekey::detail::text_in(each)));
    } else {
        rekey::detail::add_header(list, std::string(name),
                                  std::string(rekey::detail::field_text(value)));
    }
}
/// All headers of a message whose type lists them; else those that rekey itself would ask for.
template <class Message> HttpHeaders listed_headers([[maybe_unused]] const Message& message) {
    HttpHeaders list;
    if constexpr (rekey::detail::HasHeadersMember<Message>::value) {
        for (const auto& field : message.headers) {
            using Field = std::decay_t<decltype(field)>;
            if constexpr (rekey::detail::HasPairFields<Field>::value)
                add_header(list, rekey::detail::text_in(field.first), field.second);
            else if constexpr (rekey::detail::HasNameFields<Field>::value)
                add_header(list, rekey::detail::text_in(field.name), field.value);
        }
    }
    return list;
}

}  // namespace recording

/// One send as the script saw it. `authorization` is a test's own token; it is never printed.
struct ScriptedSend {
    std::string method{};
    std::string url{};
    HttpHeaders headers{};  ///< Those of the request itself, without the credential's.
    std::string body{};
    std::string header{};
    std::string authorization{};
    std::string credential{};
    std::string idempotency_key{};
    unsigned number = 0;
    Duration timeout{0};

    template <class Request>
    static ScriptedSend of(const Request& request, const Attempt& attempt) {
        ScriptedSend send;
        send.method = std::string(rekey::detail::Asks<Request>::method(request));
        send.url = std::string(rekey::detail::Asks<Request>::url(request));
        send.headers = recording::listed_headers(request);
        if constexpr (rekey::detail::HasBodyMember<Request>::value)
            send.body = std::string(std::string_view(request.body));
        send.header = std::string(attempt.header());
        send.authorization = std::string(attempt.authorization());
        send.credential = std::string(attempt.credential());
        send.idempotency_key = std::string(attempt.idempotency_key());
        send.number = attempt.number();
        send.timeout = attempt.timeout();
        return send;
    }
};

/// Answers in order: `Script script; script.then(401, 4101).then(200);`
///
/// A send beyond the script fails with a sentence that says so, and is never repeated.
/// Not copied: a `Client` borrows it, so that the test can ask it afterwards. One thread at a time.
class Script {
public:
    Script() = default;
    Script(const Script&) = delete;
    Script& operator=(const Script&) = delete;

    /// An answer without a code: `{"code":0,…}` for 200, HTTP alone for anything else.
    Script& then(int status) {
        if (status >= 200 && status < 300) return then(status, 0);
        return then(HttpResponse{status, {}, {}, false});
    }
    /// An answer with a service code in a JSON body.
    Script& then(int status, std::int64_t code, std::string_view message = {}) {
        body::JsonWriter quoted;
        quoted.value(message);
        std::string text = std::move(quoted).text();
        if (text.empty()) text = '"' + std::string(message) + '"';  // no UTF-8: as it stands
        HttpResponse answer;
        answer.status = status;
        rekey::detail::add_header(answer.headers, "Content-Type", "application/json");
        rekey::detail::add_header(answer.headers, "X-Tt-Logid",
                                  "log-" + std::to_string(steps_.size() + 1));
        answer.body = "{\"code\":" + std::to_string(code) + ",\"msg\":" + text +
                      (code == 0 ? ",\"data\":{}}" : "}");
        return then(std::move(answer));
    }
    Script& then(HttpResponse response) {
        steps_.push_back({std::move(response), {}, true});
        return *this;
    }
    /// No answer: `then(TransportError{Reach::never_sent, "refused"})`.
    Script& then(TransportError error) {
        steps_.push_back({{}, std::move(error), false});
        return *this;
    }

    template <class Request>
    TransportResult<HttpResponse> operator()(const Request& request, const Attempt& attempt) {
        sends_.push_back(ScriptedSend::of(request, attempt));
        const std::size_t index = sends_.size() - 1;
        if (index >= steps_.size())
            return TransportError{Reach::never_sent,
                                  "the script has " + std::to_string(steps_.size()) +
                                      " answers and this is send " + std::to_string(index + 1),
                                  TransportVerdict::lasting};
        if (!steps_[index].answered) return steps_[index].error;
        return steps_[index].response;
    }

    /// What was sent so far.
    const std::vector<ScriptedSend>& sends() const noexcept { return sends_; }
    /// How many answers were not asked for.
    std::size_t left() const noexcept {
        return sends_.size() < steps_.size() ? steps_.size() - sends_.size() : 0;
    }

private:
    struct Step {
        HttpResponse response{};
        TransportError error{};
        bool answered = true;
    };
    std::vector<Step> steps_{};
    std::vector<ScriptedSend> sends_{};
};

/// The same under the name that reads as a word in a test: `testing::script http;`
using script = Script;

}  // namespace testing
}  // namespace v0_1
}  // namespace rekey

#endif
