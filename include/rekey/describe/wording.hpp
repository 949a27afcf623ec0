// SPDX-License-Identifier: BSL-1.0
// Wording: what a policy says about itself, in one English sentence.
#ifndef REKEY_DESCRIBE_WORDING_HPP
#define REKEY_DESCRIBE_WORDING_HPP

#include <rekey/detail/foreign_text.hpp>
#include <rekey/facts.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>

namespace rekey {
inline namespace v0_1 {

/// Takes the words of a policy: texts, whole numbers, times, classes of failures.
///
/// A policy of yours says its own, in one member function that needs no header of this room:
/// ```
/// template <class Words> void say(Words& words) const {
///     words("Sends nothing after ", hour_, " o'clock.");
/// }
/// ```
/// `static` if the type alone knows all of it. A policy that says nothing is named plainly.
class Wording {
public:
    template <class... Parts> Wording& operator()(const Parts&... parts) {
        (add(parts), ...);
        return *this;
    }
    /// The last part of a type's name: `Meter` of `rekey::observe::Meter<BotOf>`.
    template <class Type> Wording& name_of() {
        const std::string_view name = bare_name<Type>();
        text_ += name.empty() ? std::string_view("something without a name") : name;
        return *this;
    }
    /// The sentence, as one line.
    std::string text() const {
        std::string line = text_;
        detail::keep_to_one_line(line);
        return line;
    }

    /// `2 s`, `1.5 s`, `100 ms`, `7 ns`; `no time` for none.
    static std::string time(Duration span) {
        if (span <= Duration{0}) return "no time";
        const std::int64_t count = span.count();
        if (count >= 1'000'000'000) return decimal(count / 1'000'000, "s");
        if (count >= 1'000'000) return decimal(count / 1'000, "ms");
        return std::to_string(count) + " ns";
    }
    static constexpr std::string_view word(FailureClass failure) noexcept {
        switch (failure) {
            case NoFailure: return "a success";
            case AuthRejected: return "a refusal";
            case NotFound: return "something not found";
            case RateLimited: return "a rate limit";
            case QuotaExhausted: return "a used up quota";
            case Transient: return "a passing failure";
            case Permanent: return "a wrong request";
        }
        return "something unknown";
    }

private:
    void add(std::string_view part) { text_.append(part); }
    void add(const std::string& part) { text_.append(part); }
    void add(const char* part) { text_.append(part); }
    void add(Duration span) { text_ += time(span); }
    void add(FailureClass failure) { text_.append(word(failure)); }
    template <class Rep, class Period> void add(std::chrono::duration<Rep, Period> span) {
        add(std::chrono::duration_cast<Duration>(span));
    }
    template <class Integer, class = std::enable_if_t<std::is_integral_v<Integer>>>
    void add(Integer number) {
        text_ += std::to_string(number);
    }

    static std::string decimal(std::int64_t thousandths, const char* unit) {
        std::string text = std::to_string(thousandths / 1000);
        if (thousandths % 1000 != 0) {
            std::string digits = std::to_string(1000 + thousandths % 1000);
            while (digits.back() == '0') digits.pop_back();
            text += '.' + digits.substr(1);
        }
        return text + ' ' + unit;
    }
    /// What the compiler calls the type, without its rooms and its arguments; no RTTI.
    template <class Type> static std::string_view bare_name() noexcept {
#if defined(__GNUC__) || defined(__clang__)
        std::string_view text = __PRETTY_FUNCTION__;
        const std::size_t begin = text.find("Type = ");
        if (begin == std::string_view::npos) return {};
        text.remove_prefix(begin + 7);
        // Marks inside brackets are those of arguments, and of functions that a type is local to.
        std::size_t room = 0;
        std::size_t arguments = std::string_view::npos;
        std::size_t end = 0;
        for (std::size_t depth = 0; end != text.size(); ++end) {
            const char c = text[end];
            if (depth == 0 && (c == ';' || c == ']')) break;
            if (depth == 0 && c == '<' && end != room) arguments = end;  // else a lambda
            if (depth == 0 && text.substr(end, 2) == "::") {
                room = end + 2;
                arguments = std::string_view::npos;
            }
            if (std::string_view("<({[").find(c) != std::string_view::npos) ++depth;
            if (std::string_view(">)}]").find(c) != std::string_view::npos && depth != 0) --depth;
        }
        text = text.substr(room, (arguments < end ? arguments : end) - room);
        if (text.substr(0, 6) == "const ") text.remove_prefix(6);
        if (text.find_first_of("<({") == 0)
            return text.find("lambda") == 1 ? std::string_view("a function") : std::string_view();
        return text.find('(') == std::string_view::npos ? text : std::string_view("a function");
#else
        return {};
#endif
    }

    std::string text_{};
};

}  // namespace v0_1
}  // namespace rekey

#endif
