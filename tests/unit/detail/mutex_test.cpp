// SPDX-License-Identifier: BSL-1.0
#include <rekey/detail/mutex.hpp>

#include "catch.hpp"

#include <thread>
#include <vector>

using rekey::detail::Locked;
using rekey::detail::Mutex;
using rekey::detail::Waiters;

TEST_CASE("threads that lock the same mutex never count at the same time") {
    Mutex mutex;
    int count = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i != 4; ++i)
        threads.emplace_back([&] {
            for (int j = 0; j != 20000; ++j) {
                const Locked locked(mutex);
                ++count;
            }
        });
    for (std::thread& thread : threads) thread.join();
    CHECK(count == 80000);
}

TEST_CASE("a lock that was given back early is not given back twice") {
    Mutex mutex;
    {
        Locked locked(mutex);
        locked.unlock();
        mutex.lock();
        locked.unlock();  // of no effect: the mutex is ours
        bool other_got_it = false;
        std::thread other([&] {
            const Locked theirs(mutex);
            other_got_it = true;
        });
        CHECK_FALSE(other_got_it);
        mutex.unlock();
        other.join();
        CHECK(other_got_it);
    }
    mutex.lock();  // would wait for ever if somebody still held it
    mutex.unlock();
}

TEST_CASE("everybody who waits is woken, and holds the mutex then") {
    Mutex mutex;
    Waiters waiters;
    bool open = false;
    int waiting = 0;
    int through = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i != 3; ++i)
        threads.emplace_back([&] {
            const Locked locked(mutex);
            ++waiting;
            waiters.wake_all();
            while (!open) waiters.wait(mutex);
            ++through;
        });
    {
        const Locked locked(mutex);
        while (waiting != 3) waiters.wait(mutex);
        CHECK(through == 0);
        open = true;
        waiters.wake_all();
    }
    for (std::thread& thread : threads) thread.join();
    CHECK(through == 3);
}
