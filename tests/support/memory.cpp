// SPDX-License-Identifier: BSL-1.0
// memory: the operators that count. Not weak: the address sanitizer's own are, and stand first.
#include "support/memory.hpp"

#ifndef REKEY_TESTS_COUNT_NOTHING

void* operator new(std::size_t size) {
    if (void* const got = memory::allocate(size)) return got;
#ifdef __cpp_exceptions
    throw std::bad_alloc();
#else
    std::abort();
#endif
}
void* operator new[](std::size_t size) { return operator new(size); }
// A sanitizer has nothrow editions of its own, whose memory would not fit the deletes below.
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
    return memory::allocate(size);
}
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept {
    return memory::allocate(size);
}
void operator delete(void* given, const std::nothrow_t&) noexcept { memory::release(given); }
void operator delete[](void* given, const std::nothrow_t&) noexcept { memory::release(given); }
void operator delete(void* given) noexcept { memory::release(given); }
void operator delete[](void* given) noexcept { memory::release(given); }
void operator delete(void* given, std::size_t) noexcept { memory::release(given); }
void operator delete[](void* given, std::size_t) noexcept { memory::release(given); }

#endif
