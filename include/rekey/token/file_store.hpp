// SPDX-License-Identifier: BSL-1.0
// FileStore: tokens in a folder of this machine, for all its processes and after a restart.
#ifndef REKEY_TOKEN_FILE_STORE_HPP
#define REKEY_TOKEN_FILE_STORE_HPP

#include <rekey/detail/posix_files.hpp>
#include <rekey/detail/shared.hpp>
#include <rekey/detail/system_clock.hpp>
#include <rekey/token/store.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

namespace rekey {
inline namespace v0_1 {
namespace token {

/// Keeps tokens in files of mode 0600, one a user. A record is replaced in one step: written beside
/// it, made durable, renamed. Whatever dies at whatever point, the old record is there or the new.
///
/// A lease is a lock of the kernel: it ends when its process ends, at once, and does not end under
/// one that is merely slow. Of a process that dies a child that was forked meanwhile goes on
/// holding it.
///
/// Folder    exists, belongs to this user alone, and lies on a local file system.
/// Files     what is done with files; tests put a disk of their own here.
/// Errors    a file that cannot be read, locked or written is `unavailable`; so is every record
///           while the folder is gone.
/// Threads   any; copies are the same store.
/// Cost      load: a read of one file. swap: two flushes to the disk.
/// System    POSIX
template <class Files = rekey::detail::PosixFiles> class BasicFileStore {
public:
    explicit BasicFileStore(std::string folder, Files files = Files{})
        : state_(rekey::detail::Shared<State>::make(std::move(folder), std::move(files))) {}

    StoreEntry load(std::string_view key) {
        StoreEntry entry;
        entry.now = rekey::detail::SystemClock::unix_seconds();
        return load(key, entry), entry;
    }

    Swapped swap(std::string_view key, std::uint64_t from, std::uint64_t to, const Secret& value) {
        if (!is_key(key)) return Swapped::unavailable;
        const Locked lock(state_->files, path(key, ".lock"), true);
        if (lock.file < 0) return Swapped::unavailable;
        StoreEntry entry;
        load(key, entry);
        if (entry.outcome == Loaded::unavailable) return Swapped::unavailable;
        if (entry.version != from) return Swapped::moved;
        return replace(key, to, value) ? Swapped::done : Swapped::unavailable;
    }

    LeaseAnswer acquire(std::string_view key, std::string_view owner, Duration life) {
        if (!is_key(key)) return {};
        const std::lock_guard<std::mutex> guard(state_->mutex);
        const auto place = state_->leases.find(key);
        if (place != state_->leases.end()) {
            if (place->second.owner == owner) return {Leased::acquired, life};
            return {Leased::held, life};
        }
        Locked lock(state_->files, path(key, ".lease"), false);
        if (lock.file == Files::busy) return {Leased::held, life};
        if (lock.file < 0) return {};
        state_->leases.emplace(std::string(key), Lease{std::string(owner), lock.file});
        lock.file = Files::failed;  // the lease has it
        return {Leased::acquired, life};
    }
    Leased renew(std::string_view key, std::string_view owner, Duration) {
        const std::lock_guard<std::mutex> guard(state_->mutex);
        const auto place = state_->leases.find(key);
        const bool is_held = place != state_->leases.end() && place->second.owner == owner;
        return is_held ? Leased::acquired : Leased::held;
    }
    void release(std::string_view key, std::string_view owner) {
        const std::lock_guard<std::mutex> guard(state_->mutex);
        const auto place = state_->leases.find(key);
        if (place == state_->leases.end() || place->second.owner != owner) return;
        state_->files.unlock(place->second.lock);
        state_->leases.erase(place);
    }

private:
    struct Lease {
        std::string owner;
        int lock;
    };
    /// A lock that is given back, also if memory runs out meanwhile.
    struct Locked {
        const Files& files;
        int file;
        Locked(const Files& all, const std::string& path, bool waits)
            : files(all), file(files.lock(path, waits)) {}
        Locked(const Locked&) = delete;
        Locked& operator=(const Locked&) = delete;
        ~Locked() {
            if (file >= 0) files.unlock(file);
        }
    };
    struct State {
        State(std::string&& where, Files&& given)
            : folder(std::move(where)), files(std::move(given)) {}
        State(const State&) = delete;
        State& operator=(const State&) = delete;
        ~State() {
            for (const auto& lease : leases) files.unlock(lease.second.lock);
        }
        std::string folder;
        Files files;
        std::mutex mutex{};
        std::map<std::string, Lease, std::less<>> leases{};
    };

    static constexpr std::string_view format = "rekey-file-1 ";
    static constexpr std::size_t longest_file = 128 * 1024;

    /// A key becomes a file name, so it holds nothing that means something there.
    static bool is_key(std::string_view key) noexcept {
        if (key.empty() || key.size() > 128) return false;
        for (const char c : key) {
            const bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
            if (!is_letter && !(c >= '0' && c <= '9') && c != '-' && c != '_') return false;
        }
        return true;
    }
    std::string path(std::string_view key, std::string_view ending) const {
        std::string name = state_->folder;
        name += '/';
        name += key;
        name += ending;
        return name;
    }

    void load(std::string_view key, StoreEntry& entry) const {
        if (!is_key(key)) return;
        std::string bytes;
        switch (state_->files.read(path(key, ".token"), bytes, longest_file)) {
            case rekey::detail::FileRead::absent: entry.outcome = Loaded::absent; return;
            case rekey::detail::FileRead::failed: return;
            case rekey::detail::FileRead::whole: break;
        }
        const Secret held(std::move(bytes));
        std::string_view text = held.expose();
        if (text.substr(0, format.size()) != format) return;
        text.remove_prefix(format.size());
        std::uint64_t version = 0;
        std::size_t at = 0;
        for (; at != text.size() && text[at] >= '0' && text[at] <= '9' && at != 20; ++at)
            version = version * 10 + static_cast<std::uint64_t>(text[at] - '0');
        if (at == text.size() || text[at] != '\n' || version == 0) return;
        entry.outcome = Loaded::found;
        entry.version = version;
        entry.value = Secret(text.substr(at + 1));
    }
    bool replace(std::string_view key, std::uint64_t version, const Secret& value) const {
        const Files& files = state_->files;
        const std::string fresh = path(key, ".new");
        const std::string there = path(key, ".token");
        std::string head(format);
        head += std::to_string(version) + '\n';
        const int file = files.create(fresh);  // from here to `close` nothing throws
        if (file < 0) return false;
        const bool is_written =
            files.write(file, head) && files.write(file, value.expose()) && files.sync(file);
        const bool is_closed = files.close(file);
        return is_written && is_closed && files.rename(fresh, there) &&
               files.sync_folder(state_->folder);
    }

    rekey::detail::Shared<State> state_;
};

/// The one to use.
using FileStore = BasicFileStore<>;

}  // namespace token
}  // namespace v0_1
}  // namespace rekey

#endif
