// SPDX-License-Identifier: BSL-1.0
#include <rekey/oauth/flow.hpp>

#include "catch.hpp"

#include <rekey/testing/manual_clock.hpp>

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace rekey;
using namespace rekey::oauth;
using namespace std::chrono_literals;

namespace {

/// What the driver's exchanger gives.
struct Came {
    Reach reach = Reach::answered;
    bool lasting = false;
    bool cancelled = false;
    int status = 200;
    std::string content_type = "application/json";
    std::string body{};
    std::string log_id{};
    std::string detail{};
    Duration retry_after{0};
};
Came granted() {
    Came came;
    came.body = R"({"access_token":"a-1","refresh_token":"r-1","expires_in":900})";
    return came;
}
Came unanswered(Reach reach) {
    Came came;
    came.reach = reach;
    came.detail = "gone";
    return came;
}

const TokenEndpoint endpoint{"https://auth.example", "client-1", false};

TokenRequest code() {
    return code_request(endpoint, ClientSecretBearer{Secret{"app-secret"}},
                        Secret{"code-0123456789"}, "https://app.example/callback",
                        Secret{"verifier-1"});
}
TokenRequest refresh() { return refresh_request(endpoint, PublicClient{}, Secret{"refresh-1"}); }

/// Answers in order, the last one for good; remembers what it was sent.
struct Endpoint {
    std::vector<Came> answers;
    mutable std::vector<std::string> authorizations{};
    std::function<void()> on_send{};

    Came operator()(const HttpRequest& request, std::string_view authorization,
                    std::string_view credential) const {
        CHECK(request.method == "POST");
        CHECK(credential == "user");
        authorizations.emplace_back(authorization);
        if (on_send) on_send();
        const std::size_t last = answers.size() - 1;
        return answers[authorizations.size() - 1 < last ? authorizations.size() - 1 : last];
    }
    std::size_t sends() const { return authorizations.size(); }
};

}  // namespace

TEST_CASE("S18 S20 an exchange is sent once, and again only if it never left") {
    struct Row {
        std::vector<Came> answers;
        std::size_t sends;
        CodeOutcome outcome;
    };
    Came busy;
    busy.status = 503;
    Came moved;
    moved.status = 307;
    const Row rows[] = {
        {{granted()}, 1, CodeOutcome::granted},
        {{busy, granted()}, 1, CodeOutcome::failed},
        {{moved, granted()}, 1, CodeOutcome::failed},
        {{unanswered(Reach::sent_unanswered), granted()}, 1, CodeOutcome::unknown},
        {{unanswered(Reach::cut_short), granted()}, 1, CodeOutcome::unknown},
        {{unanswered(Reach::never_sent), granted()}, 2, CodeOutcome::granted},
        {{unanswered(Reach::never_sent)}, 3, CodeOutcome::not_sent},
        {{unanswered(Reach::never_sent), unanswered(Reach::cut_short), granted()},
         2,
         CodeOutcome::unknown},
    };
    for (const Row& row : rows) {
        testing::ManualClock clock;
        Endpoint server{row.answers};
        CodeExchange exchange(code(), clock.unix_seconds());
        const ExchangeNotes notes =
            run_exchange(exchange, "user", rekey::detail::Stop{}, server, clock);
        CHECK(exchange.outcome() == row.outcome);
        CHECK(server.sends() == row.sends);
        CHECK(clock.waits().size() == row.sends - 1);
        CHECK(!notes.cancelled);
        CHECK(server.authorizations[0] == "Bearer app-secret");
    }
}

TEST_CASE("S18 a refresh that was answered by an error or not at all is not sent again") {
    Came busy;
    busy.status = 503;
    busy.retry_after = 1s;
    Came broken;
    broken.status = 502;
    for (const Came& came :
         {busy, broken, unanswered(Reach::sent_unanswered), unanswered(Reach::cut_short)}) {
        testing::ManualClock clock;
        Endpoint server{{came, granted()}};
        RefreshExchange<> exchange(refresh());
        (void)run_exchange(exchange, "user", rekey::detail::Stop{}, server, clock);
        CHECK(server.sends() == 1);
        CHECK(exchange.outcome() != RefreshOutcome::ok);
        CHECK(clock.waits().empty());
    }
}

