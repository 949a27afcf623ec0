// SPDX-License-Identifier: BSL-1.0
#include <rekey/token/record.hpp>

#include "catch.hpp"
#include "support/stores.hpp"

#include <cstddef>
#include <string>
#include <string_view>

using namespace rekey;
using namespace rekey::token;
using stores::sealer;

namespace {

TokenRecord sample(RecordState state = RecordState::live) {
    TokenRecord record;
    record.state = state;
    record.fresh_until = 1'790'000'870;
    record.expires_at = 1'790'000'900;
    record.since = 1'790'000'001;
    record.attempt = "attempt-1";
    record.access_token = Secret("canary-access-0123456789");
    record.refresh_token = Secret("canary-refresh-0123456789");
    return record;
}
bool equal(const TokenRecord& a, const TokenRecord& b) {
    return a.state == b.state && a.is_repeated == b.is_repeated && a.is_lost == b.is_lost &&
           a.fresh_until == b.fresh_until && a.expires_at == b.expires_at && a.since == b.since &&
           a.attempt == b.attempt && a.access_token.expose() == b.access_token.expose() &&
           a.refresh_token.expose() == b.refresh_token.expose();
}
template <class Sealer>
RecordState state_of(std::string_view text, const Sealer& with, std::string_view key = "k",
                     std::uint64_t version = 5) {
    return read_record(text, key, version, with, Opening::both).state;
}

}  // namespace

TEST_CASE("a record comes back as it was written, sealed or not") {
    for (const RecordState state : {RecordState::live, RecordState::pending}) {
        TokenRecord record = sample(state);
        record.is_repeated = state == RecordState::pending;
        const Secret open = write_record(record, "k", 5, Unsealed{});
        CHECK(equal(read_record(open.expose(), "k", 5, Unsealed{}, Opening::both), record));
        const Secret sealed = write_record(record, "k", 5, sealer("key-1"));
        CHECK(equal(read_record(sealed.expose(), "k", 5, sealer("key-1"), Opening::both), record));
    }
    TokenRecord dead;
    dead.state = RecordState::dead;
    dead.is_lost = true;
    dead.attempt = "attempt-1";
    const Secret text = write_record(dead, "k", 5, sealer("key-1"));
    CHECK(equal(read_record(text.expose(), "k", 5, sealer("key-1"), Opening::both), dead));
}

TEST_CASE("who only reads does not get the refresh token") {
    const Secret text = write_record(sample(), "k", 5, sealer("key-1"));
    const TokenRecord read =
        read_record(text.expose(), "k", 5, sealer("key-1"), Opening::access_only);
    CHECK(read.state == RecordState::live);
    CHECK(read.access_token.expose() == "canary-access-0123456789");
    CHECK(read.refresh_token.empty());
}

TEST_CASE("S75 a sealed record shows neither token nor user, and opens only where it was written") {
    const Secret text = write_record(sample(), "k", 5, sealer("key-1"));
    CHECK(text.expose().find("canary") == std::string_view::npos);
    CHECK(text.expose().find(oauth::base64url_encode("canary")) == std::string_view::npos);
    CHECK(state_of(text.expose(), sealer("key-1")) == RecordState::live);
    CHECK(state_of(text.expose(), sealer("key-1"), "other") == RecordState::unreadable);
    CHECK(state_of(text.expose(), sealer("key-1"), "k", 6) == RecordState::unreadable);
    CHECK(state_of(text.expose(), sealer("key-1", "another key")) == RecordState::unreadable);

    const std::string key = record_key("app", "ann@example.org", sealer("key-1"));
    CHECK(key.size() == 43);
    CHECK(key.find("ann") == std::string::npos);
    CHECK(key != record_key("app", "bob@example.org", sealer("key-1")));
    CHECK(key != record_key("app", "ann@example.org", Unsealed{}));
    CHECK(record_key("ab", "c", Unsealed{}) != record_key("a", "bc", Unsealed{}));
}

TEST_CASE(
    "S74 a record goes by a name under a key of its own, and nothing in it is cut from a token") {
    const auto named = [](const char* name_key) {
        return record_key("app", "ann",
                          Sealed{"key-1", sealer("key-1").seal, sealer("key-1").open,
                                 Secret(std::string_view(name_key))});
    };
    CHECK(named("one name key") == named("one name key"));
    CHECK(named("one name key") != named("another name key"));
    CHECK(named("one name key") != record_key("app", "ann", Unsealed{}));

    for (const RecordState state : {RecordState::live, RecordState::pending}) {
        const TokenRecord record = sample(state);
        const std::string name = named("one name key");
        const Secret text = write_record(record, name, 5, sealer("key-1"));
        for (const Secret* const token : {&record.access_token, &record.refresh_token}) {
            const std::string_view whole = token->expose();
            for (std::size_t from = 0; from + 4 <= whole.size(); ++from) {
                const std::string_view part = whole.substr(from, 4);
                CHECK(text.expose().find(part) == std::string_view::npos);
                CHECK(name.find(part) == std::string::npos);
            }
        }
    }
}

TEST_CASE("S75 no part of a sealed record can be changed") {
    const Secret text = write_record(sample(RecordState::pending), "k", 5, sealer("key-1"));
    for (std::size_t i = 0; i != text.size(); ++i) {
        std::string changed(text.expose());
        changed[i] = changed[i] == 'L' ? 'P' : 'L';
        if (changed == text.expose()) continue;
        CHECK(state_of(changed, sealer("key-1")) == RecordState::unreadable);
    }
}

TEST_CASE("S76 a record of another format, key or length is unreadable, not absent") {
    const Secret text = write_record(sample(), "k", 5, sealer("key-1"));
    CHECK(state_of(text.expose(), sealer("key-2")) == RecordState::unreadable);
    CHECK(state_of(text.expose(), Unsealed{}) == RecordState::unreadable);
    const Secret open = write_record(sample(), "k", 5, Unsealed{});
    CHECK(state_of(open.expose(), sealer("key-1")) == RecordState::unreadable);
    std::string newer(open.expose());
    newer.replace(0, 13, "rekey-token-2");
    CHECK(state_of(newer, Unsealed{}) == RecordState::unreadable);
    for (std::size_t size = 0; size != open.size(); ++size) {
        const RecordState state = state_of(open.expose().substr(0, size), Unsealed{});
        // A text without a mark at its end can be cut inside the last token alone.
        if (size < open.size() - 34) CHECK(state == RecordState::unreadable);
    }
    CHECK(state_of(std::string(open.expose()) + " more", Unsealed{}) == RecordState::unreadable);
    CHECK(state_of(std::string(open.expose()) + " ", Unsealed{}) == RecordState::unreadable);
    CHECK(state_of("", Unsealed{}) == RecordState::unreadable);
}

TEST_CASE("a record that cannot be sealed is not written") {
    const Sealed broken{
        "key-1", [](std::string_view, std::string_view) { return std::string(); },
        [](std::string_view, std::string_view, std::string_view) { return Secret{}; }};
    CHECK(write_record(sample(), "k", 5, broken).empty());
    for (const char* const name : {"two words", "", "-"})
        CHECK(write_record(sample(), "k", 5, sealer(name)).empty());
}
