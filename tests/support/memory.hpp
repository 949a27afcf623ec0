// SPDX-License-Identifier: BSL-1.0
// memory: counts the allocations of a thread, lets one of them fail, and looks at what is given
// back.
//
// memory.cpp defines operator new, and is linked where a file of a program includes this. Not for
// the thread sanitizer, which defines operator new itself: REKEY_TESTS_COUNT_NOTHING.
#ifndef REKEY_TESTS_SUPPORT_MEMORY_HPP
#define REKEY_TESTS_SUPPORT_MEMORY_HPP

#if defined(__SANITIZE_THREAD__)
#define REKEY_TESTS_COUNT_NOTHING
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define REKEY_TESTS_COUNT_NOTHING
#endif
#endif

#ifndef REKEY_TESTS_COUNT_NOTHING
#include <cstddef>
#include <cstdlib>
#include <new>

namespace memory {

inline thread_local std::size_t allocations = 0;  // of this thread
inline thread_local long alive = 0;               // of these, less those that were given back
inline thread_local long left = -1;               // so many more succeed; negative: all do
// Sees each block before it is freed. While there is one, a block begins with nothing in it.
inline thread_local void (*looks_at)(void* given) noexcept = nullptr;

inline void* allocate(std::size_t size) noexcept {
    ++allocations;
    if (left >= 0 && left-- == 0) return nullptr;
    if (size == 0) size = 1;
    void* const got = looks_at != nullptr ? std::calloc(1, size) : std::malloc(size);
    if (got != nullptr) ++alive;
    return got;
}
inline void release(void* given) noexcept {
    if (given != nullptr) --alive;
    if (given != nullptr && looks_at != nullptr) looks_at(given);
    std::free(given);
}

#ifdef __cpp_exceptions
/// Runs `act`, whose allocation after `kept` others fails. True if it was reached.
template <class Act> bool fails_after(long kept, const Act& act) {
    bool failed = false;
    left = kept;
    try {
        act();
    } catch (const std::bad_alloc&) {
        failed = true;
    }
    left = -1;
    return failed;
}
#endif

}  // namespace memory

#endif
#endif
