// SPDX-License-Identifier: BSL-1.0
// curl::Transport: sends an HttpRequest with libcurl, whole answers or streams.
#ifndef REKEY_ADAPTER_CURL_HPP
#define REKEY_ADAPTER_CURL_HPP

#include <rekey/attempt.hpp>
#include <rekey/http.hpp>
#include <rekey/stream/gate.hpp>
#include <rekey/transport.hpp>

#include <curl/curl.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#if LIBCURL_VERSION_NUM < 0x073E00
#error "rekey: adapter/curl.hpp needs libcurl 7.62 or newer, for its URL parser."
#endif

namespace rekey {
inline namespace v0_1 {
namespace curl {

/// How a `Transport` connects. Every member has a default that is safe for production.
struct Options {
    Duration connect_timeout = std::chrono::seconds{5};
    /// For one send, with its answer; an attempt's own timeout can only shorten it. Zero: no limit.
    Duration timeout = std::chrono::seconds{600};
    /// A connection idle for longer is not used again (in whole seconds); zero keeps none. Less
    /// than the server's own limit, so that the server does not close one while we write to it.
    Duration keep_alive = std::chrono::seconds{30};
    /// A PEM file of certificate authorities that replaces the system's. Verification stays on.
    std::string ca_file{};
    /// True sends credentials over plain http to any host. By default only to this machine:
    /// `localhost`, `127.x.y.z` and `[::1]`.
    bool allow_http = false;
    std::string user_agent = "rekey";  ///< Empty: no such header.
    /// `http://host:port` and the like. Empty connects directly: the environment is not read.
    /// Plain http to this machine never goes through a proxy, unless `allow_http` is set.
    std::string proxy{};
    /// The largest answer that is kept; a longer one ends the attempt as `cut_short`.
    std::size_t max_body_bytes = std::size_t{64} << 20;
    /// The longest stream that is handed to a sink.
    std::size_t max_stream_bytes = std::size_t{1} << 30;
    /// Carries `attempt.idempotency_key()`, unless the request has it already. Empty: not sent.
    std::string idempotency_header = "Idempotency-Key";
    /// How many idle connection holders are kept for later sends.
    std::size_t max_idle = 64;
};

/// How far an exchange came, as far as it can be known from outside libcurl.
struct Progress {
    bool request_begun = false;  ///< At least one byte of the request was handed to the system.
    bool answer_begun = false;   ///< The status line of an answer arrived; 1xx does not count.
    bool delivered = false;      ///< A sink was given a part of the answer.
};

/// What a libcurl failure means. `text` is for people; it must hold no secret.
///
/// What happened counts more than the code: libcurl reports `CURLE_OPERATION_TIMEDOUT` before,
/// between and after the bytes, and `CURLE_UNSUPPORTED_PROTOCOL` for an answer that is not HTTP.
inline TransportError error_of(CURLcode code, const Progress& progress, std::string text);

template <class Sink> class Streaming;

namespace detail {
struct Delivery;
class Handle;
class Pool;
}  // namespace detail

/// Sends an `HttpRequest` over HTTP/1.1 with libcurl and returns the whole answer.
///
/// ```
/// rekey::Client client{rekey::curl::Transport{}, policies...};
/// ```
/// Sends each request once: it follows no redirect, and stops libcurl from sending a request
/// again when a kept connection closes after the request was written (libcurl would; before
/// 7.80 this takes a new connection for each request). TLS certificates are verified, TLS 1.2 is
/// the least; no cookies, no netrc, no proxy from the environment, no signals.
///
/// Errors   `never_sent`, lasting: a URL, name or value that must not go on the wire; a request
///          that already has the attempt's header; a certificate that does not verify.
///          `cut_short`: an answer that broke off, is too long, is not HTTP, or whose end nothing
///          marks but the closed connection (neither `Content-Length` nor chunked): it cannot be
///          told from a cut one. All bodies that are returned are whole for that reason.
/// Headers  complete and in order, repeated ones kept; without 1xx answers and trailers. The
///          transport frames the body: `Expect` and `Transfer-Encoding` are refused, and a
///          `Content-Length` that is not the body's.
/// Threads  `operator()` may run in any number of threads. Copies share their connections.
/// Cost     connections are kept and used again. One lock to take and one to give back a handle.
/// Source   RFC 9110 §9.2.2, RFC 9112 §6.3, RFC 6750 §2; the libcurl manual.
class Transport {
public:
    /// The Authorization header never meets another origin than that of the request's URL.
    static constexpr bool follows_redirects = false;
    /// A returned body is whole, by its length or its chunks.
    static constexpr bool vouches_for_whole_bodies = true;

    explicit Transport(Options options = {});
    Transport(const Transport&) = default;
    Transport& operator=(const Transport&) = default;
    ~Transport() = default;

    TransportResult<HttpResponse> operator()(const HttpRequest& request,
                                             const Attempt& attempt) const;

    /// The same transport for event streams: a callable that hands the body to `sink`, a
    /// `bool(std::string_view chunk)`, as it arrives; `false` stops (verdict `cancelled`).
    ///
    /// The sink sees nothing until the answer has proven to be an event stream (`stream::Gate`);
    /// a refusal comes back as an ordinary answer. After the first chunk the response has
    /// `delivered` set and an empty body, and a failure reports `Reach::delivered`. Whether the
    /// stream was whole says its own last event, see `stream::EventScanner`.
    /// The sink is called in the sending thread, through C: it must not throw.
    template <class Sink> Streaming<std::decay_t<Sink>> stream(Sink&& sink) const {
        return Streaming<std::decay_t<Sink>>{*this, std::forward<Sink>(sink)};
    }

private:
    template <class Sink> friend class Streaming;

    TransportResult<HttpResponse> send(const HttpRequest& request, const Attempt& attempt,
                                       detail::Delivery delivery) const;

    std::shared_ptr<detail::Pool> pool_;
};

namespace detail {

/// A sink without its type: `call` is null for whole answers.
struct Delivery {
    bool (*call)(const void* sink, std::string_view chunk) = nullptr;
    const void* sink = nullptr;
};

}  // namespace detail

/// What `Transport::stream` returns. As thread-safe as its sink.
template <class Sink> class Streaming {
    static_assert(std::is_invocable_r_v<bool, const Sink&, std::string_view>,
                  "rekey: the sink of curl::Transport::stream must be callable as "
                  "bool(std::string_view) when const; return true to go on, false to stop.");

public:
    static constexpr bool follows_redirects = Transport::follows_redirects;
    static constexpr bool vouches_for_whole_bodies = Transport::vouches_for_whole_bodies;

    Streaming(Transport transport, Sink sink)
        : transport_(std::move(transport)), sink_(std::move(sink)) {}

    TransportResult<HttpResponse> operator()(const HttpRequest& request,
                                             const Attempt& attempt) const {
        return transport_.send(request, attempt, {&deliver, &sink_});
    }

private:
    static bool deliver(const void* sink, std::string_view chunk) {
        return (*static_cast<const Sink*>(sink))(chunk);
    }

    Transport transport_;
    Sink sink_;
};

inline TransportError error_of(CURLcode code, const Progress& progress, std::string text) {
    TransportError error{Reach::sent_unanswered, std::move(text), TransportVerdict::passing};
    if (progress.delivered) {
        error.reach = Reach::delivered;
    } else if (progress.answer_begun) {
        error.reach = Reach::cut_short;
    } else if (!progress.request_begun) {
        error.reach = Reach::never_sent;
    }
    if (code == CURLE_ABORTED_BY_CALLBACK) error.verdict = TransportVerdict::cancelled;
    switch (code) {
        case CURLE_UNSUPPORTED_PROTOCOL:
        case CURLE_URL_MALFORMAT:
        case CURLE_FAILED_INIT:
        case CURLE_NOT_BUILT_IN:
        case CURLE_BAD_FUNCTION_ARGUMENT:
        case CURLE_UNKNOWN_OPTION:
        case CURLE_SSL_ENGINE_NOTFOUND:
        case CURLE_SSL_ENGINE_SETFAILED:
        case CURLE_SSL_ENGINE_INITFAILED:
        case CURLE_SSL_CERTPROBLEM:
        case CURLE_SSL_CIPHER:
        case CURLE_PEER_FAILED_VERIFICATION:
        case CURLE_USE_SSL_FAILED:
        case CURLE_SSL_CACERT_BADFILE:
        case CURLE_SSL_CRL_BADFILE:
        case CURLE_SSL_ISSUER_ERROR:
        case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
        case CURLE_SSL_INVALIDCERTSTATUS:
            if (error.reach == Reach::never_sent) error.verdict = TransportVerdict::lasting;
            break;
        default: break;
    }
    switch (code) {
        case CURLE_UNSUPPORTED_PROTOCOL:  // "HTTP/0.9 when not allowed": bytes, but no HTTP.
        case CURLE_WEIRD_SERVER_REPLY:
        case CURLE_PARTIAL_FILE:
        case CURLE_BAD_CONTENT_ENCODING:
            if (error.reach == Reach::sent_unanswered) error.reach = Reach::cut_short;
            break;
        default: break;
    }
    return error;
}

namespace detail {

/// libcurl's global state, set up once and kept until the program ends.
inline bool libcurl_is_ready() noexcept {
    static const bool ready = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
    return ready;
}

/// Milliseconds as libcurl wants them, rounded up: a short timeout never becomes 0, "no limit".
inline long milliseconds(Duration duration) noexcept {
    constexpr Duration::rep unit = 1000000;
    constexpr Duration::rep most = 2147483647;  // Fits the narrowest long; 24 days.
    const Duration::rep count = duration.count();
    if (count <= 0) return 0;
    const Duration::rep rounded = count / unit + (count % unit != 0 ? 1 : 0);
    return static_cast<long>(rounded < most ? rounded : most);
}

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

inline std::string_view trimmed(std::string_view text) noexcept {
    constexpr std::string_view space = " \t\r\n";
    const std::size_t first = text.find_first_not_of(space);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(space) - first + 1);
}

/// `localhost`, `127.x.y.z` or `[::1]`, as libcurl's URL parser writes them.
inline bool is_this_machine(std::string_view host) noexcept {
    if (same_header_name(host, "localhost") || host == "[::1]") return true;
    if (host.substr(0, 4) != "127.") return false;
    int dots = 0;
    for (const char c : host) {
        if (c == '.') ++dots;
        if (c != '.' && (c < '0' || c > '9')) return false;
    }
    return dots == 3 && host.back() != '.';
}

/// Overwrites a text that may hold a credential. `volatile` keeps the optimiser from dropping it.
inline void wipe(std::string& text) noexcept {
    volatile char* const bytes = text.data();
    for (std::size_t i = 0; i != text.size(); ++i) bytes[i] = 0;
    text.clear();
}

inline TransportError refused(std::string detail) {
    return {Reach::never_sent, std::move(detail), TransportVerdict::lasting};
}

/// The headers of one request as libcurl wants them: a list that lives in this object.
class HeaderLines {
public:
    void start(std::size_t bytes, std::size_t count) {
        clear();
        text_.reserve(bytes);  // Enough for all: growing would leave copies of a credential.
        starts_.clear();
        starts_.reserve(count);
    }
    void add(std::string_view name, std::string_view value) {
        value = trimmed(value);
        starts_.push_back(text_.size());
        text_ += name;
        text_ += value.empty() ? ";" : ": ";  // "Name;" is libcurl's way to send it empty.
        text_ += value;
        text_ += '\0';
    }
    /// "Name:" keeps libcurl from sending a header of its own.
    void suppress(std::string_view name) {
        starts_.push_back(text_.size());
        text_ += name;
        text_ += ':';
        text_ += '\0';
    }
    curl_slist* list() {
        nodes_.resize(starts_.size());
        for (std::size_t i = 0; i != nodes_.size(); ++i) {
            nodes_[i].data = text_.data() + starts_[i];
            nodes_[i].next = i + 1 == nodes_.size() ? nullptr : &nodes_[i + 1];
        }
        return nodes_.empty() ? nullptr : nodes_.data();
    }
    void clear() noexcept { wipe(text_); }

private:
    std::string text_{};
    std::vector<std::size_t> starts_{};
    std::vector<curl_slist> nodes_{};
};

struct FreeEasy {
    void operator()(CURL* easy) const noexcept { curl_easy_cleanup(easy); }
};
struct FreeUrl {
    void operator()(CURLU* url) const noexcept { curl_url_cleanup(url); }
};
struct FreeText {
    void operator()(char* text) const noexcept { curl_free(text); }
};

/// One exchange in progress: what the callbacks of libcurl fill in.
class Exchange {
public:
    Exchange(CURL* easy, const Options& options, Delivery delivery, bool bodyless)
        : easy_(easy), options_(options), delivery_(delivery), bodyless_(bodyless) {}
    Exchange(const Exchange&) = delete;
    Exchange& operator=(const Exchange&) = delete;

    // A throw must not cross libcurl's frames: the callbacks are noexcept.
    static int before_request(void* self, char*, char*, int, int) noexcept {
        return static_cast<Exchange*>(self)->may_write_request() ? 0 : 1;
    }
    static int before_connect(void* self, curl_socket_t, curlsocktype) noexcept {
        return static_cast<Exchange*>(self)->may_go_on() ? CURL_SOCKOPT_OK : CURL_SOCKOPT_ERROR;
    }
    static std::size_t header_line(char* data, std::size_t, std::size_t size, void* self) noexcept {
        return static_cast<Exchange*>(self)->take_line({data, size}) ? size : 0;
    }
    static std::size_t body_part(char* data, std::size_t, std::size_t size, void* self) noexcept {
        return static_cast<Exchange*>(self)->take_body({data, size}) ? size : 0;
    }

    TransportResult<HttpResponse> result(CURLcode code, const char* text) {
        Progress progress;
        progress.request_begun = request_begun();
        progress.answer_begun = response_.status != 0;
        progress.delivered = response_.delivered;
        if (stopped_ == Stop::by_sink)
            return error_of(CURLE_ABORTED_BY_CALLBACK, progress, "the sink stopped the stream");
        if (stopped_ == Stop::second_send)
            return error_of(CURLE_GOT_NOTHING, progress,
                            "a kept connection closed without an answer; not sent again");
        if (code == CURLE_OK && stopped_ == Stop::no && !(framed_ || bodyless_) &&
            !response_.delivered)
            stopped_ = Stop::unframed;
        if (stopped_ != Stop::no) return error_of(CURLE_WRITE_ERROR, progress, sentence(stopped_));
        if (code != CURLE_OK) return error_of(code, progress, text_of(code, progress, text));
        if (delivery_.call != nullptr && gate_.finish() == stream::GateState::hold)
            response_.body = gate_.take_held();
        return std::move(response_);
    }

private:
    enum class Stop : unsigned char {
        no,
        by_sink,
        second_send,
        body_too_long,
        head_too_long,
        contradictory,
        unframed
    };

    static const char* sentence(Stop stop) noexcept {
        switch (stop) {
            case Stop::body_too_long: return "the answer is longer than curl::Options allow";
            case Stop::head_too_long: return "the headers of the answer are longer than 256 KiB";
            case Stop::contradictory: return "the answer has two different Content-Length headers";
            default:
                return "nothing but the closed connection marks the end of the answer, "
                       "so it cannot be told from a cut one";
        }
    }

    /// Texts of the connection phase name hosts and reasons and are worth reading; later ones
    /// may quote the answer, and a proxy's user name and password may be quoted at any time.
    std::string text_of(CURLcode code, const Progress& progress, const char* text) const {
        std::string detail = "libcurl " + std::to_string(static_cast<int>(code)) + ": ";
        detail += curl_easy_strerror(code);
        const bool proxy_has_secret = options_.proxy.find('@') != std::string::npos;
        if (!progress.request_begun && !proxy_has_secret && *text != '\0') {
            detail += " (";
            detail += text;
            detail += ')';
        }
        return detail;
    }

    long bytes_written() const noexcept {
        long bytes = 0;
        curl_easy_getinfo(easy_, CURLINFO_REQUEST_SIZE, &bytes);
        return bytes;
    }

    /// True once a byte of the request itself went out; a proxy's CONNECT does not count.
    bool request_begun() const noexcept {
#if LIBCURL_VERSION_NUM >= 0x075000
        return announced_ && bytes_written() > written_before_;
#else
        return bytes_written() > 0;
#endif
    }

    /// libcurl connects or writes: a second time if a kept connection had died. The server may
    /// have read and executed the request, so only one that was never written may go again.
    bool may_go_on() noexcept { return !request_begun() || stop(Stop::second_send); }

    bool may_write_request() noexcept {
        if (!may_go_on()) return false;
        announced_ = true;
        written_before_ = bytes_written();
        return true;
    }

    bool stop(Stop why) noexcept {
        stopped_ = why;
        return false;
    }

    bool take_line(std::string_view line) {
        constexpr std::size_t most = std::size_t{256} << 10;
        head_bytes_ += line.size();
        if (head_bytes_ > most) return stop(Stop::head_too_long);
        if (head_done_) return true;  // A trailer (RFC 9110 §6.5.1).
        if (!head_begun_) {
            head_begun_ = true;
            long status = 0;
            curl_easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &status);
            interim_ = status / 100 == 1 && status != 101;
            if (!interim_) response_.status = static_cast<int>(status);
            return true;
        }
        if (trimmed(line).empty()) {
            head_begun_ = false;
            if (!interim_) return finish_head();
            return true;
        }
        if (interim_) return true;
        if (line.front() == ' ' || line.front() == '\t') {  // Obsolete folding (RFC 9112 §5.2).
            if (response_.headers.empty()) return true;
            response_.headers.back().value += ' ';
            response_.headers.back().value += trimmed(line);
            return true;
        }
        const std::size_t colon = line.find(':');
        if (colon == std::string_view::npos) return true;
        response_.headers.push_back({std::string(trimmed(line.substr(0, colon))),
                                     std::string(trimmed(line.substr(colon + 1)))});
        return true;
    }

    bool finish_head() {
        head_done_ = true;
        const int status = response_.status;
        bodyless_ = bodyless_ || status == 204 || status == 304;
        std::string_view coding;
        std::string_view length;
        for (const HttpHeader& header : response_.headers) {
            if (same_header_name(header.name, "Transfer-Encoding")) coding = header.value;
            if (!same_header_name(header.name, "Content-Length")) continue;
            if (!length.empty() && length != header.value) return stop(Stop::contradictory);
            length = header.value;
        }
        constexpr std::string_view chunked = "chunked";  // Frames only as the last coding.
        framed_ = coding.empty() ? !length.empty()
                                 : coding.size() >= chunked.size() &&
                                       same_header_name(
                                           coding.substr(coding.size() - chunked.size()), chunked);
        if (delivery_.call != nullptr)
            gate_ = stream::Gate(status, find_header(response_.headers, "Content-Type"),
                                 options_.max_body_bytes);
        return true;
    }

    bool take_body(std::string_view part) {
        if (delivery_.call == nullptr) {
            if (part.size() > options_.max_body_bytes - response_.body.size())
                return stop(Stop::body_too_long);
            response_.body.append(part);
            return true;
        }
        const std::string_view ready = gate_.feed(part);
        if (gate_.overflowed()) return stop(Stop::body_too_long);
        if (ready.empty()) return true;
        if (ready.size() > options_.max_stream_bytes - streamed_) return stop(Stop::body_too_long);
        streamed_ += ready.size();
        response_.delivered = true;
        return delivery_.call(delivery_.sink, ready) || stop(Stop::by_sink);
    }

    CURL* easy_;
    const Options& options_;
    Delivery delivery_;
    HttpResponse response_{};
    stream::Gate gate_{0, {}};
    std::size_t head_bytes_ = 0;
    std::size_t streamed_ = 0;
    long written_before_ = 0;
    Stop stopped_ = Stop::no;
    bool bodyless_;
    bool announced_ = false;
    bool head_begun_ = false;
    bool head_done_ = false;
    bool interim_ = false;
    bool framed_ = false;
};

/// A libcurl easy handle with its connections, used by one send at a time.
class Handle {
public:
    explicit Handle(const Options& options) { usable_ = set_up(options); }
    Handle(const Handle&) = delete;
    Handle& operator=(const Handle&) = delete;

    TransportResult<HttpResponse> send(const Options& options, const HttpRequest& request,
                                       const Attempt& attempt, Delivery delivery) {
        if (!usable_) return refused("libcurl could not be set up as curl::Options say");
        if (attempt.timeout() < Duration::zero())
            return TransportError{Reach::never_sent, "no time was left for this attempt"};
        if (const char* wrong = set_url(options, request.url)) return refused(wrong);
        if (const char* wrong = set_method(request)) return refused(wrong);
        if (const char* wrong = set_headers(options, request, attempt)) return refused(wrong);

        Duration timeout = options.timeout;
        if (attempt.timeout() > Duration::zero() &&
            (timeout <= Duration::zero() || attempt.timeout() < timeout))
            timeout = attempt.timeout();
        Exchange exchange{easy_.get(), options, delivery, request.method == "HEAD"};
        error_.front() = '\0';
        bool set = option(CURLOPT_TIMEOUT_MS, milliseconds(timeout)) &&
                   option(CURLOPT_HTTPHEADER, lines_.list()) &&
                   option(CURLOPT_SOCKOPTDATA, &exchange) &&
                   option(CURLOPT_HEADERDATA, &exchange) && option(CURLOPT_WRITEDATA, &exchange);
#if LIBCURL_VERSION_NUM >= 0x075000
        set = set && option(CURLOPT_PREREQDATA, &exchange);
#endif
        const CURLcode code = set ? curl_easy_perform(easy_.get()) : CURLE_FAILED_INIT;
        option(CURLOPT_HTTPHEADER, static_cast<curl_slist*>(nullptr));
        option(CURLOPT_POSTFIELDS, static_cast<char*>(nullptr));
        lines_.clear();
        return exchange.result(code, error_.data());
    }

private:
    template <class Value> bool option(CURLoption name, Value value) noexcept {
        return curl_easy_setopt(easy_.get(), name, value) == CURLE_OK;
    }

    /// Whatever is the same for each send.
    bool set_up(const Options& options) {
        if (!libcurl_is_ready() || !is_field_value(options.user_agent)) return false;
        easy_.reset(curl_easy_init());
        if (easy_ == nullptr) return false;
        bool set = option(CURLOPT_NOSIGNAL, 1L) && option(CURLOPT_NOPROGRESS, 1L) &&
                   option(CURLOPT_ERRORBUFFER, error_.data()) &&
                   option(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1)) &&
                   option(CURLOPT_FOLLOWLOCATION, 0L) && option(CURLOPT_UNRESTRICTED_AUTH, 0L) &&
                   option(CURLOPT_HEADEROPT, static_cast<long>(CURLHEADER_SEPARATE)) &&
                   option(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L) &&
                   option(CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED)) &&
                   option(CURLOPT_SSL_VERIFYPEER, 1L) && option(CURLOPT_SSL_VERIFYHOST, 2L) &&
                   option(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2)) &&
                   option(CURLOPT_CONNECTTIMEOUT_MS, milliseconds(options.connect_timeout)) &&
                   option(CURLOPT_USERAGENT,
                          options.user_agent.empty() ? nullptr : options.user_agent.c_str()) &&
                   option(CURLOPT_PROXY, options.proxy.c_str()) && option(CURLOPT_NOPROXY, "") &&
                   option(CURLOPT_SOCKOPTFUNCTION, &Exchange::before_connect) &&
                   option(CURLOPT_HEADERFUNCTION, &Exchange::header_line) &&
                   option(CURLOPT_WRITEFUNCTION, &Exchange::body_part);
#if LIBCURL_VERSION_NUM >= 0x075500
        set = set && option(CURLOPT_PROTOCOLS_STR, "http,https");
#else
        set = set && option(CURLOPT_PROTOCOLS, static_cast<long>(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
        if (options.keep_alive <= Duration::zero()) set = set && option(CURLOPT_FORBID_REUSE, 1L);
#if LIBCURL_VERSION_NUM >= 0x074000
        set = set && option(CURLOPT_HTTP09_ALLOWED, 0L);
#endif
#if LIBCURL_VERSION_NUM >= 0x074100
        set = set && option(CURLOPT_MAXAGE_CONN, milliseconds(options.keep_alive) / 1000 + 1);
#endif
#if LIBCURL_VERSION_NUM >= 0x075000
        const bool announces = option(CURLOPT_PREREQFUNCTION, &Exchange::before_request);
#else
        const bool announces = false;
#endif
        // Without the announcement nobody stops libcurl from sending twice on a kept connection.
        if (!announces) set = set && option(CURLOPT_FRESH_CONNECT, 1L);
        if (!options.ca_file.empty()) set = set && option(CURLOPT_CAINFO, options.ca_file.c_str());
        return set;
    }

    /// Each returns what is wrong, or null. No text quotes the request.
    const char* set_url(const Options& options, const std::string& url) {
        if (url.empty()) return "the URL is empty";
        if (url == url_text_) return nullptr;  // As it was checked and set for the last send.
        url_text_.clear();
        for (const char c : url)
            if (static_cast<unsigned char>(c) <= 0x20 || c == 0x7F)
                return "the URL holds white space or a control character";
        // Parsed anew: in an object that has a URL, libcurl takes a relative one for a redirect.
        std::unique_ptr<CURLU, FreeUrl> parsed{curl_url()};
        if (curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), CURLU_DISALLOW_USER) !=
            CURLUE_OK)
            return "the URL is not an absolute http or https URL, or holds a user name";
        const auto scheme = part(*parsed, CURLUPART_SCHEME);
        const auto host = part(*parsed, CURLUPART_HOST);
        if (scheme == nullptr || host == nullptr) return "the URL has no host";
        const bool plain = same_header_name(scheme.get(), "http");
        if (!plain && !same_header_name(scheme.get(), "https"))
            return "the URL is neither http nor https";
        if (plain && !options.allow_http && !is_this_machine(host.get()))
            return "plain http to another machine needs curl::Options::allow_http";
        if (!options.proxy.empty()) {
            const bool direct = plain && !options.allow_http;
            if (!option(CURLOPT_PROXY, direct ? "" : options.proxy.c_str()))
                return "the proxy of curl::Options cannot be used";
        }
        if (!option(CURLOPT_CURLU, parsed.get())) return "libcurl does not take the URL";
        url_ = std::move(parsed);
        url_text_ = url;
        return nullptr;
    }

    static std::unique_ptr<char, FreeText> part(CURLU& url, CURLUPart name) noexcept {
        char* text = nullptr;
        curl_url_get(&url, name, &text, 0);
        return std::unique_ptr<char, FreeText>{text};
    }

    const char* set_headers(const Options& options, const HttpRequest& request,
                            const Attempt& attempt) {
        const std::string_view key =
            options.idempotency_header.empty() ? std::string_view{} : attempt.idempotency_key();
        const bool is_signed = !attempt.authorization().empty();
        std::size_t bytes = attempt.header().size() + attempt.authorization().size() +
                            options.idempotency_header.size() + key.size() + 64;
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
            bytes += header.name.size() + header.value.size() + 4;
        }
        if (is_signed && (!is_token(attempt.header()) || !is_field_value(attempt.authorization())))
            return "the credential or its header holds a character that no header may hold";
        if (!key.empty() && (!is_token(options.idempotency_header) || !is_field_value(key)))
            return "the idempotency key or its header holds a character that no header may hold";

        lines_.start(bytes, request.headers.size() + 4);
        if (is_signed) lines_.add(attempt.header(), attempt.authorization());
        for (const HttpHeader& header : request.headers)
            if (!same_header_name(header.name, "Content-Length"))
                lines_.add(header.name, header.value);
        if (!key.empty() && !has(request, options.idempotency_header))
            lines_.add(options.idempotency_header, key);
        lines_.suppress("Expect");
        if (!has(request, "Content-Type")) lines_.suppress("Content-Type");
        return nullptr;
    }

    static bool has(const HttpRequest& request, std::string_view name) noexcept {
        for (const HttpHeader& header : request.headers)
            if (same_header_name(header.name, name)) return true;
        return false;
    }

    const char* set_method(const HttpRequest& request) {
        const std::string& method = request.method;
        if (!is_token(method) || method == "CONNECT") return "the method cannot be sent";
        bool set = option(CURLOPT_CUSTOMREQUEST, method.c_str());
        if (method == "HEAD") {
            if (!request.body.empty()) return "a HEAD request has no body";
            set = set && option(CURLOPT_HTTPGET, 1L) && option(CURLOPT_NOBODY, 1L);
        } else if (request.body.empty() && method != "POST" && method != "PUT" &&
                   method != "PATCH") {
            set = set && option(CURLOPT_HTTPGET, 1L);
        } else {
            set = set && option(CURLOPT_POST, 1L) &&
                  option(CURLOPT_POSTFIELDS, request.body.c_str()) &&
                  option(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
        }
        return set ? nullptr : "libcurl does not take the method or the body";
    }

    // Before the handle that points into it, so that it outlives it.
    std::array<char, CURL_ERROR_SIZE> error_{};
    std::unique_ptr<CURLU, FreeUrl> url_{};
    std::unique_ptr<CURL, FreeEasy> easy_{};
    HeaderLines lines_{};
    std::string url_text_{};
    bool usable_ = false;
};

