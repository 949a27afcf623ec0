// SPDX-License-Identifier: BSL-1.0
// Exceptions that pass through the asynchronous driver.
#include <rekey/driver/callback.hpp>
#include <rekey/driver/waiting_exchanger.hpp>

#include "catch.hpp"
#include "support/clients.hpp"
#include "support/copied.hpp"
#include "support/later.hpp"
#include "support/traded.hpp"

#include <rekey/testing/manual_scheduler.hpp>

#include <exception>
#include <functional>
#include <future>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace {

using namespace clients;
using driver::NoScheduler;
using Results = std::vector<Result<HttpResponse>>;

/// Breaks at one of its sends, and may have kept the callback by then.
struct Breaking {
    Later& later;
    int breaks_at;
    int sends = 0;
    void operator()(const HttpRequest& request, const Attempt& attempt, Later::Done done) {
        later(request, attempt, std::move(done));
        if (++sends == breaks_at) throw std::runtime_error("the wire broke");
    }
};

/// Takes a result or an exception.
struct Either {
    Results* results;
    std::string* caught;
    void operator()(Result<HttpResponse> result) const { results->push_back(std::move(result)); }
    void failed(std::exception_ptr error) const {
        try {
            std::rethrow_exception(std::move(error));
        } catch (const std::runtime_error& broken) {
            *caught = broken.what();
        }
    }
};

/// An answer whose body may not be there any more.
struct Torn {
    int status = 200;
    std::string kept{};
    bool is_torn = false;
    std::string_view body() const {
        if (is_torn) throw std::runtime_error("torn");
        return kept;
    }
};

/// What an exchanger asks of a service.
struct Words {
    static constexpr std::string_view log_id_headers[] = {"x-log-id"};
};

/// Makes a future of a call.
struct Promised {
    std::shared_ptr<std::promise<Result<HttpResponse>>> promise;
    void operator()(Result<HttpResponse> result) const { promise->set_value(std::move(result)); }
    void failed(std::exception_ptr error) const { promise->set_exception(std::move(error)); }
};

}  // namespace

TEST_CASE("a promise makes a future of a call, with its result or its exception") {
    Later http;
    const auto send = [](const auto& client) {
        auto promise = std::make_shared<std::promise<Result<HttpResponse>>>();
        client.send(chat(), Promised{promise});
        return promise->get_future();
    };
    const driver::callback::Client client{http, NoScheduler{}, both(), OnCodes{}};
    std::future<Result<HttpResponse>> served = send(client);
    std::thread loop([&] {
        http.answer(refusal());
        http.answer(accepted());
    });
    CHECK(served.get().credential() == "enterprise");
    loop.join();

    const driver::callback::Client broken{Breaking{http, 1}, NoScheduler{}, both(), OnCodes{}};
    CHECK_THROWS_AS(send(broken).get(), std::runtime_error);
}

TEST_CASE("what an asynchronous transport throws goes to a done that takes it") {
    Results results;
    std::string caught;
    Later later;
    Breaking http{later, 2};
    const driver::callback::Client client{std::ref(http), NoScheduler{}, both(), OnCodes{}};
    client.send(chat(), Either{&results, &caught});
    later.answer(refusal());
    CHECK(caught == "the wire broke");
    CHECK(results.empty());
    CHECK(client.in_flight() == 0);
    later.answer(accepted());  // to the attempt that threw: too late
    CHECK(results.empty());
    client.send(chat(), Either{&results, &caught});
    later.answer(accepted());
    CHECK(results.size() == 1);
}

TEST_CASE("without such a done it passes to whoever called into rekey") {
    Results results;
    Later later;
    const auto done = [&results](Result<HttpResponse> result) {
        results.push_back(std::move(result));
    };
    SECTION("to send, at the first attempt") {
        Breaking http{later, 1};
        const driver::callback::Client client{std::ref(http), NoScheduler{}, both(), OnCodes{}};
        CHECK_THROWS_AS(client.send(chat(), done), std::runtime_error);
        CHECK(client.in_flight() == 0);
    }
    SECTION("to whoever brings an answer, at a later one") {
        Breaking http{later, 2};
        const driver::callback::Client client{std::ref(http), NoScheduler{}, both(), OnCodes{}};
        client.send(chat(), done);
        CHECK_THROWS_AS(later.answer(refusal()), std::runtime_error);
        CHECK(client.in_flight() == 0);
    }
    CHECK(results.empty());
}

TEST_CASE("a call whose token request throws hands over to one that waits") {
    Results results;
    std::string caught;
    testing::ManualScheduler time;
    Later later;
    Breaking http{later, 2};
    const driver::callback::Client client{std::ref(http), time, UseClock{time},
                                          CredentialChain{Traded{}}, OnRefusal{}};
    client.send(chat(), Either{&results, &caught});
    client.send(chat(), Either{&results, &caught});
    later.answer(answer(503));  // the first tries again after a while, and meets the exception
    time.advance(std::chrono::milliseconds{200});
    CHECK(caught == "the wire broke");
    REQUIRE(later.asks.size() == 2);  // that of the first, which it had kept, and that of the other
    later.answer(answer(200, R"({"access_token":"late","expires_in":900})"));
    CHECK(results.empty());
    later.answer(answer(200, R"({"access_token":"one","expires_in":900})"));
    later.answer(accepted());
    REQUIRE(results.size() == 1);
    CHECK(results[0]);
}

