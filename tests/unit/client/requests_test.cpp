// SPDX-License-Identifier: BSL-1.0
#include <rekey/extras.hpp>

#include <rekey/coze/fresh_conversation.hpp>

#include "catch.hpp"
#include "support/clients.hpp"

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace {

using namespace clients;
using testing::Script;

// Every byte of a request, in one text.
std::string bytes_of(const HttpRequest& request, std::string_view left_out = {}) {
    std::string text = request.method + ' ' + request.url + '\n';
    for (const HttpHeader& header : request.headers)
        if (!same_header_name(header.name, left_out))
            text += header.name + ": " + header.value + '\n';
    return text + '\n' + request.body;
}

// Refuses until the last send and keeps what it was given.
struct Recorder {
    std::vector<HttpRequest>* seen;
    std::size_t accepted_at;
    HttpResponse operator()(const HttpRequest& request) const {
        seen->push_back(request);
        return seen->size() >= accepted_at ? accepted() : refusal();
    }
};

struct MapRequest {
    std::string url;
    std::map<std::string, std::string> headers;
};
struct SeveralValues {
    std::string url;
    std::map<std::string, std::vector<std::string>> headers;
};
struct OnlyMoved {
    std::string url;
    std::unique_ptr<int> payload;
};
struct OwnRequest {
    std::string secret_place;
    int number = 0;
};

}  // namespace

template <> struct rekey::RequestTraits<OwnRequest> {
    static void set_header(OwnRequest& request, std::string_view name, std::string_view value) {
        request.secret_place = std::string(name) + "=" + std::string(value);
    }
};

TEST_CASE("a fallback sends the same bytes with only the credential's header differing") {
    HttpRequest request = chat();
    request.headers.push_back({"X-Custom", "a  b"});
    request.body = std::string("\0\xFF\r\n{}", 6);
    const std::string before = bytes_of(request);
    std::vector<HttpRequest> seen;
    const Client client{Recorder{&seen, 2}, both(), OnCodes{}};
    REQUIRE(client.send(request));
    REQUIRE(seen.size() == 2);
    CHECK(bytes_of(seen[0], "Authorization") == before);
    CHECK(bytes_of(seen[1], "Authorization") == before);
    CHECK(find_header(seen[0].headers, "Authorization") == "Bearer pat_personal_1");
    CHECK(find_header(seen[1].headers, "Authorization") == "Bearer pat_enterprise_1");
    CHECK(seen[1].headers.size() == seen[0].headers.size());
}

TEST_CASE("the caller's request never changes") {
    const HttpRequest request = chat();
    std::vector<HttpRequest> seen;
    const Client client{Recorder{&seen, 2}, both(), OnCodes{},
                        OnFallBack{[](HttpRequest& copy) { copy.body = "changed"; }}};
    REQUIRE(client.send(request));
    CHECK(bytes_of(request) == bytes_of(chat()));
}

TEST_CASE("with the attempt beside it the transport sees the caller's own object") {
    const HttpRequest request = chat();
    const HttpRequest* seen = nullptr;
    const Client client{[&seen](const HttpRequest& given, const Attempt&) {
                            seen = &given;
                            return accepted();
                        },
                        both(), OnRefusal{}};
    REQUIRE(client.send(request));
    CHECK(seen == &request);
}

TEST_CASE("the header goes into a map of headers as well") {
    std::string seen;
    const Client client{[&seen](const MapRequest& request) {
                            seen = request.headers.at("Authorization");
                            return accepted();
                        },
                        both(), OnRefusal{}};
    const MapRequest request{"https://api.coze.com/v3/chat", {}};
    REQUIRE(client.send(request));
    CHECK(seen == "Bearer pat_personal_1");
    CHECK(request.headers.empty());
}

TEST_CASE("a header that the caller set is seen among several values of each name") {
    const Client client{[](const SeveralValues&, const Attempt&) { return accepted(); }, both(),
                        OnRefusal{}};
    CHECK(client.send(SeveralValues{"https://api.coze.com/", {{"Accept", {"a", "b"}}}}));
    for (const std::vector<std::string>& values :
         {std::vector<std::string>{}, std::vector<std::string>{"mine", "too"}}) {
        const auto result =
            client.send(SeveralValues{"https://api.coze.com/", {{"authorization", values}}});
        REQUIRE_FALSE(result);
        CHECK(result.error().kind == ErrorKind::configuration);
    }
}

TEST_CASE("a request that cannot be copied goes to a transport that takes the attempt") {
    int sends = 0;
    const Client client{[&sends](const OnlyMoved& request, const Attempt&) {
                            CHECK(*request.payload == 7);
                            return ++sends == 1 ? refusal() : accepted();
                        },
                        both(), OnCodes{}};
    CHECK(client.send(OnlyMoved{"https://api.coze.com/", std::make_unique<int>(7)}));
    CHECK(sends == 2);
}