/// The idle handles. The last one given back is taken first: its connection is the warmest.
class Pool {
public:
    explicit Pool(Options options) : options_(std::move(options)) {}

    const Options& options() const noexcept { return options_; }

    std::unique_ptr<Handle> take() {
        {
            const std::lock_guard<std::mutex> lock(mutex_);
            if (!idle_.empty()) {
                std::unique_ptr<Handle> handle = std::move(idle_.back());
                idle_.pop_back();
                return handle;
            }
        }
        return std::make_unique<Handle>(options_);
    }
    void give_back(std::unique_ptr<Handle> handle) {
        const std::lock_guard<std::mutex> lock(mutex_);
        if (idle_.size() < options_.max_idle) idle_.push_back(std::move(handle));
    }

private:
    const Options options_;
    std::mutex mutex_{};
    std::vector<std::unique_ptr<Handle>> idle_{};
};

}  // namespace detail

inline Transport::Transport(Options options)
    : pool_(std::make_shared<detail::Pool>(std::move(options))) {}

inline TransportResult<HttpResponse> Transport::operator()(const HttpRequest& request,
                                                           const Attempt& attempt) const {
    return send(request, attempt, {});
}

inline TransportResult<HttpResponse> Transport::send(const HttpRequest& request,
                                                     const Attempt& attempt,
                                                     detail::Delivery delivery) const {
    std::unique_ptr<detail::Handle> handle = pool_->take();
    TransportResult<HttpResponse> result =
        handle->send(pool_->options(), request, attempt, delivery);
    pool_->give_back(std::move(handle));
    return result;
}

}  // namespace curl
}  // namespace v0_1
}  // namespace rekey

#endif
