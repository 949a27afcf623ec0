// SPDX-License-Identifier: BSL-1.0
// qt::Transport and qt::Scheduler: asynchronous clients in the event loop of Qt 6.
#ifndef REKEY_ADAPTER_QT_HPP
#define REKEY_ADAPTER_QT_HPP

#include <rekey/oauth/url.hpp>
#include <rekey/wire.hpp>

#include <QtCore/QByteArray>
#include <QtCore/QIODevice>
#include <QtCore/QObject>
#include <QtCore/QPointer>
#include <QtCore/QTimer>
#include <QtCore/QUrl>
#include <QtNetwork/QNetworkAccessManager>
#include <QtNetwork/QNetworkProxy>
#include <QtNetwork/QNetworkReply>
#include <QtNetwork/QNetworkRequest>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#if QT_VERSION < QT_VERSION_CHECK(6, 3, 0)
#error "rekey: adapter/qt.hpp needs Qt 6.3 or newer, for QNetworkReply::requestSent."
#endif

namespace rekey {
inline namespace v0_1 {
namespace qt {

/// What a `Transport` sends and takes. Every member has a default that is safe for production.
struct Options {
    /// For one send, with its answer; an attempt's own timeout can only shorten it. Zero: no limit.
    Duration timeout = std::chrono::seconds{600};
    /// True sends credentials over plain http to any host. By default only to this machine.
    bool allow_http = false;
    std::string user_agent = "rekey";  ///< Empty: Qt's own.
    /// The largest answer that is kept; a longer one ends the attempt as `cut_short`.
    std::size_t max_body_bytes = std::size_t{64} << 20;
    /// Carries `attempt.idempotency_key()`, unless the request has it already. Empty: not sent.
    std::string idempotency_header = "Idempotency-Key";
};

/// How far an exchange came, as Qt's signals tell it.
struct Progress {
    bool request_begun = false;  ///< `requestSent`, or bytes of the body were taken.
    bool answer_begun = false;   ///< The headers of an answer arrived.
};

/// What a failure of Qt means. `text` is for people; it must hold no secret.
inline TransportError error_of(QNetworkReply::NetworkError error, const Progress& progress,
                               std::string text);

namespace detail {
class Flight;

/// Deletes a timer that is over. What it was to call may be the last that knows of its scheduler,
/// which ends with it and must not delete it once more.
inline void let_go(QTimer& timer) {
    timer.setParent(nullptr);
    timer.deleteLater();
}
}  // namespace detail

/// An attempt on its way. Copies are the same; letting go of it does not stop the attempt.
class FlightHandle {
public:
    FlightHandle() = default;
    explicit FlightHandle(std::weak_ptr<detail::Flight> flight) : flight_(std::move(flight)) {}
    /// Aborts it and drops its callback. On the thread of the transport.
    void cancel() const;

private:
    std::weak_ptr<detail::Flight> flight_{};
};

/// Sends an `HttpRequest` over HTTP/1.1 with a QNetworkAccessManager of its own.
///
/// ```
/// rekey::driver::callback::Client client{Transport{}, Scheduler{}, policies...};
/// client.send(request, [](const auto& result) { … });
/// ```
/// Its own manager, so that no cookie jar, cache, redirect policy or handler of
/// `authenticationRequired` of the application answers for it; `manager()` sets a proxy or TLS. Qt
/// would send a request again when a kept connection dies: here it finds nothing to send, and the
/// attempt ends as `sent_unanswered`; only a HEAD, which changes nothing, may go twice. HTTP/2 is
/// off: what a lost connection did is then not known.
///
/// Errors   as those of `curl::Transport`, but a connection that breaks inside the head of an
///          answer counts as `sent_unanswered`: Qt does not tell.
/// Headers  complete; Qt joins repeated ones with a comma, and Set-Cookie with a line feed. It asks
///          for no compression unless the request does, and Qt adds `Accept-Language`.
/// Threads  one: that of its making, whose event loop runs. Copies share their connections.
/// Callback must not throw: nothing may pass through Qt's event loop.
/// Keywords works with Qt's `signals`, `slots`, `emit`, `foreach` and with QT_NO_KEYWORDS.
/// Cost     one copy of the body, a dozen allocations of Qt's.
/// Source   RFC 9110 §9.2.2; the documentation of QNetworkRequest::Attribute.
class Transport {
public:
    using Answer = TransportResult<HttpResponse>;
    static constexpr bool follows_redirects = false;
    static constexpr bool vouches_for_whole_bodies = true;

    explicit Transport(Options options = {});

    /// Request and attempt are borrowed during the call only.
    template <class Done>
    FlightHandle operator()(const HttpRequest& request, const Attempt& attempt, Done done) const;

    QNetworkAccessManager& manager() const noexcept { return inside_->manager; }

private:
    struct Inside {
        explicit Inside(Options given) : options(std::move(given)) {}
        Options options;
        QNetworkAccessManager manager{};
    };
    std::shared_ptr<Inside> inside_;
};

/// A timer. Copies are the same.
class TimerHandle {
public:
    explicit TimerHandle(QTimer* timer) : timer_(timer) {}
    void cancel() const {
        if (timer_.isNull()) return;
        timer_->stop();
        detail::let_go(*timer_);
    }

private:
    QPointer<QTimer> timer_;
};

/// Timers of Qt for a client's policies. One thread; copies are the same. Its timers end with it.
class Scheduler {
public:
    Scheduler() : home_(std::make_shared<QObject>()) {}

    template <class F> TimerHandle after(Duration delay, F f) const;

private:
    std::shared_ptr<QObject> home_;
};

inline TransportError error_of(QNetworkReply::NetworkError error, const Progress& progress,
                               std::string text) {
    TransportError made{Reach::sent_unanswered, std::move(text), TransportVerdict::passing};
    if (progress.answer_begun)
        made.reach = Reach::cut_short;
    else if (!progress.request_begun)
        made.reach = Reach::never_sent;
    switch (error) {
        case QNetworkReply::ConnectionRefusedError:
        case QNetworkReply::HostNotFoundError:
        case QNetworkReply::ProxyConnectionRefusedError:
        case QNetworkReply::ProxyNotFoundError: made.reach = Reach::never_sent; break;
        case QNetworkReply::SslHandshakeFailedError:
        case QNetworkReply::ProtocolUnknownError:
            if (made.reach == Reach::never_sent) made.verdict = TransportVerdict::lasting;
            break;
        case QNetworkReply::ProtocolFailure:
        case QNetworkReply::ProtocolInvalidOperationError:
            if (made.reach == Reach::sent_unanswered) made.reach = Reach::cut_short;
            break;
        case QNetworkReply::ContentReSendError:  // Qt wanted to send it again, so it was sent.
            if (made.reach == Reach::never_sent) made.reach = Reach::sent_unanswered;
            break;
        default: break;
    }
    return made;
}

namespace detail {

/// Milliseconds as Qt wants them, rounded up, at most 24 days.
inline std::chrono::milliseconds milliseconds(Duration duration) noexcept {
    constexpr Duration longest = std::chrono::hours{24 * 24};
    if (duration <= Duration::zero()) return std::chrono::milliseconds{0};
    if (duration > longest) duration = longest;
    return std::chrono::duration_cast<std::chrono::milliseconds>(duration +
                                                                 std::chrono::nanoseconds{999999});
}

/// The body of a request, which can be read once: Qt cannot go back to send it again.
class BodyOnce final : public QIODevice {
public:
    explicit BodyOnce(std::string_view body)
        : body_(body.data(), static_cast<qsizetype>(body.size())) {
        open(QIODevice::ReadOnly | QIODevice::Unbuffered);
    }
    bool isSequential() const override { return true; }
    bool reset() override { return false; }
    bool atEnd() const override { return taken_ == body_.size(); }
    qint64 bytesAvailable() const override {
        return body_.size() - taken_ + QIODevice::bytesAvailable();
    }
    bool is_begun() const noexcept { return taken_ != 0; }

protected:
    qint64 readData(char* data, qint64 most) override {
        const qint64 size = (std::min)(most, static_cast<qint64>(body_.size() - taken_));
        if (size <= 0) return -1;
        std::memcpy(data, body_.constData() + taken_, static_cast<std::size_t>(size));
        taken_ += static_cast<qsizetype>(size);
        return size;
    }
    qint64 writeData(const char*, qint64) override { return -1; }

private:
    QByteArray body_;
    qsizetype taken_ = 0;
};

/// Keeps what Qt's code on this thread's stack still needs until the next turn of its loop, which
/// deletes it.
class UntilNextTurn final : public QObject {
public:
    explicit UntilNextTurn(std::shared_ptr<void> kept) : kept_(std::move(kept)) { deleteLater(); }

private:
    std::shared_ptr<void> kept_;
};

/// One exchange in progress. The slots of its reply own it.
class Flight {
public:
    using Answer = TransportResult<HttpResponse>;

    /// `transport`   has the manager, and so the reply.
    Flight(std::weak_ptr<void> transport, QNetworkReply* reply, BodyOnce* body, std::string method,
           std::size_t most)
        : transport_(std::move(transport)),
          reply_(reply),
          body_(body),
          method_(std::move(method)),
          most_(most) {}
    Flight(const Flight&) = delete;
    Flight& operator=(const Flight&) = delete;
    virtual ~Flight() = default;

    void request_sent() {
        // A second time: Qt has opened another connection for what may have been executed.
        if (progress_.request_begun) return stop("a kept connection closed without an answer");
        progress_.request_begun = true;
    }
    void take_head() {
        if (status() != 0) progress_.answer_begun = true;
    }
    void take_body() {
        if (is_over_) return;
        const QByteArray part = reply_->readAll();
        if (static_cast<std::size_t>(part.size()) > most_ - response_.body.size())
            return stop("the answer is longer than qt::Options allow");
        response_.body.append(part.constData(), static_cast<std::size_t>(part.size()));
    }
    void time_is_up() { stop("the time of this attempt was up"); }
    void end() {
        if (is_over_) return;
        take_head();
        take_body();
        if (!is_over_) finish(answer());
    }
    void cancel() {
        if (is_over_) return;
        is_over_ = true;
        drop();
        abandon();
    }

protected:
    virtual void call(Answer answer) = 0;
    virtual void drop() = 0;

private:
    int status() const {
        return reply_->attribute(QNetworkRequest::HttpStatusCodeAttribute).toInt();
    }
    void stop(const char* why) {
        if (is_over_) return;
        take_head();
        if (body_ != nullptr && body_->is_begun()) progress_.request_begun = true;
        Answer stopped = error_of(QNetworkReply::OperationCanceledError, progress_, why);
        finish(std::move(stopped));
        abandon();
    }
    void finish(Answer answer) {
        is_over_ = true;
        reply_->deleteLater();
        std::shared_ptr<void> transport = transport_.lock();
        call(std::move(answer));
        // The call was the last that knew of it, and Qt is about to return into the reply.
        if (transport.use_count() == 1) (void)new UntilNextTurn(std::move(transport));
    }
    void abandon() {
        if (reply_.isNull()) return;
        reply_->abort();
        if (!reply_.isNull()) reply_->deleteLater();
    }
    /// Whether the error only repeats what the status says.
    static bool is_of_status(QNetworkReply::NetworkError error, int status) noexcept {
        // After a whole 307 or 308 Qt rewinds the body, also if nobody wants to follow.
        if (error == QNetworkReply::ContentReSendError) return status / 100 == 3;
        return error == QNetworkReply::NoError ||
               error == QNetworkReply::ProxyAuthenticationRequiredError ||
               (error >= QNetworkReply::ContentAccessDenied &&
                error <= QNetworkReply::UnknownContentError) ||
               error >= QNetworkReply::InternalServerError;
    }
    Answer answer() {
        const QNetworkReply::NetworkError error = reply_->error();
        if (body_ != nullptr && body_->is_begun()) progress_.request_begun = true;
        if (status() == 0 || !is_of_status(error, status()))
            return error_of(
                error, progress_,
                "Qt " + std::to_string(static_cast<int>(error)) + ": the exchange failed");
        response_.status = status();
        for (const auto& [name, value] : reply_->rawHeaderPairs())
            rekey::detail::add_header(response_.headers, name.toStdString(), value.toStdString());
        const std::string_view length = find_header(response_.headers, "Content-Length");
        const wire::Framing framing =
            wire::framing_of(method_, response_.status, response_.headers);
        if (framing == wire::Framing::open)
            return TransportError{Reach::cut_short, wire::open_ended};
        if (framing == wire::Framing::contradictory)
            return TransportError{Reach::cut_short, wire::two_lengths};
        const bool has_body = method_ != "HEAD" && response_.status != 304;
        if (has_body && !length.empty() && length != std::to_string(response_.body.size()))
            return TransportError{Reach::cut_short, "the answer is not as long as it says"};
        return std::move(response_);
    }

    std::weak_ptr<void> transport_;
    QPointer<QNetworkReply> reply_;
    BodyOnce* body_;  // Owned by the reply.
    std::string method_;
    HttpResponse response_{};
    Progress progress_{};
    std::size_t most_;
    bool is_over_ = false;
};

template <class Done> class FlightTo final : public Flight {
public:
    FlightTo(std::weak_ptr<void> transport, QNetworkReply* reply, BodyOnce* body,
             std::string method, std::size_t most, Done done)
        : Flight(std::move(transport), reply, body, std::move(method), most),
          done_(std::make_unique<Done>(std::move(done))) {}

protected:
    void call(Answer answer) override {
        const std::unique_ptr<Done> done = std::move(done_);
        (*done)(std::move(answer));
    }
    void drop() override { done_.reset(); }

private:
    std::unique_ptr<Done> done_;
};

inline QByteArray bytes(std::string_view text) {
    return QByteArray(text.data(), static_cast<qsizetype>(text.size()));
}

/// The request without its body; what is wrong with it, or null.
inline const char* set_up(QNetworkRequest& made, const HttpRequest& request, const Attempt& attempt,
                          const Options& options) {
    if (const char* wrong = wire::fault_of(request, attempt, options.idempotency_header))
        return wrong;
    const oauth::Url url = oauth::parse_url(request.url);
    if (!url) return oauth::sentence(url.error).data();
    if (same_header_name(url.origin.scheme, "http") && !options.allow_http &&
        !oauth::is_loopback(url.origin.host))
        return "plain http to another machine needs qt::Options::allow_http";
    const QUrl target = QUrl::fromEncoded(bytes(request.url), QUrl::StrictMode);
    if (!target.isValid()) return "Qt does not take the URL";
    made.setUrl(target);
    made.setAttribute(QNetworkRequest::RedirectPolicyAttribute,
                      QNetworkRequest::ManualRedirectPolicy);
    made.setAttribute(QNetworkRequest::CookieLoadControlAttribute, QNetworkRequest::Manual);
    made.setAttribute(QNetworkRequest::CookieSaveControlAttribute, QNetworkRequest::Manual);
    made.setAttribute(QNetworkRequest::AuthenticationReuseAttribute, QNetworkRequest::Manual);
    made.setAttribute(QNetworkRequest::CacheLoadControlAttribute, QNetworkRequest::AlwaysNetwork);
    made.setAttribute(QNetworkRequest::CacheSaveControlAttribute, false);
    made.setAttribute(QNetworkRequest::Http2AllowedAttribute, false);
    made.setAttribute(QNetworkRequest::HttpPipeliningAllowedAttribute, false);
    made.setAttribute(QNetworkRequest::DoNotBufferUploadDataAttribute, true);
    made.setRawHeader("Accept-Encoding", "identity");
    if (!options.user_agent.empty()) made.setRawHeader("User-Agent", bytes(options.user_agent));
    wire::each_header(request, attempt, options.idempotency_header,
                      [&made](std::string_view name, std::string_view value) {
                          made.setRawHeader(bytes(name), bytes(value));
                      });
    return nullptr;
}

}  // namespace detail

inline void FlightHandle::cancel() const {
    if (const auto flight = flight_.lock()) flight->cancel();
}

inline Transport::Transport(Options options)
    : inside_(std::make_shared<Inside>(std::move(options))) {
    inside_->manager.setProxy(QNetworkProxy(QNetworkProxy::NoProxy));
    inside_->manager.setAutoDeleteReplies(false);
}

template <class Done>
FlightHandle Transport::operator()(const HttpRequest& request, const Attempt& attempt,
                                   Done done) const {
    const Options& options = inside_->options;
    if (attempt.timeout() < Duration::zero()) {
        done(Answer(TransportError{Reach::never_sent, "no time was left for this attempt"}));
        return {};
    }
    QNetworkRequest made;
    if (const char* wrong = detail::set_up(made, request, attempt, options)) {
        done(Answer(wire::refused(wrong)));
        return {};
    }
    QNetworkReply* reply = nullptr;
    detail::BodyOnce* body = nullptr;
    if (request.method == "HEAD") {  // Sent as any other method it would be waited for a body.
        reply = inside_->manager.head(made);
    } else {
        // Also a body of no bytes has its length said: Qt would buffer it, and could send again.
        made.setHeader(QNetworkRequest::ContentLengthHeader,
                       static_cast<qlonglong>(request.body.size()));
        if (!made.hasRawHeader("Content-Type"))  // Without one Qt would claim that it is a form.
            made.setRawHeader("Content-Type", "application/octet-stream");
        auto once = std::make_unique<detail::BodyOnce>(request.body);
        reply = inside_->manager.sendCustomRequest(made, detail::bytes(request.method), once.get());
        body = once.release();
        body->setParent(reply);
    }
    const auto flight = std::make_shared<detail::FlightTo<Done>>(
        inside_, reply, body, request.method, options.max_body_bytes, std::move(done));
    QObject::connect(reply, &QNetworkReply::requestSent, reply,
                     [flight] { flight->request_sent(); });
    QObject::connect(reply, &QNetworkReply::metaDataChanged, reply,
                     [flight] { flight->take_head(); });
    QObject::connect(reply, &QNetworkReply::readyRead, reply, [flight] { flight->take_body(); });
    QObject::connect(reply, &QNetworkReply::finished, reply, [flight] { flight->end(); });
    const Duration limit = wire::limit_of(options.timeout, attempt);
    if (limit > Duration::zero()) {
        QTimer* const timer = new QTimer(reply);  // Ends with the reply, and lets go of the flight.
        timer->setSingleShot(true);
        timer->setTimerType(Qt::PreciseTimer);
        QObject::connect(timer, &QTimer::timeout, reply, [flight] { flight->time_is_up(); });
        timer->start(detail::milliseconds(limit));
    }
    return FlightHandle(flight);
}

template <class F> TimerHandle Scheduler::after(Duration delay, F f) const {
    QTimer* const timer = new QTimer(home_.get());
    timer->setSingleShot(true);
    timer->setTimerType(Qt::PreciseTimer);
    QObject::connect(timer, &QTimer::timeout, timer, [timer, act = std::move(f)]() mutable {
        detail::let_go(*timer);
        act();
    });
    timer->start(detail::milliseconds(delay));
    return TimerHandle(timer);
}

}  // namespace qt
}  // namespace v0_1
}  // namespace rekey

#endif