TEST_CASE("an exchange that the transport was told to stop ends there") {
    testing::ManualClock clock;
    Came stopped = unanswered(Reach::never_sent);
    stopped.cancelled = true;
    Endpoint server{{stopped, granted()}};
    CodeExchange exchange(code(), clock.unix_seconds());
    const ExchangeNotes notes =
        run_exchange(exchange, "user", rekey::detail::Stop{}, server, clock);
    CHECK(notes.cancelled);
    CHECK(server.sends() == 1);
}

TEST_CASE("an exchange that is stopped while it waits for its next try ends there") {
    testing::ManualClock clock;
    rekey::detail::Atomic<bool> flag{false};
    Endpoint server{{unanswered(Reach::never_sent), granted()}};
    server.on_send = [&flag] { flag.store(true); };
    RefreshExchange<> exchange(refresh());
    const ExchangeNotes notes =
        run_exchange(exchange, "user", rekey::detail::Stop{&flag}, server, clock);
    CHECK(notes.cancelled);
    CHECK(server.sends() == 1);
    CHECK(exchange.outcome() == RefreshOutcome::not_sent);  // the token is still good
}

TEST_CASE("the notes of an exchange are those of its last answer") {
    testing::ManualClock clock;
    Came refused;
    refused.status = 400;
    refused.log_id = "log-9";
    refused.body = R"({"error_code":"invalid_request","error_message":"no code-0123456789 here"})";
    Endpoint server{{unanswered(Reach::never_sent), refused}};
    CodeExchange exchange(code(), clock.unix_seconds());
    const ExchangeNotes notes =
        run_exchange(exchange, "user", rekey::detail::Stop{}, server, clock);
    CHECK(notes.reach == Reach::answered);
    CHECK(notes.http_status == 400);
    CHECK(notes.log_id == "log-9");
    const std::string words = words_of(exchange, notes);
    CHECK_THAT(words, ContainsSubstring("the token endpoint does not accept this request"));
    CHECK_THAT(words, ContainsSubstring("invalid_request"));
    CHECK(words.find("code-0123456789") == std::string::npos);
    CHECK(words.find("gone") == std::string::npos);
}

TEST_CASE("an exchange without an answer says what the transport said") {
    testing::ManualClock clock;
    Endpoint server{{unanswered(Reach::sent_unanswered)}};
    CodeExchange exchange(code(), clock.unix_seconds());
    const ExchangeNotes notes =
        run_exchange(exchange, "user", rekey::detail::Stop{}, server, clock);
    CHECK_THAT(words_of(exchange, notes), ContainsSubstring("gone"));
}

TEST_CASE(
    "S71 nothing that a token request sent is told, whoever repeats it and however much of it") {
    const std::string secret = "refresh_0123456789abcdefghijklmnopqrstuvwxyz";
    Came quoted;  // the message is cut off within the token
    quoted.status = 400;
    quoted.log_id = "id-" + secret.substr(4, 30);
    quoted.body = R"({"error_code":"invalid_grant","error_message":")" + std::string(170, 'x') +
                  ' ' + secret + "\"}";
    Came lost = unanswered(Reach::sent_unanswered);
    lost.detail = "no answer to " + secret;
    for (const Came& came : {quoted, lost}) {
        testing::ManualClock clock;
        const Endpoint server{{came}};
        RefreshExchange<> exchange(refresh_request(endpoint, PublicClient{}, Secret{secret}));
        const ExchangeNotes notes =
            run_exchange(exchange, "user", rekey::detail::Stop{}, server, clock);
        const std::string told = words_of(exchange, notes) + ' ' + notes.log_id;
        CAPTURE(told);
        CHECK(told.find("[token]") != std::string::npos);
        for (std::size_t at = 0; at + 16 <= secret.size(); ++at)
            CHECK(told.find(secret.substr(at, 16)) == std::string::npos);
    }
}

TEST_CASE("a Redirector's answer tells whether the person was sent away") {
    FlowAnswer answer;
    answer.take({Reauthorized::handed_over, {}});
    CHECK(answer.sent_away);
    answer.take({Reauthorized::denied, "no"});
    CHECK(!answer.sent_away);
    CHECK(answer.message == "no");
    answer.take({Reauthorized::authorized, {}});
    CHECK(answer.is_authorized());
    answer.deny(ErrorKind::exchange_failed, "broken");
    CHECK(!answer.is_authorized());
    CHECK(answer.kind == ErrorKind::exchange_failed);
    CHECK(answer.message == "broken");
}
