// SPDX-License-Identifier: BSL-1.0
// Resumable: a refused request that waits until its user has authorized.
#ifndef REKEY_RESUMABLE_HPP
#define REKEY_RESUMABLE_HPP

#include <rekey/detail/maybe.hpp>
#include <rekey/extras.hpp>
#include <rekey/result.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace rekey {
inline namespace v0_1 {

/// An authorization that has begun, or why it could not.
struct [[nodiscard]] AuthorizationBegin {
    AuthorizationRequest request{};
    std::string problem{};  ///< A sentence for people; empty if `request` is there.

    explicit operator bool() const noexcept { return problem.empty(); }
};

/// How an authorization that was handed over ended.
struct [[nodiscard]] AuthorizationEnd {
    bool is_authorized = false;
    ErrorKind kind = ErrorKind::authorization_denied;  ///< If not.
    std::string message{};                             ///< For people, no secret: why not.
    std::string log_id{};                              ///< Of the token endpoint, if it said one.
    std::string subject{};    ///< Whose authorization it was; empty if nobody can tell.
    std::string return_to{};  ///< The path that `begin_authorization` was given, or empty.
    std::string flow{};       ///< `AuthorizationRequest::flow` of its beginning.
    std::string url{};        ///< Device whose code has expired: its page, to begin again.

    explicit operator bool() const noexcept { return is_authorized; }
};

/// The request of a call that ended with `authorization_needed`, to be finished by `client.resume`.
///
/// A client keeps one in memory by itself (`client.resume<Request>(…)`); take this where another
/// process may get the callback. It holds no token, code, state or verifier. `flow` ties it to one
/// authorization in one browser: `resume` refuses it together with the callback of any other.
/// Whoever can change the packed text can change the request: keep it on the server, or sign it.
///
/// Example   `Resumable waiting{request, result, Subject{user}};`
///           `session.put(waiting.pack([](const Request& r) { return r.body; }));`
template <class Request> struct Resumable {
    Request request;
    std::string flow{};     ///< Of `result.authorization()`.
    std::string subject{};  ///< The user whose request it is.
    bool idempotent = false;
    std::string idempotency_key{};

    /// The same request and extras that were sent; `Binding` and `SameCredentialAs` do not count.
    template <class Response, class... Extras>
    Resumable(Request sent, const Result<Response>& result, const Extras&... extras)
        : request(std::move(sent)), flow(result.authorization().flow) {
        detail::CallExtras sorted;
        (sorted.take(extras), ...);
        take(sorted);
    }
    Resumable(Request sent, std::string flow_name, const detail::CallExtras& extras)
        : request(std::move(sent)), flow(std::move(flow_name)) {
        take(extras);
    }

    /// One text of everything. `pack_request` turns the request into a text of any bytes.
    template <class Pack> std::string pack(Pack&& pack_request) const {
        std::string text(version);
        add(text, flow);
        add(text, subject);
        add(text, idempotent ? "i" : "");
        add(text, idempotency_key);
        add(text, std::string(pack_request(request)));
        return text;
    }
    /// The value that was packed, or nothing if the text is none or of another version.
    /// `unpack_request` makes a request of the text that `pack_request` made of it.
    template <class Unpack>
    static detail::Maybe<Resumable> unpack(std::string_view text, Unpack&& unpack_request) {
        std::string_view fields[5];
        detail::Maybe<Resumable> found;
        if (text.substr(0, version.size()) != version) return found;
        text.remove_prefix(version.size());
        for (std::string_view& field : fields)
            if (!take_field(text, field)) return found;
        if (!text.empty()) return found;
        detail::CallExtras extras;
        extras.subject = fields[1];
        extras.idempotent = !fields[2].empty();
        extras.idempotency_key = fields[3];
        found.set(Resumable(unpack_request(fields[4]), std::string(fields[0]), extras));
        return found;
    }

private:
    static constexpr std::string_view version = "rekey-resumable-1:";

    void take(const detail::CallExtras& extras) {
        subject = std::string(extras.subject);
        idempotent = extras.idempotent;
        idempotency_key = std::string(extras.idempotency_key);
    }
    /// Each field with its length in front, so that no field can run into the next.
    static void add(std::string& text, std::string_view field) {
        text += std::to_string(field.size());
        text += ':';
        text += field;
    }
    static bool take_field(std::string_view& text, std::string_view& field) noexcept {
        std::size_t size = 0;
        std::size_t digits = 0;
        while (digits != text.size() && text[digits] >= '0' && text[digits] <= '9') {
            if (digits == 10) return false;
            size = size * 10 + static_cast<std::size_t>(text[digits] - '0');
            ++digits;
        }
        if (digits == 0 || digits == text.size() || text[digits] != ':') return false;
        text.remove_prefix(digits + 1);
        if (size > text.size()) return false;
        field = text.substr(0, size);
        text.remove_prefix(size);
        return true;
    }
};

template <class Request, class Response, class... Extras>
Resumable(Request, const Result<Response>&, const Extras&...) -> Resumable<Request>;

namespace detail {

/// Makes a call the one that is sent again for a user who has just authorized.
template <class Request> struct ResumedCall {
    const Resumable<Request>& waiting;
    std::string_view subject;

    void add_to(CallExtras& extras) const noexcept {
        extras.subject = subject;
        extras.idempotency_key = waiting.idempotency_key;
        extras.idempotent = waiting.idempotent;
        extras.reauthorized = true;
    }
};

}  // namespace detail

}  // namespace v0_1
}  // namespace rekey

#endif
