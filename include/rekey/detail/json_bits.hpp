// SPDX-License-Identifier: BSL-1.0
// json_bits: JSON text as bitmaps, 64 bytes at a time: which bytes are quotes, brackets, strings.
#ifndef REKEY_DETAIL_JSON_BITS_HPP
#define REKEY_DETAIL_JSON_BITS_HPP

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
    std::uint64_t quotes = 0;
    std::uint64_t backslashes = 0;
    std::uint64_t opens = 0;   // { and [
    std::uint64_t closes = 0;  // } and ]
};

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

#if defined(__SSE2__) && defined(__GNUC__)
/// Bitmaps with SSE2, which every x86-64 has: sixteen bytes at a time. In the vectors of GCC and
/// clang, since <emmintrin.h> would be a tenth of what a file that includes rekey compiles.
struct Sse2Bits {
    using Bytes __attribute__((vector_size(16))) = signed char;
    using Chars __attribute__((vector_size(16))) = char;

    static Bytes load(const char* at) noexcept {
        Bytes bytes;
        copy_bytes(reinterpret_cast<char*>(&bytes), at, sizeof bytes);
        return bytes;
    }
    static Bytes all(char c) noexcept {
        const auto b = static_cast<signed char>(c);
        return Bytes{b, b, b, b, b, b, b, b, b, b, b, b, b, b, b, b};
    }
    /// The high bits of the bytes, side by side.
    static unsigned bits(Bytes bytes) noexcept {
        return static_cast<unsigned>(__builtin_ia32_pmovmskb128(reinterpret_cast<Chars>(bytes)));
    }
    static JsonBitmaps look(const char* block) noexcept {
        Bytes a = load(block), b = load(block + 16), c = load(block + 32), d = load(block + 48);
        const auto equal = [&](char wanted) {
            const Bytes byte = all(wanted);
            const std::uint64_t low = bits(a == byte) | bits(b == byte) << 16;
            const std::uint64_t high = bits(c == byte) | bits(d == byte) << 16;
            return low | high << 32;
        };
        JsonBitmaps maps;
        maps.quotes = equal('"');
        const Bytes backslash = all('\\');
        if (bits((a == backslash) | (b == backslash) | (c == backslash) | (d == backslash)) != 0)
            maps.backslashes = equal('\\');
        const Bytes fold = all(0x20);  // '[' meets '{', ']' meets '}'
        a |= fold;
        b |= fold;
        c |= fold;
        d |= fold;
        maps.opens = equal('{');
        maps.closes = equal('}');
        return maps;
    }
    static constexpr unsigned step = 16;
    static unsigned plain_bytes(const char* at) noexcept {
        const Bytes bytes = load(at);  // as signed bytes, all beyond ASCII is below a space
        const auto special = (bytes < all(' ')) | (bytes == all('"')) | (bytes == all('\\'));
        return lowest_bit(bits(special) | 1U << step);
    }
};
using BestBits = Sse2Bits;
#else
using BestBits = SwarBits;
#endif

