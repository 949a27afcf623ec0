// SPDX-License-Identifier: BSL-1.0
// httplib::Transport: sends an HttpRequest with cpp-httplib.
#ifndef REKEY_ADAPTER_HTTPLIB_HPP
#define REKEY_ADAPTER_HTTPLIB_HPP

#include <rekey/oauth/url.hpp>
#include <rekey/wire.hpp>

#include <httplib.h>

#include <chrono>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#if !defined(_WIN32)
#include <csignal>
#include <ctime>
#endif

namespace rekey {
inline namespace v0_1 {
namespace httplib {

/// How a `Transport` connects. Every member has a default that is safe for production.
struct Options {
    Duration connect_timeout = std::chrono::seconds{5};
    /// For one send, with its answer; an attempt's own timeout can only shorten it. Zero: no limit.
    Duration timeout = std::chrono::seconds{600};
    /// A connection idle for longer is not used again; zero keeps none.
    Duration keep_alive = std::chrono::seconds{30};
    /// A PEM file of certificate authorities that replaces the system's. Verification stays on.
    std::string ca_file{};
    /// True sends credentials over plain http to any host. By default only to this machine.
    bool allow_http = false;
    /// The largest answer that is kept; a longer one ends the attempt as `cut_short`.
    std::size_t max_body_bytes = std::size_t{64} << 20;
    /// Carries `attempt.idempotency_key()`, unless the request has it already. Empty: not sent.
    std::string idempotency_header = "Idempotency-Key";
    /// How many idle connections are kept.
    std::size_t max_idle = 64;
};

/// How far an exchange came, as far as cpp-httplib lets one see.
struct Progress {
    bool answer_begun = false;  ///< The headers of an answer were read.
    bool is_late = false;       ///< We stopped it because its time was up.
    bool is_too_long = false;   ///< We stopped it because the answer is too long.
};

/// What a failure of cpp-httplib means. Errors of before a connection was made: never sent. `Read`
/// and `Write`: sent, and an answer may have begun.
inline TransportError error_of(::httplib::Error error, const Progress& progress);

namespace detail {
class Pool;
}  // namespace detail

/// Sends an `HttpRequest` over HTTP/1.1 with cpp-httplib (0.11 and later) and returns the whole
/// answer.
///
/// ```
/// rekey::Client client{rekey::httplib::Transport{}, policies...};
/// ```
/// Sends each request once, follows no redirect, answers no challenge, knows no cookies, reads no
/// environment and asks for no compression. Writing to a connection that the server has closed
/// raises no SIGPIPE here, as it would with cpp-httplib alone.
///
/// Macros   cpp-httplib's classes change their layout with `CPPHTTPLIB_OPENSSL_SUPPORT`. Define it
///          in every file of a program or in none, as your package says (pkg-config cpp-httplib);
///          no header can see the other files. This one defines none. Without it https is refused.
/// Errors   as those of `curl::Transport`, but a connection that breaks inside the head of an
///          answer counts as `sent_unanswered`: cpp-httplib does not tell.
/// Time     each step (connecting, writing, the wait for the next bytes) takes the limit at most,
///          and the body is stopped when the time is up. So connecting can add to it, and a server
///          that sends its headers byte by byte can stretch it: do not use it for such servers.
/// Headers  repeated ones kept, in whatever order cpp-httplib keeps them. Of an answer version 0.11
///          decodes `%XX` in values, and leaves out empty ones and the rest of folded lines. It
///          adds an `Accept`, a `User-Agent`, and the type `text/plain` to a body without one.
/// Threads  `operator()` may run in any number of threads. Copies share their connections.
/// Source   RFC 9110 §9.2.2, RFC 9112 §6.3; cpp-httplib's README.
class Transport {
public:
    static constexpr bool follows_redirects = false;
    /// cpp-httplib 0.11 takes a chunked body that breaks off inside the end of a chunk for whole.
    static constexpr bool vouches_for_whole_bodies = false;

    explicit Transport(Options options = {});

    TransportResult<HttpResponse> operator()(const HttpRequest& request,
                                             const Attempt& attempt) const;

private:
    std::shared_ptr<detail::Pool> pool_;
};

inline TransportError error_of(::httplib::Error error, const Progress& progress) {
    TransportError made{progress.answer_begun ? Reach::cut_short : Reach::sent_unanswered,
                        "cpp-httplib: " + ::httplib::to_string(error), TransportVerdict::passing};
    if (progress.is_late) made.detail = "the time of this attempt was up";
    if (progress.is_too_long) made.detail = "the answer is longer than httplib::Options allow";
    using Error = ::httplib::Error;
    switch (error) {
        case Error::SSLLoadingCerts:
        case Error::SSLServerVerification:
            made.verdict = TransportVerdict::lasting;
            [[fallthrough]];
        case Error::Connection:
        case Error::BindIPAddress:
        case Error::SSLConnection:
        case Error::ConnectionTimeout: made.reach = Reach::never_sent; break;
        default: break;
    }
    // Names that later versions have and 0.11 does not.
    const std::string name = ::httplib::to_string(error);
    if (name.find("hostname verification") != std::string::npos) {
        made.reach = Reach::never_sent;
        made.verdict = TransportVerdict::lasting;
    }
    if (name.find("Proxy connection") != std::string::npos) made.reach = Reach::never_sent;
    return made;
}

namespace detail {

/// Keeps SIGPIPE from this thread: cpp-httplib writes without MSG_NOSIGNAL, and a write to a
/// connection that the server has closed would end the program.
class NoBrokenPipe {
public:
#if !defined(_WIN32)
    NoBrokenPipe() noexcept {
        sigemptyset(&pipe_);
        sigaddset(&pipe_, SIGPIPE);
        sigset_t pending;
        sigpending(&pending);
        was_pending_ = sigismember(&pending, SIGPIPE) == 1;
        if (!was_pending_) pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
    }
    ~NoBrokenPipe() {
        if (was_pending_) return;
        sigset_t pending;
        sigpending(&pending);
        int taken = 0;
        if (sigismember(&pending, SIGPIPE) == 1) sigwait(&pipe_, &taken);
        pthread_sigmask(SIG_SETMASK, &before_, nullptr);
    }

private:
    sigset_t pipe_{};
    sigset_t before_{};
    bool was_pending_ = false;

public:
#else
    NoBrokenPipe() = default;
#endif
    NoBrokenPipe(const NoBrokenPipe&) = delete;
    NoBrokenPipe& operator=(const NoBrokenPipe&) = delete;
};

#if defined(CPPHTTPLIB_OPENSSL_SUPPORT)
/// The TLS session of a client's connection, which cpp-httplib shows to nobody: OpenSSL tells when
/// a handshake is done, and the session stays with the context.
struct Session {
    static void watch(SSL_CTX* context) noexcept { SSL_CTX_set_info_callback(context, &note); }
    /// Whether TLS has taken more from the socket than it was asked for. Requires a connection.
    static bool has_more(SSL_CTX* context) noexcept {
        const auto* session = static_cast<const SSL*>(SSL_CTX_get_ex_data(context, place()));
        return session != nullptr && SSL_pending(session) > 0;
    }

private:
    static int place() noexcept {
        static const int made = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
        return made;
    }
    static void note(const SSL* session, int where, int) noexcept {
        if ((where & SSL_CB_HANDSHAKE_DONE) != 0)
            SSL_CTX_set_ex_data(SSL_get_SSL_CTX(session), place(), const_cast<SSL*>(session));
    }
};
#endif

/// A client of cpp-httplib for one origin: its connection, open or not.
struct Connection {
    std::string origin{};
    std::unique_ptr<::httplib::ClientImpl> client{};
    std::chrono::steady_clock::time_point idle_since{};
#if defined(CPPHTTPLIB_OPENSSL_SUPPORT)
    SSL_CTX* context = nullptr;  // of the client; null without TLS
#endif
};

/// The idle connections. The last one given back is taken first.
class Pool {
public:
    using Clock = std::chrono::steady_clock;

    explicit Pool(Options options) : options_(std::move(options)) {}

    const Options& options() const noexcept { return options_; }

    /// Without a client if there is none.
    Connection take(const std::string& origin) {
        const Clock::time_point now = Clock::now();
        const std::lock_guard<std::mutex> lock(mutex_);
        for (std::size_t i = idle_.size(); i-- != 0;) {
            const bool is_old = now - idle_[i].idle_since > options_.keep_alive;
            if (!is_old && idle_[i].origin != origin) continue;
            Connection found = std::move(idle_[i]);
            idle_.erase(idle_.begin() + static_cast<std::ptrdiff_t>(i));
            if (!is_old && is_quiet(found)) return found;
        }
        return {};
    }
    void give_back(Connection connection) {
        if (options_.keep_alive <= Duration::zero()) return;
        connection.idle_since = Clock::now();
        const std::lock_guard<std::mutex> lock(mutex_);
        if (idle_.size() < options_.max_idle) idle_.push_back(std::move(connection));
    }

private:
    /// Nothing has come over its connection since, and it is not closed. cpp-httplib would take
    /// for an answer what nobody had asked for, which RFC 9112 §6.3 forbids.
    static bool is_quiet(const Connection& connection) noexcept {
        const ::httplib::ClientImpl& client = *connection.client;
        if (client.is_socket_open() == 0) return true;  // it opens one
#if defined(CPPHTTPLIB_OPENSSL_SUPPORT)
        if (connection.context != nullptr && Session::has_more(connection.context)) return false;
#endif
#if defined(_WIN32)
        u_long waiting = 0;
        return ioctlsocket(client.socket(), FIONREAD, &waiting) != 0 || waiting == 0;
#else
        char byte = 0;
        return ::recv(client.socket(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0;
#endif
    }

    const Options options_;
    std::mutex mutex_{};
    std::vector<Connection> idle_{};
};

/// `https://host:port`, as a connection is known by.
inline std::string origin_of(const oauth::Origin& origin, bool is_plain) {
    return (is_plain ? "http://" : "https://") + std::string(origin.host) + ':' +
           std::to_string(origin.port);
}

/// A client that has not connected yet. None that takes the URL apart itself: version 0.11 knows
/// no IPv6 address with letters in it, and looks the whole text up as a name.
inline Connection connect(const Options& options, const oauth::Origin& origin, bool is_plain) {
    std::string host(origin.host);
    if (host.front() == '[') host = host.substr(1, host.size() - 2);
    Connection made;
    made.origin = origin_of(origin, is_plain);
    if (is_plain) made.client = std::make_unique<::httplib::ClientImpl>(host, origin.port);
#if defined(CPPHTTPLIB_OPENSSL_SUPPORT)
    if (!is_plain) {
        auto client = std::make_unique<::httplib::SSLClient>(host, origin.port);
        client->enable_server_certificate_verification(true);
        if (!options.ca_file.empty()) client->set_ca_cert_path(options.ca_file);
        made.context = client->ssl_context();
        if (made.context != nullptr) Session::watch(made.context);
        made.client = std::move(client);
    }
#endif
    if (!made.client->is_valid()) return {};
    made.client->set_keep_alive(options.keep_alive > Duration::zero());
    made.client->set_follow_location(false);
    made.client->set_url_encode(false);  // The path is as the caller wrote it.
    made.client->set_compress(false);
    made.client->set_decompress(false);
    made.client->set_tcp_nodelay(true);
    return made;
}

/// Zero means no limit to us and "at once" to cpp-httplib; none is a day there.
inline void set_times(::httplib::ClientImpl& client, Duration connecting, Duration whole) {
    constexpr Duration longest = std::chrono::hours{24};
    constexpr Duration least = std::chrono::microseconds{1};
    if (whole <= Duration::zero() || whole > longest) whole = longest;
    if (connecting <= Duration::zero() || connecting > whole) connecting = whole;
    if (connecting < least) connecting = least;
    if (whole < least) whole = least;
    client.set_connection_timeout(connecting);
    client.set_read_timeout(whole);
    client.set_write_timeout(whole);
}

inline HttpHeaders headers_of(const ::httplib::Response& response) {
    HttpHeaders headers;
    headers.reserve(response.headers.size());
    for (const auto& [name, value] : response.headers)
        rekey::detail::add_header(headers, name, value);
    return headers;
}

}  // namespace detail

inline Transport::Transport(Options options)
    : pool_(std::make_shared<detail::Pool>(std::move(options))) {}

inline TransportResult<HttpResponse> Transport::operator()(const HttpRequest& request,
                                                           const Attempt& attempt) const {
    using Clock = std::chrono::steady_clock;
    const Options& options = pool_->options();
    if (attempt.timeout() < Duration::zero())
        return TransportError{Reach::never_sent, "no time was left for this attempt"};
    if (const char* wrong = wire::fault_of(request, attempt, options.idempotency_header))
        return wire::refused(wrong);
    const oauth::Url url = oauth::parse_url(request.url);
    if (!url) return wire::refused(std::string(oauth::sentence(url.error)));
    const bool is_plain = same_header_name(url.origin.scheme, "http");
    if (is_plain && !options.allow_http && !oauth::is_loopback(url.origin.host))
        return wire::refused("plain http to another machine needs httplib::Options::allow_http");
#if !defined(CPPHTTPLIB_OPENSSL_SUPPORT)
    if (!is_plain) return wire::refused("this cpp-httplib was compiled without TLS");
#endif

    ::httplib::Request outgoing;
    outgoing.method = request.method;
    outgoing.path = wire::target_of(url.path, url.query);
    outgoing.body = request.body;
    wire::each_header(request, attempt, options.idempotency_header,
                      [&outgoing](std::string_view name, std::string_view value) {
                          outgoing.headers.emplace(std::string(name), std::string(value));
                      });
    if (!wire::has_header(request, "Host")) {  // cpp-httplib's has no brackets at the usual port
        std::string host(url.origin.host);
        if (url.origin.port != (is_plain ? 80 : 443)) host += ':' + std::to_string(url.origin.port);
        outgoing.headers.emplace("Host", std::move(host));
    }

    const Duration limit = wire::limit_of(options.timeout, attempt);
    const Clock::time_point begin = Clock::now();
    Progress progress;
    HttpResponse response;
    const auto take_head = [&](const ::httplib::Response& head) {
        progress.answer_begun = true;
        response.status = head.status;
        response.headers = detail::headers_of(head);
        return head.status >= 200;  // An interim answer that cpp-httplib does not pass over.
    };
    outgoing.response_handler = take_head;
    outgoing.content_receiver = [&](const char* data, std::size_t size, auto, auto) {
        progress.is_too_long = size > options.max_body_bytes - response.body.size();
        progress.is_late = limit > Duration::zero() && Clock::now() - begin > limit;
        if (progress.is_too_long || progress.is_late) return false;
        response.body.append(data, size);
        return true;
    };

    detail::Connection connection = pool_->take(detail::origin_of(url.origin, is_plain));
    if (connection.client == nullptr) connection = detail::connect(options, url.origin, is_plain);
    if (connection.client == nullptr)
        return wire::refused("cpp-httplib could not be set up for this server");
    detail::set_times(*connection.client, options.connect_timeout, limit);
    const detail::NoBrokenPipe quiet;
    ::httplib::Response head;
    ::httplib::Error error = ::httplib::Error::Success;
    const bool is_answered = connection.client->send(outgoing, head, error);
    for (auto& [name, value] : outgoing.headers)
        if (same_header_name(name, attempt.header())) wire::wipe(value);
    if (is_answered && !progress.answer_begun) take_head(head);  // It asks nobody about a 204.
    if (progress.answer_begun && response.status < 200)
        return TransportError{Reach::cut_short, "an interim answer was taken for the last one"};
    if (!is_answered) return error_of(error, progress);
    switch (wire::framing_of(request.method, response.status, response.headers)) {
        case wire::Framing::open:
            if (wire::ends_itself(response.body)) return response;  // its connection is over
            return TransportError{Reach::cut_short, wire::open_ended};
        case wire::Framing::contradictory:
            return TransportError{Reach::cut_short, wire::two_lengths};
        case wire::Framing::whole: break;
    }
    // cpp-httplib takes no coding apart but this one, and reads any other until the connection
    // ends.
    const std::string_view coding = find_header(response.headers, "Transfer-Encoding");
    if (!coding.empty() && !same_header_name(wire::trimmed(coding), "chunked"))
        return TransportError{Reach::cut_short, wire::open_ended};
    pool_->give_back(std::move(connection));
    return response;
}

}  // namespace httplib
}  // namespace v0_1
}  // namespace rekey

#endif
