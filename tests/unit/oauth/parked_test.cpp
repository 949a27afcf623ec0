// SPDX-License-Identifier: BSL-1.0
#include <rekey/oauth/parked.hpp>

#include "catch.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace rekey;
using rekey::oauth::ParkedRequests;

namespace {

struct Note {
    std::string text;
};
struct Other {
    std::string text;
};

constexpr std::int64_t now = 1'790'000'000;

template <class Request = Note>
Resumable<Request> waiting(const std::string& flow, const std::string& text = "q") {
    return Resumable<Request>(Request{text}, flow, detail::CallExtras{});
}

}  // namespace

TEST_CASE("a request that waits is there for one taker, until its authorization is over") {
    ParkedRequests parked;
    parked.keep(waiting("a", "question of a"), now + 600, now);
    parked.keep(waiting("b", "question of b"), now + 600, now);
    const auto first = parked.take<Note>("a", now + 599);
    REQUIRE(first);
    CHECK((*first).request.text == "question of a");
    CHECK(!parked.take<Note>("a", now));
    CHECK(!parked.take<Note>("b", now + 600));
    CHECK(parked.size() == 0);
    CHECK(!parked.take<Note>("", now));
}

TEST_CASE("a request of another type stays where it is") {
    ParkedRequests parked;
    parked.keep(waiting("a"), now + 600, now);
    parked.keep(waiting<Other>("b"), now + 600, now);
    CHECK(!parked.take<Other>("a", now));
    CHECK(!parked.take<Note>("b", now));
    CHECK(parked.take<Note>("a", now));
    CHECK(parked.take<Other>("b", now));
}

TEST_CASE("S7 requests that nobody comes back for are bounded, and the oldest goes first",
          "[one_thread]") {
    ParkedRequests parked{100};
    for (int i = 0; i != 100000; ++i) {
        parked.keep(waiting(std::to_string(i)), now + 600, now);
        if (parked.size() > 100) FAIL("too many");
    }
    CHECK(parked.size() == 100);
    CHECK(!parked.take<Note>("99899", now));
    CHECK(parked.take<Note>("99900", now));
    CHECK(parked.take<Note>("99999", now));
}

TEST_CASE("requests whose time is over make room when the next one comes") {
    ParkedRequests parked;
    for (int i = 0; i != 50; ++i) parked.keep(waiting(std::to_string(i)), now + 600, now);
    parked.keep(waiting("later"), now + 1200, now + 600);
    CHECK(parked.size() == 1);
    CHECK(parked.take<Note>("later", now + 700));
}

TEST_CASE("a name that is there already keeps its request") {
    ParkedRequests parked;
    parked.keep(waiting("a", "first"), now + 600, now);
    parked.keep(waiting("a", "second"), now + 600, now);
    CHECK(parked.size() == 1);
    const auto found = parked.take<Note>("a", now);
    REQUIRE(found);
    CHECK((*found).request.text == "first");
    for (int i = 0; i != 5; ++i) parked.keep(waiting("b" + std::to_string(i)), now + 600, now);
    CHECK(parked.size() == 5);
}

TEST_CASE("a limit of nothing still keeps one") {
    ParkedRequests parked{0};
    parked.keep(waiting("a"), now + 600, now);
    parked.keep(waiting("b"), now + 600, now);
    CHECK(parked.size() == 1);
    CHECK(parked.take<Note>("b", now));
}

TEST_CASE("a request that was dropped is destroyed, and one that can only be moved may wait") {
    struct Lone {
        std::shared_ptr<int> alive;
        std::unique_ptr<int> lone;
    };
    const auto alive = std::make_shared<int>(1);
    {
        ParkedRequests parked{1};
        for (const char* flow : {"a", "b"})
            parked.keep(Resumable<Lone>(Lone{alive, nullptr}, flow, detail::CallExtras{}),
                        now + 600, now);
        CHECK(alive.use_count() == 2);
        CHECK(parked.take<Lone>("b", now));
        CHECK(alive.use_count() == 1);
        parked.keep(Resumable<Lone>(Lone{alive, nullptr}, "c", detail::CallExtras{}), now + 600,
                    now);
    }
    CHECK(alive.use_count() == 1);
}

TEST_CASE("S3 of many takers at once one gets the request") {
    ParkedRequests parked;
    for (int round = 0; round != 50; ++round) {
        const std::string flow = "flow" + std::to_string(round);
        parked.keep(waiting(flow), now + 600, now);
        std::atomic<int> got{0};
        std::vector<std::thread> takers;
        for (int i = 0; i != 4; ++i)
            takers.emplace_back([&] {
                if (parked.take<Note>(flow, now)) ++got;
            });
        for (std::thread& taker : takers) taker.join();
        CHECK(got == 1);
    }
}
