// SPDX-License-Identifier: BSL-1.0
//
// Dear reader,
//
// your workspaces move to the enterprise one after the other, over weeks. Until the last one has,
// every request tries the personal credential first, and for those that have moved that is a call
// too many, each time. A learned route begins with the credential that served the same bot last.
// A move costs one call then, and so does a rollback; whoever is wrong is corrected by a refusal.
//
// The operator has a switch, a process that lives for a second takes the memory of the one before
// it along, and the processes of a fleet learn from each other. None of it can lose an answer:
// behind the learned credential stands the chain.

#include <rekey/coze/bot_of.hpp>
#include <rekey/http.hpp>
#include <rekey/policy/remember.hpp>
#include <rekey/rekey.hpp>
#include <rekey/testing.hpp>
#include <rekey/token/memory_store.hpp>
#include <rekey/token/shared_route.hpp>

#include <cstdio>
#include <functional>
#include <set>
#include <string>

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

// The server: each bot belongs to one of two accounts.
struct Server {
    std::set<std::string> moved;
    int calls = 0;

    HttpResponse operator()(const HttpRequest& request, const Attempt& attempt) {
        ++calls;
        bool is_moved = false;
        for (const std::string& bot : moved)
            is_moved = is_moved || request.body.find('"' + bot + '"') != std::string::npos;
        const bool accepts = is_moved == (attempt.credential() == "enterprise");
        return accepts ? HttpResponse{200, {}, R"({"code":0})", false}
                       : HttpResponse{401, {}, R"({"code":4100})", false};
    }
};

HttpRequest chat_with(const std::string& bot) {
    return {"POST", "https://api.coze.com/v3/chat", {}, R"({"bot_id":")" + bot + R"("})"};
}

int main() {
    Server server;
    testing::ManualClock clock;
    const CredentialChain chain{Personal{}, Enterprise{}};
    const Client client{std::ref(server), chain, RetryOn<AuthRejected, NotFound>{},
                        Remember{coze::BotOf{}}, UseClock{clock}};

    const auto ten_chats = [&server](const auto& with, const char* when) {
        server.calls = 0;
        int answers = 0;
        for (int i = 0; i != 10; ++i)
            if (with.send(chat_with(i % 2 == 0 ? "travel" : "weather"))) ++answers;
        std::printf("%-32s %d answers, %2d calls\n", when, answers, server.calls);
    };

    ten_chats(client, "before the move");
    server.moved = {"travel"};
    ten_chats(client, "one bot has moved");
    ten_chats(client, "and later");
    server.moved = {};
    ten_chats(client, "it is rolled back");
    server.moved = {"travel", "weather"};
    ten_chats(client, "both have moved");

    const auto route = client.route();
    std::printf("travel begins with %s\n", std::string(route.learned("travel")).c_str());

    // The switch: takes effect for calls that begin afterwards, in all copies of the client.
    route.force<Personal>();
    ten_chats(client, "the operator says: personal");
    route.automatic();
    ten_chats(client, "the operator says: as learned");

    // The next process begins with what this one knows: hashes and names, nothing to keep secret.
    std::string memory;
    route.export_to(memory);
    const Client next{std::ref(server), chain, RetryOn<AuthRejected, NotFound>{},
                      Remember{coze::BotOf{}}};
    const RouteImport taken = next.route().import_from(memory);
    std::printf("the next process takes %zu keys\n", taken.keys);
    ten_chats(next, "in the next process");

    // Of a fleet each process learns from the others: what it knows goes into their token store
    // from time to time. In life that is Redis; the two clients here share one in memory.
    const token::MemoryStore store;
    token::SharedRoute of_this{store};
    token::SharedRoute of_next{store};
    (void)of_next.sync(next.route());
    server.moved = {"weather"};
    ten_chats(client, "travel goes back, for this one");
    const token::RouteSync given = of_this.sync(client.route());
    const token::RouteSync learned = of_next.sync(next.route());
    std::printf("this process gives %zu, the next one takes %zu\n", given.given, learned.taken);
    ten_chats(next, "and for the next one");

    // Where both credentials serve, no refusal ever says that the first one would do again. Ask
    // from time to time, in the background, with a request that may be sent once more.
    const HttpRequest harmless = chat_with("weather");
    (void)route.is_probe_due(harmless, 30s);  // the interval begins
    clock.advance(31s);
    if (route.is_probe_due(harmless, 30s)) {
        const auto result = route.probe(harmless);
        std::printf("probe: %s\n", result ? "the first credential serves again"
                                          : result.error().describe().c_str());
    }
    return 0;
}