/// A text seen through bitmaps, forward only: where a string ends, where a bracket is closed.
///
/// Every block of 64 bytes is looked at once, when it is needed. The last one is copied, so that
/// nothing behind the text is read. Places are offsets; the size of the text means "not there".
template <class Bits> class JsonBlocks {
public:
    JsonBlocks(const char* text, std::size_t size) noexcept : text_(text), size_(size) {}
    JsonBlocks(const JsonBlocks&) = delete;
    JsonBlocks& operator=(const JsonBlocks&) = delete;

    /// The first quote at or behind `from` that no backslash escapes.
    std::size_t quote_from(std::size_t from) noexcept {
        if (from < block_.end) {
            const std::uint64_t quotes = block_.quotes & from_bit(from);
            if (quotes != 0) return block_.place(quotes);
        }
        return scan(from, 0);
    }

    /// The bracket that closes the one just before `from`.
    ///
    /// Counts; the kinds of the brackets in between are not compared, so any depth is one number.
    std::size_t close_from(std::size_t from) noexcept {
        // Most often nothing is nested in it, and it ends in this block.
        if (from < block_.end) {
            const std::uint64_t closes = block_.closes & from_bit(from);
            const std::uint64_t before = (closes - 1) & ~closes & from_bit(from);
            if (closes != 0 && (block_.opens & before) == 0) return block_.place(closes);
        }
        return scan(from, 1);
    }

private:
    /// One block and what the next one has to know about it.
    struct Block {
        std::size_t end = 0;
        std::uint64_t quotes = 0;  // those that open or close a string
        std::uint64_t opens = 0;   // brackets outside strings
        std::uint64_t closes = 0;
        std::uint64_t escape = 0;       // 1: the next block's first byte is escaped
        std::uint64_t open_string = 0;  // all ones: the next block begins inside a string

        std::size_t place(std::uint64_t bits) const noexcept { return end - 64 + lowest_bit(bits); }
    };

    /// The bits of a block at or behind `from`, which lies in it.
    static std::uint64_t from_bit(std::size_t from) noexcept {
        return ~std::uint64_t{0} << (from & 63U);
    }

    /// The place where that many brackets are closed, or for none the next quote. Both searches
    /// share one function, so that the code of `look` is there once and not called.
    [[gnu::noinline]] std::size_t scan(const std::size_t from, std::size_t depth) noexcept {
        Block block = block_;  // in registers
        std::size_t place = size_;
        for (std::uint64_t wanted = from_bit(from);;) {
            if (from < block.end) {
                if (depth == 0) {
                    const std::uint64_t quotes = block.quotes & wanted;
                    if (quotes != 0) {
                        place = block.place(quotes);
                        break;
                    }
                } else {
                    std::uint64_t opens = block.opens & wanted;
                    std::uint64_t closes = block.closes & wanted;
                    if (closes != 0 && !leaves_some(opens, closes, depth)) {
                        closes = pass(opens, closes, depth);
                        if (closes != 0) {
                            place = block.place(closes);
                            break;
                        }
                    }
                    if (opens != 0) depth += few_bits_count(opens);
                }
                wanted = ~std::uint64_t{0};
            }
            if (!look(block)) break;
        }
        block_ = block;
        return place;
    }

    /// Goes through the closing brackets, and the opening ones before them, until the depth is
    /// zero. The rest of the closing brackets begins with the one that made it so.
    static std::uint64_t pass(std::uint64_t& opens, std::uint64_t closes,
                              std::size_t& depth) noexcept {
        for (; closes != 0; closes &= closes - 1) {
            std::uint64_t before = opens & (closes - 1) & ~closes;
            opens ^= before;
            for (; before != 0; before &= before - 1) ++depth;
            if (--depth == 0) break;
        }
        return closes;
    }

    /// Subtracts the closing brackets from the depth if it is plain that some of it stays.
    ///
    /// A closing bracket right behind an opening one never takes the depth below what it was
    /// before; a carry that runs from each opening bracket to the next bracket finds those. They
    /// are left out of the comparison, and the opening ones are yet to be added: the difference
    /// may wrap in between, which unsigned numbers allow.
    static bool leaves_some(std::uint64_t opens, std::uint64_t closes,
                            std::size_t& depth) noexcept {
        const std::size_t closing = few_bits_count(closes);
        if (closing >= depth) {
            const std::uint64_t gaps = ~(opens | closes);
            if (bit_count(closes & ~(gaps + (opens << 1))) >= depth) return false;
        }
        depth -= closing;
        return true;
    }

    /// Goes on to the next block; false at the end of the text.
    bool look(Block& block) noexcept {
        const auto left = static_cast<std::ptrdiff_t>(size_ - block.end);
        if (left <= 0) return false;
        JsonBitmaps maps = Bits::look(left < 64 ? padded_end(block.end) : text_ + block.end);
        block.end += 64;
        if ((maps.backslashes | block.escape) != 0)
            maps.quotes &= ~escaped(maps.backslashes, block.escape);
        block.quotes = maps.quotes;
        std::uint64_t strings = block.open_string;
        if (maps.quotes != 0) strings ^= parity_below(maps.quotes);
        block.opens = maps.opens & ~strings;
        block.closes = maps.closes & ~strings;
        block.open_string = 0 - (strings >> 63);
        return true;
    }

    [[gnu::noinline]] const char* padded_end(std::size_t from) noexcept {
        for (char& byte : end_) byte = ' ';
        copy_bytes(end_, text_ + from, size_ - from);
        return end_;
    }

    /// The bytes behind a run of backslashes of odd length; `escape` is 1 if such a run ends this
    /// block. Adding a run's first bit to it carries to the byte behind it, and the first bit's
    /// parity against that byte's is the parity of the length.
    static std::uint64_t escaped(std::uint64_t backslashes, std::uint64_t& escape) noexcept {
        constexpr std::uint64_t even = 0x5555555555555555U;
        const std::uint64_t first = escape;
        backslashes &= ~first;
        const std::uint64_t starts = backslashes & ~(backslashes << 1);
        const std::uint64_t from_even = backslashes + (starts & even);
        const std::uint64_t from_odd = backslashes + (starts & ~even);
        escape = from_odd < backslashes ? 1 : 0;  // it carried out of the block, to an even place
        return (((from_even & ~even) | (from_odd & even)) & ~backslashes) | first;
    }

    const char* text_;
    std::size_t size_;
    Block block_{};
    char end_[64];
};

}  // namespace detail
}  // namespace v0_1
}  // namespace rekey

#endif
