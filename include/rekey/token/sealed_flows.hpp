// SPDX-License-Identifier: BSL-1.0
// SealedFlows: authorizations that were begun, sealed, where all replicas of a service reach them.
#ifndef REKEY_TOKEN_SEALED_FLOWS_HPP
#define REKEY_TOKEN_SEALED_FLOWS_HPP

#include <rekey/oauth/base64url.hpp>
#include <rekey/oauth/pending.hpp>
#include <rekey/secret.hpp>
#include <rekey/token/store.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace rekey {
inline namespace v0_1 {
namespace token {
namespace store_parts {

constexpr std::string_view flow_format = "rekey-flow-1";

/// Each text behind its length, so that no byte of one means anything.
inline void pack_field(std::string& packed, std::string_view text) {
    packed += std::to_string(text.size());
    packed += ':';
    packed += text;
}
inline bool unpack_field(std::string_view& packed, std::string_view& text) noexcept {
    std::size_t size = 0;
    std::size_t digits = 0;
    while (digits != packed.size() && packed[digits] >= '0' && packed[digits] <= '9') {
        if (digits == 6) return false;
        size = size * 10 + static_cast<std::size_t>(packed[digits] - '0');
        ++digits;
    }
    if (digits == 0 || digits == packed.size() || packed[digits] != ':') return false;
    packed.remove_prefix(digits + 1);
    if (size > packed.size()) return false;
    text = packed.substr(0, size);
    packed.remove_prefix(size);
    return true;
}

}  // namespace store_parts

/// A store of pending flows for `oauth::PendingFlows` and the flows of Coze, shared by replicas: a
/// callback may come to another one than began, and counts once in all of them.
///
/// Texts     `bool put(std::string_view key, const Secret&, Duration life)`, false if it was not
///           kept, and `StoreEntry take(std::string_view key)`, which finds and removes in one
///           step: `adapter::RedisStore`. Copies are the same store.
/// Sealer    as of `TokensIn`. A record is bound to its key, a digest of state and binding.
/// Errors    a store that does not answer begins no flow and ends none; a record that does not
///           open is absent, and gone.
/// Threads   any, as the store and the sealer.
/// Source    security: S3, S75
/// Example   a flow makes its own store:
///           `struct Flows : SealedFlows<RedisStore, AesGcm> {
///                Flows() : SealedFlows(redis(), sealer()) {} };  WebFlow<HandOver, Flows>`
template <class Texts, class Sealer> class SealedFlows {
public:
    SealedFlows(Texts texts, Sealer sealer)
        : texts_(std::move(texts)), sealer_(std::move(sealer)) {}

    bool put(const oauth::PendingKey& key, const oauth::PendingRecord& record, std::int64_t) {
        std::string plain;
        const std::string created = std::to_string(record.created_at);
        const std::string_view fields[] = {
            record.state,  record.binding.expose(), record.verifier.expose(), record.redirect_uri,
            record.issuer, record.return_to,        record.subject,           created};
        std::size_t size = 0;
        for (const std::string_view field : fields) size += field.size() + 8;
        plain.reserve(size);  // never grows, so no copy is left behind
        for (const std::string_view field : fields) store_parts::pack_field(plain, field);
        const Secret packed(std::move(plain));
        const std::string name = name_of(key);
        const std::string head = head_of(std::string_view(sealer_.key_id));
        const std::string sealed = sealer_.seal(packed.expose(), head + ' ' + name);
        if (sealed.empty()) return false;
        const Secret text(head + ' ' + oauth::base64url_encode(sealed));
        return texts_.put(name, text, std::chrono::seconds{oauth::pending_lifetime});
    }

    oauth::PendingFound take(const oauth::PendingKey& key, oauth::PendingRecord& record,
                             std::int64_t) {
        const std::string name = name_of(key);
        const StoreEntry entry = texts_.take(name);
        if (entry.outcome == Loaded::unavailable) return oauth::PendingFound::unreachable;
        if (entry.outcome == Loaded::absent) return oauth::PendingFound::absent;
        const std::string_view text = entry.value.expose();
        const std::size_t end = text.rfind(' ');
        const std::string_view head = text.substr(0, end);
        const std::size_t id = head.find(' ');
        std::string sealed;
        if (end == text.npos || head.substr(0, id) != store_parts::flow_format || id == head.npos ||
            !oauth::base64url_decode(text.substr(end + 1), sealed))
            return oauth::PendingFound::absent;
        const Secret packed =
            sealer_.open(sealed, std::string(head) + ' ' + name, head.substr(id + 1));
        return unpack(packed.expose(), record) ? oauth::PendingFound::found
                                               : oauth::PendingFound::absent;
    }

private:
    static std::string name_of(const oauth::PendingKey& key) {
        std::string bytes;
        for (const unsigned char byte : key) bytes.push_back(static_cast<char>(byte));
        return oauth::base64url_encode(bytes);
    }
    static std::string head_of(std::string_view key_id) {
        return std::string(store_parts::flow_format) + ' ' + std::string(key_id);
    }
    static bool unpack(std::string_view packed, oauth::PendingRecord& record) {
        std::string_view fields[8];
        for (std::string_view& field : fields)
            if (!store_parts::unpack_field(packed, field)) return false;
        if (!packed.empty() || fields[7].empty() || fields[7].size() > 18) return false;
        std::int64_t created = 0;
        for (const char c : fields[7]) {
            if (c < '0' || c > '9') return false;
            created = created * 10 + (c - '0');
        }
        record.state = std::string(fields[0]);
        record.binding = Secret(fields[1]);
        record.verifier = Secret(fields[2]);
        record.redirect_uri = std::string(fields[3]);
        record.issuer = std::string(fields[4]);
        record.return_to = std::string(fields[5]);
        record.subject = std::string(fields[6]);
        record.created_at = created;
        return true;
    }

    Texts texts_;
    Sealer sealer_;
};

}  // namespace token
}  // namespace v0_1
}  // namespace rekey

#endif
