// SPDX-License-Identifier: BSL-1.0
// Secret: text that never prints itself and leaves no copy behind in memory.
#ifndef REKEY_SECRET_HPP
#define REKEY_SECRET_HPP

#include <rekey/version.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace rekey {
inline namespace v0_1 {

namespace detail {

/// Overwrites memory with zeros in a way that the optimiser may not drop.
inline void wipe(void* memory, std::size_t size) noexcept {
    volatile unsigned char* byte = static_cast<volatile unsigned char*>(memory);
    for (; size != 0; --size) *byte++ = 0;
}

/// Overwrites everything a string owns, on the heap and in its small buffer, and leaves it empty.
inline void wipe(std::string& text) noexcept {
    text.resize(text.capacity());  // never allocates: the bytes behind size() hold old text too
    wipe(&text[0], text.size());
    text.clear();
    std::string heap;
    heap.swap(text);  // `text` is now back in its small buffer, which may hold an older start
    text.resize(text.capacity());
    wipe(&text[0], text.size());
    text.clear();
}

/// Where a secret lives. Tests put it into an arena that they can look at afterwards.
struct SecretHeap {
    static char* allocate(std::size_t size) { return new char[size]; }
    static void release(char* text, std::size_t) noexcept { delete[] text; }
};

/// Text outside the object that owns it, wiped before its memory is given back.
template <class Memory = SecretHeap> class WipedText {
public:
    WipedText() noexcept = default;
    explicit WipedText(std::string_view text) : WipedText({}, text) {}
    /// `text` behind `before` and a space; alone where that is empty.
    WipedText(std::string_view before, std::string_view text) {
        const std::size_t start = before.empty() ? 0 : before.size() + 1;
        if (start + text.size() == 0) return;
        text_ = Memory::allocate(start + text.size());
        size_ = start + text.size();
        std::char_traits<char>::copy(text_, before.data(), before.size());
        if (start != 0) text_[start - 1] = ' ';
        std::char_traits<char>::copy(text_ + start, text.data(), text.size());
    }
    WipedText(const WipedText& other) : WipedText(other.view()) {}
    WipedText(WipedText&& other) noexcept { swap(other); }
    WipedText& operator=(const WipedText& other) { return *this = WipedText(other); }
    WipedText& operator=(WipedText&& other) noexcept {
        WipedText(std::move(other)).swap(*this);
        return *this;
    }
    ~WipedText() {
        if (text_ == nullptr) return;
        wipe(text_, size_);
        Memory::release(text_, size_);
    }

    std::string_view view() const noexcept { return {text_, size_}; }

private:
    void swap(WipedText& other) noexcept {
        std::swap(text_, other.text_);
        std::swap(size_, other.size_);
    }

    char* text_ = nullptr;
    std::size_t size_ = 0;
};

/// Compares `left_size` and `right_size` items and reads every item of `left` whatever they hold;
/// only the lengths may change the time. `Iterator` lets a test count the reads.
template <class Iterator>
bool constant_time_equal(Iterator left, std::size_t left_size, Iterator right,
                         std::size_t right_size) {
    const bool same_size = left_size == right_size;
    Iterator other = same_size ? right : left;
    volatile unsigned char difference = same_size ? 0 : 1;
    for (std::size_t i = 0; i != left_size; ++i, ++left, ++other) {
        const int both = static_cast<unsigned char>(*left) ^ static_cast<unsigned char>(*other);
        difference = static_cast<unsigned char>(difference | both);
    }
    return difference == 0;
}

template <class> inline constexpr bool never = false;

}  // namespace detail

/// Compares two texts in a time that depends on their lengths only: for `state` and other values
/// that an attacker may guess at.
///
/// Source       RFC 9700 §4.7
inline bool constant_time_equal(std::string_view left, std::string_view right) noexcept {
    return detail::constant_time_equal(left.data(), left.size(), right.data(), right.size());
}

/// A token, a key or a client secret. `expose()` is the only way to its text.
///
/// It is wiped when it is destroyed or assigned to; moving hands the memory over and copies
/// nothing. It cannot be streamed, formatted, turned into JSON, compared with == or converted.
///
/// Requires     nothing; a null `const char*` makes an empty secret: `Secret{std::getenv("X")}`.
/// Threads      as `std::string`: many readers, or one writer.
/// Cost         one allocation per copy; never a small buffer inside the object.
/// Example      `Secret token{std::move(text)};  header.append(token.expose());`
class Secret {
public:
    Secret() noexcept = default;

    /// Takes a temporary or moved string and wipes it where it stands, small buffer included.
    explicit Secret(std::string&& text) : text_(std::string_view(text)) { detail::wipe(text); }

    /// Copies the text. The caller's original stays as it is.
    explicit Secret(std::string_view text) : text_(text) {}
    explicit Secret(detail::WipedText<>&& text) noexcept : text_(std::move(text)) {}
    explicit Secret(const char* text)
        : text_(text == nullptr ? std::string_view() : std::string_view(text)) {}

    /// The text itself, for the wire. The view lives until the secret is assigned or destroyed.
    std::string_view expose() const noexcept { return text_.view(); }

    bool empty() const noexcept { return expose().empty(); }
    std::size_t size() const noexcept { return expose().size(); }

    operator std::string() const = delete;  ///< Write `secret.expose()` where the text is meant.

    // The functions below exist to refuse, each with a sentence.

    /// Streams, and test frameworks that print whatever can be streamed.
    template <class Stream> friend Stream& operator<<(Stream& stream, const Secret&) {
        static_assert(detail::never<Stream>,
                      "rekey: a Secret is never printed; call expose() where the wire needs it.");
        return stream;
    }

    /// nlohmann/json and others that look for this name.
    template <class Json> friend void to_json(Json&, const Secret&) {
        static_assert(detail::never<Json>,
                      "rekey: a Secret is never written as JSON; call expose() in the one place "
                      "that builds the request.");
    }

    /// fmt.
    template <class Text>
    friend std::enable_if_t<std::is_same_v<Text, Secret>, std::string_view> format_as(const Text&) {
        static_assert(detail::never<Text>,
                      "rekey: a Secret is never formatted; call expose() where the wire needs it.");
        return {};
    }

    template <class Left, class Right>
    friend std::enable_if_t<std::is_same_v<Left, Secret> || std::is_same_v<Right, Secret>, bool>
    operator==(const Left&, const Right&) {
        static_assert(detail::never<Left>,
                      "rekey: == stops at the first difference and tells an attacker how far a "
                      "guess came; write constant_time_equal(a.expose(), b.expose()).");
        return false;
    }

private:
    detail::WipedText<> text_;
};

}  // namespace v0_1
}  // namespace rekey

#endif
