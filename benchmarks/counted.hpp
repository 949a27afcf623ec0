// SPDX-License-Identifier: BSL-1.0
// counted: heap allocations, clock reads and mutex locks of this program, counted as they happen.
//
// For the one source file of a program: it defines malloc and its like (glibc only; elsewhere only
// operator new is counted).
#ifndef REKEY_BENCHMARKS_COUNTED_HPP
#define REKEY_BENCHMARKS_COUNTED_HPP

#include <cstddef>
#include <cstdlib>
#include <new>

namespace bench {

struct Counts {
    long allocations = 0;
    long clock_reads = 0;
    long locks = 0;
};
inline Counts counts;

}  // namespace bench

#if defined(__GLIBC__)

#include <dlfcn.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

extern "C" {

void* __libc_malloc(std::size_t size);
void* __libc_calloc(std::size_t count, std::size_t size);
void* __libc_realloc(void* memory, std::size_t size);

void* malloc(std::size_t size) noexcept {
    ++bench::counts.allocations;
    return __libc_malloc(size);
}
void* calloc(std::size_t count, std::size_t size) noexcept {
    ++bench::counts.allocations;
    return __libc_calloc(count, size);
}
void* realloc(void* memory, std::size_t size) noexcept {
    ++bench::counts.allocations;
    return __libc_realloc(memory, size);
}
int clock_gettime(clockid_t clock, struct timespec* time) noexcept {
    ++bench::counts.clock_reads;
    return static_cast<int>(syscall(SYS_clock_gettime, clock, time));
}
int gettimeofday(struct timeval* time, void* zone) noexcept {
    ++bench::counts.clock_reads;
    return static_cast<int>(syscall(SYS_gettimeofday, time, zone));
}
time_t time(time_t* seconds) noexcept {
    ++bench::counts.clock_reads;
    struct timespec now = {};
    syscall(SYS_clock_gettime, CLOCK_REALTIME, &now);
    if (seconds != nullptr) *seconds = now.tv_sec;
    return now.tv_sec;
}
int pthread_mutex_lock(pthread_mutex_t* mutex) noexcept {
    using Lock = int (*)(pthread_mutex_t*);
    static Lock const lock = reinterpret_cast<Lock>(dlsym(RTLD_NEXT, "pthread_mutex_lock"));
    ++bench::counts.locks;
    return lock(mutex);
}

}  // extern "C"

#else

void* operator new(std::size_t size) {
    ++bench::counts.allocations;
    if (void* const memory = std::malloc(size)) return memory;
    std::abort();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

#endif

#endif
