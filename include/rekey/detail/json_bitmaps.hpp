// SPDX-License-Identifier: BSL-1.0
// JsonBitmaps: where the bytes of a JSON text stand that matter, 64 at a time.
#ifndef REKEY_DETAIL_JSON_BITMAPS_HPP
#define REKEY_DETAIL_JSON_BITMAPS_HPP

#include <rekey/detail/bytes.hpp>
#include <rekey/version.hpp>

#include <cstddef>
#include <cstdint>

namespace rekey {
inline namespace v0_1 {
namespace detail {

/// How many bits are set. Written out: without -mpopcnt the builtin is a call into libgcc.
inline unsigned bit_count(std::uint64_t bits) noexcept {
#if defined(__POPCNT__)
    return static_cast<unsigned>(__builtin_popcountll(bits));
#else
    bits -= bits >> 1 & 0x5555555555555555U;
    bits = (bits & 0x3333333333333333U) + (bits >> 2 & 0x3333333333333333U);
    bits = (bits + (bits >> 4)) & 0x0F0F0F0F0F0F0F0FU;
    return static_cast<unsigned>(bits * 0x0101010101010101U >> 56);
#endif
}

/// The same, quicker where a single bit is the usual case. Requires `bits != 0`.
inline unsigned few_bits_count(std::uint64_t bits) noexcept {
    return (bits & (bits - 1)) == 0 ? 1 : bit_count(bits);
}

/// The index of the lowest bit. Requires `bits != 0`.
inline unsigned lowest_bit(std::uint64_t bits) noexcept {
#if defined(__GNUC__)
    return static_cast<unsigned>(__builtin_ctzll(bits));
#else
    return bit_count((bits - 1) & ~bits);
#endif
}

/// Bit i of the answer is the parity of the bits 0 to i: set from each odd bit up to the next one.
inline std::uint64_t parity_below(std::uint64_t bits) noexcept {
    bits ^= bits << 1;
    bits ^= bits << 2;
    bits ^= bits << 4;
    bits ^= bits << 8;
    bits ^= bits << 16;
    return bits ^ bits << 32;
}

/// Where the bytes that matter stand in a block of 64, one bit each.
struct JsonBitmaps {
    std::uint64_t quotes = 0, backslashes = 0;
    std::uint64_t opens = 0;   // { and [
    std::uint64_t closes = 0;  // } and ]
};

}  // namespace detail
}  // namespace v0_1
}  // namespace rekey

#endif
