// SPDX-License-Identifier: BSL-1.0
// The Qt transport and scheduler beside what every transport does. With Qt's keywords as macros.
#include <rekey/adapter/qt.hpp>

#include <rekey/policy/backoff.hpp>

#include <QtCore/QMetaEnum>
#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "../support/failure_table.hpp"
#include "../support/loopback_server.hpp"
#include "../support/qt_harness.hpp"
#include "catch.hpp"

#if !defined(emit)
#error "this file shall see Qt's keywords; qt_suite_test.cpp shall not"
#endif

namespace {

using loopback::Connection;
using loopback::Server;
using rekey::Attempt;
using rekey::HttpRequest;
using rekey::Reach;
using rekey::TransportVerdict;
using rekey::qt::error_of;
using rekey::qt::Options;
using rekey::qt::Progress;
using rekey::qt::Scheduler;
using rekey::qt::Transport;
using Error = QNetworkReply::NetworkError;
using std::chrono::milliseconds;

struct Personal {
    static constexpr auto name = "personal";
    std::string token = "pat_personal";
};
struct Enterprise {
    static constexpr auto name = "enterprise";
    std::string token = "pat_enterprise";
};

HttpRequest post(const Server& server) { return {"POST", server.url(), {}, "{}"}; }

template <class Condition> void turn_until(Condition is_so) { OverQt{}.turn_until(is_so); }

}  // namespace

TEST_CASE("qt: every error means what the table of errors says") {
    constexpr auto passing = TransportVerdict::passing;
    constexpr auto lasting = TransportVerdict::lasting;
    struct Row {
        Error error;
        Reach before, sent, begun;  ///< Nothing was sent; the request was; an answer began.
        TransportVerdict verdict;   ///< Before anything was sent.
    };
    const Row rows[] = {
        {Error::ConnectionRefusedError, Reach::never_sent, Reach::never_sent, Reach::never_sent,
         passing},
        {Error::HostNotFoundError, Reach::never_sent, Reach::never_sent, Reach::never_sent,
         passing},
        {Error::SslHandshakeFailedError, Reach::never_sent, Reach::sent_unanswered,
         Reach::cut_short, lasting},
        {Error::RemoteHostClosedError, Reach::never_sent, Reach::sent_unanswered, Reach::cut_short,
         passing},
        {Error::TimeoutError, Reach::never_sent, Reach::sent_unanswered, Reach::cut_short, passing},
        {Error::OperationCanceledError, Reach::never_sent, Reach::sent_unanswered, Reach::cut_short,
         passing},
        {Error::ContentReSendError, Reach::sent_unanswered, Reach::sent_unanswered,
         Reach::cut_short, passing},
        {Error::ProtocolFailure, Reach::never_sent, Reach::cut_short, Reach::cut_short, passing},
        {Error::UnknownNetworkError, Reach::never_sent, Reach::sent_unanswered, Reach::cut_short,
         passing},
    };
    for (const Row& row : rows) {
        CAPTURE(static_cast<int>(row.error));
        CHECK((error_of(row.error, {false, false}, "x").reach == row.before));
        CHECK((error_of(row.error, {true, false}, "x").reach == row.sent));
        CHECK((error_of(row.error, {true, true}, "x").reach == row.begun));
        CHECK((error_of(row.error, {false, false}, "x").verdict == row.verdict));
    }
}

TEST_CASE("qt: the page's table of failures is what the adapter says") {
    int checked = 0;
    for (const auto& row : failure_table::of("Qt"))
        for (const std::string& word : row.words) {
            bool is_known = false;
            const int error = QMetaEnum::fromType<QNetworkReply::NetworkError>().keyToValue(
                (word + "Error").c_str(), &is_known);
            const int plain = QMetaEnum::fromType<QNetworkReply::NetworkError>().keyToValue(
                word.c_str(), is_known ? nullptr : &is_known);
            if (!is_known || word == "NoError") continue;
            CAPTURE(row.says, word);
            Progress progress;
            progress.request_begun = row.says == "sent_unanswered" || row.says == "cut_short";
            const auto code = static_cast<Error>(error >= 0 ? error : plain);
            CHECK(failure_table::said(error_of(code, progress, "text")) == row.says);
            ++checked;
        }
    CHECK(checked == 8);
}