TEST_CASE("set_header is all that a request type of one's own needs") {
    std::string seen;
    const Client client{[&seen](const OwnRequest& request) {
                            seen = request.secret_place;
                            return accepted();
                        },
                        both(), OnRefusal{}};
    REQUIRE(client.send(OwnRequest{{}, 1}));
    CHECK(seen == "Authorization=Bearer pat_personal_1");
}

// --- Rewriting ---

TEST_CASE("OnFallBack leaves the first send alone and rewrites the next ones") {
    Script http;
    http.then(200, 4101).then(200);
    const Client client{http, both(), OnCodes{},
                        OnFallBack{[](HttpRequest& copy) { copy.body += "!"; }}};
    REQUIRE(client.send(chat()));
    CHECK(http.sends()[0].body == chat().body);
    CHECK(http.sends()[1].body == chat().body + "!");
}

TEST_CASE("OnFallBack always starts from the original request") {
    struct Spare {
        const char* name = "spare";
        const char* token = "spare_token";
    };
    Script http;
    http.then(200, 4101).then(429).then(200, 4101).then(200);
    const Client client{http, CredentialChain{Personal{}, Enterprise{}, Spare{}},
                        RetryOn<4101, RateLimited>{}, MaxAttempts<4>{},
                        OnFallBack{[](HttpRequest& copy) { copy.body += "!"; }}};
    REQUIRE(client.send(chat()));
    REQUIRE(http.sends().size() == 4);
    for (unsigned i = 1; i != 4; ++i) CHECK(http.sends()[i].body == chat().body + "!");
}

TEST_CASE("several rewriting policies all take part") {
    Script http;
    http.then(200, 4101).then(200);
    const Client client{http, both(), OnCodes{},
                        OnFallBack{[](HttpRequest& copy) { copy.body += "1"; }},
                        coze::FreshConversation{}};
    REQUIRE(client.send(chat()));
    CHECK(http.sends()[1].body == chat().body + "1");
    CHECK(http.sends()[1].url == "https://api.coze.com/v3/chat");
}

// --- Extras ---

TEST_CASE("an idempotency key is the same on each attempt, and none is made up") {
    Script http;
    http.then(200, 4101).then(200).then(200);
    const Client client{http, both(), OnCodes{}};
    REQUIRE(client.send(chat(), IdempotencyKey{"key-1"}));
    CHECK(http.sends()[0].idempotency_key == "key-1");
    CHECK(http.sends()[1].idempotency_key == "key-1");
    REQUIRE(client.send(chat()));
    CHECK(http.sends()[2].idempotency_key.empty());
}

TEST_CASE("SameCredentialAs stays with the credential that served the earlier call") {
    Script http;
    http.then(200, 4101).then(200).then(200).then(200, 4101);
    const Client client{http, both(), OnCodes{}};
    const auto created = client.send(chat());
    REQUIRE(created.credential() == "enterprise");
    const auto retrieved = client.send(chat(), SameCredentialAs{created});
    REQUIRE(retrieved);
    CHECK(http.sends()[2].credential == "enterprise");
    const auto refused = client.send(chat(), SameCredentialAs{created});
    REQUIRE_FALSE(refused);
    CHECK(refused.stop_reason() == StopReason::remedies_used_up);
    CHECK(http.sends().size() == 4);
}

TEST_CASE("SameCredentialAs of another client's credential is refused before anything is sent") {
    struct Stranger {
        std::string name = "stranger";
        std::string token = "stranger_token";
    };
    Script elsewhere;
    elsewhere.then(200);
    const auto foreign = Client{elsewhere, CredentialChain{Stranger{}}, OnRefusal{}}.send(chat());
    REQUIRE(foreign);
    Script http;
    const Client client{http, both(), OnRefusal{}};
    const auto result = client.send(chat(), SameCredentialAs{foreign});
    REQUIRE_FALSE(result);
    CHECK(result.error().kind == ErrorKind::configuration);
    CHECK(result.error().message().find("SameCredentialAs") != std::string::npos);
    CHECK(http.sends().empty());
    CHECK(result.trail().empty());
}

TEST_CASE("SameCredentialAs does not rewrite, since no credential takes over") {
    Script http;
    http.then(200, 4101).then(200).then(200);
    const Client client{http, both(), OnCodes{}, coze::FreshConversation{}};
    const auto created = client.send(chat());
    REQUIRE(client.send(chat(), SameCredentialAs{created}));
    CHECK(http.sends()[1].url == "https://api.coze.com/v3/chat");
    CHECK(http.sends()[2].url == chat().url);
}

TEST_CASE("extras may stand in any order") {
    Script http;
    http.then(503).then(200);
    const Client client{http, both(), RetryOn<Transient>{}, MaxAttempts<2>{}};
    CHECK(client.send(chat(), Subject{"user"}, IdempotencyKey{"k"}));
    CHECK(http.sends().size() == 2);
}
