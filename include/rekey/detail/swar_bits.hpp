// SPDX-License-Identifier: BSL-1.0
// SwarBits: the bitmaps of a JSON text on any machine.
#ifndef REKEY_DETAIL_SWAR_BITS_HPP
#define REKEY_DETAIL_SWAR_BITS_HPP

#include <rekey/detail/json_bitmaps.hpp>

#include <cstdint>

namespace rekey {
inline namespace v0_1 {
namespace detail {

/// Bitmaps with nothing but 64-bit arithmetic: eight bytes at a time, on any machine.
struct SwarBits {
    static constexpr std::uint64_t ones = 0x0101010101010101U;

    /// Eight bytes, the first one lowest; compilers make one load of this, whatever the byte order.
    static std::uint64_t load(const char* at) noexcept {
        const auto byte = [at](unsigned i) {
            return static_cast<std::uint64_t>(static_cast<unsigned char>(at[i])) << (8 * i);
        };
        return byte(0) | byte(1) | byte(2) | byte(3) | byte(4) | byte(5) | byte(6) | byte(7);
    }
    /// The high bit of each byte of `word` that equals `c`.
    static std::uint64_t equal(std::uint64_t word, char c) noexcept {
        const std::uint64_t low = 0x7FU * ones;
        const std::uint64_t difference = word ^ (static_cast<unsigned char>(c) * ones);
        return ~(((difference & low) + low) | difference | low);
    }
    /// The high bits of the bytes, side by side.
    static std::uint64_t gather(std::uint64_t high_bits) noexcept {
        return (high_bits >> 7) * 0x0102040810204080U >> 56;
    }
    static JsonBitmaps look(const char* block) noexcept {
        JsonBitmaps maps;
        for (unsigned i = 0; i != 64; i += 8) {
            const std::uint64_t word = load(block + i);
            const std::uint64_t folded = word | (0x20U * ones);  // '[' meets '{', ']' meets '}'
            maps.quotes |= gather(equal(word, '"')) << i;
            maps.backslashes |= gather(equal(word, '\\')) << i;
            maps.opens |= gather(equal(folded, '{')) << i;
            maps.closes |= gather(equal(folded, '}')) << i;
        }
        return maps;
    }
    static constexpr unsigned step = 8;
    /// How many of the `step` bytes at `at` come before a quote, a backslash, a control character
    /// or a byte beyond ASCII.
    static unsigned plain_bytes(const char* at) noexcept {
        const std::uint64_t word = load(at);
        const std::uint64_t special = equal(word, '"') | equal(word, '\\') |
                                      equal(word & (0xE0U * ones), '\0') | (word & (0x80U * ones));
        return special == 0 ? step : lowest_bit(special) / 8;
    }
};

}  // namespace detail
}  // namespace v0_1
}  // namespace rekey

#endif
