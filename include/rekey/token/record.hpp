// SPDX-License-Identifier: BSL-1.0
// TokenRecord: the tokens of one user as a text for a store, sealed if the user says how.
#ifndef REKEY_TOKEN_RECORD_HPP
#define REKEY_TOKEN_RECORD_HPP

#include <rekey/detail/hmac_sha256.hpp>
#include <rekey/oauth/base64url.hpp>
#include <rekey/secret.hpp>
#include <rekey/token/refresh_protocol.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace rekey {
inline namespace v0_1 {
namespace token {

/// Says that tokens lie open in the store: whoever can read it can act as its users.
struct Unsealed {};

/// Seals tokens before they go to a store, with functions of the user's: an AEAD such as AES-GCM.
///
/// key_id    of the key that `seal` uses, up to 64 visible characters; each record names its own.
/// seal      `std::string(std::string_view plain, std::string_view bound_to)`; empty: it failed.
///           `bound_to` is the associated data: the record does not open in another place.
/// open      `Secret(std::string_view sealed, std::string_view bound_to, std::string_view key_id)`;
///           empty: not this key, or tampered with. Older keys may open too.
/// name_key  makes the names of records: without it whoever knows a user's id can tell whether
///           there is a record. Another key is another set of records.
/// Threads   both functions are called from any thread.
template <class Seal, class Open> struct Sealed {
    std::string key_id;
    Seal seal;
    Open open;
    Secret name_key{};
};
template <class Seal, class Open> Sealed(const char*, Seal, Open) -> Sealed<Seal, Open>;
template <class Seal, class Open> Sealed(const char*, Seal, Open, Secret) -> Sealed<Seal, Open>;
template <class Seal, class Open> Sealed(std::string, Seal, Open) -> Sealed<Seal, Open>;
template <class Seal, class Open> Sealed(std::string, Seal, Open, Secret) -> Sealed<Seal, Open>;

/// The tokens of one user, and what is being done with them.
struct TokenRecord {
    RecordState state = RecordState::absent;
    bool is_repeated = false;      ///< Pending: sent once more, in the server's grace.
    bool is_lost = false;          ///< Dead: nobody knows what became of the send.
    std::int64_t fresh_until = 0;  ///< Unix seconds: then it is refreshed.
    std::int64_t expires_at = 0;   ///< Unix seconds: then it is of no use.
    std::int64_t since = 0;        ///< Pending: by the clock of the store.
    std::string attempt{};         ///< Who changed it last; of `dead`: whose send was given up.
    Secret access_token{};
    Secret refresh_token{};
};

/// How much of a record is opened. Who only reads never holds the refresh token.
enum class Opening : unsigned char { access_only, both };

namespace store_parts {

template <class Sealer, class = void> struct HasSealerShape : std::is_same<Sealer, Unsealed> {};
template <class Sealer>
struct HasSealerShape<
    Sealer,
    std::enable_if_t<
        std::is_convertible_v<decltype(std::declval<const Sealer&>().key_id), std::string_view> &&
        std::is_convertible_v<decltype(std::declval<const Sealer&>().seal(std::string_view(),
                                                                          std::string_view())),
                              std::string> &&
        std::is_convertible_v<decltype(std::declval<const Sealer&>().open(
                                  std::string_view(), std::string_view(), std::string_view())),
                              Secret>>> : std::true_type {};

template <class Sealer, class = void> struct HasNameKey : std::false_type {};
template <class Sealer>
struct HasNameKey<Sealer, std::void_t<decltype(std::declval<const Sealer&>().name_key.expose())>>
    : std::true_type {};

constexpr std::string_view record_format = "rekey-token-1";
constexpr std::size_t longest_record = 64 * 1024;

constexpr char letter_of(RecordState state) noexcept {
    switch (state) {
        case RecordState::live: return 'L';
        case RecordState::pending: return 'P';
        case RecordState::dead: return 'D';
        case RecordState::absent:
        case RecordState::unreadable: break;
    }
    return 'A';
}
constexpr bool state_of(std::string_view letter, RecordState& state) noexcept {
    for (const RecordState each :
         {RecordState::live, RecordState::pending, RecordState::dead, RecordState::absent})
        if (letter.size() == 1 && letter_of(each) == letter.front()) {
            state = each;
            return true;
        }
    return false;
}
/// A number without sign, at most 18 digits, so that it always fits.
constexpr bool number_in(std::string_view text, std::int64_t& number) noexcept {
    if (text.empty() || text.size() > 18) return false;
    number = 0;
    for (const char c : text) {
        if (c < '0' || c > '9') return false;
        number = number * 10 + (c - '0');
    }
    return true;
}
constexpr bool is_word(std::string_view text) noexcept {
    if (text.size() > 64) return false;
    for (const char c : text)
        if (c < '!' || c > '~') return false;
    return true;
}
/// A dash stands for no key, so it is no name of one.
constexpr bool names_key(std::string_view text) noexcept {
    return is_word(text) && !text.empty() && text != "-";
}
inline std::string digits(std::int64_t number) { return std::to_string(number < 0 ? 0 : number); }
inline std::string_view or_dash(std::string_view text) noexcept {
    return text.empty() ? std::string_view("-") : text;
}

/// Everything of a record but its tokens; what they are bound to, so that no part can be changed.
template <class Sealer>
std::string head_of(const TokenRecord& record, [[maybe_unused]] const Sealer& sealer) {
    std::string head(record_format);
    head += ' ';
    head += letter_of(record.state);
    head += record.is_repeated ? " R" : record.is_lost ? " L" : " -";
    for (const std::int64_t time : {record.fresh_until, record.expires_at, record.since})
        head += ' ' + digits(time);
    head += ' ';
    head += or_dash(record.attempt);
    head += ' ';
    if constexpr (std::is_same_v<Sealer, Unsealed>)
        head += '-';
    else
        head += or_dash(std::string_view(sealer.key_id));
    return head;
}
inline std::string bound_to(std::string_view head, std::string_view key, std::uint64_t version,
                            std::string_view part) {
    std::string bound(head);
    bound += ' ';
    bound += key;
    bound += ' ' + std::to_string(version) + ' ';
    bound += part;
    return bound;
}

/// The next of the words between single spaces; false if there is none.
inline bool next_word(std::string_view& text, std::string_view& word) noexcept {
    if (text.empty()) return false;
    const std::size_t end = text.find(' ');
    word = text.substr(0, end);
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
    return !word.empty();
}

}  // namespace store_parts

/// The name of a record: a digest of the app and the user that shows neither.
template <class Sealer>
std::string record_key(std::string_view app, std::string_view subject,
                       [[maybe_unused]] const Sealer& sealer) {
    std::string whose = std::to_string(app.size()) + ':';
    whose += app;
    whose += subject;
    std::string_view name_key;
    if constexpr (store_parts::HasNameKey<Sealer>::value) name_key = sealer.name_key.expose();
    const auto digest = rekey::detail::hmac_sha256(name_key, whose);
    std::string bytes;
    for (const unsigned char byte : digest) bytes.push_back(static_cast<char>(byte));
    return oauth::base64url_encode(bytes);
}

/// The record as a text for `version` of `key`; empty if it cannot be sealed.
///
/// Source    security: S75, S76
template <class Sealer>
Secret write_record(const TokenRecord& record, std::string_view key, std::uint64_t version,
                    const Sealer& sealer) {
    const std::string head = store_parts::head_of(record, sealer);
    std::string parts[2];
    bool is_whole = true;
    const auto put = [&](std::string& out, const Secret& token, const char* part) {
        if (token.empty()) {
            out = "-";
        } else if constexpr (std::is_same_v<Sealer, Unsealed>) {
            out = oauth::base64url_encode(token.expose());
        } else {
            std::string sealed =
                sealer.seal(token.expose(), store_parts::bound_to(head, key, version, part));
            if (sealed.empty() || !store_parts::names_key(sealer.key_id)) is_whole = false;
            out = oauth::base64url_encode(sealed);
        }
    };
    put(parts[0], record.access_token, "access");
    put(parts[1], record.refresh_token, "refresh");
    std::string text;
    text.reserve(head.size() + parts[0].size() + parts[1].size() + 2);  // never grows: no copies
    text += head;
    for (const std::string& part : parts) {
        text += ' ';
        text += part;
    }
    for (std::string& part : parts) rekey::detail::wipe(part);
    Secret written(std::move(text));
    if (!is_whole || written.size() > store_parts::longest_record) return Secret{};
    return written;
}

/// Reads a record that lies under `version` of `key`. One that is of another format, names a key
/// that does not open it, or was moved or changed, is `unreadable`: never used, never overwritten.
///
/// Source    security: S75, S76
template <class Sealer>
TokenRecord read_record(std::string_view text, std::string_view key, std::uint64_t version,
                        const Sealer& sealer, Opening opening) {
    TokenRecord unreadable;
    unreadable.state = RecordState::unreadable;
    if (text.size() > store_parts::longest_record || text.empty() || text.back() == ' ')
        return unreadable;
    TokenRecord record;
    std::string_view rest = text;
    std::string_view word;
    const auto next = [&rest, &word] { return store_parts::next_word(rest, word); };
    if (!next() || word != store_parts::record_format) return unreadable;
    if (!next() || !store_parts::state_of(word, record.state)) return unreadable;
    if (!next() || (word != "R" && word != "L" && word != "-")) return unreadable;
    record.is_repeated = word == "R";
    record.is_lost = word == "L";
    for (std::int64_t* time : {&record.fresh_until, &record.expires_at, &record.since})
        if (!next() || !store_parts::number_in(word, *time)) return unreadable;
    if (!next() || !store_parts::is_word(word)) return unreadable;
    if (word != "-") record.attempt = std::string(word);
    if (!next() || !store_parts::is_word(word)) return unreadable;
    const std::string_view key_id = word;
    const std::string_view head = text.substr(0, text.size() - rest.size() - 1);

    const auto take = [&](Secret& token, [[maybe_unused]] const char* part) {
        if (!next()) return false;
        if (word == "-") return true;
        std::string decoded;
        if (!oauth::base64url_decode(word, decoded)) return false;
        const Secret bytes(std::move(decoded));
        if constexpr (std::is_same_v<Sealer, Unsealed>) {
            (void)head;
            (void)version;
            if (key_id != "-") return false;
            token = bytes;
        } else {
            if (key_id == "-") return false;  // decrypting is never skipped
            token = sealer.open(bytes.expose(), store_parts::bound_to(head, key, version, part),
                                key_id);
        }
        return !token.empty();
    };
    if (!take(record.access_token, "access")) return unreadable;
    if (opening == Opening::both) {
        if (!take(record.refresh_token, "refresh")) return unreadable;
    } else if (!next()) {
        return unreadable;
    }
    if (!rest.empty()) return unreadable;
    return record;
}

}  // namespace token
}  // namespace v0_1
}  // namespace rekey

#endif
