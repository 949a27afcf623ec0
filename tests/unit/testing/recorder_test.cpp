// SPDX-License-Identifier: BSL-1.0
#include <rekey/testing/recorder.hpp>

#include <rekey/driver/callback.hpp>
#include <rekey/testing/async_script.hpp>
#include <rekey/testing/cassette.hpp>
#include <rekey/testing/print.hpp>

#include "catch.hpp"
#include "support/clients.hpp"
#include "support/later.hpp"
#include "support/memory.hpp"

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace {

using namespace clients;
using testing::Recorder;

std::string printed(const testing::RecordedSend& send) {
    std::ostringstream out;
    out << send;
    return out.str();
}

/// A response type of the user's.
struct Answer {
    int status_code;
    std::string text;
    std::map<std::string, std::string> headers;
};

struct Promising {
    static constexpr bool follows_redirects = true;
    static constexpr bool vouches_for_whole_bodies = true;
    HttpResponse operator()(const HttpRequest&, const Attempt&) const { return accepted(); }
};

}  // namespace

TEST_CASE("a recorder remembers what was sent and what came of it, and changes neither") {
    testing::Script http;
    http.then(200, 4101).then(TransportError{Reach::never_sent, "no route"}).then(200);
    Recorder recorder{http};
    const Client client{recorder, both(), RetryOn<4101, Transient>{}, MaxAttempts<3>{}};
    CHECK(client.send(chat()).credential() == "enterprise");

    const auto sends = recorder.sends();
    REQUIRE(sends.size() == 3);
    CHECK(sends[0].credential == "personal");
    CHECK(sends[0].authorization == "Bearer pat_personal_1");
    CHECK(sends[0].headers.at(0).name == "Content-Type");
    CHECK(sends[0].response.status == 200);
    CHECK(sends[0].response.body == R"({"code":4101,"msg":""})");
    CHECK_FALSE(sends[1].answered);
    CHECK(sends[1].error.reach == Reach::never_sent);
    CHECK(sends[1].error.detail == "no route");
    CHECK(sends[2].answered);
    CHECK(sends[2].body == chat().body);
}

TEST_CASE("a recorder stands around a transport that takes a request alone") {
    std::string seen;
    const auto plain = [&seen](HttpRequest& request) {
        seen = std::string(find_header(request.headers, "Authorization")) + " " +
               std::string(find_header(request.headers, "Idempotency-Key"));
        return accepted();
    };
    Recorder recorder{plain};
    const Client client{recorder, both(), OnCodes{}};
    CHECK(client.send(chat(), IdempotencyKey{"order-7"}));
    CHECK(seen == "Bearer pat_personal_1 order-7");
    CHECK(recorder.sends().at(0).idempotency_key == "order-7");
}

TEST_CASE("a recorder keeps the headers of any response type that lists them") {
    Recorder recorder{[](const HttpRequest&, const Attempt&) {
        return Answer{200, R"({"code":0})", {{"X-Tt-Logid", "log-1"}}};
    }};
    const Client client{recorder, both(), OnCodes{}};
    CHECK(client.send(chat()));
    CHECK(find_header(recorder.sends().at(0).response.headers, "x-tt-logid") == "log-1");
}

TEST_CASE("what a transport promises it promises through a recorder too") {
    CHECK(Recorder<Promising>::follows_redirects);
    CHECK(Recorder<Promising&>::vouches_for_whole_bodies);
    CHECK_FALSE(Recorder<testing::Script&>::follows_redirects);
    CHECK_FALSE(Recorder<testing::Script&>::vouches_for_whole_bodies);
}

TEST_CASE("a recorder prints no secret") {
    testing::Script http;
    http.then(200, 4101);
    Recorder recorder{http};
    const Client client{recorder, CredentialChain{Personal{}}, OnCodes{}};
    (void)client.send(HttpRequest{"GET", "https://api.example/?token=pat_personal_1", {}, {}});
    const std::string text = printed(recorder.sends().at(0));
    CHECK(text ==
          "GET https://api.example/?token=__scrubbed__ #1 as personal [authorization redacted]: "
          "HTTP 200 code 4101");
}

