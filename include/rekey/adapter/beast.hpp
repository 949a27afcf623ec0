// SPDX-License-Identifier: BSL-1.0
// beast::Transport, beast::AsyncTransport: send an HttpRequest with Boost.Beast.
#ifndef REKEY_ADAPTER_BEAST_HPP
#define REKEY_ADAPTER_BEAST_HPP

#include <rekey/oauth/url.hpp>
#include <rekey/wire.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/fields.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/serializer.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rekey {
inline namespace v0_1 {
namespace beast {

/// How a transport connects. Every member has a default that is safe for production.
struct Options {
    Duration connect_timeout = std::chrono::seconds{5};  ///< Name, connection and TLS handshake.
    /// For one send, with its answer; an attempt's own timeout can only shorten it. Zero: no limit.
    Duration timeout = std::chrono::seconds{600};
    /// A connection idle for longer is not used again; zero keeps none. Less than the server's own
    /// limit, so that the server does not close one while we write to it.
    Duration keep_alive = std::chrono::seconds{30};
    /// A PEM file of certificate authorities that replaces the system's. Verification stays on.
    std::string ca_file{};
    /// True sends credentials over plain http to any host. By default only to this machine.
    bool allow_http = false;
    std::string user_agent = "rekey";  ///< Empty: no such header.
    /// The largest answer that is kept; a longer one ends the attempt as `cut_short`.
    std::size_t max_body_bytes = std::size_t{64} << 20;
    /// Carries `attempt.idempotency_key()`, unless the request has it already. Empty: not sent.
    std::string idempotency_header = "Idempotency-Key";
    /// How many idle connections are kept for later sends.
    std::size_t max_idle = 64;
};

/// How far a send came.
struct Progress {
    bool request_begun = false;  ///< Writing the request has begun.
    bool answer_begun = false;   ///< At least one byte of an answer arrived.
};

/// What a failure of Beast, Asio or TLS means. What happened counts more than the code: before the
/// first byte of the request is written nothing was sent, whatever it was.
inline TransportError error_of(const boost::system::error_code& error, const Progress& progress) {
    TransportError made{Reach::never_sent, "Beast: " + error.message(), TransportVerdict::passing};
    if (progress.answer_begun)
        made.reach = Reach::cut_short;
    else if (progress.request_begun)
        made.reach = Reach::sent_unanswered;
    const bool is_tls = error.category() == boost::asio::error::get_ssl_category();
    if (is_tls && ERR_GET_REASON(static_cast<unsigned long>(error.value())) ==
                      SSL_R_CERTIFICATE_VERIFY_FAILED)
        made.verdict = TransportVerdict::lasting;
    return made;
}

class Transport;

namespace detail {

namespace net = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;
using net::ip::tcp;
using Answer = TransportResult<HttpResponse>;

/// Memory that is overwritten before it is given back: a request's headers hold a credential.
template <class Type> struct WipingAllocator {
    using value_type = Type;
    WipingAllocator() = default;
    template <class Other> WipingAllocator(const WipingAllocator<Other>&) noexcept {}
    Type* allocate(std::size_t count) { return std::allocator<Type>{}.allocate(count); }
    void deallocate(Type* memory, std::size_t count) noexcept {
        auto* const bytes = reinterpret_cast<volatile unsigned char*>(memory);
        for (std::size_t i = 0; i != count * sizeof(Type); ++i) bytes[i] = 0;
        std::allocator<Type>{}.deallocate(memory, count);
    }
    template <class Other> bool operator==(const WipingAllocator<Other>&) const noexcept {
        return true;
    }
    template <class Other> bool operator!=(const WipingAllocator<Other>&) const noexcept {
        return false;
    }
};
using Fields = http::basic_fields<WipingAllocator<char>>;

/// What all connections of a transport share.
struct Setting {
    explicit Setting(Options given) : options(std::move(given)) {
        error_code error;
        if (options.ca_file.empty())
            tls.set_default_verify_paths(error);
        else
            tls.load_verify_file(options.ca_file, error);
        knows_authorities = !error;
        tls.set_verify_mode(net::ssl::verify_peer, error);
        knows_authorities = knows_authorities && !error &&
                            SSL_CTX_set_min_proto_version(tls.native_handle(), TLS1_2_VERSION) == 1;
    }
    const Options options;
    net::ssl::context tls{net::ssl::context::tls_client};
    bool knows_authorities = false;
};

/// The most that a head or the trailers of an answer may have. Beast throws at a field of 64 KiB,
/// and bounds trailers by nothing but its buffer.
inline constexpr std::uint32_t longest_head = 65'000;

/// A connection to one origin, and the order in which things happen to it.
struct Connection {
    Connection(const net::any_io_executor& executor, std::string to)
        : strand(net::make_strand(executor)), socket(strand), origin(std::move(to)) {}

    /// Nothing has come and it is not closed. A server that says something unasked is leaving. What
    /// TLS has taken from the socket and not given out yet counts too, its own messages do not.
    bool is_quiet() {
        error_code error;
        char byte = 0;
        socket.non_blocking(true, error);
        if (error) return false;
        if (tls)
            tls->read_some(net::buffer(&byte, 1), error);
        else
            socket.receive(net::buffer(&byte, 1), tcp::socket::message_peek, error);
        return error == net::error::would_block || error == net::error::try_again;
    }
    void close() noexcept {
        error_code ignored;
        socket.close(ignored);
    }

    net::strand<net::any_io_executor> strand;
    tcp::socket socket;
    std::optional<net::ssl::stream<tcp::socket&>> tls{};
    boost::beast::flat_buffer buffer{longest_head};
    std::string origin;
    std::chrono::steady_clock::time_point idle_since{};
};

/// The idle connections of a transport. The last one given back is taken first.
class Pool {
public:
    Pool(net::any_io_executor executor, std::shared_ptr<Setting> setting)
        : executor_(std::move(executor)), setting_(std::move(setting)) {}

    Setting& setting() const noexcept { return *setting_; }

    std::unique_ptr<Connection> take(const std::string& origin) {
        const auto now = std::chrono::steady_clock::now();
        const std::lock_guard<std::mutex> lock(mutex_);
        for (std::size_t i = idle_.size(); i-- != 0;) {
            const bool is_old = now - idle_[i]->idle_since > setting_->options.keep_alive;
            if (!is_old && idle_[i]->origin != origin) continue;
            std::unique_ptr<Connection> found = std::move(idle_[i]);
            idle_.erase(idle_.begin() + static_cast<std::ptrdiff_t>(i));
            if (!is_old && found->is_quiet()) return found;
        }
        return std::make_unique<Connection>(executor_, origin);
    }
    void give_back(std::unique_ptr<Connection> connection) {
        connection->idle_since = std::chrono::steady_clock::now();
        const std::lock_guard<std::mutex> lock(mutex_);
        if (idle_.size() < setting_->options.max_idle) idle_.push_back(std::move(connection));
    }

private:
    net::any_io_executor executor_;
    std::shared_ptr<Setting> setting_;
    std::mutex mutex_{};
    std::vector<std::unique_ptr<Connection>> idle_{};
};

/// One send on its way. Everything happens on the strand of its connection.
class Exchange : public std::enable_shared_from_this<Exchange> {
public:
    using Done = std::function<void(Answer)>;

    Exchange(std::shared_ptr<Pool> pool, const HttpRequest& request, const Attempt& attempt,
             Done done)
        : pool_(std::move(pool)),
          done_(std::move(done)),
          is_head_(request.method == "HEAD"),
          limit_(wire::limit_of(options().timeout, attempt)),
          begun_(std::chrono::steady_clock::now()),
          url_text_(request.url),
          url_(oauth::parse_url(url_text_)),
          is_tls_(rekey::detail::same_ignoring_case(url_.origin.scheme, "https")),
          connection_(pool_->take(origin_text())),
          strand_(connection_->strand),
          timer_(strand_) {
        compose(request, attempt);
    }
    Exchange(const Exchange&) = delete;
    Exchange& operator=(const Exchange&) = delete;

    /// What is wrong with a request that must not be sent, or null.
    static const char* fault_of(const Setting& setting, const HttpRequest& request,
                                const Attempt& attempt) {
        if (const char* const wrong =
                wire::fault_of(request, attempt, setting.options.idempotency_header))
            return wrong;
        constexpr std::size_t most = 65'000;  // Beast's own is 64 KiB, and it throws
        for (const HttpHeader& header : request.headers)
            if (header.name.size() > 1000 || header.value.size() > most)
                return "a header is longer than 65,000 bytes";
        if (attempt.authorization().size() > most || attempt.idempotency_key().size() > most ||
            setting.options.user_agent.size() > most)
            return "the credential or a key is longer than 65,000 bytes";
        const oauth::Url url = oauth::parse_url(request.url);
        if (!url) return oauth::sentence(url.error).data();
        if (!setting.options.allow_http && !oauth::allowed_for_secrets(url))
            return "plain http to another machine needs beast::Options::allow_http";
        if (!setting.knows_authorities &&
            rekey::detail::same_ignoring_case(url.origin.scheme, "https"))
            return "the certificate authorities of beast::Options cannot be read";
        return nullptr;
    }

    void begin() {
        net::dispatch(strand_, [self = shared_from_this()] {
            if (self->connection_->socket.is_open())
                self->write();
            else
                self->resolve();
        });
    }
    void cancel() {
        net::post(strand_, [self = shared_from_this()] {
            self->fail(TransportVerdict::cancelled, "cancelled");
        });
    }

private:
    enum class Phase : unsigned char { connecting, sending, reading_head, reading_body };

    const Options& options() const noexcept { return pool_->setting().options; }
    std::string origin_text() const {
        std::string text(url_.origin.host);
        for (char& c : text) c = rekey::detail::lower(c);
        return (is_tls_ ? "https " : "http ") + text + ' ' + std::to_string(url_.origin.port);
    }
    /// The host without the brackets of an IPv6 address.
    std::string host() const {
        std::string_view name = url_.origin.host;
        if (name.front() == '[') name = name.substr(1, name.size() - 2);
        return std::string(name);
    }

    void compose(const HttpRequest& request, const Attempt& attempt) {
        request_.version(11);
        request_.method_string(request.method);
        request_.target(wire::target_of(url_.path, url_.query));
        std::string authority(url_.origin.host);
        if (url_.origin.port != (is_tls_ ? 443 : 80))
            authority += ':' + std::to_string(url_.origin.port);
        const auto add = [this](std::string_view name, std::string_view value) {
            request_.insert(boost::beast::string_view(name.data(), name.size()),
                            boost::beast::string_view(value.data(), value.size()));
        };
        if (!wire::has_header(request, "Host")) add("Host", authority);
        if (!options().user_agent.empty() && !wire::has_header(request, "User-Agent"))
            add("User-Agent", options().user_agent);
        wire::each_header(request, attempt, options().idempotency_header, add);
        request_.body() = request.body;
        if (!request.body.empty() || wire::expects_body(request.method))
            request_.content_length(request.body.size());
    }

    /// Begins or tightens the time: `limit` counts from the beginning of the send.
    void expire_after(Duration limit) {
        if (limit <= Duration::zero()) return;
        constexpr Duration most = std::chrono::hours{24 * 365};  // the end lies within all time
        if (limit > most) limit = most;
        timer_.expires_at(begun_ +
                          std::chrono::duration_cast<std::chrono::steady_clock::duration>(limit));
        timer_.async_wait([self = shared_from_this()](const error_code& error) {
            if (!error) self->fail(TransportVerdict::passing, "the time of this attempt is over");
        });
    }

    void resolve() {
        const Duration most = options().connect_timeout;
        expire_after(limit_ > Duration::zero() && (limit_ < most || most <= Duration::zero())
                         ? limit_
                         : most);
        const std::string name = host();
        error_code error;
        const net::ip::address address = net::ip::make_address(name, error);
        if (!error) {
            connect(tcp::resolver::results_type::create(tcp::endpoint(address, url_.origin.port),
                                                        name, std::to_string(url_.origin.port)));
            return;
        }
        resolver_.emplace(connection_->strand);
        resolver_->async_resolve(
            name, std::to_string(url_.origin.port),
            [self = shared_from_this()](const error_code& failed,
                                        const tcp::resolver::results_type& found) {
                if (self->is_over_) return;
                if (failed) return self->fail(failed);
                self->connect(found);
            });
    }
    void connect(const tcp::resolver::results_type& endpoints) {
        net::async_connect(
            connection_->socket, endpoints,
            [self = shared_from_this()](const error_code& failed, const tcp::endpoint&) {
                if (self->is_over_) return;
                if (failed) return self->fail(failed);
                error_code ignored;
                self->connection_->socket.set_option(tcp::no_delay(true), ignored);
                self->is_tls_ ? self->shake_hands() : self->write();
            });
    }
    void shake_hands() {
        auto& tls = connection_->tls.emplace(connection_->socket, pool_->setting().tls);
        const std::string name = host();
        error_code error;
        net::ip::make_address(name, error);
        const bool is_named = static_cast<bool>(error);  // an address is not sent (RFC 6066 §3)
        if (is_named && SSL_ctrl(tls.native_handle(), SSL_CTRL_SET_TLSEXT_HOSTNAME,
                                 TLSEXT_NAMETYPE_host_name, const_cast<char*>(name.c_str())) != 1)
            return fail(TransportVerdict::lasting, "the host's name does not go into TLS");
        tls.set_verify_callback(net::ssl::host_name_verification(name), error);
        if (error) return fail(error);
        tls.async_handshake(net::ssl::stream_base::client,
                            [self = shared_from_this()](const error_code& failed) {
                                if (self->is_over_) return;
                                if (failed) return self->fail(failed);
                                self->write();
                            });
    }

    /// Calls `act` with what is written to and read from.
    template <class Act> void with_stream(Act&& act) {
        if (connection_->tls)
            act(*connection_->tls);
        else
            act(connection_->socket);
    }
    void write() {
        timer_.cancel();
        expire_after(limit_);
        phase_ = Phase::sending;
        serializer_.emplace(request_);
        with_stream([this](auto& stream) {
            http::async_write(
                stream, *serializer_,
                [self = shared_from_this()](const error_code& failed, std::size_t written) {
                    if (self->is_over_) return;
                    if (failed && written == 0) self->phase_ = Phase::connecting;
                    if (failed) return self->fail(failed);
                    self->read_head();
                });
        });
    }
    void read_head() {
        phase_ = Phase::reading_head;
        parser_.emplace();
        parser_->header_limit(longest_head);
        parser_->body_limit(options().max_body_bytes);
        parser_->skip(is_head_);
        with_stream([this](auto& stream) {
            http::async_read_header(
                stream, connection_->buffer, *parser_,
                [self = shared_from_this()](const error_code& failed, std::size_t) {
                    if (self->is_over_) return;
                    if (failed) return self->fail(failed);
                    self->take_head();
                });
        });
    }
    void take_head() {
        const auto& head = parser_->get();
        const int status = static_cast<int>(head.result_int());
        if (status / 100 == 1 && status != 101) {  // RFC 9110 §15.2
            has_interim_ = true;
            return read_head();
        }
        phase_ = Phase::reading_body;
        response_.status = status;
        for (const auto& field : head) {
            const auto name = field.name_string();
            const auto value = field.value();
            rekey::detail::add_header(response_.headers, std::string(name.data(), name.size()),
                                      std::string(value.data(), value.size()));
        }
        const wire::Framing framing =
            wire::framing_of(is_head_ ? "HEAD" : "", status, response_.headers);
        if (framing == wire::Framing::contradictory)
            return fail(TransportVerdict::passing, wire::two_lengths);
        is_open_ = framing == wire::Framing::open;
        if (parser_->is_done()) return finish();
        with_stream([this](auto& stream) {
            http::async_read(stream, connection_->buffer, *parser_,
                             [self = shared_from_this()](const error_code& failed, std::size_t) {
                                 if (self->is_over_) return;
                                 if (failed) return self->fail(failed);
                                 self->finish();
                             });
        });
    }
    void finish() {
        const bool stays = parser_->get().keep_alive() && connection_->buffer.size() == 0 &&
                           options().keep_alive > Duration::zero();
        response_.body = std::move(parser_->get().body());
        if (is_open_ && !wire::ends_itself(response_.body))
            return fail(TransportVerdict::passing, wire::open_ended);
        if (stays)
            pool_->give_back(std::move(connection_));
        else
            connection_->close();
        end(std::move(response_));
    }

    Progress progress() {
        Progress made;
        made.request_begun = phase_ != Phase::connecting;
        made.answer_begun =
            phase_ == Phase::reading_body ||
            (phase_ == Phase::reading_head &&
             (has_interim_ || connection_->buffer.size() != 0 || parser_->got_some()));
        return made;
    }
    void fail(const error_code& error) {
        if (!is_over_) fail(error_of(error, progress()));
    }
    void fail(TransportVerdict verdict, std::string detail) {
        if (is_over_) return;
        TransportError error = error_of({}, progress());
        error.detail = std::move(detail);
        error.verdict = verdict;
        fail(std::move(error));
    }
    void fail(TransportError error) {
        connection_->close();
        if (resolver_) resolver_->cancel();
        end(std::move(error));
    }
    void end(Answer answer) {
        is_over_ = true;
        timer_.cancel();
        const Done done = std::exchange(done_, nullptr);
        done(std::move(answer));
    }

    const std::shared_ptr<Pool> pool_;
    Done done_;
    const bool is_head_;
    const Duration limit_;
    const std::chrono::steady_clock::time_point begun_;
    const std::string url_text_;
    const oauth::Url url_;
    const bool is_tls_;
    std::unique_ptr<Connection> connection_;  // until it is given back
    const net::strand<net::any_io_executor> strand_;
    net::steady_timer timer_;
    std::optional<tcp::resolver> resolver_{};
    http::request<http::string_body, Fields> request_{};
    std::optional<http::request_serializer<http::string_body, Fields>> serializer_{};
    std::optional<http::response_parser<http::string_body>> parser_{};
    HttpResponse response_{};
    Phase phase_ = Phase::connecting;
    bool has_interim_ = false;
    bool is_open_ = false;  // nothing but the closed connection ends the body
    bool is_over_ = false;
};

}  // namespace detail

/// A send on its way; what `AsyncTransport` returns. Copies are the same.
class Sending {
public:
    /// Ends it at once and closes its connection. Threads: any.
    void cancel() const {
        if (const auto exchange = exchange_.lock()) exchange->cancel();
    }

private:
    friend class AsyncTransport;
    std::weak_ptr<detail::Exchange> exchange_{};
};

/// Sends an `HttpRequest` over HTTP/1.1 with Boost.Beast, for the asynchronous drivers.
///
/// ```
/// rekey::beast::AsyncTransport transport{io.get_executor()};
/// rekey::driver::callback::Client client{transport, scheduler, policies...};
/// ```
/// Sends each request once: it follows no redirect, answers no challenge, and never sends a request
/// again when a kept connection closes. Certificates and the host's name are verified, TLS 1.2 is
/// the least; no cookies, no proxy.
///
/// Errors   as of `curl::Transport`: `never_sent`, lasting, for what must not go on the wire and
///          for a certificate that does not verify; `cut_short` for an answer that broke off, is
///          too long (a head or trailers of more than 65,000 bytes are, too), is not HTTP, or
///          whose end nothing marks but the closed connection, unless it is one JSON object or
///          array.
/// Threads  any, as those that run the executor. The answer comes on one of them, never from
///          within the call unless that is made on one. Copies share their connections.
/// Lifetime the execution context outlives the transport and its copies.
/// Cost     a few allocations a send. Compile it in one file of yours: Beast takes seconds.
/// Source   RFC 9110, RFC 9112 §6.3; the Boost.Beast documentation. Needs Boost 1.74, OpenSSL.
class AsyncTransport {
public:
    using Answer = TransportResult<HttpResponse>;
    static constexpr bool follows_redirects = false;
    static constexpr bool vouches_for_whole_bodies = true;

    explicit AsyncTransport(const boost::asio::any_io_executor& executor, Options options = {})
        : AsyncTransport(executor, std::make_shared<detail::Setting>(std::move(options))) {}

    template <class Done>
    Sending operator()(const HttpRequest& request, const Attempt& attempt, Done done) const {
        Sending sending;
        if (attempt.timeout() < Duration::zero()) {
            done(Answer(TransportError{Reach::never_sent, "no time was left for this attempt"}));
            return sending;
        }
        if (const char* const wrong =
                detail::Exchange::fault_of(pool_->setting(), request, attempt)) {
            done(Answer(wire::refused(wrong)));
            return sending;
        }
        const auto exchange =
            std::make_shared<detail::Exchange>(pool_, request, attempt, std::move(done));
        sending.exchange_ = exchange;
        exchange->begin();
        return sending;
    }

private:
    friend class Transport;
    AsyncTransport(const boost::asio::any_io_executor& executor,
                   std::shared_ptr<detail::Setting> setting)
        : pool_(std::make_shared<detail::Pool>(executor, std::move(setting))) {}

    std::shared_ptr<detail::Pool> pool_;
};

/// The same for a client that blocks: `rekey::Client{rekey::beast::Transport{}, …}`.
///
/// Each send runs a loop of its own in the calling thread, so that its time is kept, which Beast's
/// blocking calls cannot do.
/// Threads  `operator()` may run in any number of threads. Copies share their connections.
class Transport {
public:
    static constexpr bool follows_redirects = AsyncTransport::follows_redirects;
    static constexpr bool vouches_for_whole_bodies = AsyncTransport::vouches_for_whole_bodies;

    explicit Transport(Options options = {})
        : loops_(std::make_shared<Loops>(std::move(options))) {}

    TransportResult<HttpResponse> operator()(const HttpRequest& request,
                                             const Attempt& attempt) const {
        std::unique_ptr<Loop> loop = loops_->take();
        std::optional<AsyncTransport::Answer> got;
        loop->context.restart();
        (void)loop->transport(request, attempt,
                              [&got](AsyncTransport::Answer answer) { got = std::move(answer); });
        while (!got) loop->context.run_one();
        loops_->give_back(std::move(loop));
        return std::move(*got);
    }

private:
    struct Loop {
        explicit Loop(const std::shared_ptr<detail::Setting>& setting)
            : transport(context.get_executor(), setting) {}
        boost::asio::io_context context{1};
        AsyncTransport transport;
    };
    class Loops {
    public:
        explicit Loops(Options options)
            : setting_(std::make_shared<detail::Setting>(std::move(options))) {}
        std::unique_ptr<Loop> take() {
            {
                const std::lock_guard<std::mutex> lock(mutex_);
                if (!idle_.empty()) {
                    std::unique_ptr<Loop> loop = std::move(idle_.back());
                    idle_.pop_back();
                    return loop;
                }
            }
            return std::make_unique<Loop>(setting_);
        }
        void give_back(std::unique_ptr<Loop> loop) {
            const std::lock_guard<std::mutex> lock(mutex_);
            if (idle_.size() < setting_->options.max_idle) idle_.push_back(std::move(loop));
        }

    private:
        std::shared_ptr<detail::Setting> setting_;
        std::mutex mutex_{};
        std::vector<std::unique_ptr<Loop>> idle_{};
    };
    std::shared_ptr<Loops> loops_;
};

}  // namespace beast
}  // namespace v0_1
}  // namespace rekey

#endif
