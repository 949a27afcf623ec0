// SPDX-License-Identifier: BSL-1.0
#include <rekey/driver/operation.hpp>

#include "catch.hpp"
#include "support/clients.hpp"
#include "support/traded.hpp"

#include <rekey/driver/callback.hpp>
#include <rekey/observe/log_line.hpp>
#include <rekey/policy/backoff.hpp>
#include <rekey/policy/observe.hpp>
#include <rekey/testing/manual_scheduler.hpp>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace clients;
using namespace std::chrono_literals;
using testing::Script;
using Lines = std::vector<std::string>;

/// Writes down each hook.
struct Notes {
    static constexpr bool wants_time = true;
    Lines* lines;
    void began(const observe::Began&) { lines->push_back("began"); }
    void attempted(const observe::Attempted& event) {
        lines->push_back("attempted " + std::string(event.credential) + ' ' +
                         std::to_string(event.http_status) + ' ' +
                         std::string(observe::word(event.failure)));
    }
    void exchanged(const observe::Exchanged& event) {
        lines->push_back("exchanged after " + std::to_string(event.requests) + " requests, " +
                         std::to_string(event.http_status));
    }
    void waited(const observe::Waited& event) {
        lines->push_back("waited " + std::to_string(event.delay.count()));
    }
    void ended(const observe::Ended& event) {
        lines->push_back("ended " + std::string(to_string(event.reason)));
    }
};

using Write = std::function<void(Script&)>;
using Gate = RetryOn<AuthRejected, NotFound, RateLimited, Transient>;

Lines heard_blocking(const Write& write) {
    Script script;
    write(script);
    Lines lines;
    testing::ManualScheduler time;
    Notes notes{&lines};
    const Client client{script,
                        CredentialChain{Traded{}, Enterprise{}},
                        Gate{},
                        MaxAttempts<4>{},
                        Backoff{Constant{2s}, NoJitter{}},
                        UseClock{time},
                        Observe{notes, observe::LogLine{[&lines](std::string_view line) {
                                    lines.emplace_back(line);
                                }}}};
    (void)client.send(chat(), Idempotent{});
    return lines;
}
Lines heard_asynchronous(const Write& write) {
    Script script;
    write(script);
    Lines lines;
    testing::ManualScheduler time;
    Notes notes{&lines};
    const driver::callback::Client client{
        driver::answering<TransportResult<HttpResponse>>(
            [&script](const HttpRequest& request, const Attempt& attempt, const auto& done) {
                done(script(request, attempt));
            }),
        time,
        CredentialChain{Traded{}, Enterprise{}},
        Gate{},
        MaxAttempts<4>{},
        Backoff{Constant{2s}, NoJitter{}},
        UseClock{time},
        Observe{notes,
                observe::LogLine{[&lines](std::string_view line) { lines.emplace_back(line); }}}};
    client.send(
        chat(), [](const auto&) {}, Idempotent{});
    time.run();
    return lines;
}

}  // namespace

TEST_CASE("sinks hear the same of a call from both drivers") {
    const std::vector<Write> stories = {
        [](Script& s) { s.then(granted("one")).then(200); },
        [](Script& s) { s.then(granted("one")).then(401, 4100).then(200); },
        [](Script& s) { s.then(granted("one")).then(503).then(200); },
        [](Script& s) { s.then(503).then(granted("one")).then(503).then(429).then(404, 4200); },
        [](Script& s) { s.then(503).then(503).then(503); },
        [](Script& s) {
            s.then(granted("one")).then(TransportError{Reach::never_sent, "refused"}).then(200);
        },
    };
    for (const Write& story : stories) {
        const Lines blocking = heard_blocking(story);
        CHECK(blocking.size() >= 4);
        CHECK(heard_asynchronous(story) == blocking);
    }
}

TEST_CASE("sinks hear of an asynchronous call that is cancelled, and of one that cannot start") {
    Lines lines;
    testing::ManualScheduler time;
    Notes notes{&lines};
    const driver::callback::Client client{
        [](const HttpRequest&, const Attempt&, const std::function<void(HttpResponse)>& done) {
            static std::vector<std::function<void(HttpResponse)>> kept;
            kept.push_back(done);
        },
        time,
        UseClock{time},
        both(),
        OnCodes{},
        Observe{notes}};
    const auto call = client.send(chat(), [](const auto&) {});
    call.cancel();
    CHECK(lines == Lines{"began", "attempted personal 0 transient", "ended cancelled"});
    lines.clear();
    Result<HttpResponse> earlier;
    client.send(
        chat(), [](const auto&) {}, SameCredentialAs{earlier});
    REQUIRE(lines.size() == 2);
    CHECK(lines[1] == "ended not_retryable");
}
