// SPDX-License-Identifier: BSL-1.0
// Mutex, Waiters: what waiting callers need, without the weight of <condition_variable>.
#ifndef REKEY_DETAIL_MUTEX_HPP
#define REKEY_DETAIL_MUTEX_HPP

#include <rekey/version.hpp>

// <mutex> and <condition_variable> take half as long to compile as <string> and <chrono> together.
// On these systems they are made of <pthread.h>, which the standard library reads for <string>.
#if defined(__unix__) || defined(__APPLE__)
#include <pthread.h>
#else
#include <condition_variable>
#include <mutex>
#endif

namespace rekey {
inline namespace v0_1 {
namespace detail {

/// As `std::mutex`.
class Mutex {
public:
    Mutex() = default;
    Mutex(const Mutex&) = delete;
    Mutex& operator=(const Mutex&) = delete;
#if defined(__unix__) || defined(__APPLE__)
    ~Mutex() { pthread_mutex_destroy(&native_); }
    void lock() noexcept { pthread_mutex_lock(&native_); }
    void unlock() noexcept { pthread_mutex_unlock(&native_); }

private:
    friend class Waiters;
    pthread_mutex_t native_ = PTHREAD_MUTEX_INITIALIZER;
#else
    void lock() { native_.lock(); }
    void unlock() noexcept { native_.unlock(); }

private:
    friend class Waiters;
    std::mutex native_{};
#endif
};

/// As `std::condition_variable`. The mutex must be locked by the caller of `wait`, and is again
/// when it returns, which it may do without reason.
class Waiters {
public:
    Waiters() = default;
    Waiters(const Waiters&) = delete;
    Waiters& operator=(const Waiters&) = delete;
#if defined(__unix__) || defined(__APPLE__)
    ~Waiters() { pthread_cond_destroy(&native_); }
    void wait(Mutex& mutex) { pthread_cond_wait(&native_, &mutex.native_); }
    void wake_all() noexcept { pthread_cond_broadcast(&native_); }

private:
    pthread_cond_t native_ = PTHREAD_COND_INITIALIZER;
#else
    void wait(Mutex& mutex) {
        std::unique_lock<std::mutex> lock(mutex.native_, std::adopt_lock);
        native_.wait(lock);
        lock.release();
    }
    void wake_all() noexcept { native_.notify_all(); }

private:
    std::condition_variable native_{};
#endif
};

/// Keeps a mutex locked while it exists, or until `unlock`.
class Locked {
public:
    explicit Locked(Mutex& mutex) : mutex_(&mutex) { mutex.lock(); }
    Locked(const Locked&) = delete;
    Locked& operator=(const Locked&) = delete;
    ~Locked() { unlock(); }
    void unlock() noexcept {
        if (mutex_ != nullptr) mutex_->unlock();
        mutex_ = nullptr;
    }

private:
    Mutex* mutex_;
};

}  // namespace detail
}  // namespace v0_1
}  // namespace rekey

#endif
