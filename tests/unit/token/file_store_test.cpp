// SPDX-License-Identifier: BSL-1.0
#include <rekey/token/file_store.hpp>

#include "catch.hpp"
#include "support/stores.hpp"

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

using namespace rekey;
using namespace rekey::token;
using rekey::detail::FileRead;

namespace {

/// A disk: what a running system sees, and what is left when the power goes.
struct Disk {
    struct File {
        std::string now{};
        std::string durable{};
    };
    using Names = std::map<std::string, std::shared_ptr<File>>;
    Names now{};
    Names durable{};

    void lose_power() {
        now = durable;
        for (auto& name : now) name.second->now = name.second->durable;
    }
};

/// The file operations of one process, which fails or dies at one of them.
struct Files {
    enum class Fault { fails, dies_before, dies_after };
    struct State {
        Disk* disk;
        int at = 0;  // 1: the first operation
        Fault fault = Fault::fails;
        int count = 0;
        bool is_dead = false;
        std::map<int, std::shared_ptr<Disk::File>> open{};
        std::map<int, std::string> locks{};
        int next = 3;
    };
    std::shared_ptr<State> state;
    static constexpr int failed = -1;
    static constexpr int busy = -2;

    explicit Files(Disk& disk, int at = 0, Fault fault = Fault::fails)
        : state(std::make_shared<State>()) {
        state->disk = &disk;
        state->at = at;
        state->fault = fault;
    }
    /// Whether the operation takes place, and whether its caller hears of it.
    template <class Act> bool step(Act act) const {
        State& s = *state;
        if (s.is_dead) return false;
        const bool is_it = ++s.count == s.at;
        if (is_it && s.fault != Fault::fails) s.is_dead = true;
        if (is_it && s.fault != Fault::dies_after) return false;
        const bool is_done = act();
        return is_done && !s.is_dead;
    }

    int lock(const std::string& path, bool) const {
        int file = failed;
        (void)step([&] {
            for (const auto& lock : state->locks)
                if (lock.second == path) {
                    file = busy;
                    return false;
                }
            file = state->next++;
            state->locks[file] = path;
            return true;
        });
        return state->is_dead ? failed : file;
    }
    void unlock(int file) const { state->locks.erase(file); }
    FileRead read(const std::string& path, std::string& bytes, std::size_t) const {
        FileRead outcome = FileRead::failed;
        const bool is_done = step([&] {
            const auto place = state->disk->now.find(path);
            outcome = place == state->disk->now.end() ? FileRead::absent : FileRead::whole;
            if (outcome == FileRead::whole) bytes = place->second->now;
            return true;
        });
        return is_done ? outcome : FileRead::failed;
    }
    int create(const std::string& path) const {
        int file = failed;
        (void)step([&] {
            file = state->next++;
            state->open[file] = state->disk->now[path] = std::make_shared<Disk::File>();
            return true;
        });
        return state->is_dead ? failed : file;
    }
    bool write(int file, std::string_view bytes) const {
        return step([&] {
            state->open[file]->now += bytes;
            return true;
        });
    }
    bool sync(int file) const {
        return step([&] {
            state->open[file]->durable = state->open[file]->now;
            return true;
        });
    }
    bool close(int file) const {
        return step([&] { return state->open.erase(file) == 1; });
    }
    bool rename(const std::string& from, const std::string& to) const {
        return step([&] {
            state->disk->now[to] = state->disk->now[from];
            state->disk->now.erase(from);
            return true;
        });
    }
    bool sync_folder(const std::string&) const {
        return step([&] {
            state->disk->durable = state->disk->now;
            return true;
        });
    }
};
using Store = BasicFileStore<Files>;

}  // namespace

TEST_CASE("the store in files keeps the contract of a store") {
    Disk disk;
    stores::keeps_the_contract(Store("folder", Files(disk)), "key");
}

TEST_CASE("a file store survives a crash, a power cut and a failure at every step") {
    int operations = 0;
    {
        Disk disk;
        const Files files(disk);
        Store store("folder", files);
        (void)store.swap("key", 0, 1, Secret("old"));
        files.state->count = 0;
        CHECK(store.swap("key", 1, 2, Secret("new")) == Swapped::done);
        operations = files.state->count;
    }
    CHECK(operations >= 8);  // lock, read, create, write twice, sync, close, rename, sync
    int old_ones = 0;
    int new_ones = 0;
    for (const auto fault :
         {Files::Fault::fails, Files::Fault::dies_before, Files::Fault::dies_after}) {
        for (int at = 1; at <= operations; ++at) {
            for (const bool power_goes : {false, true}) {
                INFO("operation " << at << (power_goes ? ", and the power goes" : ""));
                Disk disk;
                CHECK(Store("folder", Files(disk)).swap("key", 0, 1, Secret("old")) ==
                      Swapped::done);
                const Swapped said =
                    Store("folder", Files(disk, at, fault)).swap("key", 1, 2, Secret("new"));
                CHECK(said == Swapped::unavailable);
                if (power_goes) disk.lose_power();

                Store after("folder", Files(disk));  // the next process
                const StoreEntry entry = after.load("key");
                REQUIRE(entry.outcome == Loaded::found);
                const bool is_new = entry.version == 2;
                CHECK(entry.value.expose() == (is_new ? "new" : "old"));
                (is_new ? new_ones : old_ones) += 1;
                CHECK(after.swap("key", entry.version, 3, Secret("next")) == Swapped::done);
                CHECK(after.load("key").value.expose() == "next");
            }
        }
    }
    CHECK(old_ones > 20);
    CHECK(new_ones > 4);
}

TEST_CASE("what was said to be stored survives a power cut") {
    Disk disk;
    Store store("folder", Files(disk));
    CHECK(store.swap("key", 0, 1, Secret("one")) == Swapped::done);
    CHECK(store.swap("key", 1, 2, Secret("two")) == Swapped::done);
    disk.lose_power();
    CHECK(Store("folder", Files(disk)).load("key").value.expose() == "two");
}

TEST_CASE("a file that is not a record is neither read nor overwritten") {
    for (const char* const content : {"", "rekey", "rekey-file-2 1\nx", "rekey-file-1 0\nx",
                                      "rekey-file-1 x\nx", "rekey-file-1 12"}) {
        Disk disk;
        disk.now["folder/key.token"] = std::make_shared<Disk::File>();
        disk.now["folder/key.token"]->now = content;
        Store store("folder", Files(disk));
        CHECK(store.load("key").outcome == Loaded::unavailable);
        CHECK(store.swap("key", 0, 1, Secret("new")) == Swapped::unavailable);
        CHECK(disk.now["folder/key.token"]->now == content);
    }
}

TEST_CASE("a key that would leave the folder is refused") {
    Disk disk;
    Store store("folder", Files(disk));
    for (const char* const key : {"", "../up", "a/b", "a.b", "a b"}) {
        CHECK(store.load(key).outcome == Loaded::unavailable);
        CHECK(store.swap(key, 0, 1, Secret("x")) == Swapped::unavailable);
        CHECK(store.acquire(key, "ann", std::chrono::seconds{1}).outcome == Leased::unavailable);
    }
    CHECK(disk.now.empty());
}
