// SPDX-License-Identifier: BSL-1.0
// challenge: what a refusal says in WWW-Authenticate, for people and logs.
#ifndef REKEY_OAUTH_CHALLENGE_HPP
#define REKEY_OAUTH_CHALLENGE_HPP

#include <rekey/detail/ascii.hpp>
#include <rekey/version.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rekey {
inline namespace v0_1 {
namespace oauth {

/// One challenge: `Bearer realm="api", error="invalid_token"`.
struct Challenge {
    struct Parameter {
        std::string name;   ///< As it was written.
        std::string value;  ///< Without quotes, its escapes decoded.
    };
    std::string scheme{};   ///< As it was written.
    std::string token68{};  ///< In place of parameters: `Negotiate YII=`.
    std::vector<Parameter> parameters{};

    /// Schemes compare without regard to case, and so do names.
    bool is(std::string_view name) const noexcept {
        return rekey::detail::same_ignoring_case(scheme, name);
    }
    /// The value of a parameter; empty if it is absent. Lives as long as the challenge.
    std::string_view parameter(std::string_view name) const noexcept {
        for (const Parameter& each : parameters)
            if (rekey::detail::same_ignoring_case(each.name, name)) return each.value;
        return {};
    }
};

/// The challenges of a response, in order; none if the field cannot be trusted.
struct Challenges {
    bool well_formed = true;
    std::vector<Challenge> list{};

    /// The first of a scheme, or nullptr.
    const Challenge* find(std::string_view scheme) const noexcept {
        for (const Challenge& each : list)
            if (each.is(scheme)) return &each;
        return nullptr;
    }
};

/// Reads a WWW-Authenticate field; several fields of that name are one, joined with a comma.
///
/// rekey itself never asks: what a refusal says changes neither whether nor where a call goes on.
/// A URL in a parameter (`authorization_uri`, `resource_metadata`) is a stranger's until you know
/// it (RFC 9700 §4.9).
///
/// Not well formed, and then without any challenge: a parameter that comes twice or stands beside
/// a token68, a quotation without an end, control characters, more than 64 KiB, more than 64
/// challenges or 64 parameters of one.
/// Cost     linear, whatever a server sends
/// Source   RFC 9110 §5.6, §11.2 to §11.6.1; RFC 6750 §3
inline Challenges parse_challenges(std::string_view field);

inline constexpr std::size_t longest_challenge_field = std::size_t{64} << 10;

namespace detail {

/// Reads a field from left to right. A comma separates challenges, and parameters of one: what
/// follows it is a parameter if there is a `=` behind its name, and else the next scheme.
class ChallengeReader {
public:
    explicit ChallengeReader(std::string_view field) noexcept : rest_(field) {}

    bool read(std::vector<Challenge>& list) {
        for (;;) {
            skip(" \t,");
            if (rest_.empty()) return true;
            const std::string_view word = token();
            if (word.empty()) return false;
            const bool has_space = skip(" \t");
            const bool good = !rest_.empty() && rest_.front() == '='
                                  ? !list.empty() && read_value(list.back(), word)
                                  : begin(list, word, has_space);
            skip(" \t");
            if (!good || (!rest_.empty() && rest_.front() != ',')) return false;
        }
    }

private:
    static constexpr std::size_t most = 64;

    bool begin(std::vector<Challenge>& list, std::string_view scheme, bool has_space) {
        if (list.size() == most) return false;
        list.emplace_back();
        Challenge& challenge = list.back();
        challenge.scheme = std::string(scheme);
        if (rest_.empty() || rest_.front() == ',') return true;
        if (!has_space) return false;
        if (take_token68(challenge.token68)) return true;
        const std::string_view name = token();
        skip(" \t");
        return !name.empty() && !rest_.empty() && rest_.front() == '=' &&
               read_value(challenge, name);
    }
    /// Only if nothing but a comma follows it: `a=b` begins like one.
    bool take_token68(std::string& into) {
        std::size_t size = 0;
        while (size != rest_.size() && is_token68(rest_[size])) ++size;
        if (size == 0) return false;
        while (size != rest_.size() && rest_[size] == '=') ++size;
        std::size_t behind = size;
        while (behind != rest_.size() && is_blank(rest_[behind])) ++behind;
        if (behind != rest_.size() && rest_[behind] != ',') return false;
        into = std::string(rest_.substr(0, size));
        rest_.remove_prefix(size);
        return true;
    }
    /// From the `=` on.
    bool read_value(Challenge& challenge, std::string_view name) {
        if (!challenge.token68.empty() || challenge.parameters.size() == most) return false;
        for (const Challenge::Parameter& each : challenge.parameters)
            if (rekey::detail::same_ignoring_case(each.name, name)) return false;
        rest_.remove_prefix(1);
        skip(" \t");
        std::string value;
        if (!rest_.empty() && rest_.front() == '"') {
            if (!read_quoted(value)) return false;
        } else {
            value = std::string(token());
            if (value.empty()) return false;
        }
        challenge.parameters.push_back({std::string(name), std::move(value)});
        return true;
    }
    bool read_quoted(std::string& value) {
        for (std::size_t i = 1; i != rest_.size(); ++i) {
            if (rest_[i] == '"') {
                rest_.remove_prefix(i + 1);
                return true;
            }
            if (rest_[i] == '\\' && ++i == rest_.size()) return false;
            const auto byte = static_cast<unsigned char>(rest_[i]);
            if ((byte < 0x20 && byte != '\t') || byte == 0x7f) return false;
            value += rest_[i];
        }
        return false;
    }
    std::string_view token() noexcept {
        std::size_t size = 0;
        while (size != rest_.size() && is_token(rest_[size])) ++size;
        const std::string_view taken = rest_.substr(0, size);
        rest_.remove_prefix(size);
        return taken;
    }
    bool skip(std::string_view symbols) noexcept {
        const std::size_t before = rest_.size();
        while (!rest_.empty() && symbols.find(rest_.front()) != symbols.npos)
            rest_.remove_prefix(1);
        return rest_.size() != before;
    }
    static bool is_blank(char c) noexcept { return c == ' ' || c == '\t'; }
    static bool is_letter_or_digit(char c) noexcept {
        const char small_letter = rekey::detail::lower(c);
        return (small_letter >= 'a' && small_letter <= 'z') || (c >= '0' && c <= '9');
    }
    static bool is_one_of(char c, std::string_view symbols) noexcept {
        return symbols.find(c) != symbols.npos;
    }
    static bool is_token(char c) noexcept {
        return is_letter_or_digit(c) || is_one_of(c, "!#$%&'*+-.^_`|~");
    }
    static bool is_token68(char c) noexcept {
        return is_letter_or_digit(c) || is_one_of(c, "-._~+/");
    }

    std::string_view rest_;
};

}  // namespace detail

inline Challenges parse_challenges(std::string_view field) {
    Challenges challenges;
    challenges.well_formed = field.size() <= longest_challenge_field &&
                             detail::ChallengeReader(field).read(challenges.list);
    if (!challenges.well_formed) challenges.list.clear();
    return challenges;
}

}  // namespace oauth
}  // namespace v0_1
}  // namespace rekey

#endif
