// SPDX-License-Identifier: BSL-1.0
// sha256: the SHA-256 digest of a text, also while compiling.
#ifndef REKEY_DETAIL_SHA256_HPP
#define REKEY_DETAIL_SHA256_HPP

#include <rekey/version.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace rekey {
inline namespace v0_1 {
namespace detail {

using Sha256Block = std::array<unsigned char, 64>;

/// The running state of one digest: eight words, and the step that mixes a block into them.
struct Sha256State {
    std::array<std::uint32_t, 8> words{0x6a09e667u, 0xbb67ae85u, 0x3c6ef372u, 0xa54ff53au,
                                       0x510e527fu, 0x9b05688cu, 0x1f83d9abu, 0x5be0cd19u};

    static constexpr std::uint32_t rotated(std::uint32_t word, unsigned count) noexcept {
        return (word >> count) | (word << (32u - count));
    }

    /// FIPS 180-4 §6.2.2, one 64-byte block.
    constexpr void mix(const Sha256Block& block) noexcept {
        // The first 32 bits of the fractional parts of the cube roots of the first 64 primes.
        constexpr std::array<std::uint32_t, 64> round_constants{
            0x428a2f98u, 0x71374491u, 0xb5c0fbcfu, 0xe9b5dba5u, 0x3956c25bu, 0x59f111f1u,
            0x923f82a4u, 0xab1c5ed5u, 0xd807aa98u, 0x12835b01u, 0x243185beu, 0x550c7dc3u,
            0x72be5d74u, 0x80deb1feu, 0x9bdc06a7u, 0xc19bf174u, 0xe49b69c1u, 0xefbe4786u,
            0x0fc19dc6u, 0x240ca1ccu, 0x2de92c6fu, 0x4a7484aau, 0x5cb0a9dcu, 0x76f988dau,
            0x983e5152u, 0xa831c66du, 0xb00327c8u, 0xbf597fc7u, 0xc6e00bf3u, 0xd5a79147u,
            0x06ca6351u, 0x14292967u, 0x27b70a85u, 0x2e1b2138u, 0x4d2c6dfcu, 0x53380d13u,
            0x650a7354u, 0x766a0abbu, 0x81c2c92eu, 0x92722c85u, 0xa2bfe8a1u, 0xa81a664bu,
            0xc24b8b70u, 0xc76c51a3u, 0xd192e819u, 0xd6990624u, 0xf40e3585u, 0x106aa070u,
            0x19a4c116u, 0x1e376c08u, 0x2748774cu, 0x34b0bcb5u, 0x391c0cb3u, 0x4ed8aa4au,
            0x5b9cca4fu, 0x682e6ff3u, 0x748f82eeu, 0x78a5636fu, 0x84c87814u, 0x8cc70208u,
            0x90befffau, 0xa4506cebu, 0xbef9a3f7u, 0xc67178f2u};

        std::array<std::uint32_t, 64> schedule{};
        for (std::size_t i = 0; i != 16; ++i)
            schedule[i] = (static_cast<std::uint32_t>(block[4 * i]) << 24u) |
                          (static_cast<std::uint32_t>(block[4 * i + 1]) << 16u) |
                          (static_cast<std::uint32_t>(block[4 * i + 2]) << 8u) |
                          static_cast<std::uint32_t>(block[4 * i + 3]);
        for (std::size_t i = 16; i != 64; ++i) {
            const std::uint32_t early = schedule[i - 15];
            const std::uint32_t late = schedule[i - 2];
            schedule[i] = schedule[i - 16] + schedule[i - 7] +
                          (rotated(early, 7) ^ rotated(early, 18) ^ (early >> 3u)) +
                          (rotated(late, 17) ^ rotated(late, 19) ^ (late >> 10u));
        }

        std::array<std::uint32_t, 8> w = words;  // a to h of the standard are w[0] to w[7]
        for (std::size_t i = 0; i != 64; ++i) {
            const std::uint32_t choice = (w[4] & w[5]) ^ (~w[4] & w[6]);
            const std::uint32_t majority = (w[0] & w[1]) ^ (w[0] & w[2]) ^ (w[1] & w[2]);
            const std::uint32_t first = w[7] + choice + round_constants[i] + schedule[i] +
                                        (rotated(w[4], 6) ^ rotated(w[4], 11) ^ rotated(w[4], 25));
            const std::uint32_t second =
                majority + (rotated(w[0], 2) ^ rotated(w[0], 13) ^ rotated(w[0], 22));
            w = {first + second, w[0], w[1], w[2], w[3] + first, w[4], w[5], w[6]};
        }
        for (std::size_t i = 0; i != 8; ++i) words[i] += w[i];
    }
};

/// The SHA-256 digest of `text`, big-endian as everyone prints it.
///
/// Cost         one pass, no allocation; for challenges and checksums, not for bulk data.
/// Source       FIPS 180-4 §5.1.1 (padding), §5.3.3 (start), §6.2 (rounds).
constexpr std::array<unsigned char, 32> sha256(std::string_view text) noexcept {
    Sha256State state;
    Sha256Block block{};
    std::size_t filled = 0;
    const auto append = [&](unsigned char byte) {
        block[filled++] = byte;
        if (filled == block.size()) {
            state.mix(block);
            filled = 0;
        }
    };
    for (const char c : text) append(static_cast<unsigned char>(c));
    append(0x80);
    while (filled != 56) append(0);
    const std::uint64_t bits = static_cast<std::uint64_t>(text.size()) * 8u;
    for (unsigned shift = 64; shift != 0; shift -= 8)
        append(static_cast<unsigned char>((bits >> (shift - 8u)) & 0xffu));

    std::array<unsigned char, 32> digest{};
    for (std::size_t i = 0; i != 32; ++i)
        digest[i] =
            static_cast<unsigned char>((state.words[i / 4] >> (24u - 8u * (i % 4u))) & 0xffu);
    return digest;
}

}  // namespace detail
}  // namespace v0_1
}  // namespace rekey

#endif
