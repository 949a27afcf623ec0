// SPDX-License-Identifier: BSL-1.0
// SharedRoute: what the processes of a fleet have learned about where requests are served.
#ifndef REKEY_TOKEN_SHARED_ROUTE_HPP
#define REKEY_TOKEN_SHARED_ROUTE_HPP

#include <rekey/route.hpp>
#include <rekey/secret.hpp>
#include <rekey/token/store.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rekey {
inline namespace v0_1 {
namespace token {

/// How one exchange with the fleet went; as a condition, whether all of it was done.
struct RouteSync {
    std::size_t taken = 0;  ///< Verdicts of others that count here from now on.
    std::size_t given = 0;  ///< Verdicts of this process that others will find.
    std::size_t keys = 0;   ///< How many keys the record has.
    /// For people, what was in the way. What was taken until then counts; nothing else changed.
    const char* problem = nullptr;

    explicit operator bool() const noexcept { return problem == nullptr; }
};

namespace store_parts {

/// What is known of one key, as the record of a fleet holds it.
struct SharedVerdict {
    std::uint64_t tag = 0;
    std::uint64_t round = 0;  ///< The writing of the record that brought it.
    std::string name{};       ///< Of the credential.
};

/// The record of a fleet: one line a key, in the order of their hashes.
struct SharedVerdicts {
    static constexpr std::string_view head = "rekey shared route 1, round: ";
    static constexpr std::size_t most_keys = 1024;
    static constexpr std::size_t longest = 64 * 1024;
    static constexpr std::size_t longest_name = 24;

    std::uint64_t round = 0;
    std::vector<SharedVerdict> verdicts{};

    SharedVerdict* find(std::uint64_t tag) noexcept {
        const auto place = std::lower_bound(
            verdicts.begin(), verdicts.end(), tag,
            [](const SharedVerdict& each, std::uint64_t wanted) { return each.tag < wanted; });
        return place != verdicts.end() && place->tag == tag ? &*place : nullptr;
    }
    void put(std::uint64_t tag, std::string_view name) {
        SharedVerdict* const known = find(tag);
        if (known != nullptr) {
            known->round = round;
            known->name = std::string(name);
            return;
        }
        const auto place = std::lower_bound(
            verdicts.begin(), verdicts.end(), tag,
            [](const SharedVerdict& each, std::uint64_t wanted) { return each.tag < wanted; });
        verdicts.insert(place, {tag, round, std::string(name)});
    }
    /// Leaves room by dropping what was learned longest ago.
    void shorten() {
        if (verdicts.size() <= most_keys) return;
        std::vector<std::uint64_t> rounds;
        for (const SharedVerdict& each : verdicts) rounds.push_back(each.round);
        const auto last = rounds.begin() + static_cast<std::ptrdiff_t>(rounds.size() - most_keys);
        std::nth_element(rounds.begin(), last, rounds.end());
        const std::uint64_t oldest = *last;
        std::size_t more = verdicts.size() - most_keys;
        // First whatever is older, then as many of the same age as are still too many.
        for (const bool is_equal : {false, true})
            verdicts.erase(std::remove_if(verdicts.begin(), verdicts.end(),
                                          [&](const SharedVerdict& each) {
                                              const bool goes = is_equal ? each.round == oldest
                                                                         : each.round < oldest;
                                              return goes && more != 0 && more-- != 0;
                                          }),
                           verdicts.end());
    }

    std::string text() const {
        std::string text(head);
        text += std::to_string(round) + ", keys: " + std::to_string(verdicts.size()) + '\n';
        for (const SharedVerdict& each : verdicts)
            rekey::detail::RouteLines::write(text, each.tag,
                                             std::to_string(each.round) + ' ' + each.name);
        return text;
    }
    /// False: the text is something else, or a part; then nothing is known.
    bool read(std::string_view text) {
        *this = {};
        SharedVerdicts found;
        std::uint64_t count = 0;
        constexpr std::string_view keys = ", keys: ";
        if (text.size() > longest || text.substr(0, head.size()) != head) return false;
        text.remove_prefix(head.size());
        if (!number(text, found.round) || text.substr(0, keys.size()) != keys) return false;
        text.remove_prefix(keys.size());
        if (!number(text, count) || count > most_keys || text.empty() || text.front() != '\n')
            return false;
        text.remove_prefix(1);
        rekey::detail::RouteLines lines(text);
        for (std::uint64_t before = 0; count != 0; --count) {
            SharedVerdict each;
            std::string_view rest;
            if (!lines.entry(each.tag, rest) || each.tag <= before) return false;
            before = each.tag;
            if (!number(rest, each.round) || each.round > found.round || rest.size() < 2 ||
                rest.front() != ' ' || rest.size() > longest_name + 1)
                return false;
            each.name = std::string(rest.substr(1));
            found.verdicts.push_back(std::move(each));
        }
        if (!lines.at_end()) return false;
        *this = std::move(found);
        return true;
    }

private:
    static bool number(std::string_view& text, std::uint64_t& value) noexcept {
        std::size_t digits = 0;
        for (value = 0; digits != text.size() && text[digits] >= '0' && text[digits] <= '9';
             ++digits)
            value = value * 10 + static_cast<std::uint64_t>(text[digits] - '0');
        text.remove_prefix(digits);
        return digits != 0 && digits <= 18;
    }
};

}  // namespace store_parts

/// Lets the processes of a fleet learn from each other where their requests are served: a move
/// costs a call in the fleet, and not one in each process.
///
/// Store     as of `TokensIn`. The route is one record in it, written by compare-and-swap.
/// name      of the record, the same in all processes; up to 64 characters of `A-Za-z0-9_-`.
/// Rules     what this process has found out since the last exchange stays, and is given; what
///           others have found out since then is taken. A wrong verdict costs a call, never an
///           answer, and is corrected by whoever meets it.
/// Bounds    1024 keys, those that were learned last; names of up to 24 bytes.
/// Holds     hashes of keys and names of credentials, as `Route::export_to`: no secret, not sealed.
///           Whoever can write to the store can cost calls. The operator's switch is not shared.
/// Errors    a store that does not answer, and a record that is none of ours, are said in words; a
///           foreign record is left alone.
/// Threads   one at a time; clients send meanwhile. One of it in a process is enough: copies of a
///           client share their route.
/// Cost      a load and, where something is given, a swap: for a thread of yours, every few
///           seconds, and at the end of a process.
/// Example   docs/route.md
template <class Store> class SharedRoute {
    static_assert(
        is_token_store<Store>(),
        "rekey: SharedRoute{store} takes a token store, with load, swap, acquire, renew "
        "and release as <rekey/token/store.hpp> lists them; this one lacks some of them.");

public:
    explicit SharedRoute(Store store, std::string name = "rekey-route")
        : store_(std::move(store)), name_(std::move(name)) {}

    /// Takes what the others have found out, and gives what this process has:
    /// `shared.sync(client.route())`.
    template <class Route> RouteSync sync(const Route& route) {
        RouteSync done;
        for (int tries = 0; tries != most_tries; ++tries) {
            const StoreEntry entry = store_.load(name_);
            if (entry.outcome == Loaded::unavailable) {
                done.problem = "the store does not answer";
                return done;
            }
            store_parts::SharedVerdicts fleet;
            const bool is_new = entry.outcome == Loaded::absent;
            if (!is_new && !fleet.read(entry.value.expose())) {
                done.problem =
                    "what the store has under this name is no route that rekey has "
                    "shared, or of another version; it is left alone";
                return done;
            }
            std::vector<Mine> mine = verdicts_of(route);
            done.taken += take(route, fleet, mine);
            forget_all_but(fleet, mine);
            const std::vector<Mine> gifts = gifts_for(fleet, mine);
            done.keys = fleet.verdicts.size();
            if (gifts.empty()) return done;
            ++fleet.round;
            for (const Mine& gift : gifts) fleet.put(gift.tag, gift.name);
            fleet.shorten();
            const std::uint64_t from = is_new ? 0 : entry.version;
            const Swapped swapped = store_.swap(name_, from, from + 1, Secret(fleet.text()));
            if (swapped == Swapped::moved) continue;
            if (swapped == Swapped::unavailable) {
                done.problem = "the store does not say whether it has kept what was learned here";
                return done;
            }
            for (const Mine& gift : gifts) {
                note({gift.tag, fleet.round, gift.stamp, gift.name});
                if (fleet.find(gift.tag) != nullptr) ++done.given;  // there was room for it
            }
            done.keys = fleet.verdicts.size();
            return done;
        }
        done.problem = "other processes were faster; what was learned here is given next time";
        return done;
    }

private:
    static constexpr int most_tries = 4;

    /// What this process knows.
    struct Mine {
        std::uint64_t tag;
        std::uint64_t stamp;
        std::string name;
    };
    /// What both sides knew when they last spoke of a key.
    struct Note {
        std::uint64_t tag = 0;
        std::uint64_t round = 0;
        std::uint64_t stamp = 0;
        std::string name{};
    };

    template <class Route> static std::vector<Mine> verdicts_of(const Route& route) {
        std::vector<Mine> all;
        route.each_verdict([&](std::uint64_t tag, std::uint64_t stamp, std::string_view name) {
            const bool fits = !name.empty() && name.find('\n') == name.npos &&
                              name.size() <= store_parts::SharedVerdicts::longest_name;
            if (fits) all.push_back({tag, stamp, std::string(name)});
        });
        std::sort(all.begin(), all.end(),
                  [](const Mine& left, const Mine& right) { return left.tag < right.tag; });
        return all;
    }
    /// Takes what is new to this process, where it has found out nothing itself. Notes also what
    /// both sides agree on.
    template <class Route>
    std::size_t take(const Route& route, const store_parts::SharedVerdicts& fleet,
                     std::vector<Mine>& mine) {
        std::size_t taken = 0;
        auto own = mine.begin();
        for (const store_parts::SharedVerdict& theirs : fleet.verdicts) {
            while (own != mine.end() && own->tag < theirs.tag) ++own;
            Mine* const ours = own != mine.end() && own->tag == theirs.tag ? &*own : nullptr;
            const Note* const known = find(theirs.tag);
            if (ours != nullptr && ours->name == theirs.name) {
                note({theirs.tag, theirs.round, ours->stamp, theirs.name});
                continue;
            }
            if (known != nullptr && known->round == theirs.round && known->name == theirs.name)
                continue;  // it was taken once; if it is gone, there was no room
            if (ours != nullptr && (known == nullptr || known->stamp != ours->stamp))
                continue;  // found out here, and given
            const std::uint64_t stamp =
                route.adopt(theirs.tag, ours == nullptr ? 0 : ours->stamp, theirs.name);
            if (stamp == 0) continue;
            note({theirs.tag, theirs.round, stamp, theirs.name});
            if (ours != nullptr) *ours = {theirs.tag, stamp, theirs.name};
            ++taken;
        }
        return taken;
    }
    /// What was found out here since the last exchange, and what the record lacks and has room for.
    std::vector<Mine> gifts_for(store_parts::SharedVerdicts& fleet,
                                const std::vector<Mine>& mine) const {
        std::vector<Mine> gifts;
        for (const Mine& each : mine) {
            const store_parts::SharedVerdict* const theirs = fleet.find(each.tag);
            if (theirs != nullptr && theirs->name == each.name) continue;
            const Note* const known = find(each.tag);
            const bool is_news = known == nullptr || known->stamp != each.stamp;
            const bool has_room = fleet.verdicts.size() + gifts.size() < fleet.most_keys;
            if (is_news || (theirs == nullptr && has_room)) gifts.push_back(each);
        }
        return gifts;
    }

    void forget_all_but(store_parts::SharedVerdicts& fleet, const std::vector<Mine>& mine) {
        auto own = mine.begin();
        notes_.erase(std::remove_if(notes_.begin(), notes_.end(),
                                    [&](const Note& each) {
                                        while (own != mine.end() && own->tag < each.tag) ++own;
                                        const bool is_mine =
                                            own != mine.end() && own->tag == each.tag;
                                        return !is_mine && fleet.find(each.tag) == nullptr;
                                    }),
                     notes_.end());
    }
    const Note* find(std::uint64_t tag) const noexcept {
        const auto place = place_of(tag);
        return place != notes_.end() && place->tag == tag ? &*place : nullptr;
    }
    void note(Note fresh) {
        const auto place = place_of(fresh.tag);
        if (place != notes_.end() && place->tag == fresh.tag)
            notes_[static_cast<std::size_t>(place - notes_.begin())] = std::move(fresh);
        else
            notes_.insert(place, std::move(fresh));
    }
    typename std::vector<Note>::const_iterator place_of(std::uint64_t tag) const noexcept {
        return std::lower_bound(
            notes_.begin(), notes_.end(), tag,
            [](const Note& each, std::uint64_t wanted) { return each.tag < wanted; });
    }

    Store store_;
    std::string name_;
    std::vector<Note> notes_{};  // in the order of their tags
};

}  // namespace token
}  // namespace v0_1
}  // namespace rekey

#endif
