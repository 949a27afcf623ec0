// SPDX-License-Identifier: BSL-1.0
// wire: what every transport of an HttpRequest checks and decides alike, whatever library sends.
#ifndef REKEY_WIRE_HPP
#define REKEY_WIRE_HPP

#include <rekey/attempt.hpp>
#include <rekey/body/json.hpp>
#include <rekey/http.hpp>
#include <rekey/transport.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace rekey {
inline namespace v0_1 {
namespace wire {

/// A token of RFC 9110 §5.6.2: a method or a field name.
inline bool is_token(std::string_view text) noexcept {
    constexpr std::string_view marks = "!#$%&'*+-.^_`|~";
    for (const char c : text) {
        const bool alphanumeric =
            (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        if (!alphanumeric && marks.find(c) == std::string_view::npos) return false;
    }
    return !text.empty();
}

/// A field value without control characters: no CR, LF or NUL can end it early (RFC 9110 §5.5).
inline bool is_field_value(std::string_view text) noexcept {
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if ((byte < 0x20 && c != '\t') || byte == 0x7F) return false;
    }
    return true;
}

/// Without the white space around it.
inline std::string_view trimmed(std::string_view text) noexcept {
    constexpr std::string_view space = " \t\r\n";
    const std::size_t first = text.find_first_not_of(space);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(space) - first + 1);
}

/// Overwrites a text that may hold a credential. `volatile` keeps the optimiser from dropping it.
inline void wipe(std::string& text) noexcept {
    volatile char* const bytes = text.data();
    for (std::size_t i = 0; i != text.size(); ++i) bytes[i] = 0;
    text.clear();
}

/// A request that must not be sent as it is; another attempt meets the same.
inline TransportError refused(std::string detail) {
    return {Reach::never_sent, std::move(detail), TransportVerdict::lasting};
}

inline bool has_header(const HttpRequest& request, std::string_view name) noexcept {
    for (const HttpHeader& header : request.headers)
        if (same_header_name(header.name, name)) return true;
    return false;
}

/// Whether a request with that method frames a body even if it is empty (RFC 9110 §8.6).
inline bool expects_body(std::string_view method) noexcept {
    return method == "POST" || method == "PUT" || method == "PATCH";
}

/// What is wrong with the method or a header of the request, of the attempt or of its key; null if
/// nothing is. No text quotes the request. `idempotency_header` is empty if no key is sent.
inline const char* fault_of(const HttpRequest& request, const Attempt& attempt,
                            std::string_view idempotency_header) {
    if (!is_token(request.method) || request.method == "CONNECT")
        return "the method cannot be sent";
    if (request.method == "HEAD" && !request.body.empty()) return "a HEAD request has no body";
    const bool is_signed = !attempt.authorization().empty();
    for (const HttpHeader& header : request.headers) {
        if (!is_token(header.name)) return "a header name is no token";
        if (!is_field_value(header.value)) return "a header value holds a control character";
        if (is_signed && same_header_name(header.name, attempt.header()))
            return "the request already has the header that carries the credential";
        if (same_header_name(header.name, "Transfer-Encoding") ||
            same_header_name(header.name, "Expect"))
            return "the transport frames the body: Transfer-Encoding and Expect are its own";
        if (same_header_name(header.name, "Content-Length") &&
            trimmed(header.value) != std::to_string(request.body.size()))
            return "the request has a Content-Length that is not its body's";
    }
    if (is_signed && (!is_token(attempt.header()) || !is_field_value(attempt.authorization())))
        return "the credential or its header holds a character that no header may hold";
    const std::string_view key = attempt.idempotency_key();
    if (!idempotency_header.empty() && !key.empty() &&
        (!is_token(idempotency_header) || !is_field_value(key)))
        return "the idempotency key or its header holds a character that no header may hold";
    return nullptr;
}

/// The request target in origin form (RFC 9112 §3.2.1), of an `oauth::Url`: as they are written,
/// without the fragment. A query without data is none; one without text is a `?` alone.
inline std::string target_of(std::string_view path, std::string_view query) {
    std::string target(path.empty() ? std::string_view("/") : path);
    if (query.data() != nullptr) target.append("?").append(query);
    return target;
}

/// Calls `add(name, value)` for each header of a request without a fault: the credential first,
/// then its own without `Content-Length`, then the idempotency key unless it has one.
template <class Add>
void each_header(const HttpRequest& request, const Attempt& attempt,
                 std::string_view idempotency_header, Add add) {
    if (!attempt.authorization().empty()) add(attempt.header(), attempt.authorization());
    for (const HttpHeader& header : request.headers)
        if (!same_header_name(header.name, "Content-Length"))
            add(std::string_view(header.name), trimmed(header.value));
    const std::string_view key = attempt.idempotency_key();
    if (!idempotency_header.empty() && !key.empty() && !has_header(request, idempotency_header))
        add(idempotency_header, key);
}

/// How the end of an answer's body is marked (RFC 9112 §6.3).
enum class Framing : unsigned char {
    whole,         ///< By its length, its chunks, or because there is none.
    open,          ///< By nothing but the closed connection (HTTP/1.0): see `ends_itself`.
    contradictory  ///< By two lengths that differ, or by one that is no number of bytes.
};

/// Whether a Content-Length is one number of bytes, which may stand there several times (RFC 9110
/// §8.6), the same as `length` unless that is empty; then it becomes it.
inline bool is_one_length(std::string_view value, std::string_view& length) noexcept {
    constexpr std::size_t most_digits = 18;  // which always fit; libraries read more as less
    for (;;) {
        const std::size_t comma = value.find(',');
        const std::string_view one = trimmed(value.substr(0, comma));
        if (one.find_first_not_of("0123456789") != std::string_view::npos) return false;
        if (one.empty() || one.size() > most_digits) return false;
        if (!length.empty() && length != one) return false;
        length = one;
        if (comma == std::string_view::npos) return true;
        value.remove_prefix(comma + 1);
    }
}

/// The framing of an answer to a request of that method.
inline Framing framing_of(std::string_view method, int status,
                          const HttpHeaders& headers) noexcept {
    std::string_view coding;
    std::string_view length;
    for (const HttpHeader& header : headers) {
        if (same_header_name(header.name, "Transfer-Encoding")) coding = header.value;
        if (same_header_name(header.name, "Content-Length") && !is_one_length(header.value, length))
            return Framing::contradictory;
    }
    if (method == "HEAD" || status == 204 || status == 304) return Framing::whole;
    if (coding.empty()) return length.empty() ? Framing::open : Framing::whole;
    const std::size_t comma = coding.rfind(',');  // Frames only as the last coding.
    if (comma != std::string_view::npos) coding.remove_prefix(comma + 1);
    return same_header_name(trimmed(coding), "chunked") ? Framing::whole : Framing::open;
}

/// Whether a body shows by itself that nothing of it is missing: one JSON object or array with
/// nothing but spaces behind it, which no beginning of a longer one is. That is how an answer with
/// `Framing::open` can be vouched for; any other cannot be told from a cut one.
inline bool ends_itself(std::string_view text) noexcept {
    const body::Kind kind = body::find(text).kind;
    return kind == body::Kind::object || kind == body::Kind::array;
}

/// What every transport says of an answer that it cannot vouch for.
inline constexpr const char* open_ended =
    "nothing but the closed connection marks the end of the answer, so it cannot be told from a "
    "cut one";
inline constexpr const char* two_lengths =
    "the Content-Length of the answer is no one number of bytes";

/// The shorter of the transport's own limit and the attempt's; zero means none (for both).
inline Duration limit_of(Duration own, const Attempt& attempt) noexcept {
    const Duration given = attempt.timeout();
    if (given <= Duration::zero()) return own < Duration::zero() ? Duration::zero() : own;
    return own <= Duration::zero() || given < own ? given : own;
}

}  // namespace wire
}  // namespace v0_1
}  // namespace rekey

#endif
