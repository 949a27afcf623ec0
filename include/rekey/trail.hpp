// SPDX-License-Identifier: BSL-1.0
// Trail: what each attempt of a call was and how it ended.
#ifndef REKEY_TRAIL_HPP
#define REKEY_TRAIL_HPP

#include <rekey/action.hpp>
#include <rekey/detail/shared.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace rekey {
inline namespace v0_1 {

/// One attempt: a send, or an exchange for a token that failed and so became part of the story.
struct TrailEntry {
    std::uint32_t number;  ///< Of the send, from 1.
    Move move;             ///< Why it was made.
    Reach reach;
    FailureClass failure;
    Fault fault;
    std::uint8_t slot;  ///< Position of the credential in the chain.
    bool exchange;      ///< The token endpoint answered this, not the service.
    bool has_service_code;
    int http_status;            ///< 0 without an answer.
    std::int64_t service_code;  ///< Meaningful if `has_service_code`.
};

namespace detail {

/// Without a chain there is one slot, and it has no name.
inline constexpr std::string_view no_names[1] = {};

/// The names of a chain's credentials: static text, or text that the last result keeps alive.
/// Every slot of a call has one, so that there is nothing to check.
struct Names {
    const std::string_view* list = no_names;
    struct Owned {
        std::string text[32];
        std::string_view views[32];
    };
    Shared<Owned> owned{};

    std::string_view operator[](std::size_t slot) const noexcept { return list[slot]; }
};

}  // namespace detail

/// The attempts of a call: the first four and the last four are kept, the count is exact.
///
/// Cost  inline storage, no allocation.
class Trail {
public:
    Trail() noexcept : count_(0) {}  // not `= default`, which would fill the entries with zeros
    /// One of a call that is about to begin; its count is yet to be said.
    explicit Trail(const detail::Names& names) noexcept : names_(names) {}
    /// One with nothing in it that is filled, so that no compiler warns where it is copied.
    explicit Trail(std::nullptr_t) noexcept : count_(0), entries_() {}

    /// How many attempts there were in all.
    std::size_t count() const noexcept { return count_; }
    /// How many of them are kept here.
    std::size_t size() const noexcept { return count_ < kept ? count_ : kept; }
    /// How many were dropped between the fourth and the fourth from last.
    std::size_t omitted() const noexcept { return count_ - size(); }
    bool empty() const noexcept { return count_ == 0; }

    /// The kept entries in the order in which they happened. Requires `index < size()`.
    const TrailEntry& operator[](std::size_t index) const noexcept {
        if (index < half || count_ <= kept) return entries_[index];
        return entries_[half + (count_ + index - half) % half];
    }
    const TrailEntry& back() const noexcept { return (*this)[size() - 1]; }

    /// The name of the credential that signed an entry; empty without a chain.
    std::string_view credential(const TrailEntry& entry) const noexcept {
        return names_[entry.slot];
    }
    std::string_view credential(std::uint8_t slot) const noexcept { return names_[slot]; }

    const detail::Names& names() const noexcept { return names_; }
    /// The room for the entry of a send, one of the first four, where all before were sends.
    TrailEntry& of_send(std::uint32_t number) noexcept { return entries_[number - 1]; }
    /// Says how many entries of sends are there.
    void has(std::uint32_t sends) noexcept { count_ = sends; }
    /// The room for the next entry; the driver fills it.
    TrailEntry& add() {
        const std::size_t index = count_ < half ? count_ : half + (count_ - half) % half;
        ++count_;
        return entries_[index];
    }

private:
    static constexpr std::size_t half = 4, kept = 2 * half;

    std::size_t count_;
    detail::Names names_{};
    TrailEntry entries_[kept];  // uninitialised on purpose: `count_` says which are there
};

}  // namespace v0_1
}  // namespace rekey

#endif
