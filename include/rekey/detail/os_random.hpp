// SPDX-License-Identifier: BSL-1.0
// os_random: bytes that nobody can predict, from the operating system.
#ifndef REKEY_DETAIL_OS_RANDOM_HPP
#define REKEY_DETAIL_OS_RANDOM_HPP

#include <rekey/version.hpp>

#include <cstddef>

#if defined(_WIN32)
// Declared here because <windows.h> defines hundreds of common words as macros.
extern "C" long __stdcall BCryptGenRandom(void*, unsigned char*, unsigned long, unsigned long);
#if defined(_MSC_VER)
#pragma comment(lib, "bcrypt")
#endif
#else
#include <cerrno>

#include <fcntl.h>
#include <unistd.h>
#if defined(__linux__) || defined(__APPLE__)
#include <sys/random.h>
#endif
#endif

namespace rekey {
inline namespace v0_1 {
namespace detail {

#if !defined(_WIN32)
/// The fallback: kernels without the system call, sandboxes that forbid it.
inline bool random_device_file(unsigned char* out, std::size_t size) noexcept {
    const int file = ::open("/dev/urandom", O_RDONLY | O_CLOEXEC);
    if (file < 0) return false;
    while (size != 0) {
        const auto got = ::read(file, out, size);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) break;
        out += got;
        size -= static_cast<std::size_t>(got);
    }
    ::close(file);
    return size == 0;
}
#endif

/// Fills `size` bytes, or answers false; then the bytes must not be used.
///
/// Threads      any
/// Cost         one system call per 256 bytes
inline bool os_random(void* out, std::size_t size) noexcept {
    auto* bytes = static_cast<unsigned char*>(out);
    while (size != 0) {
        const std::size_t part = size < 256 ? size : 256;
#if defined(_WIN32)
        constexpr unsigned long use_system_preferred_generator = 2;
        if (BCryptGenRandom(nullptr, bytes, static_cast<unsigned long>(part),
                            use_system_preferred_generator) != 0)
            return false;
        const std::size_t got = part;
#elif defined(__linux__)
        const auto answer = ::getrandom(bytes, part, 0);
        if (answer < 0 && errno == EINTR) continue;
        if (answer <= 0) return random_device_file(bytes, size);
        const auto got = static_cast<std::size_t>(answer);
#elif defined(__APPLE__) || defined(__FreeBSD__) || defined(__OpenBSD__)
        if (::getentropy(bytes, part) != 0) return random_device_file(bytes, size);
        const std::size_t got = part;
#else
        if (!random_device_file(bytes, part)) return false;
        const std::size_t got = part;
#endif
        bytes += got;
        size -= got;
    }
    return true;
}

/// `os_random` as a type, for templates that take a source of randomness.
struct OsRandom {
    bool operator()(void* out, std::size_t size) const noexcept { return os_random(out, size); }
};

}  // namespace detail
}  // namespace v0_1
}  // namespace rekey

#endif
