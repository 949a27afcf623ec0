// SPDX-License-Identifier: BSL-1.0
// asio_suite: what driver::asio::Client owes its users, for whichever Asio `net` is.
//
// A test file names the library first: `net`, REKEY_NET, REKEY_NET_VERSION, and what it has
// (REKEY_NET_COROUTINES, REKEY_NET_DEFERRED). REKEY_NET_ONLY_COROUTINES leaves out the rest.
#ifndef REKEY_TESTS_SUPPORT_ASIO_SUITE_HPP
#define REKEY_TESTS_SUPPORT_ASIO_SUITE_HPP

#include <rekey/core/worst_case.hpp>
#include <rekey/policy/backoff.hpp>
#include <rekey/policy/bulkhead.hpp>
#include <rekey/policy/hedge.hpp>
#include <rekey/policy/remember.hpp>

#include "support/clients.hpp"
#include "support/later.hpp"
#include "support/obo.hpp"
#include "support/traded.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <exception>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace {

using namespace clients;
using namespace std::chrono_literals;
using testing::Script;
using Answer = TransportResult<HttpResponse>;
using Results = std::vector<Result<HttpResponse>>;
using LibraryError = driver::asio::LibraryOf<net::io_context::executor_type>::type::ErrorCode;
using Executor = net::io_context::executor_type;

/// Answers out of a script before it returns.
auto inline_transport(Script& script) {
    return [&script](const HttpRequest& request, const Attempt& attempt,
                     const std::function<void(Answer)>& done) { done(script(request, attempt)); };
}
auto into(Results& results) {
    return [&results](Result<HttpResponse> result) { results.push_back(std::move(result)); };
}
HttpRequest get() { return {"GET", "https://api.coze.com/v1/bots", {}, {}}; }
void run(net::io_context& io) {
    io.restart();
    io.run();
}

/// Counts what is allocated for a handler.
template <class Type> struct Counting {
    using value_type = Type;
    explicit Counting(int* counted) noexcept : made(counted) {}
    template <class Other> Counting(const Counting<Other>& other) noexcept : made(other.made) {}
    Type* allocate(std::size_t count) {
        ++*made;
        return static_cast<Type*>(::operator new(count * sizeof(Type)));
    }
    void deallocate(Type* at, std::size_t) noexcept {
        --*made;
        ::operator delete(at);
    }
    template <class Other> bool operator==(const Counting<Other>& other) const noexcept {
        return made == other.made;
    }
    template <class Other> bool operator!=(const Counting<Other>& other) const noexcept {
        return made != other.made;
    }
    int* made;
};

}  // namespace

#if defined(REKEY_NET_COROUTINES)
TEST_CASE(REKEY_NET "a coroutine awaits the result, over a transport that is one too") {
    net::io_context io;
    const auto executor = io.get_executor();
    Results results;
    std::string caught;
    int sends = 0;
    const auto wire = [&](std::string credential) -> net::awaitable<HttpResponse> {
        net::steady_timer timer(executor, 1ms);
        co_await timer.async_wait(net::use_awaitable);
        ++sends;
        if (credential == "broken") throw std::runtime_error("the wire broke");
        co_return credential == "personal" ? refusal() : accepted();
    };
    const driver::asio::Client client{
        executor,
        driver::answering<HttpResponse>([&](const HttpRequest& request, const Attempt& attempt,
                                            auto handler) {
            net::co_spawn(executor,
                          wire(request.url.empty() ? "broken" : std::string(attempt.credential())),
                          std::move(handler));
        }),
        both(), OnCodes{}};
    net::co_spawn(
        executor,
        [&]() -> net::awaitable<void> {
            results.push_back(co_await client.async_send(chat(), net::use_awaitable));
            results.push_back(co_await client.async_send(chat(), Idempotent{}, net::use_awaitable));
            const HttpRequest nowhere;
            try {
                (void)co_await client.async_send(nowhere, net::use_awaitable);
            } catch (const std::runtime_error& error) {
                caught = error.what();
            }
        },
        net::detached);
    run(io);
    REQUIRE(results.size() == 2);
    CHECK(results[1].credential() == "enterprise");
    CHECK(sends == 5);
    CHECK(caught == "the wire broke");
}
#endif
#if defined(REKEY_NET_ONLY_COROUTINES)
#if !defined(REKEY_NET_COROUTINES)
#error "this Asio has no coroutines with this compiler"
#endif
#else
TEST_CASE(REKEY_NET "a call goes on with the next credential and completes on the context") {
    net::io_context io;
    Script script;
    script.then(401, 4100).then(200);
    Results results;
    const driver::asio::Client client{io.get_executor(), inline_transport(script), both(),
                                      OnCodes{}};
    client.async_send(chat(), into(results));
    CHECK(results.empty());
    run(io);
    REQUIRE(results.size() == 1);
    CHECK(results[0].credential() == "enterprise");
    CHECK(client.in_flight() == 0);
    CHECK(client.get_executor() == io.get_executor());
}

