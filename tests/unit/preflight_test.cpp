// SPDX-License-Identifier: BSL-1.0
#include <rekey/preflight.hpp>

#include "catch.hpp"

#include <rekey/rekey.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

using namespace rekey;
using namespace std::chrono_literals;
using Next = preflight::Action;
using preflight::Answer;
using preflight::Preflight;
using preflight::Step;
using preflight::Verdict;

namespace {

Next wait(Duration delay) { return {Step::wait, delay, 0, 0}; }
Next send(std::size_t slot, std::size_t probe) { return {Step::send, 0s, slot, probe}; }
Next finish() { return {}; }

Answer accepted() {
    Answer answer;
    answer.verdict = Verdict::accepted;
    return answer;
}
Answer without_token() {
    Answer answer;
    answer.verdict = Verdict::refused;
    answer.no_token = true;
    return answer;
}
Answer unanswered(Duration retry_after = 0s) {
    Answer answer;
    answer.verdict = Verdict::unanswered;
    answer.passing = true;
    answer.retry_after = retry_after;
    return answer;
}
preflight::Probe probe(const std::string& name, std::uint32_t asked_of = ~0u) {
    return {name, {"GET", "https://api.example/" + name, {}, {}}, asked_of};
}

struct Old {
    static constexpr auto name = "old";
    std::string token;
};
struct New {
    static constexpr auto name = "new";
    std::string token;
};

}  // namespace

TEST_CASE("a preflight asks each credential each probe once, with a pause between") {
    Preflight asked{{probe("a"), probe("b")}, {"old", "new"}};
    CHECK(asked.start() == send(0, 0));
    CHECK(asked.request().url == "https://api.example/a");
    CHECK(asked.answered(accepted()) == wait(250ms));
    CHECK(asked.waited() == send(0, 1));
    CHECK(asked.answered(accepted()) == wait(250ms));
    CHECK(asked.waited() == send(1, 0));
    CHECK(asked.answered(accepted()) == wait(250ms));
    CHECK(asked.waited() == send(1, 1));
    CHECK(asked.request().url == "https://api.example/b");
    CHECK(asked.answered(accepted()) == finish());
    CHECK(asked.answer(1, 1).verdict == Verdict::accepted);
}

TEST_CASE("a preflight leaves out what is for another credential") {
    Preflight asked{{probe("bot", 1u), probe("bot", 2u)}, {"old", "new"}};
    CHECK(asked.start() == send(0, 0));
    CHECK(asked.answered(accepted()) == wait(250ms));
    CHECK(asked.waited() == send(1, 1));
    CHECK(asked.answered(without_token()) == finish());
    CHECK(asked.find(1, "bot") == &asked.answer(1, 1));
    CHECK(asked.find(1, "other") == nullptr);
    CHECK(asked.find(2, "bot") == nullptr);
    CHECK(asked.answer(1, 0).verdict == Verdict::not_asked);
}

TEST_CASE("a preflight asks a credential without a token once") {
    Preflight asked{{probe("a"), probe("b"), probe("c")}, {"old", "new"}};
    CHECK(asked.start() == send(0, 0));
    CHECK(asked.answered(without_token()) == wait(250ms));
    CHECK(asked.waited() == send(1, 0));
    CHECK(asked.answer(0, 2).no_token);
    CHECK(asked.answer(0, 2).verdict == Verdict::refused);
}

TEST_CASE("a preflight goes on to the next credential if the first question got no answer") {
    Preflight asked{{probe("a"), probe("b")}, {"old", "new"}};
    Answer lasting = unanswered();
    lasting.passing = false;
    (void)asked.start();
    CHECK(asked.answered(lasting) == wait(250ms));
    CHECK(asked.waited() == send(1, 0));
    CHECK(asked.answer(0, 1).verdict == Verdict::unanswered);
    CHECK(asked.answered(accepted()) == wait(250ms));
    CHECK(asked.waited() == send(1, 1));
    CHECK(asked.answered(lasting) == finish());
}

