// SPDX-License-Identifier: BSL-1.0
// FreshIdempotencyKey: a key of its own for one call, the same on each of its attempts.
#ifndef REKEY_IDEMPOTENCY_KEY_HPP
#define REKEY_IDEMPOTENCY_KEY_HPP

#include <rekey/detail/os_random.hpp>
#include <rekey/version.hpp>

#include <cstddef>
#include <string_view>

namespace rekey {
inline namespace v0_1 {

/// Makes the key of a call: `client.send(request, FreshIdempotencyKey{})`. For a service that knows
/// a repeated request by its key; the call then counts as idempotent.
///
/// A UUID of version 4, made once with this object and repeated on each attempt of the call. If the
/// system has no randomness there is no key, and the call is not idempotent.
/// Source   RFC 9562 §5.4; the Idempotency-Key header field (IETF HTTPAPI draft)
class FreshIdempotencyKey {
public:
    static constexpr bool is_extra = true;
    static constexpr bool brings_key = true;

    FreshIdempotencyKey() : FreshIdempotencyKey(detail::OsRandom{}) {}
    /// With another source: `bool(void* out, std::size_t size)`.
    template <class Source> explicit FreshIdempotencyKey(const Source& source) {
        unsigned char bytes[16] = {};
        if (!source(static_cast<void*>(bytes), sizeof(bytes))) return;
        bytes[6] = static_cast<unsigned char>((bytes[6] & 0x0fu) | 0x40u);
        bytes[8] = static_cast<unsigned char>((bytes[8] & 0x3fu) | 0x80u);
        for (std::size_t i = 0; i != sizeof(bytes); ++i) {
            if (i == 4 || i == 6 || i == 8 || i == 10) text_[size_++] = '-';
            text_[size_++] = "0123456789abcdef"[bytes[i] >> 4];
            text_[size_++] = "0123456789abcdef"[bytes[i] & 0x0fu];
        }
    }

    std::string_view key() const noexcept { return {text_, size_}; }

    template <class Extras> void add_to(Extras& extras) const noexcept {
        if (size_ == 0) return;  // lest it takes the place of another one
        extras.idempotent = true;
        extras.idempotency_key = key();
    }

private:
    char text_[36] = {};
    std::size_t size_ = 0;
};

}  // namespace v0_1
}  // namespace rekey

#endif