TEST_CASE(REKEY_NET "the operator's switch turns the next calls") {
    net::io_context io;
    Script script;
    script.then(200);
    Results results;
    const driver::asio::Client client{
        io.get_executor(), inline_transport(script), both(), OnRefusal{},
        Remember{[](const HttpRequest&) { return std::string_view("bot"); }}};
    client.route().force<Enterprise>();
    client.async_send(chat(), into(results));
    run(io);
    CHECK(script.sends()[0].credential == "enterprise");
}

TEST_CASE(REKEY_NET "a handler is never called inside the function that begins the call") {
    net::io_context io;
    Script script;
    script.then(200).then(200);
    const driver::asio::Client client{io.get_executor(), inline_transport(script), both()};
    bool is_inside = false;
    int ends = 0;
    net::post(io, [&] {
        is_inside = true;
        client.async_send(chat(), [&](const Result<HttpResponse>& result) {
            CHECK_FALSE(is_inside);
            ends += result ? 1 : 0;
        });
        is_inside = false;
    });
    net::post(io, [&] { client.async_send(chat(), net::detached); });
    run(io);
    CHECK(ends == 1);
    CHECK(script.sends().size() == 2);
}

TEST_CASE(REKEY_NET "a wait is a timer of the executor") {
    net::io_context io;
    Script script;
    script.then(503).then(503).then(200);
    Results results;
    const driver::asio::Client client{io.get_executor(), inline_transport(script),
                                      RetryOn<Transient>{}, MaxAttempts<3>{},
                                      Backoff{Constant{1ms}, NoJitter{}}};
    const auto begin = std::chrono::steady_clock::now();
    client.async_send(get(), into(results));
    run(io);
    REQUIRE(results.size() == 1);
    CHECK(results[0]);
    CHECK(script.sends().size() == 3);
    CHECK(std::chrono::steady_clock::now() - begin >= 2ms);
}

TEST_CASE(REKEY_NET "extras stand between the request and the token") {
    net::io_context io;
    Script script;
    script.then(503).then(200);
    Results results;
    const driver::asio::Client client{io.get_executor(), inline_transport(script),
                                      RetryOn<Transient>{}, MaxAttempts<3>{}};
    const Canceller stop;
    client.async_send(chat(), IdempotencyKey{"key-7"}, Cancellation{stop}, into(results));
    run(io);
    REQUIRE(results.size() == 1);
    CHECK(results[0]);
    REQUIRE(script.sends().size() == 2);
    CHECK(script.sends()[1].idempotency_key == "key-7");
    stop.cancel();
    client.async_send(chat(), Cancellation{stop}, into(results));
    run(io);
    REQUIRE(results.size() == 2);
    CHECK(results[1].error().kind == ErrorKind::cancelled);
}

