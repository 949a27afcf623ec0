// SPDX-License-Identifier: BSL-1.0
//
// Dear reader,
//
// your web backend runs twice, behind a balancer, and the callback may reach the other replica: the
// one that sent the browser away was restarted meanwhile. Two things have to be where both can
// reach them: the pending flow, which says that this browser began this authorization, and the
// request that was refused. rekey brings neither a database nor a queue; it says what to keep.
//
// A map plays the database here, and two clients play the replicas.

#include <rekey/coze.hpp>
#include <rekey/coze/web_flow.hpp>
#include <rekey/resumable.hpp>
#include <rekey/testing/fake_coze.hpp>

#include <cstdint>
#include <cstdio>
#include <map>
#include <string>
#include <string_view>

// The pending flows of all replicas. `take` finds and removes in one step: GETDEL in Redis, DELETE
// … RETURNING in SQL. A record holds a secret or two and lives for ten minutes at most.
class SharedFlows {
public:
    bool put(const rekey::oauth::PendingKey& key, rekey::oauth::PendingRecord record,
             std::int64_t now) {
        return database().put(key, std::move(record), now);
    }
    rekey::oauth::PendingFound take(const rekey::oauth::PendingKey& key,
                                    rekey::oauth::PendingRecord& record, std::int64_t now) {
        return database().take(key, record, now);
    }

private:
    static rekey::oauth::PendingMemory& database() {
        static rekey::oauth::PendingMemory memory;
        return memory;
    }
};

int main() {
    rekey::testing::FakeCoze coze;
    const auto& world = coze.options();

    const auto replica = [&coze, &world] {
        rekey::coze::WebFlowOptions app;
        app.client_id = world.web_client_id;
        app.client_secret = rekey::Secret{world.web_client_secret};
        app.redirect_uri = world.web_redirect_uri;
        app.base = world.base;
        return rekey::Client{
            coze, rekey::OboReauth{rekey::coze::WebFlow<rekey::HandOver, SharedFlows>{app}},
            rekey::coze::RetryOnRefusal{}};
    };
    const auto chat = [&world](std::string body) {
        return rekey::HttpRequest{"POST",
                                  world.base + "/v3/chat",
                                  {{"Content-Type", "application/json"}},
                                  std::move(body)};
    };
    const auto one = replica();
    const auto two = replica();
    std::map<std::string, std::string> waiting;  // in the database: session, packed request
    const std::string session = "the value of ann's session cookie";

    // The first replica sends the browser away, and keeps what it was asked.
    const rekey::HttpRequest request =
        chat(R"({"bot_id":")" + world.bot_id + R"(","user_id":"ann"})");
    const rekey::Subject ann{"ann"};
    const auto result = one.send(request, ann, rekey::Binding{session});
    if (result) return 1;
    const rekey::Resumable refused{request, result, ann};
    waiting[session] = refused.pack([](const rekey::HttpRequest& r) { return r.body; });
    std::printf("replica one: %s\n", std::string(to_string(result.error().kind)).c_str());

    // The person says yes, and the callback reaches the other one.
    const auto page = coze.handle({"GET", result.authorization().url + "&decision=allow", {}, {}});
    const std::string callback(rekey::find_header(page.response.headers, "Location"));

    const auto found = rekey::Resumable<rekey::HttpRequest>::unpack(
        waiting[session], [&chat](std::string_view body) { return chat(std::string(body)); });
    if (!found) return 1;
    const auto done = two.resume(*found, callback, rekey::Binding{session});
    std::printf("replica two: %s\n", done ? "answered" : done.error().describe().c_str());

    // The tokens are in the memory of the replica that got the callback, and nowhere else.
    const auto next = one.send(request, ann, rekey::Binding{session});
    std::printf("replica one: %s\n", next ? "answered" : "has to ask for itself");
}

// Output:
//   replica one: authorization_needed
//   replica two: answered
//   replica one: has to ask for itself
