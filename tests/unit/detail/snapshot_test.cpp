// SPDX-License-Identifier: BSL-1.0
#include <rekey/detail/snapshot.hpp>

#include "catch.hpp"

#include <atomic>
#include <thread>
#include <utility>
#include <vector>

using rekey::detail::Readers;
using rekey::detail::Snapshot;

namespace {

/// Counts how many of it live, and marks itself when it goes.
struct Counted {
    explicit Counted(std::atomic<int>& living, int number) : living_(living), value(number) {
        ++living_;
    }
    Counted(const Counted&) = delete;
    ~Counted() {
        value = -1;
        --living_;
    }

private:
    std::atomic<int>& living_;

public:
    int value;
};

}  // namespace

TEST_CASE("a replaced value lives as long as somebody holds it, and not longer") {
    std::atomic<int> living{0};
    {
        Readers counters;
        Snapshot<Counted> snapshot{new Counted(living, 1), counters};
        auto held = snapshot.read();
        snapshot.replace(new Counted(living, 2));
        CHECK(held->value == 1);
        CHECK(living == 2);
        CHECK(snapshot.read()->value == 2);
        auto moved = std::move(held);
        CHECK_FALSE(held);
        CHECK(moved->value == 1);
        moved.release();
        CHECK(living == 1);
    }
    CHECK(living == 0);
}

TEST_CASE("a value that nobody holds goes at once when it is replaced") {
    std::atomic<int> living{0};
    Readers counters;
    Snapshot<Counted> snapshot{new Counted(living, 0), counters};
    for (int i = 1; i != 100; ++i) {
        snapshot.replace(new Counted(living, i));
        REQUIRE(living == 1);
    }
}

TEST_CASE("a pin on a value of its own destroys it") {
    std::atomic<int> living{0};
    auto pin = Snapshot<Counted>::own(new Counted(living, 7));
    CHECK(pin->value == 7);
    pin = Snapshot<Counted>::Pin{};
    CHECK(living == 0);
}

TEST_CASE("one hold keeps the values of every snapshot that shares its readers, and not longer") {
    std::atomic<int> living{0};
    Readers counters;
    Snapshot<Counted> one{new Counted(living, 1), counters};
    Snapshot<Counted> two{new Counted(living, 2), counters};
    {
        const Readers::Hold hold(counters);
        const Counted* const first = one.peek();
        one.replace(new Counted(living, 10));
        const Counted* const second = two.peek();
        two.replace(new Counted(living, 20));
        two.replace(new Counted(living, 200));
        CHECK(living == 5);
        CHECK(first->value == 1);
        CHECK(second->value == 2);
        CHECK(one.peek()->value == 10);
    }
    CHECK(living == 2);
    CHECK(two.peek()->value == 200);
}

TEST_CASE("readers never see a value that was destroyed, and dropped ones do not pile up") {
    std::atomic<int> living{0};
    std::atomic<bool> stop{false};
    std::atomic<int> wrong{0};
    std::atomic<int> most{0};
    {
        Readers counters;
        Snapshot<Counted> snapshot{new Counted(living, 1), counters};
        std::vector<std::thread> readers;
        for (int i = 0; i != 3; ++i)
            readers.emplace_back([&] {
                while (!stop) {
                    const auto pin = snapshot.read();
                    if (pin->value < 1) ++wrong;
                }
            });
        for (int i = 2; i != 20000; ++i) {
            snapshot.replace(new Counted(living, i));
            if (living > most) most = living.load();
        }
        stop = true;
        for (std::thread& reader : readers) reader.join();
        snapshot.replace(new Counted(living, 20000));
        CHECK(living == 1);
    }
    CHECK(wrong == 0);
    CHECK(living == 0);
    CHECK(most < 20000);
}