TEST_CASE(REKEY_NET "a future has the result, or what the transport has thrown") {
    net::io_context io;
    Script script;
    script.then(401, 4100).then(200);
    const driver::asio::Client client{io.get_executor(), inline_transport(script), both(),
                                      OnCodes{}};
    std::future<Result<HttpResponse>> served = client.async_send(chat(), net::use_future);
    run(io);
    CHECK(served.get().credential() == "enterprise");

    const driver::asio::Client broken{
        io.get_executor(),
        [](const HttpRequest&, const Attempt&, const std::function<void(Answer)>&) {
            throw std::runtime_error("no socket");
        },
        both()};
    auto thrown = broken.async_send(chat(), net::use_future);
    run(io);
    CHECK_THROWS_AS(thrown.get(), std::runtime_error);
    CHECK(broken.in_flight() == 0);
    // A handler of the result alone has no room for it.
    broken.async_send(chat(), [](const Result<HttpResponse>&) { FAIL("there is no result"); });
    io.restart();
    CHECK_THROWS_AS(io.run(), std::runtime_error);
    std::string caught;
    broken.async_send(chat(), [&](std::exception_ptr error, const Result<HttpResponse>&) {
        try {
            std::rethrow_exception(std::move(error));
        } catch (const std::runtime_error& what) {
            caught = what.what();
        }
    });
    run(io);
    CHECK(caught == "no socket");
}

TEST_CASE(REKEY_NET "a transport may hand its handler on as a token") {
    net::io_context io;
    Results results;
    const auto executor = io.get_executor();
    SECTION("to an operation that ends with an error code and a response") {
        // As an operation of the library would: two values, an error first.
        std::vector<std::pair<LibraryError, int>> answers{{{}, 401}, {{}, 200}};
        const driver::asio::Client client{
            executor,
            driver::answering<HttpResponse>([&](const HttpRequest&, const Attempt&, auto handler) {
                const std::pair<LibraryError, int> now = answers.front();
                answers.erase(answers.begin());
                const auto own = net::get_associated_executor(handler);
                net::post(own, [handler, now] { handler(now.first, answer(now.second)); });
            }),
            both(), OnRefusal{}};
        client.async_send(chat(), into(results));
        run(io);
        REQUIRE(results.size() == 1);
        CHECK(results[0].credential() == "enterprise");

        answers = {{LibraryError{net::error::connection_refused}, 0}};
        client.async_send(chat(), into(results));
        run(io);
        REQUIRE(results.size() == 2);
        CHECK(results[1].error().reach == Reach::never_sent);
        answers = {{LibraryError{net::error::connection_reset}, 0}};
        client.async_send(chat(), into(results));
        run(io);
        REQUIRE(results.size() == 3);
        CHECK(results[2].error().reach == Reach::sent_unanswered);
        CHECK_FALSE(std::string(results[2].error().message()).empty());
        answers = {{LibraryError{net::error::operation_aborted}, 0}};
        client.async_send(chat(), into(results));
        run(io);
        REQUIRE(results.size() == 4);
        CHECK(results[3].error().kind == ErrorKind::cancelled);
    }
    SECTION("to one that is dropped with it, which is sent and unanswered") {
        const driver::asio::Client client{
            executor,
            driver::answering<HttpResponse>([](const HttpRequest&, const Attempt&, auto) {}),
            both(), OnCodes{}};
        client.async_send(chat(), into(results));
        run(io);
        REQUIRE(results.size() == 1);
        CHECK(results[0].error().reach == Reach::sent_unanswered);
    }
    SECTION("of a request whose header rekey sets") {
        const driver::asio::Client client{
            executor,
            [](HttpRequest& request, const std::function<void(HttpResponse)>& done) {
                const auto signature = find_header(request.headers, "Authorization");
                done(signature == "Bearer pat_enterprise_1" ? accepted() : refusal());
            },
            both(), OnCodes{}};
        client.async_send(chat(), into(results));
        run(io);
        REQUIRE(results.size() == 1);
        CHECK(results[0].credential() == "enterprise");
    }
}

TEST_CASE(REKEY_NET "calls that meet no token share one exchange over their own transport") {
    net::io_context io;
    int exchanges = 0;
    Results results;
    const driver::asio::Client client{
        io.get_executor(),
        driver::answering<HttpResponse>(
            [&](const HttpRequest& request, const Attempt& attempt, auto handler) {
                const bool is_exchange = request.url == "https://auth.example/token";
                exchanges += is_exchange ? 1 : 0;
                const bool is_signed = attempt.authorization() == "Bearer one";
                net::post(io, [handler, is_exchange, is_signed] {
                    handler(is_exchange ? granted("one") : is_signed ? accepted() : refusal());
                });
            }),
        CredentialChain{Traded{}}};
    for (int i = 0; i != 16; ++i) client.async_send(chat(), into(results));
    run(io);
    CHECK(results.size() == 16);
    for (const auto& result : results) CHECK(result);
    CHECK(exchanges == 1);
}

