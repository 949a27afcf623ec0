// SPDX-License-Identifier: BSL-1.0
#include <rekey/driver/async_user_calls.hpp>

#include "catch.hpp"
#include "support/event_loop.hpp"

#include <exception>
#include <functional>
#include <memory>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using namespace event_loop;

namespace {

/// A transport that throws at its first token request, or fails its completion with an exception.
struct Wire {
    using Answer = HttpResponse;
    using Done = driver::Completion<HttpResponse>;
    struct State {
        bool throws = false;
        int exchanges = 0;
        std::vector<Done> waiting{};
    };
    std::shared_ptr<State> state = std::make_shared<State>();

    void operator()(const HttpRequest& request, const Attempt&, Done done) const {
        if (request.url.find("/oauth2/token") != std::string::npos) {
            ++state->exchanges;
            if (state->throws) throw std::runtime_error("the wire broke");
        }
        state->waiting.push_back(std::move(done));
    }
    void fail_next() const {
        const Done done = state->waiting.front();
        state->waiting.erase(state->waiting.begin());
        done.fail(std::make_exception_ptr(std::runtime_error("the wire broke")));
    }
};

struct Timers {
    struct Handle {
        void cancel() const {}
    };
    Handle after(Duration, const std::function<void()>&) const { return {}; }
};

struct Heard {
    int* thrown;
    std::vector<ErrorKind>* kinds;
    void operator()(const Result<HttpResponse>& result) const {
        kinds->push_back(result.error().kind);
    }
    void failed(const std::exception_ptr&) const { ++*thrown; }
};

/// A client of one app over that transport.
struct Stage : obo::Desk {
    Wire wire{};
    int thrown = 0;
    std::vector<ErrorKind> kinds{};

    auto client() {
        return driver::callback::Client{wire, Timers{}, OboReauth{coze::WebFlow{web_app()}},
                                        coze::RetryOnRefusal{}, UseClock{clock}};
    }
    Heard heard() { return {&thrown, &kinds}; }
    template <class Client> CallHandle send(const Client& client) {
        return client.send(chat(), heard(), Subject{"ann"}, Binding{"cookie"});
    }
};

}  // namespace

TEST_CASE(
    "S33 S37 a transport that throws at a refresh frees the other calls; nothing goes twice") {
    Stage stage;
    const auto client = stage.client();
    oauth::TokenSet tokens;
    tokens.refresh_token = Secret{"refresh-0"};
    client.adopt(Subject{"ann"}, std::move(tokens));
    using Kinds = std::vector<ErrorKind>;
    SECTION("at once") {
        stage.wire.state->throws = true;
        stage.send(client);
        CHECK(stage.thrown == 1);
        stage.send(client);
        CHECK(stage.kinds == Kinds{ErrorKind::authorization_needed});
    }
    SECTION("through its callback") {
        stage.send(client);
        stage.send(client);
        stage.wire.fail_next();
        CHECK(stage.thrown == 1);
        CHECK(stage.kinds == Kinds{ErrorKind::authorization_needed});
    }
    SECTION("through its callback, when the call has been cancelled") {
        stage.send(client).cancel();
        stage.send(client);
        CHECK(stage.kinds == Kinds{ErrorKind::cancelled});
        stage.wire.fail_next();
        CHECK(stage.thrown == 0);
        CHECK(stage.kinds == Kinds{ErrorKind::cancelled, ErrorKind::authorization_needed});
    }
    CHECK(stage.wire.state->exchanges == 1);
    CHECK(stage.wire.state->waiting.empty());
    CHECK(client.in_flight() == 0);
}

TEST_CASE("S18 S37 a transport that throws at the exchange of a code ends that authorization") {
    Stage stage;
    const auto client = stage.client();
    const auto begun = client.begin_authorization(Subject{"ann"}, Binding{"cookie"});
    REQUIRE(begun);
    const std::string callback = stage.browse(begun.request.url);
    SECTION("at once, to a `done` that wants it") {
        stage.wire.state->throws = true;
        client.resume<HttpRequest>(callback, stage.heard(), Binding{"cookie"});
        CHECK(stage.thrown == 1);
    }
    SECTION("at once, to who called") {
        stage.wire.state->throws = true;
        CHECK_THROWS_AS(client.authorize(
                            callback, [](const AuthorizationEnd&) {}, Binding{"cookie"}),
                        std::runtime_error);
    }
    SECTION("through its callback") {
        client.resume<HttpRequest>(callback, stage.heard(), Binding{"cookie"});
        stage.wire.fail_next();
        CHECK(stage.thrown == 1);
    }
    CHECK(stage.wire.state->exchanges == 1);
    CHECK(stage.kinds.empty());
    CHECK(client.in_flight() == 0);
}

TEST_CASE(
    "S37 what the executor or the transport of a job throws reaches the call and frees others") {
    Fleet fleet;
    const auto client = fleet.process();
    fleet.authorize(client);
    fleet.clock.advance(16min);
    SECTION("the executor") {
        fleet.pool.hand = [](const Job&) { throw std::bad_alloc(); };
    }
    SECTION("the transport") {
        fleet.wire.interfere([](const obo::Sent& sent, bool) -> std::optional<obo::Reply> {
            if (sent.is_exchange()) throw std::bad_alloc();
            return std::nullopt;
        });
    }
    fleet.loop.run_there([&] { (void)fleet.send(client); });
    fleet.settle(client);
    CHECK(fleet.thrown == 1);
    fleet.pool.hand = nullptr;
    fleet.wire.interfere({});
    *fleet.store.clock.seconds += 60;  // the lease that the exception left behind is over
    fleet.loop.run_there([&] { (void)fleet.send(client); });
    fleet.settle(client);
    CHECK(fleet.results.size() == 1);
}
