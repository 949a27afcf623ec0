// SPDX-License-Identifier: BSL-1.0
// Exchange: one request at a FakeCoze and the answer it is getting.
#ifndef REKEY_TESTING_FAKE_COZE_EXCHANGE_HPP
#define REKEY_TESTING_FAKE_COZE_EXCHANGE_HPP

#include <rekey/http.hpp>
#include <rekey/testing/fake_coze/ledger.hpp>
#include <rekey/testing/fake_coze/world.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace rekey {
inline namespace v0_1 {
namespace testing {
namespace fake {

/// What the Authorization header holds.
enum class Bearer : unsigned char { missing, malformed, present };

/// The service's usual words for a code. Source: coze-api §2.2, §5.
inline std::string_view usual_message(std::int64_t code) noexcept {
    switch (code) {
        case 4000: return "Request parameter error";
        case 4001: return "The chat does not exist, or you have no permission for it.";
        case 4002: return "The conversation does not exist, or you have no permission for it.";
        case 4005: return "The message does not exist, or you have no permission for it.";
        case 4006: return "The bot does not exist, or you have no permission for it.";
        case 4007: return "auto_save_history must be true when stream is false.";
        case 4015: return "The bot_id has not been published to the channel Agent As API.";
        case 4016: return "A chat is already running in this conversation.";
        case 4100: return "authentication is invalid";
        case 4101:
            return "The token you entered is incorrect or lacks the permission for this resource.";
        case 4104: return "The chat cannot be cancelled in its present state.";
        case 4200:
            return "The requested resource does not exist, or was not created by this account.";
        case 4314: return "The execution record does not exist.";
        case 5000: return "Internal error";
        case 700012006: return "access token invalid";
        default: return "The request was refused.";
    }
}

class Exchange {
public:
    Exchange(const HttpRequest& received, std::int64_t time)
        : request(received), target(received.url), now(time) {
        std::string_view value = find_header(request.headers, "Authorization");
        if (value.empty()) return;
        constexpr std::string_view scheme = "Bearer";
        bearer_kind = Bearer::malformed;
        if (!same_header_name(value.substr(0, scheme.size()), scheme)) return;
        value.remove_prefix(scheme.size());
        if (!value.empty() && value.front() != ' ') return;
        // A bearer with nothing behind it is what some clients send for "no secret" (§3.1).
        value = trimmed(value);
        bearer_kind = value.empty() ? Bearer::missing : Bearer::present;
        bearer = value;
    }

    const HttpRequest& request;
    Target target;
    std::int64_t now;
    Bearer bearer_kind = Bearer::missing;
    std::string bearer{};
    const Token* token = nullptr;  ///< The living token of this request.
    std::string logid{};
    HttpResponse response{};
    FakeRecord record{};
    bool stream = false;

    std::string_view method() const noexcept { return request.method; }
    const std::string& body() const noexcept { return request.body; }
    bool is_read() const noexcept { return method() == "GET" || method() == "HEAD"; }

    void respond(std::int64_t http, std::string text, std::string_view type = "application/json") {
        response.status = static_cast<int>(http);
        HttpHeaders headers;
        detail::add_header(headers, "Content-Type", std::string{type});
        detail::add_header(headers, "X-Tt-Logid", logid);
        response.headers = std::move(headers);
        response.body = std::move(text);
    }

    /// `{"code":0,"msg":"","data":…,"detail":{"logid":…}}`; `beside` are members next to data.
    void data(std::string_view json, std::string_view beside = {}) {
        std::string text = "{\"code\":0,\"msg\":\"\",\"data\":";
        text += json;
        text += beside;
        respond(200, text + ",\"detail\":" + Object{}.text("logid", logid).done() + "}");
    }

    void refuse(const FakeRefusal& refusal) {
        const std::string message =
            refusal.message.empty() ? std::string{usual_message(refusal.code)} : refusal.message;
        record.code = refusal.code;
        if (refusal.code == 0)
            return respond(refusal.http_status, Object{}.text("message", message).done());
        respond(refusal.http_status, Object{}
                                         .number("code", refusal.code)
                                         .text("msg", message)
                                         .raw("detail", Object{}.text("logid", logid).done())
                                         .done());
    }

    void refuse(std::int64_t code, std::int64_t http, std::string message = {}) {
        refuse(FakeRefusal{code, http, std::move(message)});
    }

    /// A token endpoint's no. Source: coze-api §3.6.
    void oauth_error(std::int64_t http, std::string_view word, const std::string& message,
                     FakeErrorShape shape) {
        record.word = word;
        if (shape == FakeErrorShape::envelope) return refuse(4101, http, message);
        Object error;
        if (shape == FakeErrorShape::device)
            error.text("error", word).text("error_description", message);
        else
            error.text("error_code", word).text("error_message", message).text("error", word);
        respond(http, error.done());
    }

    void page(std::int64_t http, const std::string& inner) {
        respond(http,
                "<!DOCTYPE html><html><head><title>Coze</title></head><body>" + inner +
                    "</body></html>\n",
                "text/html; charset=utf-8");
    }

    void redirect(std::string where) {
        respond(302, {}, "text/plain");
        detail::add_header(response.headers, "Location", std::move(where));
    }
};

}  // namespace fake
}  // namespace testing
}  // namespace v0_1
}  // namespace rekey

#endif