TEST_CASE(REKEY_NET "a handler runs on its own executor, with memory of its own allocator") {
    net::io_context io;
    net::io_context other;
    Script script;
    script.then(200).then(200);
    Results results;
    const driver::asio::Client client{io.get_executor(), inline_transport(script), both()};
    SECTION("another context, which has work until then") {
        client.async_send(chat(), net::bind_executor(other.get_executor(), into(results)));
        CHECK(other.poll() == 0);
        CHECK_FALSE(other.stopped());
        run(io);
        CHECK(results.empty());
        run(other);
        CHECK(results.size() == 1);
    }
    SECTION("a strand") {
        auto strand = net::make_strand(io);
        client.async_send(chat(),
                          net::bind_executor(strand, [&](const Result<HttpResponse>& result) {
                              CHECK(strand.running_in_this_thread());
                              results.push_back(result);
                          }));
        run(io);
        CHECK(results.size() == 1);
    }
    SECTION("an allocator") {
        int made = 0;
        int most = 0;
        struct Handler {
            using allocator_type = Counting<int>;
            allocator_type get_allocator() const noexcept { return allocator_type(made); }
            void operator()(const Result<HttpResponse>& result) const {
                CHECK(*made == 0);  // given back before
                ends->push_back(result);
            }
            int* made;
            Results* ends;
        };
        client.async_send(chat(), Handler{&made, &results});
        io.restart();
        while (results.empty() && io.run_one() != 0) most = made > most ? made : most;
        CHECK(results.size() == 1);
        CHECK(made == 0);
        // Also with one that cannot be copied.
        auto only = std::make_unique<int>(7);
        client.async_send(chat(), [only = std::move(only), &most](Result<HttpResponse>) mutable {
            most = *only;
        });
        run(io);
        CHECK(most == 7);
    }
}

TEST_CASE(REKEY_NET "a context has work as long as a call is on its way") {
    net::io_context io;
    Later http;
    Results results;
    const driver::asio::Client client{io.get_executor(), http, both(), OnCodes{}};
    client.async_send(chat(), into(results));
    io.poll();
    CHECK_FALSE(io.stopped());  // nothing of the context's own is on the way
    REQUIRE(http.asks.size() == 1);
    http.answer(refusal());
    CHECK(http.asks.empty());  // brought from outside: the call goes on in the context
    io.poll();
    REQUIRE(http.asks.size() == 1);
    http.answer(accepted());
    CHECK(results.empty());
    io.poll();
    CHECK(results.size() == 1);
    CHECK(io.stopped());
}

TEST_CASE(REKEY_NET "a client on a strand does all its work there") {
    net::io_context io;
    auto strand = net::make_strand(io);
    int outside = 0;
    int sends = 0;
    Results results;
    const driver::asio::Client client{
        strand,
        [&](const HttpRequest&, const Attempt&, const std::function<void(Answer)>& done) {
            outside += strand.running_in_this_thread() ? 0 : 1;
            done(++sends % 3 == 0 ? answer(200) : answer(503));
        },
        RetryOn<Transient>{}, MaxAttempts<3>{}, Backoff{Constant{1ms}, NoJitter{}}};
    client.async_send(get(), into(results));
    client.async_send(get(), [&](const Result<HttpResponse>&) {
        outside += strand.running_in_this_thread() ? 0 : 1;
    });
    run(io);
    CHECK(results.size() == 1);
    CHECK(sends > 3);
    CHECK(outside == 0);
}

