// SPDX-License-Identifier: BSL-1.0
// PosixFiles: the few file operations of a store, each of which can fail. POSIX only.
#ifndef REKEY_DETAIL_POSIX_FILES_HPP
#define REKEY_DETAIL_POSIX_FILES_HPP

#include <rekey/detail/system_clock.hpp>
#include <rekey/version.hpp>

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <string>
#include <string_view>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace rekey {
inline namespace v0_1 {
namespace detail {

/// How reading a file ended.
enum class FileRead : unsigned char { whole, absent, failed };

/// Files are for their owner alone (mode 0600), and no link is followed to one.
struct PosixFiles {
    static constexpr int failed = -1;
    static constexpr int busy = -2;

    /// A lock on a file that is made if it is missing: a descriptor, `failed`, or `busy`. The
    /// kernel gives it back when the process ends, however it ends.
    int lock(const std::string& path, bool waits) const {
        const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, mode);
        if (file < 0) return failed;
        for (int tries = waits ? 2000 : 1; tries != 0; --tries) {
            if (::flock(file, LOCK_EX | LOCK_NB) == 0) return file;
            if (errno != EWOULDBLOCK && errno != EINTR) break;
            if (tries != 1) SystemClock::sleep(std::chrono::milliseconds{1});
        }
        const bool is_busy = errno == EWOULDBLOCK;
        ::close(file);
        return is_busy ? busy : failed;
    }
    /// Also under a child that was forked meanwhile: to close one of two descriptors frees nothing.
    void unlock(int file) const {
        (void)::flock(file, LOCK_UN);
        ::close(file);
    }

    FileRead read(const std::string& path, std::string& bytes, std::size_t limit) const {
        bytes.resize(limit + 1);  // may throw, so before there is a file to close
        const int file = ::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
        if (file < 0) {
            bytes.clear();
            const bool is_missing = errno == ENOENT;
            // Of a folder that is gone nobody can say what was in it.
            const std::string folder = path.substr(0, path.rfind('/') + 1);
            return is_missing && ::access(folder.c_str(), F_OK) == 0 ? FileRead::absent
                                                                     : FileRead::failed;
        }
        std::size_t size = 0;
        FileRead outcome = FileRead::whole;
        while (size <= limit) {
            const auto got = ::read(file, &bytes[size], bytes.size() - size);
            if (got < 0 && errno == EINTR) continue;
            if (got < 0) outcome = FileRead::failed;
            if (got <= 0) break;
            size += static_cast<std::size_t>(got);
        }
        ::close(file);
        if (size > limit) outcome = FileRead::failed;
        bytes.resize(outcome == FileRead::whole ? size : 0);
        return outcome;
    }
    /// A new file in the place of one that an earlier writer may have left there.
    int create(const std::string& path) const {
        ::unlink(path.c_str());
        return ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
    }
    bool write(int file, std::string_view bytes) const {
        while (!bytes.empty()) {
            const auto put = ::write(file, bytes.data(), bytes.size());
            if (put < 0 && errno == EINTR) continue;
            if (put <= 0) return false;
            bytes.remove_prefix(static_cast<std::size_t>(put));
        }
        return true;
    }
    bool sync(int file) const { return ::fsync(file) == 0; }
    bool close(int file) const { return ::close(file) == 0; }
    bool rename(const std::string& from, const std::string& to) const {
        return std::rename(from.c_str(), to.c_str()) == 0;
    }
    /// Makes a new name last.
    bool sync_folder(const std::string& path) const {
        const int folder = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (folder < 0) return false;
        const bool is_done = ::fsync(folder) == 0;
        ::close(folder);
        return is_done;
    }

private:
    static constexpr mode_t mode = S_IRUSR | S_IWUSR;
};

}  // namespace detail
}  // namespace v0_1
}  // namespace rekey

#endif
