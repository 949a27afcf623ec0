// SPDX-License-Identifier: BSL-1.0
#include <rekey/testing/fake_credential.hpp>

#include "catch.hpp"
#include "support/clients.hpp"

#include <string>

namespace {

using namespace clients;
using testing::FakeCredential;

}  // namespace

TEST_CASE("a fake credential counts how often it is asked, and for whom") {
    testing::Script http;
    http.then(200).then(200);
    const FakeCredential<> personal{"personal"};
    const Client client{http, CredentialChain{personal}, OnCodes{}};
    CHECK(client.send(chat(), Subject{"ada"}));
    CHECK(personal.subject() == "ada");
    CHECK(client.send(chat()).credential() == "personal");
    CHECK(personal.subject().empty());
    CHECK(personal.asked() == 2);
    CHECK(http.sends().at(1).authorization == personal.authorization());
    CHECK(personal.authorization() == "Bearer fake-personal-1");
}

TEST_CASE("a fake credential that rotates is sent with its new token") {
    testing::Script http;
    http.then(200).then(200);
    const FakeCredential<> personal{"personal"};
    const Client client{http, CredentialChain{personal}, OnCodes{}};
    CHECK(client.send(chat()));
    personal.rotate();
    CHECK(client.send(chat()));
    CHECK(http.sends().at(0).authorization == "Bearer fake-personal-1");
    CHECK(http.sends().at(1).authorization == "Bearer fake-personal-2");
}

TEST_CASE("a fake credential that fails sends nothing until it has a token again") {
    testing::Script http;
    http.then(200, 4101).then(200);
    const FakeCredential<struct First> first{"first"};
    const FakeCredential<struct Second> second{"second"};
    const Client client{http, CredentialChain{first, second}, OnCodes{}};
    first.fail();
    CHECK(client.send(chat()).error().kind == ErrorKind::configuration);
    CHECK(http.sends().empty());
    first.fail(false);
    CHECK(client.send(chat()).credential() == "second");
    CHECK(first.asked() == 2);
    CHECK(second.asked() == 1);
}