#if REKEY_NET_VERSION >= 101900
TEST_CASE(REKEY_NET "a cancellation slot ends its call at once") {
    net::io_context io;
    Results results;
    net::cancellation_signal signal;
    const auto cancellable = [&] {
        return net::bind_cancellation_slot(signal.slot(), into(results));
    };
    SECTION("while it waits for an answer: the transport is told") {
        Later http;
        const driver::asio::Client client{io.get_executor(), http, both(), OnCodes{}};
        client.async_send(chat(), cancellable());
        io.poll();
        SECTION("terminally") { signal.emit(net::cancellation_type::terminal); }
        SECTION("or partially") { signal.emit(net::cancellation_type::partial); }
        io.poll();
        REQUIRE(results.size() == 1);
        CHECK(results[0].error().kind == ErrorKind::cancelled);
        CHECK(http.cancelled == 1);
        signal.emit(net::cancellation_type::terminal);  // hears nobody
        http.answer(accepted());
        io.poll();
        CHECK(results.size() == 1);
    }
    SECTION("but not if it asks that nothing has happened") {
        Later http;
        const driver::asio::Client client{io.get_executor(), http, both(), OnCodes{}};
        client.async_send(chat(), cancellable());
        io.poll();
        signal.emit(net::cancellation_type::total);
        io.poll();
        CHECK(results.empty());
        http.answer(accepted());
        io.poll();
        REQUIRE(results.size() == 1);
        CHECK(results[0]);
    }
    SECTION("while it waits for a delay") {
        Script script;
        script.then(503);
        const driver::asio::Client client{io.get_executor(), inline_transport(script),
                                          RetryOn<Transient>{}, MaxAttempts<3>{},
                                          Backoff{Constant{1h}, NoJitter{}}};
        client.async_send(get(), cancellable());
        io.poll();
        CHECK(results.empty());
        signal.emit(net::cancellation_type::terminal);
        run(io);
        REQUIRE(results.size() == 1);
        CHECK(results[0].error().kind == ErrorKind::cancelled);
    }
    SECTION("before it has begun") {
        Later http;
        const driver::asio::Client client{io.get_executor(), http, both(), OnCodes{}};
        client.async_send(chat(), cancellable());
        signal.emit(net::cancellation_type::terminal);
        run(io);
        REQUIRE(results.size() == 1);
        CHECK(results[0].error().kind == ErrorKind::cancelled);
        CHECK(http.asks.empty());
    }
    SECTION("and passes to the operation that the transport has begun") {
        int aborted = 0;
        const driver::asio::Client client{
            io.get_executor(),
            driver::answering<HttpResponse>([&](const HttpRequest&, const Attempt&, auto handler) {
                auto timer = std::make_shared<net::steady_timer>(io, 1h);
                const auto own = net::get_associated_executor(handler);
                const auto slot = net::get_associated_cancellation_slot(handler);
                timer->async_wait(net::bind_cancellation_slot(
                    slot,
                    net::bind_executor(own, [&aborted, timer, handler](const LibraryError& error) {
                        aborted += error == net::error::operation_aborted ? 1 : 0;
                        handler(error, HttpResponse{});
                    })));
            }),
            both(), OnCodes{}};
        client.async_send(chat(), cancellable());
        io.poll();
        signal.emit(net::cancellation_type::terminal);
        run(io);
        CHECK(results.size() == 1);
        CHECK(aborted == 1);
    }
}
#endif

#if REKEY_NET_VERSION >= 101900
TEST_CASE(REKEY_NET "a cancellation slot owns no call: its signal may outlive the context") {
    auto owned = std::make_shared<int>(0);  // counts the handlers
    net::cancellation_signal signal;
    const auto handler = [owned = std::shared_ptr<int>(owned)](const Result<HttpResponse>&) {
        FAIL("the context has gone");
    };
    Later http;
    {
        net::io_context io;
        const auto send = [&](const auto& client) {
            client.async_send(chat(), Idempotent{},
                              net::bind_cancellation_slot(signal.slot(), handler));
            io.poll();
            CHECK(client.in_flight() == 1);
        };
        SECTION("while its call waits for an answer") {
            send(driver::asio::Client{io.get_executor(), std::ref(http), both()});
            REQUIRE(http.asks.size() == 1);
            http.asks.clear();
        }
        SECTION("or for a delay") {
            const auto busy = [](const HttpRequest&, const Attempt&,
                                 const std::function<void(Answer)>& done) { done(answer(503)); };
            send(driver::asio::Client{io.get_executor(), busy, RetryOn<Transient>{},
                                      MaxAttempts<3>{}, Backoff{Constant{1h}, NoJitter{}}});
        }
        CHECK(owned.use_count() == 3);  // this test's own, the handler, and that of the call
    }
    CHECK(owned.use_count() == 2);
    signal.emit(net::cancellation_type::terminal);  // hears nobody
}
#endif

