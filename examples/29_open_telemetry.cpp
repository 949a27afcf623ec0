// SPDX-License-Identifier: BSL-1.0
//
// Dear reader,
//
// your dashboards and traces follow OpenTelemetry, and you want to see there that a call was
// refused as personal and served as enterprise. There is no OpenTelemetry in rekey, and nothing to
// link: a sink of `Observe` is the bridge. This one writes the spans and the metric down as lines,
// under the names of the semantic conventions for HTTP clients. In your program `Span` is
// the tracer's, and each line that prints here sets an attribute there.
//
// One call is one span, and each attempt of it a client span below. What an event does not carry,
// since it may be a secret, is the URL: method and host come from the request, by `key_of`.

#include <rekey/http.hpp>
#include <rekey/oauth/url.hpp>
#include <rekey/observe/seconds.hpp>
#include <rekey/observe/words.hpp>
#include <rekey/policy/observe.hpp>
#include <rekey/rekey.hpp>
#include <rekey/testing.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <iostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace rekey;
using namespace std::chrono_literals;

struct Personal {
    static constexpr auto name = "personal";
    std::string token = "pat_1";
};
struct Enterprise {
    static constexpr auto name = "enterprise";
    std::string token = "pat_2";
};

// The tracer's span, as far as this letter needs one.
struct Span {
    std::string name{};
    std::vector<std::pair<std::string, std::string>> attributes{};

    void set(std::string_view key, std::string_view value) { attributes.emplace_back(key, value); }
    void end(std::string_view kind, Duration duration, bool is_error) const {
        std::cout << name << ", " << kind << ", " << observe::seconds_text(duration) << " s"
                  << (is_error ? ", status Error" : "") << '\n';
        for (const auto& [key, value] : attributes)
            std::cout << "    " << key << '=' << value << '\n';
    }
};

std::string_view word(Move move) {
    switch (move) {
        case Move::first: return "first";
        case Move::repeat: return "repeat";
        case Move::renew: return "renew";
        case Move::fall_back: return "fall_back";
        case Move::straddle: return "straddle";
    }
    return "unknown";
}

// The bridge. A call keeps its span in the note that each hook gets.
struct Spans {
    static constexpr bool wants_time = true, wants_log_ids = true;
    using PerCall = Span;

    // `GET api.coze.com 443`: what no event may carry as a whole is taken from the request here.
    static std::string key_of(const HttpRequest& request) {
        const oauth::Url url = oauth::parse_url(request.url);
        return request.method + ' ' + std::string(url.origin.host) + ' ' +
               std::to_string(url.origin.port);
    }

    static void began(const observe::Began& event, Span& call) {
        call.name = std::string(event.key.substr(0, event.key.find(' '))) + " with rekey";
    }
    static void attempted(const observe::Attempted& event, Span& call) {
        const std::size_t host = event.key.find(' ') + 1;
        const std::size_t port = event.key.find(' ', host) + 1;
        Span span;
        span.name = std::string(event.key.substr(0, host - 1));
        span.set("http.request.method", span.name);
        span.set("server.address", event.key.substr(host, port - 1 - host));
        span.set("server.port", event.key.substr(port));
        if (event.http_status != 0)
            span.set("http.response.status_code", std::to_string(event.http_status));
        if (event.number > 1)
            span.set("http.request.resend_count", std::to_string(event.number - 1));
        if (!event.accepted()) span.set("error.type", error_type(event));
        span.set("rekey.credential", event.credential);
        span.set("rekey.move", word(event.move));
        if (!event.log_id.empty()) span.set("rekey.log_id", event.log_id);
        span.end("kind client", event.duration, !event.accepted());

        // The metric: a histogram in seconds, with the attributes that have few values.
        std::cout << "    -> http.client.request.duration " << observe::seconds_text(event.duration)
                  << '\n';
        call.set("rekey.attempt." + std::to_string(event.number), event.credential);
    }
    static void ended(const observe::Ended& event, Span& call) {
        if (!event.succeeded()) call.set("error.type", to_string(event.kind));
        call.set("rekey.stop_reason", to_string(event.reason));
        call.end("kind internal", event.duration, !event.succeeded());
    }

    // One of few values: the service's code says more than an HTTP status that is 200.
    static std::string error_type(const observe::Attempted& event) {
        if (event.has_service_code) return std::to_string(event.service_code);
        if (event.http_status != 0) return std::to_string(event.http_status);
        return std::string(observe::word(event.reach));
    }
};

// Your service: the workspace has moved, and at last the network fails.
struct Bots {
    testing::ManualClock& clock;
    int answers = 0;

    TransportResult<HttpResponse> operator()(const HttpRequest&, const Attempt& attempt) {
        clock.advance(30ms);
        if (++answers > 2) return TransportError{Reach::sent_unanswered, "connection reset"};
        const bool is_refused = attempt.credential() == "personal";
        return HttpResponse{200,
                            {{"X-Request-Id", "log-" + std::to_string(answers)}},
                            is_refused ? R"({"code":4101})" : R"({"code":0})",
                            false};
    }
};

int main() {
    testing::ManualClock clock;
    Bots service{clock};
    const Client client{std::ref(service), CredentialChain{Personal{}, Enterprise{}},
                        RetryOn<4100, 4101>{}, UseClock{clock}, Observe{Spans{}}};
    const HttpRequest request{"POST", "https://api.coze.com/v3/chat?token=secret", {}, "{}"};
    (void)client.send(request);
    std::cout << '\n';
    (void)client.send(request);
    return 0;
}
