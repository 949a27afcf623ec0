// SPDX-License-Identifier: BSL-1.0
// workloads: the requests, answers, credentials and hand-written floors of W1, W2 and W3.
#ifndef REKEY_BENCHMARKS_WORKLOADS_HPP
#define REKEY_BENCHMARKS_WORKLOADS_HPP

#include <rekey/rekey.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace bench {

/// A request as both sides see it; `bearer` is what the one who signs fills in.
struct Request {
    std::string_view method{};
    std::string_view url{};
    std::string_view bearer{};
    std::string_view body{};
};

/// An answer. The body is a view, so that neither side pays for memory of its own.
struct Response {
    int status = 0;
    std::string_view body{};
};

/// The wire: hands out the answers of a script, one a send, behind the optimiser's back.
class Wire {
public:
    void play(const Response* script) noexcept { next_ = script; }
    std::size_t sent_since(const Response* script) const noexcept {
        return static_cast<std::size_t>(next_ - script);
    }

    [[gnu::noinline]] Response send(const Request& request) noexcept {
        __asm__ volatile("" : : "r"(&request) : "memory");
        return *next_++;
    }
    [[gnu::noinline]] Response send(const Request& request,
                                    const rekey::Attempt& attempt) noexcept {
        __asm__ volatile("" : : "r"(&request), "r"(&attempt) : "memory");
        return *next_++;
    }

private:
    const Response* next_ = nullptr;
};

// The slowdown that shows that the gate can turn red: a copy of each body, on rekey's side only.
inline void slow_down([[maybe_unused]] const Response& response) {
#ifdef REKEY_BENCH_EXTRA
    const std::string copy(response.body);
    __asm__ volatile("" : : "r"(copy.data()) : "memory");
#endif
}

/// A transport that sees the attempt and reports cut bodies itself: the reader may stop early.
struct WithAttempt {
    static constexpr bool vouches_for_whole_bodies = true;
    static constexpr bool follows_redirects = false;
    Wire* wire;
    Response operator()(const Request& request, const rekey::Attempt& attempt) const {
        const Response response = wire->send(request, attempt);
        slow_down(response);
        return response;
    }
};

/// A transport that takes the request alone; rekey signs a copy.
struct Plain {
    static constexpr bool vouches_for_whole_bodies = true;
    static constexpr bool follows_redirects = false;
    Wire* wire;
    Response operator()(const Request& request) const {
        const Response response = wire->send(request);
        slow_down(response);
        return response;
    }
};

/// A transport that promises nothing: the body is read to its end.
struct Unvouched {
    Wire* wire;
    Response operator()(const Request& request, const rekey::Attempt& attempt) const {
        return wire->send(request, attempt);
    }
};

struct Personal {
    static constexpr std::string_view name = "personal";
    std::string token;
};
struct Enterprise {
    static constexpr std::string_view name = "enterprise";
    std::string token;
};

/// What the codes mean, for both sides the same: 0 is a success, the rest are failures.
struct Codes : rekey::Service {
    static constexpr bool names_codes = true;
    static constexpr rekey::FailureClass class_of(std::int64_t code) noexcept {
        if (code == 4100 || code == 4101) return rekey::AuthRejected;
        return code == 5000 ? rekey::Transient : rekey::NoFailure;
    }
};

// The floors. What a careful engineer writes for exactly this use, and nothing else.

inline bool is_space(char c) noexcept { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

/// The number that begins at `at`; -1 if it is none that a code can be (18 digits at most), or if
/// neither `,` nor `}` nor a space follows, for then the body is cut or no JSON.
inline long number_at(const char* at, const char* last) noexcept {
    const char* const first = at;
    long code = 0;
    for (; at != last && *at >= '0' && *at <= '9'; ++at) {
        if (at - first == 18) return -1;
        code = code * 10 + (*at - '0');
    }
    if (at == first || at == last) return -1;
    return *at == ',' || *at == '}' || is_space(*at) ? code : -1;
}

/// F1 reads the code with a scan that stops at the first top-level `code`; -1 if there is none.
/// Codes of this service are never negative.
inline long code_by_scan(std::string_view body) noexcept {
    const char* at = body.data();
    const char* const last = at + body.size();
    int depth = 0;
    for (; at != last; ++at) {
        switch (*at) {
            case '{':
            case '[': ++depth; break;
            case '}':
            case ']': --depth; break;
            case '"': {
                const char* const key = ++at;
                while (at != last && *at != '"') {
                    if (*at == '\\' && ++at == last) return -1;
                    ++at;
                }
                if (at == last) return -1;
                if (depth != 1 || at - key != 4 || std::memcmp(key, "code", 4) != 0) break;
                const char* value = at + 1;
                while (value != last && is_space(*value)) ++value;
                if (value == last || *value != ':') break;  // a text that says "code"
                ++value;
                while (value != last && is_space(*value)) ++value;
                return number_at(value, last);
            }
            default: break;
        }
    }
    return -1;
}

/// F0 compares eight bytes first: the usual body of this service begins with its code.
inline long code_by_prefix(std::string_view body) noexcept {
    if (body.size() < 9 || std::memcmp(body.data(), "{\"code\":", 8) != 0)
        return code_by_scan(body);
    return number_at(body.data() + 8, body.data() + body.size());
}

using CodeReader = long (*)(std::string_view) noexcept;

/// The two header values, made once.
struct Bearers {
    std::string personal;
    std::string enterprise;
};

inline bool is_success(int status, long code) noexcept {
    return status >= 200 && status < 300 && code == 0;
}
inline bool is_refusal(int status, long code) noexcept {
    return status == 401 || status == 403 || code == 4100 || code == 4101;
}

/// The floor of W1 and W2: the personal credential, then the enterprise one.
template <CodeReader code_of>
bool floor_fall_back(Wire& wire, const Request& request, const Bearers& bearers,
                     Response& response) {
    Request copy = request;
    copy.bearer = bearers.personal;
    response = wire.send(copy);
    long code = code_of(response.body);
    if (is_refusal(response.status, code)) {
        copy.bearer = bearers.enterprise;
        response = wire.send(copy);
        code = code_of(response.body);
    }
    return is_success(response.status, code);
}

/// The floor of W3: up to three sends while the service fails; the caller says that it may.
template <CodeReader code_of>
bool floor_repeat(Wire& wire, const Request& request, const Bearers& bearers, Response& response) {
    Request copy = request;
    copy.bearer = bearers.personal;
    for (int attempt = 0; attempt != 3; ++attempt) {
        response = wire.send(copy);
        if (response.status == 408 || response.status >= 500) continue;
        const long code = code_of(response.body);
        if (code != 5000) return is_success(response.status, code);
    }
    return false;
}

}  // namespace bench

/// How rekey signs a copy of this request, for the transport that takes the request alone.
template <> struct rekey::RequestTraits<bench::Request> {
    static std::string_view method(const bench::Request& request) { return request.method; }
    static std::string_view url(const bench::Request& request) { return request.url; }
    static std::string_view header(const bench::Request& request, std::string_view) {
        return request.bearer;
    }
    static constexpr bool can_set_header = true;
    static void set_header(bench::Request& request, std::string_view, std::string_view value) {
        request.bearer = value;
    }
};

#endif