#if defined(REKEY_NET_DEFERRED)
TEST_CASE(REKEY_NET "a deferred call begins when it is asked to") {
    net::io_context io;
    Script script;
    script.then(401, 4100).then(200);
    Results results;
    const driver::asio::Client client{io.get_executor(), inline_transport(script), both(),
                                      OnCodes{}};
    {
        auto later = client.async_send(chat(), Idempotent{}, REKEY_NET_DEFERRED);
        run(io);
        CHECK(script.sends().empty());
        std::move(later)([&](const std::exception_ptr& error, Result<HttpResponse> result) {
            CHECK_FALSE(error);
            results.push_back(std::move(result));
        });
    }
    run(io);
    REQUIRE(results.size() == 1);
    CHECK(results[0].credential() == "enterprise");
}
#endif

namespace {

/// A service and a browser, and a client whose users are sent away.
struct Stage : obo::Desk {
    net::io_context io{};
    Results results{};

    auto client() {
        return driver::asio::Client{
            io.get_executor(),
            driver::answering<Answer>([this](const HttpRequest& request, const Attempt& attempt,
                                             auto handler) { handler(wire(request, attempt)); }),
            OboReauth{coze::WebFlow{web_app()}}, coze::RetryOnRefusal{}, UseClock{clock}};
    }
    /// What the person brings back after a call that sent them away.
    template <class Client> std::string callback(const Client& client) {
        client.async_send(chat(), Subject{"ann"}, Binding{"cookie"}, into(results));
        run(io);
        REQUIRE(results.back().error().kind == ErrorKind::authorization_needed);
        return browse(results.back().authorization().url);
    }
};

}  // namespace

TEST_CASE(REKEY_NET "a user is sent away, comes back, and the request finishes") {
    Stage stage;
    const auto client = stage.client();
    const std::string callback = stage.callback(client);
    SECTION("with a function of the result") {
        client.async_resume<HttpRequest>(callback, Binding{"cookie"}, into(stage.results));
        CHECK(stage.results.size() == 1);  // never inside the function that begins it
        run(stage.io);
    }
    SECTION("with a future") {
        auto later = client.async_resume<HttpRequest>(callback, Binding{"cookie"}, net::use_future);
        run(stage.io);
        stage.results.push_back(later.get());
    }
    SECTION("in two steps") {
        std::vector<AuthorizationEnd> ends;
        client.async_authorize(callback, Binding{"cookie"},
                               [&](AuthorizationEnd end) { ends.push_back(std::move(end)); });
        run(stage.io);
        REQUIRE(ends.size() == 1);
        CHECK(ends[0]);
        CHECK(ends[0].subject == "ann");
        client.async_send(stage.chat(), Subject{"ann"}, Binding{"cookie"}, into(stage.results));
        run(stage.io);
    }
    REQUIRE(stage.results.size() == 2);
    CHECK(stage.results[1]);
    CHECK(client.in_flight() == 0);
    CHECK(stage.service.totals().chats_executed == 1);

    client.async_resume<HttpRequest>(callback, Binding{"cookie"}, into(stage.results));
    run(stage.io);  // a callback counts once
    CHECK(stage.results.back().error().kind == ErrorKind::authorization_denied);
    client.forget(Subject{"ann"});
    CHECK(client.begin_authorization(Subject{"ann"}, Binding{"cookie"}));
}

