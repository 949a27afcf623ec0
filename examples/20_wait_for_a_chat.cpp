// SPDX-License-Identifier: BSL-1.0
//
// Dear reader,
//
// you ask an agent without streaming. The answer comes at once and says only that the chat has
// begun; whether it ends well, fails, or waits for one of your tools you learn by asking again, as
// the account that began it, not too often, and not for ever.
//
// coze::ChatPoll knows when to ask and for what. The loop that sends and waits is yours; here it
// runs against a Coze in this process, on a clock that a test turns.

#include <rekey/coze.hpp>
#include <rekey/coze/chat_poll.hpp>
#include <rekey/testing.hpp>
#include <rekey/testing/fake_coze.hpp>

#include <chrono>
#include <functional>
#include <iostream>
#include <string>
#include <string_view>

using namespace rekey;
using namespace std::chrono_literals;

struct Coze : testing::FakeCoze {
    using FakeCoze::FakeCoze;
    TransportResult<HttpResponse> operator()(const HttpRequest& request, const Attempt& attempt) {
        const std::string_view path = std::string_view(request.url).substr(options().base.size());
        std::cout << "  " << request.method << ' ' << path.substr(0, path.find('?')) << " as "
                  << attempt.credential() << '\n';
        return FakeCoze::operator()(request, attempt);
    }
};

void ask(Coze& coze) {
    const auto facts = coze.options();
    const Client client{
        std::ref(coze),
        CredentialChain{coze::Pat<coze::Personal>{facts.personal_token, facts.base},
                        coze::Pat<coze::Enterprise>{facts.enterprise_token, facts.base}},
        coze::RetryOnRefusal{}};
    const HttpRequest request{"POST",
                              facts.base + "/v3/chat",
                              {{"Content-Type", "application/json"}},
                              R"({"bot_id":")" + facts.bot_id + R"(","user_id":"u"})"};
    const auto created = client.send(request);
    if (!created) {
        std::cout << created.error().describe() << '\n';
        return;
    }
    testing::ManualClock clock;
    coze::PollOptions options;
    options.deadline = 60s;
    coze::ChatPoll poll{facts.base, created->body, options};
    for (auto next = poll.start(clock.now()); next.step != coze::PollStep::finish;) {
        if (next.step == coze::PollStep::wait) {
            clock.sleep(next.delay);
            next = poll.waited(clock.now());
        } else {
            const auto result = client.send(poll.request(), SameCredentialAs{created});
            next = poll.answered(coze::poll_answer(result), clock.now());
        }
    }
    if (poll.succeeded())
        std::cout << body::Json::text(poll.chat(), "data.status") << " after "
                  << std::chrono::duration<double>(clock.now().time_since_epoch()).count()
                  << " s\n";
    else
        std::cout << poll.failure().service_code << ", " << to_string(poll.failure().kind) << '\n';
}

int main() {
    testing::FakeCozeOptions options;
    options.polls_until_completed = 2;
    Coze coze{options};
    ask(coze);
    coze.move();  // from now on only the enterprise may
    coze.fault({1, 0, "/v3/chat/retrieve", {}, testing::FakeWire::whole, 0, 0, 0, 429, {}, {}, 7});
    ask(coze);

    options.last_error = 4028;
    Coze failing{options};
    ask(failing);
}