TEST_CASE("a recorder prints no token that a transport repeats in its words") {
    testing::Script http;
    http.then(TransportError{Reach::sent_unanswered, "no answer to 'Bearer pat_personal_1'"});
    Recorder recorder{http};
    const Client client{recorder, CredentialChain{Personal{}}, OnCodes{}};
    (void)client.send(chat());
    const std::string text = printed(recorder.sends().at(0));
    CHECK_THAT(text, !ContainsSubstring("pat_personal_1") && ContainsSubstring("no answer to"));
}

TEST_CASE("a recorder keeps the sends of many threads, each whole") {
    Recorder recorder{[](const HttpRequest& request, const Attempt&) {
        return HttpResponse{200, {}, request.url, false};
    }};
    const Client client{recorder, both(), OnCodes{}};
    std::vector<std::thread> threads;
    for (int t = 0; t != 4; ++t)
        threads.emplace_back([&client, t] {
            for (int i = 0; i != 50; ++i)
                (void)client.send(
                    HttpRequest{"GET", "https://a.example/" + std::to_string(t), {}, {}});
        });
    for (std::thread& thread : threads) thread.join();
    const auto sends = recorder.sends();
    CHECK(sends.size() == 200);
    for (const auto& send : sends) CHECK(send.response.body == send.url);
}

TEST_CASE("a send that ends in an exception is kept") {
    Recorder recorder{[](const HttpRequest&, const Attempt&) -> HttpResponse {
        throw std::runtime_error("out of paper");
    }};
    const Client client{recorder, both(), OnCodes{}};
    CHECK_THROWS_AS(client.send(chat()), std::runtime_error);
    REQUIRE(recorder.sends().size() == 1);
    CHECK_FALSE(recorder.sends()[0].answered);
    CHECK_THAT(recorder.sends()[0].error.detail, ContainsSubstring("exception"));
}

#if !defined(REKEY_TESTS_COUNT_NOTHING) && defined(__cpp_exceptions)
TEST_CASE("a recorder that runs out of memory ends the call and no program") {
    const HttpRequest request = chat();
    for (long kept = 0, failed = 1; failed != 0; ++kept) {
        INFO("allocation " << kept);
        int calls = 0;
        Recorder recorder{[&calls](const HttpRequest&, const Attempt&) {
            ++calls;
            return HttpResponse{200, {}, {}, false};
        }};
        const Client recorded{recorder, both(), OnCodes{}};
        failed = memory::fails_after(kept, [&] { (void)recorded.send(request); });
        CHECK(recorder.sends().size() >= static_cast<std::size_t>(calls));
        REQUIRE(kept < 100);
    }
}
#endif

namespace {

using namespace std::chrono_literals;
using testing::AsyncScript;
using testing::ManualScheduler;

/// Notes how an asynchronous call ended.
auto note(std::vector<std::string>& ends) {
    return [&ends](const Result<HttpResponse>& result) {
        ends.push_back(result ? std::string(result.credential()) : result.error().message());
    };
}
using Ends = std::vector<std::string>;

/// Takes a request alone, and looks at it only when it answers.
struct PlainLater {
    using Answer = HttpResponse;
    std::vector<std::function<void()>> answers{};

    template <class Done> void operator()(HttpRequest& request, Done done) {
        answers.emplace_back([&request, done] {
            const bool good =
                find_header(request.headers, "Authorization") == "Bearer pat_enterprise_1";
            done(good ? accepted() : refusal());
        });
    }
    void answer() {
        const auto act = std::move(answers.at(0));
        answers.erase(answers.begin());
        act();
    }
};

}  // namespace

TEST_CASE("a recorder stands around a transport that calls back") {
    ManualScheduler time;
    AsyncScript http{time, 20ms};
    http.then(200, 4101).then(TransportError{Reach::never_sent, "no route"}).then(200);
    Recorder recorder{http};
    const driver::callback::Client client{recorder, time, both(), RetryOn<4101, Transient>{},
                                          MaxAttempts<3>{}};
    Ends ends;
    client.send(chat(), note(ends));
    CHECK(recorder.sends().empty());
    time.run();
    CHECK(ends == Ends{"enterprise"});
    const auto sends = recorder.sends();
    REQUIRE(sends.size() == 3);
    CHECK(sends[0].authorization == "Bearer pat_personal_1");
    CHECK(sends[0].headers.at(0).name == "Content-Type");
    CHECK(sends[0].response.body == R"({"code":4101,"msg":""})");
    CHECK_FALSE(sends[1].answered);
    CHECK(sends[1].error.detail == "no route");
    CHECK(sends[2].credential == "enterprise");
    CHECK(sends[2].answered);
}

