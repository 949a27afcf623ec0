// SPDX-License-Identifier: BSL-1.0
#include <rekey/resumable.hpp>

#include "catch.hpp"
#include "support/obo.hpp"

#include <cstddef>
#include <random>
#include <string>
#include <string_view>
#include <vector>

using namespace rekey;
using namespace obo;

namespace {

struct Note {
    std::string text;
};
using Waiting = Resumable<Note>;

std::string packed(const Note& note) { return note.text; }
Note unpacked(std::string_view text) { return {std::string(text)}; }

/// A value with these texts, without a call behind it.
Waiting waiting(const std::string& text, const std::string& flow, const std::string& subject,
                const std::string& key, bool idempotent) {
    detail::CallExtras extras;
    extras.subject = subject;
    extras.idempotent = idempotent;
    extras.idempotency_key = key;
    return Waiting(Note{text}, flow, extras);
}

bool is_same(const Waiting& a, const Waiting& b) {
    return a.request.text == b.request.text && a.flow == b.flow && a.subject == b.subject &&
           a.idempotent == b.idempotent && a.idempotency_key == b.idempotency_key;
}

}  // namespace

TEST_CASE("a request that waits is packed and unpacked as it was, whatever bytes it has") {
    std::string all_bytes;
    for (int byte = 0; byte != 256; ++byte) all_bytes += static_cast<char>(byte);
    const std::string texts[] = {"",        "a",
                                 ":",       "1:",
                                 "12:3",    std::string("\0\n\xff", 3),
                                 all_bytes, std::string(100000, 'x')};
    for (const std::string& text : texts)
        for (const std::string& other : texts) {
            const Waiting before = waiting(text, other, text, other, text.size() % 2 == 0);
            const auto after = Waiting::unpack(before.pack(packed), unpacked);
            REQUIRE(after);
            CHECK(is_same(before, *after));
        }
}

TEST_CASE("a packed request that was cut, changed in its frame or is of another version is none") {
    const std::string text = waiting("question", "flow-1", "ann", "key-1", true).pack(packed);
    REQUIRE(Waiting::unpack(text, unpacked));
    for (std::size_t size = 0; size != text.size(); ++size)
        CHECK(!Waiting::unpack(std::string_view(text).substr(0, size), unpacked));
    CHECK(!Waiting::unpack(text + "x", unpacked));
    CHECK(!Waiting::unpack("x" + text, unpacked));
    const std::size_t version = text.find("-1:");
    REQUIRE(version != std::string::npos);
    std::string other = text;
    other[version + 1] = '2';
    CHECK(!Waiting::unpack(other, unpacked));

    const std::string head = "rekey-resumable-1:";
    const char* const bad[] = {"",
                               "0:0:0:0:",
                               "0:0:0:0:0:0:",
                               "-1:0:0:0:0:",
                               "1:0:0:0:0:",
                               "99999999999:0:0:0:0:",
                               "9999999999:0:0:0:0:",
                               "18446744073709551615:0:0:0:0:",
                               "0 :0:0:0:0:",
                               ":0:0:0:0:",
                               "0:0:0:0:+0:"};
    for (const char* rest : bad) CHECK(!Waiting::unpack(head + rest, unpacked));
    CHECK(Waiting::unpack(head + "0:0:0:0:0:", unpacked));
}

TEST_CASE("any text is unpacked to nothing or to what packs to the same meaning") {
    std::mt19937 random(20261121);
    const std::string base = waiting("q", "f", "s", "k", true).pack(packed);
    int whole = 0;
    for (int i = 0; i != 20000; ++i) {
        std::string text = base;
        for (int changes = static_cast<int>(random() % 4) + 1; changes != 0; --changes) {
            const std::size_t place = random() % text.size();
            switch (random() % 3) {
                case 0: text[place] = static_cast<char>(random() % 256); break;
                case 1: text.erase(place, 1); break;
                default: text.insert(place, 1, static_cast<char>('0' + random() % 11));
            }
        }
        const auto found = Waiting::unpack(text, unpacked);
        if (!found) continue;
        ++whole;
        const auto again = Waiting::unpack((*found).pack(packed), unpacked);
        REQUIRE(again);
        CHECK(is_same(*found, *again));
    }
    CHECK(whole > 0);
}

TEST_CASE("what a call said beside its request waits with it") {
    Result<HttpResponse> ended;
    Result<HttpResponse>::Writer writer(ended);
    AuthorizationRequest asked;
    asked.flow = "flow-7";
    writer.ask(asked);
    writer.end(StopReason::needs_user, 0);
    const Resumable with{Note{"q"}, ended, IdempotencyKey{"key-7"}, Subject{"ann"}, Binding{"b"}};
    CHECK(with.flow == "flow-7");
    CHECK(with.subject == "ann");
    CHECK(with.idempotent);
    CHECK(with.idempotency_key == "key-7");
    const Resumable without{Note{"q"}, ended};
    CHECK(without.subject.empty());
    CHECK(!without.idempotent);
    CHECK(Resumable{Note{"q"}, ended, Idempotent{}}.idempotent);
}

TEST_CASE("S17 S71 a packed request holds no token, code, state, verifier or session") {
    Desk desk;
    std::vector<std::string> secrets{"session-cookie-77", desk.options.web_client_secret};
    const auto web = desk.client(coze::WebFlow{desk.web_app()});
    const auto pkce = desk.client(coze::PkceLoopback{desk.pkce_app(), HandOver{}});
    const auto device = desk.client(coze::DeviceFlow{desk.device_app(), HandOver{}});
    std::vector<std::string> texts;
    const auto walk = [&](const auto& client) {
        const auto asked = client.send(desk.chat(), Subject{"ann"}, Binding{"session-cookie-77"});
        REQUIRE(!asked);
        REQUIRE(asked.error().kind == ErrorKind::authorization_needed);
        const Resumable kept{desk.chat(), asked, Subject{"ann"}, Binding{"session-cookie-77"}};
        texts.push_back(kept.pack([](const HttpRequest& r) { return r.url + r.body; }));
        return asked.authorization();
    };
    secrets.push_back(parameter(walk(web).url, "state"));
    secrets.push_back(parameter(walk(pkce).url, "state"));
    CHECK(!secrets.back().empty());
    (void)walk(device);
    // And after a token was there and was refused.
    const auto begun = web.begin_authorization(Subject{"ann"}, Binding{"session-cookie-77"});
    REQUIRE(web.authorize(desk.browse(begun.request.url), Binding{"session-cookie-77"}));
    desk.service.move();
    desk.clock.advance(std::chrono::seconds{60});
    (void)walk(web);
    for (const Sent& sent : desk.wire.sent()) {
        if (!sent.authorization.empty())
            secrets.push_back(sent.authorization.substr(sent.authorization.find(' ') + 1));
        for (const char* name : {"code", "refresh_token", "code_verifier", "device_code"}) {
            const std::string mark = std::string("\"") + name + "\":\"";
            const std::size_t place = sent.request.body.find(mark);
            if (place == std::string::npos) continue;
            const std::string rest = sent.request.body.substr(place + mark.size());
            secrets.push_back(rest.substr(0, rest.find('"')));
        }
    }
    REQUIRE(texts.size() == 4);
    REQUIRE(secrets.size() > 5);
    for (const std::string& text : texts)
        for (const std::string& secret : secrets) {
            REQUIRE(!secret.empty());
            CHECK(text.find(secret) == std::string::npos);
        }
}
