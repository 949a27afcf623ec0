// SPDX-License-Identifier: BSL-1.0
// Scrubber: takes secrets out of recorded traffic before anybody reads or keeps it.
#ifndef REKEY_TESTING_SCRUBBER_HPP
#define REKEY_TESTING_SCRUBBER_HPP

#include <rekey/body/json.hpp>
#include <rekey/body/json_writer.hpp>
#include <rekey/detail/ascii.hpp>
#include <rekey/oauth/percent.hpp>

#include <algorithm>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rekey {
inline namespace v0_1 {
namespace testing {

/// Takes secrets out of texts: by the name of a header, by the name of a field in a JSON body, a
/// form or a URL, by their look (a JWT), and every other place where one that was found like that,
/// or was named, stands as well.
///
/// Knows     `Authorization`, cookies, API keys; access, refresh and id tokens, client secrets,
///           assertions, passwords (also of `https://user:password@host`), verifiers, device and
///           user codes, authorization codes (`code` in a URL or a form, and in a JSON body of such
///           an exchange). A `code` of digits stays.
///           `access_token`, `accessToken` and `Access-Token` are one name, also of a header, with
///           `X-` before it or without.
/// Adds      `header(name)`, `field(name)`, `secret(text)`, `with(function)`: names count without
///           regard to case.
/// Learns    what it takes out, if it has eight characters or more: shorter texts cannot be told
///           from words, and are taken out only where their name says what they are.
/// Depth     a text that stands encoded in another is looked at, to eight levels; what stands
/// deeper
///           is taken out whole.
/// Threads   one at a time.
class Scrubber {
public:
    /// What stands in the place of a secret. Never taken for one: a token of a cassette that is
    /// played is this text, and the traffic with it can be recorded again.
    static constexpr std::string_view instead = "__scrubbed__";  // survives a URL
    static constexpr std::size_t shortest = 8;

    Scrubber& header(std::string_view name) {
        headers_.emplace_back(name);
        return *this;
    }
    Scrubber& field(std::string_view name) {
        fields_.emplace_back(name);
        return *this;
    }
    /// A text that is secret wherever it stands; of eight characters or more.
    Scrubber& secret(std::string_view text) {
        learn(text);
        return *this;
    }
    /// Changes every text: for what only a function can tell, such as the id of a customer.
    Scrubber& with(std::function<std::string(std::string)> change) {
        changes_.push_back(std::move(change));
        return *this;
    }

    /// Whether the value of a header is secret as a whole.
    bool hides_header(std::string_view name) const {
        static constexpr std::string_view known[] = {
            "authorization",  "proxy-authorization", "cookie",        "set-cookie",   "x-api-key",
            "api-key",        "x-auth-token",        "private-token", "x-csrf-token", "x-auth-key",
            "x-goog-api-key", "x-amz-security-token"};
        if (is_one_of(name, known) || is_one_of(name, headers_)) return true;
        const bool is_x = rekey::detail::same_ignoring_case(name.substr(0, 2), "x-");
        return hides_field(is_x ? name.substr(2) : name);  // Access-Token, X-Client-Secret, apikey
    }
    /// The value of a header without secrets.
    std::string header_value(std::string_view name, std::string_view value) {
        if (!hides_header(name)) return text(value);
        if (rekey::detail::same_ignoring_case(name, "cookie"))
            learn_cookies(value);
        else if (rekey::detail::same_ignoring_case(name, "set-cookie"))
            learn_cookies(value.substr(0, value.find(';')));  // behind it stand no secrets
        else
            learn_header(value);
        return std::string(instead);
    }
    /// Learns the value of a header: all of it, and what follows the scheme.
    void learn_header(std::string_view value) {
        learn(value);
        if (const std::size_t space = value.find(' '); space != value.npos)
            learn(value.substr(space + 1));
    }
    /// A URL, a body or any other text without secrets.
    std::string text(std::string_view given) {
        std::string clean = without_json_fields(given);
        clean = without_parameters(without_passwords(clean));
        clean = without_jwt(clean);
        for (const auto& change : changes_) clean = change(std::move(clean));
        return without_known(std::move(clean));
    }
    /// Whether a text that was learned still stands in this one.
    bool finds_secret_in(std::string_view given) const {
        for (const std::string& known : known_)
            if (given.find(known) != given.npos) return true;
        return false;
    }

private:
    /// What ends a value of a URL or a form, and what may belong to one and may end it; the last
    /// of these are left.
    static constexpr std::string_view ends = "&\"#\\ \t\r\n<>";
    static constexpr std::string_view marks = "';,";
    static constexpr unsigned deepest = 8;

    /// One text that stands encoded in another.
    struct Deeper {
        unsigned& depth;
        explicit Deeper(unsigned& counted) noexcept : depth(counted) { ++depth; }
        Deeper(const Deeper&) = delete;
        Deeper& operator=(const Deeper&) = delete;
        ~Deeper() { --depth; }
    };

    template <class List> static bool is_one_of(std::string_view name, const List& list) {
        for (const auto& known : list)
            if (rekey::detail::same_ignoring_case(name, known)) return true;
        return false;
    }
    bool hides_field(std::string_view name) const {
        // Without what joins words: access_token, accessToken and Access-Token are one name.
        static constexpr std::string_view known[] = {
            "accesstoken",     "refreshtoken", "idtoken",    "token",         "clientsecret",
            "clientassertion", "assertion",    "passphrase", "secret",        "apikey",
            "privatekey",      "codeverifier", "devicecode", "usercode",      "subjecttoken",
            "actortoken",      "signature",    "sig",        "xamzsignature", "xamzsecuritytoken",
            "xamzcredential",  "jwt"};
        for (std::size_t i = 0; i + 5 <= name.size(); ++i)  // user_password, passwd, …
            if (rekey::detail::same_ignoring_case(name.substr(i, 5), "passw")) return true;
        std::string joined;
        for (const char c : name)
            if (c != '_' && c != '-') joined += c;
        return is_one_of(joined, known) || is_one_of(name, fields_);
    }
    bool hides_parameter(std::string_view name, std::string_view value) const {
        const bool is_code = rekey::detail::same_ignoring_case(name, "code");
        return hides_field(name) || (is_code && !is_number(value));
    }
    static bool is_number(std::string_view value) {
        return value.find_first_not_of("-0123456789") == value.npos;
    }
    static bool is_word(char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '_' || c == '-';
    }

    void learn(std::string_view value) {
        if (value.size() < shortest || value == instead) return;
        add(std::string(value));
        const std::string encoded = oauth::percent_encode(value);
        add(encoded);
        std::string lower = encoded;
        for (std::size_t i = 0; i + 2 < lower.size(); ++i)
            if (lower[i] == '%')
                for (std::size_t j = i + 1; j != i + 3; ++j)
                    if (lower[j] >= 'A' && lower[j] <= 'F')
                        lower[j] = static_cast<char>(lower[j] - 'A' + 'a');
        add(with_plus(encoded));
        add(with_plus(lower));
        add(std::move(lower));
        body::JsonWriter writer;
        writer.value(value);
        const std::string quoted = std::move(writer).text();
        if (quoted.size() > 2) add(quoted.substr(1, quoted.size() - 2));
        std::string slashes;
        for (const char c : value) slashes.append(c == '/' ? "\\/" : std::string(1, c));
        add(std::move(slashes));
    }
    /// Learns the value of each `name=value`.
    void learn_cookies(std::string_view list) {
        learn(list);
        while (!list.empty()) {
            const std::string_view one = list.substr(0, list.find(';'));
            list.remove_prefix(one.size() == list.size() ? one.size() : one.size() + 1);
            const std::size_t equals = one.find('=');
            if (equals == one.npos) continue;
            std::string_view value = one.substr(equals + 1);
            constexpr std::string_view around = " \"";
            value.remove_prefix((std::min)(value.find_first_not_of(around), value.size()));
            value = value.substr(0, value.find_last_not_of(around) + 1);
            learn_parameter(value);
        }
    }
    /// Learns the secrets of each `name=value` between marks.
    void learn_pieces(std::string_view list) {
        while (!list.empty()) {
            const std::string_view one = list.substr(0, list.find_first_of(marks));
            list.remove_prefix(one.size() == list.size() ? one.size() : one.size() + 1);
            const std::size_t equals = one.find('=');
            if (equals == one.npos) continue;
            std::size_t first = equals;
            while (first != 0 && is_word(one[first - 1])) --first;
            const std::string_view value = one.substr(equals + 1);
            if (hides_parameter(one.substr(first, equals - first), value)) learn_parameter(value);
        }
    }
    /// Learns a value of a URL or a form: as it stands, and decoded in both ways.
    void learn_parameter(std::string_view value) {
        std::string plain;
        if (oauth::percent_decode(value, plain)) learn(plain);
        std::string spaced(value);
        std::replace(spaced.begin(), spaced.end(), '+', ' ');
        if (oauth::percent_decode(spaced, plain)) learn(plain);
        learn(value);
    }
    /// As a form spells spaces.
    static std::string with_plus(std::string encoded) {
        for (std::size_t at = 0; (at = encoded.find("%20", at)) != encoded.npos; ++at)
            encoded.replace(at, 3, 1, '+');
        return encoded;
    }
    void add(std::string known) {
        const auto longer = [](const std::string& left, const std::string& right) {
            return left.size() != right.size() ? left.size() > right.size() : left < right;
        };
        const auto place = std::lower_bound(known_.begin(), known_.end(), known, longer);
        if (place == known_.end() || *place != known) known_.insert(place, std::move(known));
    }
    std::string without_known(std::string given) const {
        for (const std::string& known : known_)
            for (std::size_t at = 0; (at = given.find(known, at)) != given.npos;
                 at += instead.size())
                given.replace(at, known.size(), instead);
        return given;
    }

    /// The position of the quote that ends the string that begins at `at`, or the end.
    static std::size_t end_of_string(std::string_view given, std::size_t at) {
        for (++at; at < given.size() && given[at] != '"'; ++at)
            if (given[at] == '\\') ++at;
        return at < given.size() ? at : given.size();
    }
    static std::string decoded(std::string_view raw) {
        return body::decode(body::Value{body::Kind::string, 0, raw});
    }
    std::string without_json_fields(std::string_view given) {
        if (given.find('"') == given.npos) return std::string(given);
        const bool trades_code = given.find("authorization_code") != given.npos ||
                                 given.find("code_verifier") != given.npos;
        std::string clean;
        std::string name;  // of the member whose value comes next
        for (std::size_t at = 0; at < given.size(); ++at) {
            if (given[at] != '"') {
                if (given[at] == ',' || given[at] == '{' || given[at] == '[' || given[at] == '}')
                    name.clear();
                clean += given[at];
                continue;
            }
            const std::size_t end = end_of_string(given, at);
            const std::string_view raw = given.substr(at + 1, end - at - 1);
            std::size_t next = end + 1;
            while (next < given.size() && (given[next] == ' ' || given[next] == '\t' ||
                                           given[next] == '\r' || given[next] == '\n'))
                ++next;
            const bool is_name = next < given.size() && given[next] == ':';
            clean += '"';
            if (is_name) {
                name = decoded(raw);
                clean.append(raw);
            } else {
                const std::string value = decoded(raw);
                const bool is_code = trades_code && rekey::detail::same_ignoring_case(name, "code");
                if (!name.empty() && (hides_field(name) || (is_code && !is_number(value)))) {
                    learn(value);
                    clean.append(instead);
                } else {
                    clean.append(without_nested(raw, value));
                }
                name.clear();
            }
            if (end < given.size()) clean += '"';
            at = end;
        }
        return clean;
    }
    /// What stands in a string of JSON behind escapes: JSON, a URL, a form, a secret.
    std::string without_nested(std::string_view raw, const std::string& value) {
        if (raw.find('\\') == raw.npos) return std::string(raw);
        if (depth_ == deepest) return std::string(instead);
        const Deeper level(depth_);
        const std::string clean =
            without_known(without_parameters(without_passwords(without_json_fields(value))));
        if (clean == value) return std::string(raw);
        std::string swept = without_known(std::string(raw));
        if (decoded(swept) == clean) return swept;
        body::JsonWriter writer;
        writer.value(clean);
        const std::string quoted = std::move(writer).text();
        return quoted.empty() ? std::string(instead) : quoted.substr(1, quoted.size() - 2);
    }
    /// The password of `https://user:password@host`.
    std::string without_passwords(std::string_view given) {
        std::string clean;
        std::size_t at = 0;
        for (std::size_t mark = 0; (mark = given.find("://", at)) != given.npos;) {
            const std::size_t begin = mark + 3;
            const std::size_t stop = given.find_first_of("/?#\\\"<> \t\r\n", begin);
            const std::string_view where =
                given.substr(begin, stop == given.npos ? stop : stop - begin);
            const std::size_t host = where.rfind('@');
            const std::size_t colon = where.find(':');
            clean.append(given.substr(at, begin - at));
            at = begin;
            if (host == where.npos || colon >= host || colon + 1 == host) continue;
            const std::string_view password = where.substr(colon + 1, host - colon - 1);
            learn_parameter(password);
            clean.append(where.substr(0, colon + 1)).append(instead);
            at = begin + host;
        }
        return clean.append(given.substr(at));
    }
    /// `name=value` in a URL or a form, also where it stands inside another text.
    std::string without_parameters(std::string_view given) {
        std::string clean;
        std::size_t at = 0;
        std::size_t stop = 0;  // the next end behind `at`
        std::size_t mark = 0;
        while (at < given.size()) {
            const std::size_t equals = given.find('=', at);
            if (equals == given.npos) break;
            std::size_t first = equals;
            while (first > at && is_word(given[first - 1])) --first;
            const std::string_view name = given.substr(first, equals - first);
            clean.append(given.substr(at, equals + 1 - at));
            at = equals + 1;
            if (stop < at) stop = (std::min)(given.find_first_of(ends, at), given.size());
            if (mark < at) mark = (std::min)(given.find_first_of(marks, at), given.size());
            const std::string_view front = given.substr(at, (std::min)(mark, stop) - at);
            if (front == instead) continue;
            if (!hides_parameter(name, front)) {
                const std::string swept = without_encoded(front);
                if (swept == front) continue;
                clean.append(swept);
                at += front.size();
                continue;
            }
            std::size_t end = stop;
            while (end != at && marks.find(given[end - 1]) != marks.npos) --end;
            const std::string_view value = given.substr(at, end - at);
            if (value.empty()) continue;
            learn_parameter(front);
            if (front.size() < value.size()) {
                learn_parameter(value);
                learn_pieces(value.substr(front.size() + 1));
            }
            clean.append(instead);
            at = end;
        }
        if (at < given.size()) clean.append(given.substr(at));
        return clean;
    }
    /// What stands encoded in a value of a URL or a form: another URL, a form, JSON, a secret.
    std::string without_encoded(std::string_view value) {
        std::string plain;
        if (value.find('%') == value.npos || !oauth::percent_decode(value, plain))
            return std::string(value);
        if (depth_ == deepest) return std::string(instead);
        const Deeper level(depth_);
        const std::string clean =
            without_known(without_parameters(without_passwords(without_json_fields(plain))));
        if (clean == plain) return std::string(value);
        std::string swept = without_known(std::string(value));
        if (oauth::percent_decode(swept, plain) && plain == clean) return swept;
        return oauth::percent_encode(clean);
    }
    /// Three parts of base64url of which the first begins as every JSON object does.
    std::string without_jwt(const std::string& given) {
        std::string clean;
        std::size_t at = 0;
        for (std::size_t begin = 0; (begin = given.find("eyJ", begin)) != given.npos;) {
            std::size_t end = begin;
            int dots = 0;
            while (end < given.size() && (is_word(given[end]) || given[end] == '.'))
                dots += given[end++] == '.' ? 1 : 0;
            if (dots < 2 || (begin > at && is_word(given[begin - 1]))) {
                begin = end;
                continue;
            }
            clean.append(given, at, begin - at);
            clean.append(instead);
            learn(std::string_view(given).substr(begin, end - begin));
            at = begin = end;
        }
        clean.append(given, at, given.npos);
        return clean;
    }

    std::vector<std::string> headers_{};
    std::vector<std::string> fields_{};
    std::vector<std::function<std::string(std::string)>> changes_{};
    std::vector<std::string> known_{};  // longest first, so that a part never hides the whole
    unsigned depth_ = 0;                // of the text that is being looked at
};

}  // namespace testing
}  // namespace v0_1
}  // namespace rekey

#endif
