// SPDX-License-Identifier: BSL-1.0
// ThreadRandom: numbers that spread callers, not secrets; and how a delay is drawn from them.
#ifndef REKEY_DETAIL_THREAD_RANDOM_HPP
#define REKEY_DETAIL_THREAD_RANDOM_HPP

#include <rekey/version.hpp>

#include <chrono>
#include <cstdint>

namespace rekey {
inline namespace v0_1 {
namespace detail {

/// The finalizer of SplitMix64 (Steele, Lea, Flood 2014): each bit of the result depends on all.
constexpr std::uint64_t mixed(std::uint64_t number) noexcept {
    number = (number ^ (number >> 30)) * 0xbf58476d1ce4e5b9u;
    number = (number ^ (number >> 27)) * 0x94d049bb133111ebu;
    return number ^ (number >> 31);
}

/// Number `index` of the sequence that begins with a seed.
constexpr std::uint64_t drawn(std::uint64_t seed, std::uint32_t index) noexcept {
    return mixed(seed + (std::uint64_t{index} + 1) * 0x9e3779b97f4a7c15u);
}

/// One of the times from `least` to `most`, both included.
template <class Span> constexpr Span between(Span least, Span most, std::uint64_t random) noexcept {
    const auto room = static_cast<std::uint64_t>((most - least).count());
    return least + Span{static_cast<typename Span::rep>(random % (room + 1))};
}

/// 64 bits that differ from call to call, thread to thread and process to process, a fork included:
/// a count of the thread, its address and the time. No secret may be made of them.
struct ThreadRandom {
    std::uint64_t operator()() const noexcept {
        static thread_local std::uint64_t count = 0;
        count += 0x9e3779b97f4a7c15u;
        const auto address = reinterpret_cast<std::uintptr_t>(&count);
        const auto now = std::chrono::steady_clock::now().time_since_epoch().count();
        return mixed(count ^ mixed(std::uint64_t{address}) ^
                     mixed(static_cast<std::uint64_t>(now)));
    }
};

}  // namespace detail
}  // namespace v0_1
}  // namespace rekey

#endif
