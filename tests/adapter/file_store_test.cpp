// SPDX-License-Identifier: BSL-1.0
// The store in files on a real file system, and processes that die.
#include <rekey/token/file_store.hpp>

#include "../support/memory.hpp"
#include "../support/stores.hpp"
#include "../support/temporary.hpp"
#include "catch.hpp"

#include <cstdint>
#include <cstdio>
#include <string>
#include <thread>
#include <vector>

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace rekey;
using namespace rekey::token;
using namespace std::chrono_literals;

namespace {

/// A folder that goes away with the test.
class Folder {
public:
    Folder() = default;
    ~Folder() {
        for (const char* const ending : {".token", ".new", ".lock", ".lease"})
            for (const char* const key : {"key", "keyx"})
                unlink((path_ + "/" + key + ending).c_str());
        rmdir(path_.c_str());
    }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    const std::string& path() const { return path_; }

private:
    const std::string path_ = temporary::folder("files");
};

}  // namespace

TEST_CASE("the store in real files keeps the contract of a store") {
    const Folder folder;
    stores::keeps_the_contract(FileStore(folder.path()), "key");
}

TEST_CASE("files of tokens are for their owner alone") {
    const Folder folder;
    const mode_t before = umask(0);
    FileStore store(folder.path());
    CHECK(store.swap("key", 0, 1, Secret("one")) == Swapped::done);
    CHECK(store.acquire("key", "ann", 1s).outcome == Leased::acquired);
    umask(before);
    for (const char* const ending : {".token", ".lock", ".lease"}) {
        struct stat about {};
        REQUIRE(stat((folder.path() + "/key" + ending).c_str(), &about) == 0);
        CHECK((about.st_mode & 0777u) == 0600u);
    }
}

TEST_CASE("a folder that is not there is an unavailable store") {
    FileStore store("/nowhere/at/all");
    CHECK(store.load("key").outcome == Loaded::unavailable);
    CHECK(store.swap("key", 0, 1, Secret("one")) == Swapped::unavailable);
    CHECK(store.acquire("key", "ann", 1s).outcome == Leased::unavailable);
}

TEST_CASE("S32 while the folder is gone nobody is said to have no tokens") {
    const Folder folder;
    const std::string away = folder.path() + "_away";
    FileStore store(folder.path());
    CHECK(store.swap("key", 0, 1, Secret("one")) == Swapped::done);
    CHECK(store.load("keyx").outcome == Loaded::absent);
    REQUIRE(rename(folder.path().c_str(), away.c_str()) == 0);
    CHECK(store.load("key").outcome == Loaded::unavailable);
    CHECK(store.load("keyx").outcome == Loaded::unavailable);
    REQUIRE(rename(away.c_str(), folder.path().c_str()) == 0);
    CHECK(store.load("key").value.expose() == "one");
}

TEST_CASE("two stores on one folder exclude each other, and a killed process holds no lease") {
    const Folder folder;
    FileStore one(folder.path());
    FileStore two(folder.path());
    CHECK(one.acquire("key", "ann", 1s).outcome == Leased::acquired);
    CHECK(two.acquire("key", "bob", 1s).outcome == Leased::held);
    one.release("key", "ann");

    int ready[2];
    REQUIRE(pipe(ready) == 0);
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        FileStore inside(folder.path());
        const bool has = inside.acquire("key", "child", 60s).outcome == Leased::acquired;
        const char byte = has ? 'y' : 'n';
        if (write(ready[1], &byte, 1) != 1) _exit(1);
        for (;;) pause();
    }
    char byte = 0;
    CHECK(read(ready[0], &byte, 1) == 1);
    CHECK(byte == 'y');
    CHECK(two.acquire("key", "bob", 1s).outcome == Leased::held);
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    CHECK(two.acquire("key", "bob", 1s).outcome == Leased::acquired);
    close(ready[0]);
    close(ready[1]);
}

TEST_CASE("what its owner gives back is free, though a child was forked meanwhile") {
    const Folder folder;
    FileStore one(folder.path());
    CHECK(one.acquire("key", "ann", 30s).outcome == Leased::acquired);
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        alarm(20);
        for (;;) pause();
    }
    FileStore two(folder.path());
    CHECK(two.acquire("key", "bob", 30s).outcome == Leased::held);
    one.release("key", "ann");
    CHECK(two.acquire("key", "bob", 30s).outcome == Leased::acquired);
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
}

#if !defined(REKEY_TESTS_COUNT_NOTHING) && defined(__cpp_exceptions)
TEST_CASE("a store that runs out of memory gives back its lock, its lease and its files") {
    const Folder folder;
    FileStore store(folder.path());
    const Secret value("a record that is longer than what a string keeps inside itself");
    const std::string owner = "an owner with a name of many letters";
    const auto lowest_free = [] {
        const int file = dup(0);
        close(file);
        return file;
    };
    const int before = lowest_free();
    std::uint64_t version = 0;
    for (long kept = 0, failed = 1; failed != 0; ++kept) {
        INFO("allocation " << kept);
        failed = memory::fails_after(kept, [&] {
            (void)store.acquire("key", owner, 1s);
            (void)store.swap("key", version, version + 1, value);
            (void)store.load("key");
        });
        store.release("key", owner);
        REQUIRE(lowest_free() == before);
        version = store.load("key").version;
        CHECK(store.swap("key", version, version + 1, value) == Swapped::done);
        ++version;
        CHECK(kept < 100);
    }
}
#endif

TEST_CASE("many writers in files lose no update") {
    const Folder folder;
    std::vector<std::thread> threads;
    for (int i = 0; i != 4; ++i)
        threads.emplace_back([&folder] {
            FileStore store(folder.path());
            for (int done = 0; done != 10;) {
                const StoreEntry entry = store.load("key");
                if (store.swap("key", entry.version, entry.version + 1, Secret("x")) ==
                    Swapped::done)
                    ++done;
            }
        });
    for (std::thread& thread : threads) thread.join();
    CHECK(FileStore(folder.path()).load("key").version == 40);
}