TEST_CASE(REKEY_NET "a client is closed, drained and cancelled") {
    net::io_context io;
    Later http;
    Results results;
    bool is_drained = false;
    const driver::asio::Client client{io.get_executor(), http, both(), OnCodes{}};
    client.async_send(chat(), into(results));
    client.async_send(chat(), into(results));
    io.poll();
    CHECK(client.in_flight() == 2);
    client.close();
    client.async_drain([&] { is_drained = true; });
    client.async_send(chat(), into(results));
    io.poll();
    REQUIRE(results.size() == 1);
    CHECK(results[0].error().kind == ErrorKind::cancelled);
    http.answer(accepted());
    io.poll();
    CHECK_FALSE(is_drained);
    client.cancel_all();
    CHECK(results.size() == 2);  // ended in the context, as everything
    run(io);
    CHECK(results.size() == 3);
    CHECK(is_drained);
    bool again = false;
    client.async_drain([&] { again = true; });
    CHECK_FALSE(again);
    run(io);
    CHECK(again);
}

TEST_CASE(REKEY_NET "the worst case of a client counts its copies") {
    net::io_context io;
    Script script;
    const driver::asio::Client client{io.get_executor(), inline_transport(script),
                                      RetryOn<Transient>{}, MaxAttempts<3>{}, Hedge{200ms}};
    CHECK(worst_case_of(client).sends == 3);
    CHECK(worst_case_of(client).copies == 3);
}

TEST_CASE(REKEY_NET "calls end as if their client lived") {
    net::io_context io;
    Later http;
    Results results;
    {
        const driver::asio::Client client{io.get_executor(), http, both(), OnCodes{}};
        const auto copy = client;
        copy.async_send(chat(), into(results));
    }
    io.poll();
    REQUIRE(http.asks.size() == 1);
    http.answer(refusal());
    io.poll();
    http.answer(accepted());
    io.poll();
    REQUIRE(results.size() == 1);
    CHECK(results[0].credential() == "enterprise");
}

TEST_CASE(REKEY_NET "a context that is destroyed takes its calls along") {
    auto owned = std::make_shared<int>(0);  // counts the handlers
    int ends = 0;
    int sends = 0;
    std::optional<net::io_context> io{std::in_place};
    const auto handler = [&ends, owned = std::shared_ptr<int>(owned)](const Result<HttpResponse>&) {
        ++ends;
    };
    SECTION("while they wait for timers, answers and their own end") {
        using Done = std::function<void(Answer)>;
        std::vector<Done> kept;
        {
            const driver::asio::Client client{
                io->get_executor(),
                [&](const HttpRequest& request, const Attempt&, const Done& done) {
                    ++sends;
                    if (request.method == "GET")
                        done(answer(503));
                    else if (request.body.empty())
                        done(answer(200));
                    else
                        net::post(*io, [done] {});  // drops it, if ever
                },
                RetryOn<Transient>{}, MaxAttempts<3>{}, Backoff{Constant{1h}}};
            client.async_send(get(), handler);
            client.async_send(chat(), handler);
            io->poll_one();
            client.async_send(HttpRequest{"POST", "https://api.coze.com/", {}, {}}, handler);
            client.async_send(get(), handler);  // not even begun
        }
        CHECK(owned.use_count() > 1);
    }
    const auto abandoned = [&](Later& http, const auto& client) {
        client.async_send(chat(), handler);
        auto never = client.async_send(chat(), net::use_future);
        client.async_send(chat(), handler);
        io->poll();
        CHECK(http.asks.size() == 1);
        http.asks.clear();  // drops its callback: the calls would go on in the context
        io.reset();
        CHECK(client.in_flight() == 0);
        CHECK(http.asks.empty());
        CHECK_THROWS_AS(never.get(), std::future_error);
    };
    SECTION("while they wait for a place that one of them has") {
        Later http;
        abandoned(http, driver::asio::Client{io->get_executor(), std::ref(http), both(),
                                             Bulkhead{1, Waiting{4, 1h}}});
    }
    SECTION("while they wait for the token that one of them exchanges") {
        Later http;
        abandoned(http, driver::asio::Client{io->get_executor(), std::ref(http),
                                             CredentialChain{Traded{}}});
    }
    const int before = sends;
    io.reset();
    CHECK(ends == 0);
    CHECK(sends == before);
    CHECK(owned.use_count() == 2);  // this test's own, and the handler's that it copies
}