TEST_CASE("what a done throws passes to whoever brought the last event") {
    Later later;
    const driver::callback::Client client{std::ref(later), NoScheduler{}, both(), OnCodes{}};
    client.send(chat(), [](const Result<HttpResponse>&) { throw std::logic_error("mine"); });
    CHECK_THROWS_AS(later.answer(accepted()), std::logic_error);
    CHECK(client.in_flight() == 0);
}

TEST_CASE("an answer whose copy throws ends its call, wherever that happens") {
    int at = 1;
    for (bool is_past_all = false; !is_past_all; ++at) {
        CAPTURE(at);
        int copies_left = 0;
        std::function<void(Copied)> answer;
        const auto keep = [&answer](const HttpRequest&, const Attempt&,
                                    std::function<void(Copied)> done) { answer = std::move(done); };
        struct Counts {
            int* ends;
            void operator()(const Result<Copied>&) const { ++*ends; }
            void failed(const std::exception_ptr&) const { ++*ends; }
        };
        int ends = 0;
        const driver::callback::Client client{keep, NoScheduler{}};
        const driver::CallHandle call = client.send(chat(), Counts{&ends});
        Copied copied;
        copied.copies_left = &copies_left;
        copies_left = at;
        try {
            answer(copied);
        } catch (const std::runtime_error&) {
            copies_left = 0;  // on its way to the client, or to the end of the call
        }
        is_past_all = copies_left > 0;
        copies_left = 0;
        answer = nullptr;  // a transport that has not brought it drops the callback
        CHECK(ends <= 1);
        CHECK(client.in_flight() == 0);
        REQUIRE(at < 20);
    }
    CHECK(at > 3);
}

TEST_CASE("a token answer that cannot be read ends its call, and the next one asks") {
    std::vector<std::function<void(Torn)>> kept;
    int caught = 0;
    int served = 0;
    struct Counts {
        int* caught;
        int* served;
        void operator()(const Result<Torn>& result) const { *served += result ? 1 : 0; }
        void failed(const std::exception_ptr&) const { ++*caught; }
    };
    testing::ManualScheduler time;
    const driver::callback::Client client{
        [&kept](const HttpRequest&, const Attempt&, std::function<void(Torn)> done) {
            kept.push_back(std::move(done));
        },
        time, UseClock{time}, CredentialChain{Traded{}}};
    for (int i = 0; i != 2; ++i) client.send(chat(), Counts{&caught, &served});
    const auto bring = [&kept](Torn answer) {
        const auto done = std::move(kept.back());
        kept.pop_back();
        try {
            done(std::move(answer));
        } catch (const std::runtime_error&) {
            FAIL("it is the call's, not the transport's");
        }
    };
    REQUIRE(kept.size() == 1);
    bring({200, {}, true});
    CHECK(caught == 1);
    CHECK(client.in_flight() == 1);
    REQUIRE(kept.size() == 1);
    bring({200, granted("one").body, false});
    REQUIRE(kept.size() == 1);
    bring({200, R"({"code":0})", false});
    CHECK(served == 1);
    CHECK(client.in_flight() == 0);
}

TEST_CASE("a thread that waits for a token request hears of an answer whose copy throws") {
    int heard = 0;
    int at = 1;
    for (int copies_left = 0; copies_left <= 0; ++at) {
        CAPTURE(at);
        const auto transport = [&](const HttpRequest&, const Attempt&,
                                   const std::function<void(Copied)>& done) {
            Copied copied;
            copied.copies_left = &copies_left;
            copies_left = at;
            try {
                done(copied);
            } catch (const std::runtime_error&) {
                copies_left = 0;  // before it was brought: the callback is dropped
            }
        };
        const driver::WaitingExchanger<decltype(transport), Words> exchanger{transport};
        try {
            (void)exchanger(chat(), {}, {});
        } catch (const std::runtime_error&) {
            ++heard;
        }
        REQUIRE(at < 20);
    }
    CHECK(heard == 1);
}

TEST_CASE("what a clock throws as a call begins ends that call") {
    struct Broken : testing::ManualScheduler {
        TimePoint now() const { throw std::runtime_error("no clock"); }
    };
    Results results;
    std::string caught;
    Broken time;
    const driver::callback::Client client{
        [](const HttpRequest&, const Attempt&, const Later::Done&) { FAIL("not sent"); },
        std::ref(time),
        UseClock{time},
        both(),
        OnCodes{},
        Deadline{std::chrono::seconds{1}}};
    client.send(chat(), Either{&results, &caught});
    CHECK(caught == "no clock");
    CHECK(results.empty());
    CHECK(client.in_flight() == 0);
}