TEST_CASE("a recorder keeps the copy that a transport looks at until it has called back") {
    PlainLater http;
    Recorder recorder{http};
    const driver::callback::Client client{recorder, driver::NoScheduler{}, both(), OnCodes{}};
    Ends ends;
    client.send(chat(), note(ends), IdempotencyKey{"key-1"});
    http.answer();
    http.answer();
    CHECK(ends == Ends{"enterprise"});
    REQUIRE(recorder.sends().size() == 2);
    CHECK(recorder.sends()[1].authorization == "Bearer pat_enterprise_1");
    CHECK(recorder.sends()[1].idempotency_key == "key-1");
}

TEST_CASE("a callback that is dropped is a send without an answer, for the recorder as for all") {
    auto http = std::make_unique<Later>();
    Recorder recorder{*http};
    const driver::callback::Client client{std::ref(recorder), driver::NoScheduler{}, both(),
                                          OnCodes{}};
    Ends ends;
    client.send(chat(), note(ends));
    http.reset();
    CHECK(ends.size() == 1);
    REQUIRE(recorder.sends().size() == 1);
    CHECK_FALSE(recorder.sends()[0].answered);
    CHECK_THAT(recorder.sends()[0].error.detail, ContainsSubstring("without an answer"));
}

TEST_CASE("a call over a recorder is cancelled as one without it, and a late answer is kept") {
    Later http;
    Recorder recorder{http};
    const driver::callback::Client client{recorder, driver::NoScheduler{}, both(), OnCodes{}};
    Ends ends;
    const auto call = client.send(chat(), note(ends));
    call.cancel();
    CHECK(http.cancelled == 1);
    CHECK(ends.size() == 1);
    http.answer(accepted());
    http.asks.clear();
    REQUIRE(recorder.sends().size() == 1);
    CHECK(recorder.sends()[0].answered);
    CHECK(ends.size() == 1);
}

TEST_CASE("an answer may come when the recorder has gone") {
    Later http;
    Ends ends;
    {
        const auto recorder = std::make_unique<Recorder<Later&>>(http);
        const driver::callback::Client client{std::ref(*recorder), driver::NoScheduler{}, both(),
                                              OnCodes{}};
        client.send(chat(), note(ends));
    }
    http.answer(accepted());
    CHECK(ends == Ends{"personal"});
}

TEST_CASE("only the first answer of a transport that calls back twice is kept") {
    const auto http =
        driver::answering<HttpResponse>([](const HttpRequest&, const Attempt&, const auto& done) {
            done(accepted());
            done(refusal());
        });
    Recorder recorder{http};
    const driver::callback::Client client{recorder, driver::NoScheduler{}, both(), OnCodes{}};
    Ends ends;
    client.send(chat(), note(ends));
    CHECK(ends == Ends{"personal"});
    REQUIRE(recorder.sends().size() == 1);
    CHECK(recorder.sends()[0].response.body == accepted().body);
}

TEST_CASE("a recorder of a transport that blocks and calls back does both") {
    testing::CassettePlayer http{testing::Cassette{}};
    Recorder recorder{http};
    const Client blocking{recorder, both(), OnCodes{}};
    CHECK_FALSE(blocking.send(chat()));
    const driver::callback::Client client{recorder, driver::NoScheduler{}, both(), OnCodes{}};
    Ends ends;
    client.send(chat(), note(ends));
    CHECK(ends.size() == 1);
    CHECK(recorder.sends().size() == 2);
}

#if defined(__cpp_exceptions)
TEST_CASE("a transport that calls back or throws is kept either way, and throws on") {
    const auto http = driver::answering<HttpResponse>(
        [](const HttpRequest&, const Attempt&, const auto&) -> void {
            throw std::runtime_error("no network");
        });
    Recorder recorder{http};
    const driver::callback::Client client{recorder, driver::NoScheduler{}, both(), OnCodes{}};
    Ends ends;
    CHECK_THROWS_AS(client.send(chat(), note(ends)), std::runtime_error);
    REQUIRE(recorder.sends().size() == 1);
    CHECK_FALSE(recorder.sends()[0].answered);
    CHECK_FALSE(recorder.sends()[0].error.detail.empty());
}
#endif