TEST_CASE(REKEY_NET "calls of many threads each complete once") {
    net::io_context io;
    constexpr int threads = 4;
    constexpr int calls = 400;
    std::atomic<int> served{0};
    std::atomic<int> cancelled{0};
    std::vector<std::atomic<int>> ends(calls);
    const driver::asio::Client client{
        io.get_executor(),
        driver::answering<HttpResponse>([&io](const HttpRequest& request, const Attempt& attempt,
                                              auto handler) {
            const bool is_moved = attempt.credential() == "personal";
            const bool is_slow = request.method == "PUT";
            if (is_slow) {
                auto timer = std::make_shared<net::steady_timer>(io, 1ms);
                timer->async_wait([timer, handler, is_moved](const LibraryError&) {
                    handler(is_moved ? refusal() : accepted());
                });
            } else {
                net::post(io, [handler, is_moved] { handler(is_moved ? refusal() : accepted()); });
            }
        }),
        both(), OnCodes{}};
    const auto count = [&](int number) {
        return [&, number](const Result<HttpResponse>& result) {
            ++ends[static_cast<std::size_t>(number)];
            if (result)
                ++served;
            else if (result.error().kind == ErrorKind::cancelled)
                ++cancelled;
        };
    };
    std::vector<std::thread> pool;
    {
        const auto work = net::make_work_guard(io);
        for (int i = 0; i != threads; ++i) pool.emplace_back([&io] { io.run(); });
        for (int i = 0; i != calls; ++i) {
            HttpRequest request = chat();
            if (i % 2 == 0) request.method = "PUT";
            const Canceller stop;
            client.async_send(request, Cancellation{stop}, count(i));
            if (i % 3 == 0) stop.cancel();
        }
    }
    for (std::thread& thread : pool) thread.join();
    int wrong = 0;
    for (const auto& end : ends) wrong += end == 1 ? 0 : 1;
    CHECK(wrong == 0);
    CHECK(served + cancelled == calls);
    CHECK(client.in_flight() == 0);
}

#if REKEY_NET_VERSION >= 101900
TEST_CASE(REKEY_NET "cancellation slots of many threads each end their own call") {
    net::io_context io;
    constexpr int calls = 200;
    std::atomic<int> ends{0};
    const driver::asio::Client client{
        io.get_executor(),
        driver::answering<HttpResponse>([](const HttpRequest&, const Attempt&, auto handler) {
            // An operation with its own cancellation, on the strand of this send.
            const auto own = net::get_associated_executor(handler);
            auto timer = std::make_shared<net::steady_timer>(own, 1ms);
            const auto slot = net::get_associated_cancellation_slot(handler);
            net::dispatch(own, [=] {
                timer->async_wait(net::bind_cancellation_slot(
                    slot, net::bind_executor(own, [timer, handler](const LibraryError& error) {
                        handler(error, accepted());
                    })));
            });
        }),
        both(), OnCodes{}};
    std::vector<std::thread> pool;
    std::vector<std::unique_ptr<net::cancellation_signal>> signals;
    {
        const auto work = net::make_work_guard(io);
        for (int i = 0; i != 3; ++i) pool.emplace_back([&io] { io.run(); });
        for (int i = 0; i != calls; ++i) {
            signals.push_back(std::make_unique<net::cancellation_signal>());
            auto* const signal = signals.back().get();
            const auto strand = net::make_strand(io);
            net::dispatch(strand, [&, signal, strand] {
                client.async_send(
                    chat(),
                    net::bind_cancellation_slot(
                        signal->slot(),
                        net::bind_executor(strand, [&](const Result<HttpResponse>&) { ++ends; })));
                net::post(strand, [signal] { signal->emit(net::cancellation_type::terminal); });
            });
        }
    }
    for (std::thread& thread : pool) thread.join();
    CHECK(ends == calls);
}
#endif

#endif  // REKEY_NET_ONLY_COROUTINES

#endif
