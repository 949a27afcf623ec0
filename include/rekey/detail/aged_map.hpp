// SPDX-License-Identifier: BSL-1.0
// AgedMap: a map of at most so many, of which the oldest gives way to a new one.
#ifndef REKEY_DETAIL_AGED_MAP_HPP
#define REKEY_DETAIL_AGED_MAP_HPP

#include <rekey/version.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <utility>

namespace rekey {
inline namespace v0_1 {
namespace detail {

/// What is kept for people who may never come back: bounded, so that nobody can fill the memory.
///
/// Key, Value   moved in; a Value need not be copied.
/// Threads      one at a time.
/// Cost         O(log n), also of dropping the oldest.
template <class Key, class Value> class AgedMap {
    struct Entry {
        template <class Given>
        Entry(std::uint64_t of_age, Given&& given)
            : number(of_age), value(std::forward<Given>(given)) {}
        std::uint64_t number;
        Value value;
    };
    using Entries = std::map<Key, Entry, std::less<>>;
    using Ages = std::map<std::uint64_t, const Key*>;

public:
    /// One that was taken out. It has kept its age and can go back.
    class Taken {
    public:
        Taken() = default;
        explicit operator bool() const noexcept { return !entry_.empty(); }
        Value& value() const { return entry_.mapped().value; }

    private:
        friend class AgedMap;
        typename Entries::node_type entry_{};
        typename Ages::node_type age_{};
    };

    /// At least one.
    explicit AgedMap(std::size_t limit) noexcept : limit_(limit == 0 ? 1 : limit) {}
    AgedMap(const AgedMap&) = delete;
    AgedMap& operator=(const AgedMap&) = delete;

    /// Adds a new one; false if the key is there, whose value stays. First the oldest go, as long
    /// as there is no room or `is_over(value)`: one that is over behind one that is not waits for
    /// it.
    template <class IsOver> bool add(Key key, Value value, const IsOver& is_over) {
        while (!ages_.empty()) {
            // An age without a key: its entry ran out of memory.
            const Key* const oldest = ages_.begin()->second;
            if (oldest != nullptr) {
                const auto place = entries_.find(*oldest);
                if (entries_.size() < limit_ && !is_over(std::as_const(place->second.value))) break;
                entries_.erase(place);
            }
            ages_.erase(ages_.begin());
        }
        const auto age = ages_.emplace_hint(ages_.end(), ++added_, nullptr);
        const auto [place, is_new] = entries_.try_emplace(std::move(key), added_, std::move(value));
        if (is_new)
            age->second = &place->first;
        else
            ages_.erase(age);
        return is_new;
    }

    /// The value, null if there is none.
    template <class Text> Value* find(const Text& key) {
        const auto place = entries_.find(key);
        return place != entries_.end() ? &place->second.value : nullptr;
    }
    /// Takes it out; empty if there is none.
    template <class Text> Taken take(const Text& key) {
        Taken taken;
        const auto place = entries_.find(key);
        if (place == entries_.end()) return taken;
        taken.age_ = ages_.extract(place->second.number);
        taken.entry_ = entries_.extract(place);
        return taken;
    }
    /// Brings it back, as old as it is, even beyond the limit. Allocates nothing.
    void put_back(Taken&& taken) {
        ages_.insert(std::move(taken.age_));
        entries_.insert(std::move(taken.entry_));
    }

    std::size_t size() const noexcept { return entries_.size(); }

private:
    Entries entries_{};
    Ages ages_{};  // the oldest first; each points to the key of its entry
    std::uint64_t added_ = 0;
    std::size_t limit_;
};

}  // namespace detail
}  // namespace v0_1
}  // namespace rekey

#endif
