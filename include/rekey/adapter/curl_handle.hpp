// SPDX-License-Identifier: BSL-1.0
// curl parts: what the blocking and the asynchronous transport over libcurl share.
#ifndef REKEY_ADAPTER_CURL_HANDLE_HPP
#define REKEY_ADAPTER_CURL_HANDLE_HPP

#include <rekey/stream/gate.hpp>
#include <rekey/wire.hpp>

#include <curl/curl.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#if !defined(_WIN32)
#include <netinet/in.h>
#include <sys/socket.h>
#endif

#if LIBCURL_VERSION_NUM < 0x073E00
#error "rekey: the libcurl adapters need libcurl 7.62 or newer, for its URL parser."
#endif

namespace rekey {
inline namespace v0_1 {
namespace curl {

/// How a `Transport` or a `Loop` connects. Every member has a default that is safe for production.
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
    /// How many idle connection holders are kept for later sends; of a `Loop`, connections.
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

/// A sink without its type: `call` is null for whole answers.
struct Delivery {
    bool (*call)(const void* sink, std::string_view chunk) = nullptr;
    const void* sink = nullptr;
};

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
        value = wire::trimmed(value);
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
    void clear() noexcept { wire::wipe(text_); }

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

/// The sockets of connections that are kept, by their local port: libcurl names the port of the one
/// that it is about to use, and not the socket. Guarded by whoever guards the handles.
class KeptSockets {
public:
    /// Of an exchange that is over. Nothing if its connection was closed.
    void note(CURL* easy) {
        long port = 0;
        curl_socket_t socket = CURL_SOCKET_BAD;
        if (curl_easy_getinfo(easy, CURLINFO_LOCAL_PORT, &port) != CURLE_OK ||
            curl_easy_getinfo(easy, CURLINFO_ACTIVESOCKET, &socket) != CURLE_OK ||
            socket == CURL_SOCKET_BAD)
            return;
        for (Kept& kept : all_)
            if (kept.port == port) {
                kept.socket = socket;
                return;
            }
        if (all_.size() == most) all_.erase(all_.begin());
        all_.push_back({port, socket});
    }
    /// Nothing has come over the connection since, and it is not closed. True if it is unknown.
    bool is_quiet(int port) const noexcept {
#if !defined(_WIN32)
        for (const Kept& kept : all_) {
            if (kept.port != port || port_of(kept.socket) != port) continue;
            char byte = 0;
            return ::recv(kept.socket, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0;
        }
#endif
        (void)port;
        return true;
    }

private:
    static constexpr std::size_t most = 1024;
    struct Kept {
        long port;
        curl_socket_t socket;
    };
#if !defined(_WIN32)
    /// The local port of a socket, which may be another one by now; zero if it is none.
    static int port_of(curl_socket_t socket) noexcept {
        sockaddr_storage address{};
        socklen_t size = sizeof address;
        if (::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) != 0) return 0;
        if (address.ss_family == AF_INET)
            return ntohs(reinterpret_cast<const sockaddr_in&>(address).sin_port);
        if (address.ss_family == AF_INET6)
            return ntohs(reinterpret_cast<const sockaddr_in6&>(address).sin6_port);
        return 0;
    }
#endif
    std::vector<Kept> all_{};
};

/// One exchange in progress: what the callbacks of libcurl fill in.
class Exchange {
public:
    Exchange(CURL* easy, const Options& options, const KeptSockets& kept, Delivery delivery,
             bool is_head)
        : easy_(easy), options_(options), kept_(kept), delivery_(delivery), is_head_(is_head) {}
    Exchange(const Exchange&) = delete;
    Exchange& operator=(const Exchange&) = delete;

    // A throw must not cross libcurl's frames: the callbacks are noexcept.
    static int before_request(void* self, char*, char*, int, int local_port) noexcept {
        return static_cast<Exchange*>(self)->may_write_request(local_port) ? 0 : 1;
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

    /// Whether nothing was sent, for the kept connection had something to say that nobody had asked
    /// for (RFC 9112 §6.3 forbids to take it for an answer). libcurl has closed it, and the same
    /// may be performed once more: true once for each such connection.
    bool goes_again() noexcept {
        if (stopped_ != Stop::not_quiet) return false;
        stopped_ = Stop::no;
        return true;
    }

    TransportResult<HttpResponse> result(CURLcode code, const char* text) {
        if (stopped_ == Stop::answered) {
            stopped_ = Stop::no;
            code = CURLE_OK;
        }
        if (code == CURLE_OK && stopped_ == Stop::no) take_rest();
        Progress progress;
        progress.request_begun = request_begun();
        progress.answer_begun = response_.status != 0;
        progress.delivered = response_.delivered;
        if (stopped_ == Stop::by_sink)
            return error_of(CURLE_ABORTED_BY_CALLBACK, progress, "the sink stopped the stream");
        if (stopped_ == Stop::second_send)
            return error_of(CURLE_GOT_NOTHING, progress,
                            "a kept connection closed without an answer; not sent again");
        if (stopped_ != Stop::no) return error_of(CURLE_WRITE_ERROR, progress, sentence(stopped_));
        if (code != CURLE_OK) return error_of(code, progress, text_of(code, progress, text));
        return std::move(response_);
    }

private:
    enum class Stop : unsigned char {
        no,
        answered,  ///< What follows the answer is not read.
        by_sink,
        second_send,
        not_quiet,
        body_too_long,
        head_too_long,
        contradictory,
        unframed
    };

    static const char* sentence(Stop stop) noexcept {
        switch (stop) {
            case Stop::body_too_long: return "the answer is longer than curl::Options allow";
            case Stop::head_too_long: return "the headers of the answer are longer than 256 KiB";
            case Stop::contradictory: return wire::two_lengths;
            default: return wire::open_ended;
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

    bool may_write_request(int local_port) noexcept {
        if (!may_go_on()) return false;
        long opened = 0;
        curl_easy_getinfo(easy_, CURLINFO_NUM_CONNECTS, &opened);
        if (opened == 0 && !kept_.is_quiet(local_port)) return stop(Stop::not_quiet);
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
        if (line.empty() || line.front() == '\r' || line.front() == '\n') {
            head_begun_ = false;
            if (!interim_) return finish_head();
            return true;
        }
        if (interim_) return true;
        if (line.front() == ' ' || line.front() == '\t') {  // Obsolete folding (RFC 9112 §5.2).
            const std::string_view more = wire::trimmed(line);
            if (response_.headers.empty() || more.empty()) return true;
            std::string& value = response_.headers.back().value;
            if (!value.empty()) value += ' ';
            value += more;
            return true;
        }
        const std::size_t colon = line.find(':');
        if (colon == std::string_view::npos) return true;
        rekey::detail::add_header(response_.headers,
                                  std::string(wire::trimmed(line.substr(0, colon))),
                                  std::string(wire::trimmed(line.substr(colon + 1))));
        return true;
    }

    bool finish_head() {
        head_done_ = true;
        const int status = response_.status;
        const wire::Framing framing =
            wire::framing_of(is_head_ ? "HEAD" : "", status, response_.headers);
        if (framing == wire::Framing::contradictory) return stop(Stop::contradictory);
        framed_ = framing == wire::Framing::whole;
        if (delivery_.call != nullptr)
            gate_ = stream::Gate(status, find_header(response_.headers, "Content-Type"),
                                 options_.max_body_bytes);
        return true;
    }

    /// The body has ended, with its length, its chunks or the connection. A sink is called through
    /// C while the body comes, and must not throw here either.
    void take_rest() noexcept {
        if (delivery_.call != nullptr) {
            if (!hand_on(gate_.finish())) return;
            if (gate_.state() == stream::GateState::hold) response_.body = gate_.take_held();
        }
        if (!framed_ && !response_.delivered && !wire::ends_itself(response_.body))
            stop(Stop::unframed);
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
        if (gate_.has_answer()) return stop(Stop::answered);
        return hand_on(ready);
    }

    bool hand_on(std::string_view ready) {
        if (ready.empty()) return true;
        if (ready.size() > options_.max_stream_bytes - streamed_) return stop(Stop::body_too_long);
        streamed_ += ready.size();
        response_.delivered = true;
        return delivery_.call(delivery_.sink, ready) || stop(Stop::by_sink);
    }

    CURL* easy_;
    const Options& options_;
    const KeptSockets& kept_;
    Delivery delivery_;
    HttpResponse response_{};
    stream::Gate gate_{0, {}};
    std::size_t head_bytes_ = 0;
    std::size_t streamed_ = 0;
    long written_before_ = 0;
    Stop stopped_ = Stop::no;
    bool is_head_;
    bool announced_ = false;
    bool head_begun_ = false;
    bool head_done_ = false;
    bool interim_ = false;
    bool framed_ = false;
};

/// A libcurl easy handle with its connections, used by one send at a time.
class Handle {
public:
    /// `kept` of all handles that share their connections; null for one that is alone.
    explicit Handle(const Options& options, KeptSockets* kept = nullptr)
        : kept_(kept != nullptr ? *kept : own_kept_) {
        usable_ = set_up(options);
    }
    Handle(const Handle&) = delete;
    Handle& operator=(const Handle&) = delete;

    /// Makes the handle ready to be performed; what is wrong if it cannot be. The options, the
    /// request and the sink are borrowed until `finish`.
    std::optional<TransportError> prepare(const Options& options, const HttpRequest& request,
                                          const Attempt& attempt, Delivery delivery) {
        if (!usable_) return wire::refused("libcurl could not be set up as curl::Options say");
        if (attempt.timeout() < Duration::zero())
            return TransportError{Reach::never_sent, "no time was left for this attempt"};
        if (const char* wrong = wire::fault_of(request, attempt, options.idempotency_header))
            return wire::refused(wrong);
        if (const char* wrong = set_url(options, request.url)) return wire::refused(wrong);
        if (const char* wrong = set_method(request)) return wire::refused(wrong);
        set_headers(options, request, attempt);
        exchange_.emplace(easy_.get(), options, kept_, delivery, request.method == "HEAD");
        Exchange* const exchange = &*exchange_;
        error_.front() = '\0';
        const Duration limit = wire::limit_of(options.timeout, attempt);
        bool set = option(CURLOPT_TIMEOUT_MS, milliseconds(limit)) &&
                   option(CURLOPT_HTTPHEADER, lines_.list()) &&
                   option(CURLOPT_SOCKOPTDATA, exchange) && option(CURLOPT_HEADERDATA, exchange) &&
                   option(CURLOPT_WRITEDATA, exchange);
#if LIBCURL_VERSION_NUM >= 0x075000
        set = set && option(CURLOPT_PREREQDATA, exchange);
#endif
        if (set) return std::nullopt;
        forget();
        return wire::refused("libcurl could not be set up for this request");
    }

    /// True if it was not sent and is to be performed once more, over another connection.
    bool goes_again() noexcept { return exchange_->goes_again(); }

    /// What came of it; afterwards the handle keeps nothing of the request.
    TransportResult<HttpResponse> finish(CURLcode code) {
        forget();
        kept_.note(easy_.get());
        TransportResult<HttpResponse> result = exchange_->result(code, error_.data());
        exchange_.reset();
        return result;
    }
    /// The same where nobody wants to know.
    void abandon() noexcept {
        forget();
        exchange_.reset();
    }

    CURL* easy() const noexcept { return easy_.get(); }

private:
    template <class Value> bool option(CURLoption name, Value value) noexcept {
        return curl_easy_setopt(easy_.get(), name, value) == CURLE_OK;
    }

    void forget() noexcept {
        option(CURLOPT_HTTPHEADER, static_cast<curl_slist*>(nullptr));
        option(CURLOPT_POSTFIELDS, static_cast<char*>(nullptr));
        lines_.clear();
    }

    /// Whatever is the same for each send.
    bool set_up(const Options& options) {
        if (!libcurl_is_ready() || !wire::is_field_value(options.user_agent)) return false;
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

    void set_headers(const Options& options, const HttpRequest& request, const Attempt& attempt) {
        std::size_t bytes = 64;
        std::size_t count = 2;
        const std::string_view key_header = options.idempotency_header;
        wire::each_header(request, attempt, key_header,
                          [&](std::string_view name, std::string_view value) {
                              bytes += name.size() + value.size() + 4;
                              ++count;
                          });
        lines_.start(bytes, count);
        wire::each_header(
            request, attempt, key_header,
            [&](std::string_view name, std::string_view value) { lines_.add(name, value); });
        lines_.suppress("Expect");
        if (!wire::has_header(request, "Content-Type")) lines_.suppress("Content-Type");
    }

    const char* set_method(const HttpRequest& request) {
        const std::string& method = request.method;
        bool set = option(CURLOPT_CUSTOMREQUEST, method.c_str());
        if (method == "HEAD") {
            set = set && option(CURLOPT_HTTPGET, 1L) && option(CURLOPT_NOBODY, 1L);
        } else if (request.body.empty() && !wire::expects_body(method)) {
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
    KeptSockets own_kept_{};
    KeptSockets& kept_;
    HeaderLines lines_{};
    std::optional<Exchange> exchange_{};
    std::string url_text_{};
    bool usable_ = false;
};

}  // namespace detail
}  // namespace curl
}  // namespace v0_1
}  // namespace rekey

#endif