TEST_CASE("a preflight tries again what nobody answered, slower each time, three times in all") {
    Preflight asked{{probe("a")}, {"old"}};
    CHECK(asked.start() == send(0, 0));
    CHECK(asked.answered(unanswered()) == wait(1s));
    CHECK(asked.waited() == send(0, 0));
    CHECK(asked.answered(unanswered(7s)) == wait(7s));
    CHECK(asked.waited() == send(0, 0));
    CHECK(asked.answered(unanswered()) == finish());
    CHECK(asked.answer(0, 0).verdict == Verdict::unanswered);
}

TEST_CASE("a preflight does not wait for a server that asks for minutes") {
    for (const Duration asked_for : {Duration{2min}, Duration{-1}}) {
        Preflight asked{{probe("a")}, {"old"}};
        (void)asked.start();
        CHECK(asked.answered(unanswered(asked_for)) == finish());
    }
}

TEST_CASE("a preflight never repeats what is more than a question") {
    Preflight asked{{probe("a"), {"chat", {"POST", "https://api.example/chat", {}, {}}}}, {"old"}};
    (void)asked.start();
    CHECK(asked.answered(accepted()) == wait(250ms));
    CHECK(asked.waited() == send(0, 1));
    CHECK(asked.answered(unanswered()) == finish());
}

TEST_CASE("a preflight that is stopped, or told things out of turn, sends nothing more") {
    Preflight asked{{probe("a"), probe("b")}, {"old"}};
    CHECK(asked.start() == send(0, 0));
    CHECK(asked.waited() == send(0, 0));
    CHECK(asked.answered(accepted()) == wait(250ms));
    CHECK(asked.answered(accepted()) == wait(250ms));
    CHECK(asked.cancelled() == finish());
    CHECK(asked.waited() == finish());
    CHECK(asked.answer(0, 1).verdict == Verdict::not_asked);
    Preflight none{{}, {"old"}};
    CHECK(none.start() == finish());
    Preflight nobody{{probe("a")}, {}};
    CHECK(nobody.start() == finish());
}

TEST_CASE("a preflight over a client pins each call and reads what it told") {
    struct Clock {
        std::vector<Duration>* waits;
        std::int64_t unix_seconds() const { return 784111777; }  // 1994-11-06 08:49:37
        void sleep(Duration delay) { waits->push_back(delay); }
    };
    std::vector<std::string> seen;
    const auto http = [&seen](const HttpRequest& request, const Attempt& attempt) {
        seen.push_back(request.url.substr(20) + ' ' + std::string(attempt.authorization()));
        const bool is_old = attempt.credential() == "old";
        return HttpResponse{is_old ? 200 : 403,
                            {{"Date", "Sun, 06 Nov 1994 08:51:37 GMT"}},
                            is_old ? R"({"code":0})" : R"({"code":4101,"msg":"no"})"};
    };
    const Client client{http, CredentialChain{Old{"t1"}, New{"t2"}}, RetryOn<4101>{}};
    Preflight asked{{probe("a")}, {"old", "new"}};
    std::vector<Duration> waits;
    preflight::run(client, asked, Clock{&waits});
    CHECK(seen == std::vector<std::string>{"a Bearer t1", "a Bearer t2"});
    CHECK(waits == std::vector<Duration>{250ms});
    CHECK(asked.answer(0, 0).verdict == Verdict::accepted);
    CHECK(asked.answer(0, 0).skew == 120);
    CHECK(asked.answer(0, 0).body == R"({"code":0})");
    const Answer& refused = asked.answer(1, 0);
    CHECK(refused.verdict == Verdict::refused);
    CHECK(refused.kind == ErrorKind::refused);
    CHECK(refused.http_status == 403);
    CHECK(refused.service_code == 4101);
    CHECK(refused.has_skew);
    CHECK_FALSE(refused.no_token);
}