TEST_CASE("qt: calls fall back and wait in Qt's own event loop") {
    application();
    Server server([](Connection& connection) {
        loopback::Request seen;
        int count = 0;
        while (connection.read(seen)) {
            const bool moved = seen.header("Authorization") == "Bearer pat_personal";
            connection.answer(moved          ? 401
                              : ++count == 1 ? 503
                                             : 200,
                              moved ? R"({"code":4100})" : "{}");
        }
    });
    const rekey::driver::callback::Client client{
        Transport{},
        Scheduler{},
        rekey::CredentialChain{Personal{}, Enterprise{}},
        rekey::RetryOn<4100, rekey::Transient>{},
        rekey::MaxAttempts<6>{},
        rekey::Backoff{rekey::Constant{milliseconds{5}}, rekey::NoJitter{}}};
    int served = 0;
    for (int i = 0; i != 10; ++i)
        client.send(
            post(server),
            [&served](const auto& result) {
                served += result && result.credential() == "enterprise" ? 1 : 0;
            },
            rekey::Idempotent{});
    turn_until([&client] { return client.in_flight() == 0; });
    CHECK(served == 10);
}

TEST_CASE("qt: a timer that is cancelled never comes") {
    application();
    std::string order;
    {
        const Scheduler scheduler;
        (void)scheduler.after(milliseconds{20}, [&] { order += "b"; });
        const auto never = scheduler.after(milliseconds{1}, [&] { order += "x"; });
        (void)scheduler.after(milliseconds{0}, [&, never] {
            order += "a";
            never.cancel();
        });
        never.cancel();
        turn_until([&order] { return order.size() == 2; });
        (void)scheduler.after(milliseconds{1}, [&] { order += "y"; });
    }
    for (int i = 0; i != 3; ++i) OverQt::turn();
    CHECK(order == "ab");
}

TEST_CASE("qt: the call of a timer may be the last that knows of its scheduler") {
    application();
    const auto alive = std::make_shared<int>(1);
    int ends = 0;
    const auto call = [&](milliseconds pause) {
        const rekey::driver::callback::Client client{
            [](const HttpRequest&, const Attempt&,
               const std::function<void(rekey::HttpResponse)>& done) {
                done({503, {}, {}, false});
            },
            Scheduler{}, rekey::RetryOn<rekey::Transient>{}, rekey::MaxAttempts<2>{},
            rekey::Backoff{rekey::Constant{pause}, rekey::NoJitter{}}};
        return client.send(HttpRequest{"GET", "http://127.0.0.1/", {}, {}},
                           [alive, &ends](const auto&) { ++ends; });
    };
    SECTION("when it is cancelled") { call(milliseconds{3'600'000}).cancel(); }
    SECTION("when it has come") { (void)call(milliseconds{1}); }
    turn_until([&] { return ends == 1 && alive.use_count() == 1; });
    for (int i = 0; i != 3; ++i) OverQt::turn();
    CHECK(ends == 1);
}

TEST_CASE("qt: the answer to a call may be the last that knows of its transport") {
    application();
    Server server(Server::always(200, "{}"));
    bool has_turned = false;
    bool is_gone = false;
    int ends = 0;
    {
        const Transport transport;
        QObject::connect(&transport.manager(), &QObject::destroyed, [&] {
            CHECK(has_turned);  // not inside a signal of one of its replies
            is_gone = true;
        });
        const rekey::driver::callback::Client client{transport, rekey::driver::NoScheduler{},
                                                     rekey::RetryOn<4100>{}};
        client.send(post(server), [&](const auto& result) {
            ends += result ? 1 : 0;
            QMetaObject::invokeMethod(
                &application(), [&has_turned] { has_turned = true; }, Qt::QueuedConnection);
        });
    }
    turn_until([&] { return is_gone; });
    CHECK(ends == 1);
}

TEST_CASE("qt: an answer that is too long is cut short") {
    application();
    Server server(Server::always(200, std::string(5000, 'x')));
    Options options;
    options.max_body_bytes = 4999;
    OverQt qt;
    qt.transport = Transport{options};
    const auto answer = qt.exchange(post(server), Attempt{});
    REQUIRE_FALSE(answer.has_value());
    CHECK((answer.error().reach == Reach::cut_short));
}

TEST_CASE("qt: an attempt whose transport ends is dropped, and its callback with it") {
    application();
    Server server([](Connection& connection) {
        connection.read();
        connection.linger_until_closed();
    });
    const auto alive = std::make_shared<int>(1);
    {
        const Transport transport;
        const HttpRequest request = post(server);
        (void)transport(request, Attempt{},
                        [alive](const Transport::Answer&) { FAIL("answered"); });
        turn_until([&server] { return server.requests().size() == 1; });
        CHECK(alive.use_count() == 2);
    }
    turn_until([&] { return alive.use_count() == 1 && server.open_connections() == 0; });
    CHECK(server.requests().size() == 1);
}
