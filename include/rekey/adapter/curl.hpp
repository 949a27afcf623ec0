// SPDX-License-Identifier: BSL-1.0
// curl::Transport: sends an HttpRequest with libcurl, whole answers or streams.
#ifndef REKEY_ADAPTER_CURL_HPP
#define REKEY_ADAPTER_CURL_HPP

#include <rekey/adapter/curl_handle.hpp>

#include <memory>
#include <mutex>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace rekey {
inline namespace v0_1 {
namespace curl {

template <class Sink> class Streaming;

namespace detail {
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
///          marks but the closed connection (neither `Content-Length` nor chunked), unless it is
///          one JSON object or array: any other cannot be told from a cut one. All bodies that
///          are returned are whole for that reason.
/// Headers  complete and in order, repeated ones kept; without 1xx answers and trailers. The
///          transport frames the body: `Expect` and `Transfer-Encoding` are refused, and a
///          `Content-Length` that is not the body's.
/// Threads  `operator()` may run in any number of threads. Copies share their connections.
/// Signals  none is touched (CURLOPT_NOSIGNAL), so none is ignored either: an older libcurl writes
///          TLS without MSG_NOSIGNAL, and a program that uses one ignores SIGPIPE itself.
/// Cost     connections are kept and used again. One lock to take and one to give back a handle.
/// Source   RFC 9110 §9.2.2, RFC 9112 §6.3, RFC 6750 §2; the libcurl manual.
class Transport {
public:
    /// The Authorization header never meets another origin than that of the request's URL.
    static constexpr bool follows_redirects = false;
    /// A returned body is whole, by its length, its chunks or its last bracket.
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
    /// The sink sees nothing until the first event has proven to be no refusal (`stream::Gate`);
    /// a refusal comes back as an ordinary answer, and if it was an event, its connection is
    /// closed. After the first chunk the response has `delivered` set and an empty body, and a
    /// failure reports `Reach::delivered`. Whether the stream was whole says its own last event,
    /// see `stream::EventScanner`.
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

namespace detail {

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
    auto wrong = handle->prepare(pool_->options(), request, attempt, delivery);
    CURLcode code = wrong ? CURLE_OK : curl_easy_perform(handle->easy());
    while (!wrong && handle->goes_again()) code = curl_easy_perform(handle->easy());
    TransportResult<HttpResponse> result =
        wrong ? TransportResult<HttpResponse>(std::move(*wrong)) : handle->finish(code);
    pool_->give_back(std::move(handle));
    return result;
}

}  // namespace curl
}  // namespace v0_1
}  // namespace rekey

#endif
