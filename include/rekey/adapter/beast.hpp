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
#include <boost/asio/ssl.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rekey {
inline namespace v0_1 {
namespace beast {

/// How a transport connects. Every member has a default that is safe for production.
struct Options {
    Duration connect_timeout = std::chrono::seconds{5};
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
    std::size_t max_idle = 64;  ///< How many idle connections are kept.
};

/// How far an exchange came.
struct Progress {
    bool request_begun = false;  ///< Writing the request has begun.
    bool answer_begun = false;   ///< At least one byte of an answer arrived.
};

/// What a failure of Beast, Asio or TLS means. What happened counts more than the code: before the
/// first byte of the request is written nothing was sent, whatever it was.
inline TransportError error_of(const boost::system::error_code& error, const Progress& progress);

namespace detail {
class Exchange;
class Pool;
}  // namespace detail

/// Sends an `HttpRequest` over HTTP/1.1 with Boost.Beast (Boost 1.74 and later) and waits for the
/// whole answer.
///
/// ```
/// rekey::Client client{rekey::beast::Transport{}, policies...};
/// ```
/// Sends each request once: on a kept connection that turns out to be closed it ends as
/// `sent_unanswered` and is not written to another one. Follows no redirect, answers no challenge,
/// knows no cookies, no proxy and no environment. TLS certificates and host names are verified, TLS
/// 1.2 is the least. Links OpenSSL.
///
/// Errors   `never_sent`, lasting: a URL, name or value that must not go on the wire; a request
///          that already has the attempt's header; a certificate that does not verify.
///          `cut_short`: an answer that broke off, is too long, is not HTTP, or whose end nothing
///          marks but the closed connection.
/// Headers  complete, those of one name in order; without 1xx answers and trailers.
/// Threads  `operator()` may run in any number of threads. Copies share their connections.
/// Source   RFC 9110 §9.2.2, RFC 9112 §6.3, RFC 9525; the manual of Boost.Beast.
class Transport {
public:
    static constexpr bool follows_redirects = false;
    static constexpr bool vouches_for_whole_bodies = true;

    explicit Transport(Options options = {});

    TransportResult<HttpResponse> operator()(const HttpRequest& request,
                                             const Attempt& attempt) const;

private:
    std::shared_ptr<detail::Pool> pool_;
};

/// The same on an execution context of yours, for `driver::asio::Client` and
/// `driver::callback::Client`: `AsyncTransport{io.get_executor()}`.
///
/// Calls `done` from a strand on that executor, or at once for what must not be sent. `cancel()` of
/// what it returns closes the connection.
/// Lifetime  idle connections belong to the context: destroy all copies before it.
class AsyncTransport {
public:
    using Answer = TransportResult<HttpResponse>;
    static constexpr bool follows_redirects = false;
    static constexpr bool vouches_for_whole_bodies = true;

    /// A request on its way. Does not own it. Threads: any.
    class Sending {
    public:
        Sending() = default;
        explicit Sending(std::weak_ptr<detail::Exchange> exchange) noexcept
            : exchange_(std::move(exchange)) {}
        void cancel() const;

    private:
        std::weak_ptr<detail::Exchange> exchange_{};
    };

    explicit AsyncTransport(boost::asio::any_io_executor executor, Options options = {});

    Sending operator()(const HttpRequest& request, const Attempt& attempt,
                       std::function<void(Answer)> done) const;

private:
    boost::asio::any_io_executor executor_;
    std::shared_ptr<detail::Pool> pool_;
};

inline TransportError error_of(const boost::system::error_code& error, const Progress& progress) {
    TransportError made{Reach::sent_unanswered, "Boost.Beast: " + error.message(),
                        TransportVerdict::passing};
    if (!progress.request_begun)
        made.reach = Reach::never_sent;
    else if (progress.answer_begun)
        made.reach = Reach::cut_short;
    const bool is_tls = error.category() == boost::asio::error::get_ssl_category();
    if (is_tls && ERR_GET_REASON(static_cast<unsigned long>(error.value())) ==
                      SSL_R_CERTIFICATE_VERIFY_FAILED)
        made.verdict = TransportVerdict::lasting;
    return made;
}

namespace detail {

namespace net = boost::asio;
namespace http = boost::beast::http;
using ErrorCode = boost::system::error_code;
using Tcp = net::ip::tcp;
using Clock = std::chrono::steady_clock;

/// One connection, and what it is known by.
struct Connection {
    Connection(std::unique_ptr<net::io_context> own_loop, const net::any_io_executor& executor,
               net::ssl::context& tls)
        : loop(std::move(own_loop)), lane(executor), stream(executor, tls) {}

    auto& wire() noexcept { return stream.next_layer(); }
    /// Whether an idle connection is still open and silent: a server that closed it has written
    /// its end, and bytes that nobody asked for are no beginning of an answer.
    bool is_fresh() {
        ErrorCode error;
        char byte = 0;
        wire().socket().non_blocking(true, error);
        if (!error)
            wire().socket().receive(net::buffer(&byte, 1), net::socket_base::message_peek, error);
        return error == net::error::would_block || error == net::error::try_again;
    }

    std::unique_ptr<net::io_context> loop;  // of a blocking transport; before all that is in it
    net::any_io_executor lane;              // nothing of it runs at the same time
    boost::beast::ssl_stream<boost::beast::tcp_stream> stream;
    boost::beast::flat_buffer buffer{};
    std::string origin{};
    Clock::time_point idle_since{};
};

/// The idle connections of a transport. The last one given back is taken first.
class Pool {
public:
    explicit Pool(Options options) : options_(std::move(options)) {
        using Context = net::ssl::context;
        tls_.set_options(Context::default_workarounds | Context::no_sslv2 | Context::no_sslv3 |
                         Context::no_tlsv1 | Context::no_tlsv1_1);
        tls_.set_verify_mode(net::ssl::verify_peer);
        if (options_.ca_file.empty())
            tls_.set_default_verify_paths(authorities_);
        else
            tls_.load_verify_file(options_.ca_file, authorities_);
    }
    const Options& options() const noexcept { return options_; }
    bool has_authorities() const noexcept { return !authorities_; }
    net::ssl::context& tls() noexcept { return tls_; }

    std::unique_ptr<Connection> take(const std::string& origin) {
        const Clock::time_point now = Clock::now();
        std::vector<std::unique_ptr<Connection>> dropped;  // closed outside the lock
        const std::lock_guard<std::mutex> lock(mutex_);
        for (std::size_t i = idle_.size(); i-- != 0;) {
            const bool is_old = now - idle_[i]->idle_since > options_.keep_alive;
            if (!is_old && idle_[i]->origin != origin) continue;
            auto connection = std::move(idle_[i]);
            idle_.erase(idle_.begin() + static_cast<std::ptrdiff_t>(i));
            if (!is_old && connection->is_fresh()) return connection;
            dropped.push_back(std::move(connection));
        }
        return nullptr;
    }
    void give_back(std::unique_ptr<Connection> connection) {
        if (options_.keep_alive <= Duration::zero()) return;
        connection->idle_since = Clock::now();
        const std::lock_guard<std::mutex> lock(mutex_);
        if (idle_.size() < options_.max_idle) idle_.push_back(std::move(connection));
    }

private:
    const Options options_;
    ErrorCode authorities_{};
    net::ssl::context tls_{net::ssl::context::tls_client};
    std::mutex mutex_{};
    std::vector<std::unique_ptr<Connection>> idle_{};
};

/// One request and its answer: connects if it must, writes, reads. On the lane of its connection.
class Exchange : public std::enable_shared_from_this<Exchange> {
public:
    using Answer = TransportResult<HttpResponse>;
    using Done = std::function<void(Answer)>;

    explicit Exchange(std::shared_ptr<Pool> pool) : pool_(std::move(pool)) {}
    Exchange(const Exchange&) = delete;
    Exchange& operator=(const Exchange&) = delete;
    ~Exchange() { wipe(); }

    /// Null, or why the request must not be sent.
    std::unique_ptr<TransportError> prepare(const HttpRequest& request, const Attempt& attempt) {
        const Options& options = pool_->options();
        if (attempt.timeout() < Duration::zero())
            return failure({Reach::never_sent, "no time was left for this attempt"});
        if (const char* wrong = wire::fault_of(request, attempt, options.idempotency_header))
            return failure(wire::refused(wrong));
        const oauth::Url url = oauth::parse_url(request.url);
        if (!url) return failure(wire::refused(std::string(oauth::sentence(url.error))));
        is_plain_ = same_header_name(url.origin.scheme, "http");
        if (is_plain_ && !options.allow_http && !oauth::is_loopback(url.origin.host))
            return failure(
                wire::refused("plain http to another machine needs beast::Options::allow_http"));
        if (!is_plain_ && !pool_->has_authorities())
            return failure(wire::refused("the certificate authorities cannot be read"));
        host_ = std::string(url.origin.host);
        port_ = url.origin.port;
        limit_ = wire::limit_of(options.timeout, attempt);
        write_head(request, attempt, url);
        return nullptr;
    }
    /// A kept connection, if there is one; else `fresh` makes one.
    template <class Make> Connection& connect_with(const Make& make) {
        const std::string origin =
            (is_plain_ ? "http://" : "https://") + host_ + ':' + std::to_string(port_);
        connection_ = pool_->take(origin);
        is_kept_ = connection_ != nullptr;
        if (!is_kept_) {
            connection_ = make();
            connection_->origin = origin;
        }
        return *connection_;
    }
    /// On the lane of the connection, from now on.
    void start(Done done) {
        done_ = std::move(done);
        lane_ = connection_->lane;
        timer_ = std::make_unique<net::steady_timer>(lane_);
        net::dispatch(lane_, [self = shared_from_this()] { self->begin(); });
    }
    /// Ends it from any thread.
    void cancel() {
        net::dispatch(lane_, [self = shared_from_this()] {
            const bool was_sent = self->progress_.request_begun;
            self->end(TransportError{was_sent ? Reach::sent_unanswered : Reach::never_sent,
                                     "the caller cancelled this attempt",
                                     TransportVerdict::cancelled});
        });
    }
    /// Of a blocking transport, when it is over and its loop stands still: what must not outlive
    /// the loop.
    void settle() {
        timer_.reset();
        resolver_.reset();
        lane_ = {};
        std::unique_ptr<Connection> connection = std::move(connection_);
        if (is_reusable_) pool_->give_back(std::move(connection));
    }

private:
    void begin() {
        if (is_over_) return;
        connection_->wire().expires_never();
        if (is_kept_) return write();
        const Duration connecting = pool_->options().connect_timeout;
        const bool is_shorter =
            connecting > Duration::zero() && (limit_ <= Duration::zero() || connecting < limit_);
        stop_after(is_shorter ? connecting : limit_);
        ErrorCode no_address;
        const bool is_v6 = host_.front() == '[';
        if (is_v6) host_ = host_.substr(1, host_.size() - 2);
        const auto address = net::ip::make_address(host_, no_address);
        if (!no_address) return connect(std::vector<Tcp::endpoint>{Tcp::endpoint(address, port_)});
        resolver_ = std::make_unique<Tcp::resolver>(connection_->lane);
        resolver_->async_resolve(
            host_, std::to_string(port_),
            [self = shared_from_this()](const ErrorCode& error, const auto& found) {
                if (error) return self->fail(error);
                std::vector<Tcp::endpoint> ends;
                for (const auto& entry : found) ends.push_back(entry.endpoint());
                self->connect(ends);
            });
    }
    static std::unique_ptr<TransportError> failure(TransportError error) {
        return std::make_unique<TransportError>(std::move(error));
    }
    static boost::beast::string_view view(std::string_view text) {
        return {text.data(), text.size()};
    }
    void write_head(const HttpRequest& request, const Attempt& attempt, const oauth::Url& url) {
        std::string target(url.path.empty() ? "/" : url.path);
        if (url.query.data() != nullptr && request.url.find('?') != std::string::npos)
            target.append("?").append(url.query);
        outgoing_.version(11);
        outgoing_.method_string(request.method);
        outgoing_.target(target);
        signed_by_ = std::string(attempt.header());
        if (!wire::has_header(request, "Host")) {
            std::string authority = host_;
            if (port_ != (is_plain_ ? 80 : 443)) authority += ':' + std::to_string(port_);
            outgoing_.set(http::field::host, authority);
        }
        const Options& options = pool_->options();
        if (!options.user_agent.empty() && !wire::has_header(request, "User-Agent"))
            outgoing_.set(http::field::user_agent, options.user_agent);
        wire::each_header(request, attempt, options.idempotency_header,
                          [this](std::string_view name, std::string_view value) {
                              outgoing_.insert(view(name), view(value));
                          });
        outgoing_.body() = request.body;
        if (!request.body.empty() || wire::expects_body(request.method))
            outgoing_.content_length(request.body.size());
    }
    /// The credential, in the memory that is ours to give back.
    void wipe() noexcept {
        const auto signature = outgoing_.find(view(signed_by_));
        if (signature == outgoing_.end()) return;
        const auto value = signature->value();
        volatile char* const bytes = const_cast<char*>(value.data());
        for (std::size_t i = 0; i != value.size(); ++i) bytes[i] = '*';
    }

    void connect(std::vector<Tcp::endpoint> ends) {
        if (is_over_) return;
        ends_ = std::move(ends);
        connection_->wire().async_connect(
            ends_, [self = shared_from_this()](const ErrorCode& error, const Tcp::endpoint&) {
                self->connected(error);
            });
    }
    void connected(ErrorCode error) {
        if (is_over_) return;
        if (error) return fail(error);
        connection_->wire().socket().set_option(Tcp::no_delay(true), error);
        if (is_plain_) return write();
        ErrorCode no_address;
        net::ip::make_address(host_, no_address);
        auto& stream = connection_->stream;
        // As the macro SSL_set_tlsext_host_name does, which casts in the old style.
        if (no_address &&
            SSL_ctrl(stream.native_handle(), SSL_CTRL_SET_TLSEXT_HOSTNAME,
                     TLSEXT_NAMETYPE_host_name, const_cast<char*>(host_.c_str())) != 1)
            return fail(net::error::invalid_argument);
        stream.set_verify_callback(net::ssl::host_name_verification(host_), error);
        if (error) return fail(error);
        stream.async_handshake(net::ssl::stream_base::client,
                               [self = shared_from_this()](const ErrorCode& shaken) {
                                   if (self->is_over_) return;
                                   if (shaken) return self->fail(shaken);
                                   self->write();
                               });
    }
    /// With the plain or the encrypted side of the connection.
    template <class Act> void over(const Act& act) {
        if (is_plain_)
            act(connection_->wire());
        else
            act(connection_->stream);
    }
    void write() {
        const Duration spent = Clock::now() - began_;
        if (limit_ > Duration::zero() && spent >= limit_) return out_of_time();
        stop_after(limit_ > Duration::zero() ? limit_ - spent : limit_);
        progress_.request_begun = true;
        connection_->buffer.clear();
        over([this](auto& stream) {
            http::async_write(stream, outgoing_,
                              [self = shared_from_this()](const ErrorCode& error, std::size_t) {
                                  if (self->is_over_) return;
                                  if (error) return self->fail(error);
                                  self->wipe();
                                  self->read_head();
                              });
        });
    }
    void read_head() {
        parser_ = std::make_unique<Parser>();
        parser_->header_limit(1u << 18);
        parser_->body_limit(pool_->options().max_body_bytes);
        parser_->skip(outgoing_.method() == http::verb::head);
        over([this](auto& stream) {
            http::async_read_header(
                stream, connection_->buffer, *parser_,
                [self = shared_from_this()](const ErrorCode& error, std::size_t) {
                    self->has_head(error);
                });
        });
    }
    void has_head(const ErrorCode& error) {
        if (is_over_) return;
        note_answer();
        if (error) return fail(error);
        const unsigned status = parser_->get().result_int();
        if (status == 101)
            return end(TransportError{Reach::cut_short, "the server switches protocols unasked"});
        if (status < 200) return read_head();  // an interim answer
        HttpResponse& response = response_;
        response.status = static_cast<int>(status);
        for (const auto& field : parser_->get()) {
            const auto name = field.name_string();
            const auto value = field.value();
            response.headers.push_back(
                {std::string(name.data(), name.size()), std::string(value.data(), value.size())});
        }
        const auto method = outgoing_.method_string();
        switch (
            wire::framing_of({method.data(), method.size()}, response.status, response.headers)) {
            case wire::Framing::open:
                return end(TransportError{Reach::cut_short, wire::open_ended});
            case wire::Framing::contradictory:
                return end(TransportError{Reach::cut_short, wire::two_lengths});
            case wire::Framing::whole: break;
        }
        over([this](auto& stream) {
            http::async_read(stream, connection_->buffer, *parser_,
                             [self = shared_from_this()](const ErrorCode& broken, std::size_t) {
                                 self->has_body(broken);
                             });
        });
    }
    void has_body(const ErrorCode& error) {
        if (is_over_) return;
        if (error) return fail(error);
        response_.body = std::move(parser_->get().body());
        is_reusable_ = parser_->keep_alive() && connection_->buffer.size() == 0;
        end(std::move(response_));
    }
    void note_answer() noexcept {
        progress_.answer_begun =
            progress_.answer_begun || parser_->got_some() || connection_->buffer.size() != 0;
    }
    void stop_after(Duration time) {
        if (time <= Duration::zero()) {
            timer_->cancel();
            return;
        }
        timer_->expires_after(time);
        timer_->async_wait([self = shared_from_this()](const ErrorCode& error) {
            if (!error && self->timer_->expiry() <= Clock::now()) self->out_of_time();
        });
    }
    void out_of_time() {
        if (is_over_) return;
        if (parser_) note_answer();
        TransportError error = error_of(net::error::timed_out, progress_);
        error.detail = "the time of this attempt was up";
        end(std::move(error));
    }
    void fail(const ErrorCode& error) {
        if (!is_over_) end(error_of(error, progress_));
    }
    /// Once. What is still going on finds that it is over.
    void end(Answer answer) {
        if (is_over_) return;
        is_over_ = true;
        timer_->cancel();
        if (resolver_) resolver_->cancel();
        if (!is_reusable_)
            connection_->wire().close();
        else if (connection_->loop == nullptr)
            pool_->give_back(std::move(connection_));
        const Done done = std::move(done_);
        done_ = nullptr;
        done(std::move(answer));
    }

    using Parser = http::response_parser<http::string_body>;
    std::shared_ptr<Pool> pool_;
    std::unique_ptr<Connection> connection_{};
    net::any_io_executor lane_{};
    std::unique_ptr<net::steady_timer> timer_{};
    std::unique_ptr<Tcp::resolver> resolver_{};
    std::vector<Tcp::endpoint> ends_{};
    http::request<http::string_body> outgoing_{};
    std::unique_ptr<Parser> parser_{};
    HttpResponse response_{};
    Done done_{};
    Progress progress_{};
    std::string host_{};
    std::string signed_by_{};
    Duration limit_{0};
    Clock::time_point began_ = Clock::now();
    std::uint16_t port_ = 0;
    bool is_plain_ = false;
    bool is_kept_ = false;
    bool is_reusable_ = false;
    bool is_over_ = false;
};

}  // namespace detail

inline Transport::Transport(Options options)
    : pool_(std::make_shared<detail::Pool>(std::move(options))) {}

inline TransportResult<HttpResponse> Transport::operator()(const HttpRequest& request,
                                                           const Attempt& attempt) const {
    const auto exchange = std::make_shared<detail::Exchange>(pool_);
    if (const auto error = exchange->prepare(request, attempt)) return std::move(*error);
    auto& connection = exchange->connect_with([this] {
        auto loop = std::make_unique<boost::asio::io_context>(1);
        const auto executor = loop->get_executor();
        return std::make_unique<detail::Connection>(std::move(loop), executor, pool_->tls());
    });
    boost::asio::io_context& loop = *connection.loop;
    std::unique_ptr<TransportResult<HttpResponse>> answer;
    loop.restart();
    exchange->start([&answer](TransportResult<HttpResponse> brought) {
        answer = std::make_unique<TransportResult<HttpResponse>>(std::move(brought));
    });
    while (!answer) loop.run_one();
    loop.poll();  // what was cancelled
    exchange->settle();
    return std::move(*answer);
}

inline AsyncTransport::AsyncTransport(boost::asio::any_io_executor executor, Options options)
    : executor_(std::move(executor)), pool_(std::make_shared<detail::Pool>(std::move(options))) {}

inline AsyncTransport::Sending AsyncTransport::operator()(const HttpRequest& request,
                                                          const Attempt& attempt,
                                                          std::function<void(Answer)> done) const {
    const auto exchange = std::make_shared<detail::Exchange>(pool_);
    if (const auto error = exchange->prepare(request, attempt)) {
        done(std::move(*error));
        return Sending{};
    }
    exchange->connect_with([this] {
        return std::make_unique<detail::Connection>(nullptr, boost::asio::make_strand(executor_),
                                                    pool_->tls());
    });
    exchange->start(std::move(done));
    return Sending(exchange);
}

inline void AsyncTransport::Sending::cancel() const {
    if (const auto exchange = exchange_.lock()) exchange->cancel();
}

}  // namespace beast
}  // namespace v0_1
}  // namespace rekey

#endif
