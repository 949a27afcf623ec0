// SPDX-License-Identifier: BSL-1.0
// Meter: counts what calls do, per credential, per code and per key, without a lock.
#ifndef REKEY_OBSERVE_METER_HPP
#define REKEY_OBSERVE_METER_HPP

#include <rekey/observe/snapshot.hpp>
#include <rekey/observed.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace rekey {
inline namespace v0_1 {
namespace observe {

/// A meter that does not count by key.
struct NoKeys {};

namespace metering {

constexpr auto relaxed = std::memory_order_relaxed;

class Counter {
public:
    void add(std::uint64_t more = 1) noexcept { count_.fetch_add(more, relaxed); }
    std::uint64_t value() const noexcept { return count_.load(relaxed); }

private:
    std::atomic<std::uint64_t> count_{0};
};

/// A moment, or none yet.
class LastTime {
public:
    void set(TimePoint time) noexcept { time_.store(time.time_since_epoch().count(), relaxed); }
    Moment value() const noexcept {
        const std::int64_t time = time_.load(relaxed);
        return {time != never, TimePoint{Duration{time == never ? 0 : time}}};
    }

private:
    static constexpr std::int64_t never = (std::numeric_limits<std::int64_t>::min)();
    std::atomic<std::int64_t> time_{never};
};

/// The place of the highest bit of a number. Requires `number != 0`.
inline std::size_t highest_bit(std::uint64_t number) noexcept {
#if defined(__GNUC__)
    return 63u ^ static_cast<unsigned>(__builtin_clzll(number));  // no sign to extend
#else
    std::size_t bit = 0;
    while ((number >>= 1) != 0) ++bit;
    return bit;
#endif
}

/// The logarithm of a power of two.
constexpr int bits_of(std::uint64_t power) noexcept {
    int bits = 0;
    for (; power > 1; power >>= 1) ++bits;
    return bits;
}

class Durations {
public:
    /// Requires `duration >= Duration{0}`.
    void add(Duration duration) noexcept {
        const auto time = static_cast<std::uint64_t>(duration.count());
        buckets_[highest_bit(time | least)].add();
        sum_.add(time);
    }
    Histogram value() const noexcept {
        Histogram all;
        for (std::size_t bit = lowest_bit; bit != bits; ++bit) {
            const std::size_t bucket = bit - lowest_bit;
            all.buckets[bucket < Histogram::bounds ? bucket : Histogram::bounds] +=
                buckets_[bit].value();
        }
        all.sum = Duration{static_cast<std::int64_t>(sum_.value())};
        return all;
    }

private:
    static constexpr auto least = static_cast<std::uint64_t>(Histogram::bound(0).count());
    static constexpr std::size_t lowest_bit = Histogram::first_width - 1;
    static constexpr std::size_t bits = 64;

    Counter buckets_[bits];  // one a bit, used or not: no subtraction and no comparison
    Counter sum_;
};

/// Attempts and successes of the last 73 minutes, in 256 cells of 2^34 ns, which is 17 s.
///
/// A cell is one word: which cell it is, how many attempts, how many accepted. One that meets more
/// than 4 million attempts, 244,000 a second, begins anew. The present cell has a place of its own;
/// whoever meets the next one first puts it into the ring.
class Windows {
public:
    /// False, and not counted, if `now` is not in the present cell: then `turn_to` counts it.
    bool add(TimePoint now, bool accepted) noexcept {
        if (((present_.load(relaxed) ^ number_of(now)) >> number_at) != 0) return false;
        present_.fetch_add(accepted ? attempt | 1 : attempt, relaxed);
        return true;
    }
    void turn_to(TimePoint now, bool accepted) noexcept {
        const std::uint64_t number = number_of(now);
        const std::uint64_t one = accepted ? attempt | 1 : attempt;
        std::uint64_t before = present_.load(relaxed);
        do {
            if (((before ^ number) >> number_at) == 0) {  // somebody was faster
                present_.fetch_add(one, relaxed);
                return;
            }
        } while (!present_.compare_exchange_weak(before, (number & ~counts) | one, relaxed));
        if (is_full(before)) return;
        std::atomic<std::uint64_t>& place = ring_[(before >> number_at) % size];
        std::uint64_t there = place.load(relaxed);
        for (;;) {  // a cell that somebody came late to is added to
            const bool is_same = ((there ^ before) >> number_at) == 0;
            const std::uint64_t all = is_same ? there + (before & counts) : before;
            if (place.compare_exchange_weak(there, all, relaxed)) return;
        }
    }
    Share share(TimePoint now, Duration period) const noexcept {
        const std::uint64_t last = number_of(now) >> number_at;
        const auto wanted = static_cast<std::uint64_t>(period.count() >> cell_bits) + 1;
        Share all;
        const auto count = [&](std::uint64_t word, std::uint64_t cell) {
            if (word >> number_at != cell || is_full(word)) return;
            all.attempts += (word >> 22) & low;
            all.accepted += word & low;
        };
        const std::uint64_t present = present_.load(relaxed);
        for (std::uint64_t back = 0; back != (wanted < size ? wanted : size); ++back) {
            const std::uint64_t cell = (last - back) & mask;
            count(present, cell);
            count(ring_[cell % size].load(relaxed), cell);
        }
        return all;
    }

private:
    static constexpr std::size_t size = 256;
    static constexpr int cell_bits = 34;
    static constexpr int number_at = 44;
    static constexpr std::uint64_t mask = (std::uint64_t{1} << 20) - 1;
    static constexpr std::uint64_t low = (std::uint64_t{1} << 22) - 1;
    static constexpr std::uint64_t counts = (std::uint64_t{1} << number_at) - 1;
    static constexpr std::uint64_t attempt = std::uint64_t{1} << 22;

    /// Whether more attempts came than a cell has room for: then it has more that were accepted
    /// than that were made, and is in truth the one before.
    static bool is_full(std::uint64_t word) noexcept { return (word & low) > ((word >> 22) & low); }
    /// The cell in the bits where a word has it; below them whatever time is left.
    static std::uint64_t number_of(TimePoint now) noexcept {
        return static_cast<std::uint64_t>(now.time_since_epoch().count())
               << (number_at - cell_bits);
    }
    std::atomic<std::uint64_t> present_{0};
    std::atomic<std::uint64_t> ring_[size] = {};
};

/// A text that is written once, by whoever comes first.
class Label {
public:
    bool is_there() const noexcept { return state_.load(std::memory_order_acquire) == there; }
    /// True for the one caller that wrote it. A text that no label may hold, or only a part of it,
    /// is made different from every other by its hash.
    bool write(std::string_view text, std::uint64_t hash) noexcept {
        std::uint8_t before = empty;
        if (!state_.compare_exchange_strong(before, writing, relaxed)) return false;
        bool plain = text.size() <= sizeof text_;
        for (const char symbol : text)
            if (symbol < ' ' || symbol > '~') plain = false;
        const std::size_t room = plain ? sizeof text_ : sizeof text_ - 17;
        for (const char symbol : text.substr(0, room))
            text_[length_++] = symbol < ' ' || symbol > '~' ? '?' : symbol;
        if (!plain) {
            text_[length_++] = '~';
            for (int shift = 60; shift >= 0; shift -= 4)
                text_[length_++] = "0123456789abcdef"[(hash >> shift) & 0xf];
        }
        state_.store(there, std::memory_order_release);
        return true;
    }
    std::string text() const { return is_there() ? std::string(text_, length_) : std::string(); }

private:
    static constexpr std::uint8_t empty = 0, writing = 1, there = 2;
    char text_[54] = {};
    std::uint8_t length_ = 0;
    std::atomic<std::uint8_t> state_{empty};
};

/// A product, its upper half upon the lower one: all of it depends on all of the number.
inline std::uint64_t folded(std::uint64_t number) noexcept {
    constexpr std::uint64_t odd = 0x9e3779b97f4a7c15u;
#if defined(__SIZEOF_INT128__)
    __extension__ typedef unsigned __int128 Wide;
    const Wide product = static_cast<Wide>(number) * odd;
    return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
#else
    const std::uint64_t product = number * odd;
    return product ^ (product >> 29);
#endif
}

/// A hash of a key, eight bytes at a time; its highest bits depend on all of them. Never 0. No
/// defence against who chooses keys that collide; such a one could only spoil a count.
inline std::uint64_t hash_of(std::string_view text) noexcept {
    constexpr std::uint64_t odd = 0x9e3779b97f4a7c15u;
    const char* at = text.data();
    std::uint64_t hash = text.size();
    const auto word_at = [](const char* from) {
        std::uint64_t word = 0;
        std::memcpy(&word, from, 8);
        return word;
    };
    if (text.size() >= 8) {
        const char* const tail = at + text.size() - 8;
        for (; at < tail; at += 8) hash = folded(hash ^ word_at(at));
        hash = (hash ^ word_at(tail)) * odd;  // may overlap the word before it
    } else {
        for (const char symbol : text) hash = (hash ^ static_cast<unsigned char>(symbol)) * odd;
    }
    return hash | 1u;
}

}  // namespace metering

/// Counts what calls do: `observe::Meter<> meter; Client{…, Observe{meter}}`.
///
/// KeyOf    `KeyOf{}(request)` gives the text by which a request is counted, such as its bot; an
///          empty one is not counted. It becomes a label, so it must be no secret.
/// Keys     how many keys there is room for, a power of two; calls of later ones are counted as
///          `keys_without_room`. Of more than 128, some of the last third may find none.
/// Serves   clients that share a chain, for it tells credentials by their slot; a ninth one would
///          be counted with the first.
/// Threads  any number; no lock, no lost count. A snapshot that is taken meanwhile may hold a part
///          of a call.
/// Cost     no allocation; some 30 instructions a hook (docs/observe.md); 30 KiB and 200 bytes a
///          key.
/// Example  examples/18_observe.cpp
template <class KeyOf = NoKeys, std::size_t Keys = 64> class Meter {
    static_assert(Keys >= 8 && (Keys & (Keys - 1)) == 0,
                  "rekey: Meter<KeyOf, Keys> has room for a power of two of keys, at least 8, such "
                  "as Meter<BotOf, 256>.");

public:
    static constexpr bool wants_time = true;
    static constexpr std::size_t credentials = 8;

    /// What a call keeps for the meter.
    struct PerCall {
        void* key = nullptr;        // what is counted for its key
        std::uint32_t refused = 0;  // which credentials refused, one bit each
    };

    Meter() = default;
    explicit Meter(KeyOf key_of) : key_of_(std::move(key_of)) {}
    Meter(const Meter&) = delete;
    Meter& operator=(const Meter&) = delete;

    template <class Request, class Of = KeyOf>
    auto key_of(const Request& request) const -> decltype(std::declval<const Of&>()(request)) {
        return key_of_(request);
    }

    // The common case of a hook is inlined, and leaves everything else to a function that it ends
    // with, so that nothing is saved before and restored after.

    void began(const Began& event, PerCall& call) noexcept {
        if (event.key.empty()) return;
        const std::uint64_t hash = metering::hash_of(event.key);
        Key& key = keys_[place_of(hash)];
        if (key.tag.load(metering::relaxed) != hash) return find_key(event, hash, call);
        call.key = &key;
    }
    void attempted(const Attempted& event, PerCall& call) noexcept {
        if (event.failure != NoFailure) {
            const std::uint64_t tag = tag_of(event);
            const std::size_t at = code_place(tag);
            if (codes_[at].load(std::memory_order_acquire) != tag)
                return find_code(event, tag, call);
            return refuse(at, event, call);
        }
        Credential& credential = credentials_[place(event)];
        if (!credential.name.is_there()) return meet(credential, event);
        accept(credential, event);
    }
    void exchanged(const Exchanged& event) noexcept {
        Credential& credential = credentials_[place(event)];
        if (!credential.name.is_there()) name(credential, event);
        credential.exchanges[static_cast<std::size_t>(event.outcome)].add();
        credential.token_requests.add(event.requests);
        credential.exchange_time.add(nanoseconds(event.duration));
    }
    void asked_user(const AskedUser& event) noexcept {
        asked_user_[static_cast<std::size_t>(event.outcome)].add();
    }
    void waited(const Waited& event) noexcept {
        waits_.add();
        wait_time_.add(nanoseconds(event.delay));
    }
    void ended(const Ended& event, PerCall& call) noexcept {
        call_latency_.add(event.duration);
        if ((static_cast<unsigned>(event.reason) | static_cast<unsigned>(event.threw)) != 0)
            return failed(event, call);
        const std::size_t slot = place(event);
        auto& served = key_of_call(call).by_credential[slot];
        served.served.add();
        served.last_served.set(event.now);
        if (call.refused == 0) return;
        // Which credentials were passed, but for the one that served after it was renewed.
        Passed& passed = passed_[call.refused & ~(std::uint32_t{1} << slot)];
        passed.count.add();
        passed.last.set(event.now);
    }

    /// Everything that was counted. The windows end at `now`, a moment of the clients' clock.
    Snapshot snapshot(TimePoint now) const;

private:
    static constexpr std::size_t reasons = 11;
    static constexpr std::size_t thrown = 15;
    static constexpr std::size_t code_room = 64;  // 6 bits
    static constexpr std::size_t key_steps = Keys < 128 ? Keys : 128;

    struct Credential {
        metering::Counter by_class[8];  // accepted, and those whose code found no room
        metering::Durations latency;
        metering::Label name;
        metering::LastTime first_seen;
        metering::Counter exchanges[8];
        metering::Counter token_requests;
        metering::Counter exchange_time;
        metering::Windows windows;
    };
    /// Calls that these credentials refused, one bit each, before another one served them.
    struct Passed {
        metering::Counter count;
        metering::LastTime last;
    };
    struct Key {
        std::atomic<std::uint64_t> tag{0};
        metering::Label name;
        metering::Counter failed;
        struct {
            metering::Counter served;
            metering::LastTime last_served;
        } by_credential[credentials];
    };

    static std::size_t place(const Event& event) noexcept { return event.slot % credentials; }
    static std::size_t place_of(std::uint64_t hash) noexcept {
        return static_cast<std::size_t>(hash >> (64 - metering::bits_of(Keys)));
    }
    static std::uint64_t nanoseconds(Duration duration) noexcept {
        return duration.count() > 0 ? static_cast<std::uint64_t>(duration.count()) : 0;
    }
    [[gnu::noinline, gnu::cold]] static void name(Credential& credential,
                                                  const Event& event) noexcept {
        if (credential.name.write(event.credential, metering::hash_of(event.credential)))
            credential.first_seen.set(event.now);
    }
    [[gnu::noinline, gnu::cold]] static void meet(Credential& credential,
                                                  const Attempted& event) noexcept {
        name(credential, event);
        accept(credential, event);
    }
    static void accept(Credential& credential, const Attempted& event) noexcept {
        credential.by_class[NoFailure].add();
        credential.latency.add(event.duration);
        if (!credential.windows.add(event.now, true)) turn(credential, event, true);
    }
    [[gnu::noinline, gnu::cold]] static void turn(Credential& credential, const Attempted& event,
                                                  bool accepted) noexcept {
        credential.windows.turn_to(event.now, accepted);
    }

    // A tag: the code, the class (never 0), the slot; and above them whether it is an HTTP status.
    static constexpr std::uint64_t http_bit = std::uint64_t{1} << 63;
    static constexpr std::uint64_t writing = 1;    // no class, so no tag
    static constexpr std::uint64_t too_large = 2;  // no tag has room for such a code

    static std::uint64_t tag_of(const Attempted& event) noexcept {
        const auto with = [&event](std::uint64_t code) {
            return (code * 8 + event.failure) * 8 + place(event);
        };
        if (!event.has_service_code)
            return with(static_cast<std::uint64_t>(event.http_status)) ^ http_bit;
        std::int64_t shifted;  // by a bit more than a tag, whose two highest say what it is
        if (__builtin_mul_overflow(event.service_code, std::int64_t{128}, &shifted))
            return too_large;
        return with(static_cast<std::uint64_t>(event.service_code));
    }
    static std::int64_t code_in(std::uint64_t tag) noexcept {
        if ((tag & http_bit) != (tag & (http_bit >> 1)) << 1) tag ^= http_bit;  // back to a number
        return static_cast<std::int64_t>(tag) >> 6;
    }
    static bool is_http(std::uint64_t tag) noexcept {
        return (tag & http_bit) != (tag & (http_bit >> 1)) << 1;
    }
    static std::size_t code_place(std::uint64_t tag) noexcept {
        return (static_cast<std::uint32_t>(tag) * 0x9e3779b1u) >> 26;
    }
    void refuse(std::size_t at, const Attempted& event, PerCall& call) noexcept {
        code_counts_[at].add();
        call.refused |= code_refusals_[at];
        Credential& credential = *code_homes_[at];
        credential.latency.add(event.duration);
        if (!credential.windows.add(event.now, false)) turn(credential, event, false);
    }
    static std::uint32_t refusal_of(const Attempted& event) noexcept {
        const bool is_refusal = event.failure == AuthRejected || event.failure == NotFound;
        return is_refusal ? std::uint32_t{1} << place(event) : 0;
    }
    [[gnu::noinline]] void find_code(const Attempted& event, std::uint64_t tag,
                                     PerCall& call) noexcept {
        Credential& credential = credentials_[place(event)];
        std::size_t at = code_place(tag);
        const std::size_t room = tag == too_large ? 0 : code_room;
        for (std::size_t step = 0; step != room; ++step, at = (at + 1) % code_room) {
            std::uint64_t found = codes_[at].load(std::memory_order_acquire);
            if (found == 0 &&
                codes_[at].compare_exchange_strong(found, writing, metering::relaxed)) {
                if (!credential.name.is_there()) name(credential, event);
                code_homes_[at] = &credential;
                code_refusals_[at] = refusal_of(event);
                codes_[at].store(tag, std::memory_order_release);
                found = tag;
            }
            if (found == tag) return refuse(at, event, call);
        }
        if (!credential.name.is_there()) name(credential, event);
        codes_without_room_.add();
        credential.by_class[event.failure].add();
        call.refused |= refusal_of(event);
        credential.latency.add(event.duration);
        if (!credential.windows.add(event.now, false)) turn(credential, event, false);
    }
    /// Whether a place of a table is that of this tag; an empty one becomes it.
    static bool is_at(std::atomic<std::uint64_t>& there, std::uint64_t tag) noexcept {
        std::uint64_t found = there.load(metering::relaxed);
        if (found == 0 && there.compare_exchange_strong(found, tag, metering::relaxed)) return true;
        return found == tag;
    }
    Key& key_of_call(const PerCall& call) noexcept {
        return call.key != nullptr ? *static_cast<Key*>(call.key) : without_key_;
    }
    [[gnu::noinline]] void failed(const Ended& event, const PerCall& call) noexcept {
        calls_[event.threw ? thrown : static_cast<std::size_t>(event.reason)].add();
        key_of_call(call).failed.add();
    }
    [[gnu::noinline]] void find_key(const Began& event, std::uint64_t hash,
                                    PerCall& call) noexcept {
        std::size_t at = place_of(hash);
        for (std::size_t step = 0; step != key_steps; ++step, at = (at + 1) % Keys) {
            if (!is_at(keys_[at].tag, hash)) continue;
            if (!keys_[at].name.is_there()) keys_[at].name.write(event.key, hash);
            call.key = &keys_[at];
            return;
        }
        keys_without_room_.add();
    }

    KeyOf key_of_{};
    Credential credentials_[credentials];
    metering::Counter calls_[thrown + 1];
    metering::Durations call_latency_;
    metering::Counter waits_;
    metering::Counter wait_time_;
    metering::Counter asked_user_[4];
    metering::Counter keys_without_room_;
    metering::Counter codes_without_room_;
    // What one credential gets with one code in one class, and where the rest of it is counted. Two
    // threads that meet a code for the first time may make two of it; a snapshot adds them up.
    std::atomic<std::uint64_t> codes_[code_room] = {};  // tags; written last, when all else stands
    metering::Counter code_counts_[code_room];
    Credential* code_homes_[code_room] = {};
    std::uint32_t code_refusals_[code_room] = {};  // the bit of a credential that was refused
    Passed passed_[1u << credentials];
    Key without_key_;  // calls that no key is known of
    Key keys_[Keys];
};

template <class KeyOf, std::size_t Keys>
Snapshot Meter<KeyOf, Keys>::snapshot(TimePoint now) const {
    Snapshot all;
    all.now = now;
    for (std::size_t i = 0; i != credentials; ++i) {
        const Credential& from = credentials_[i];
        if (!from.name.is_there()) continue;
        CredentialCounts to;
        to.slot = static_cast<std::uint8_t>(i);
        to.name = from.name.text();
        for (std::size_t j = 0; j != 7; ++j) to.by_class[j] = from.by_class[j].value();
        for (std::size_t mask = 1; mask != std::size_t{1} << credentials; ++mask) {
            const Moment last = passed_[mask].last.value();
            if (((mask >> i) & 1u) == 0 || !last.is_known) continue;
            to.passed += passed_[mask].count.value();
            if (!to.last_passed.is_known || last.time > to.last_passed.time) to.last_passed = last;
        }
        const auto add = [&to, i](const Key& key) {
            to.served += key.by_credential[i].served.value();
            const Moment last = key.by_credential[i].last_served.value();
            if (last.is_known && (!to.last_served.is_known || last.time > to.last_served.time))
                to.last_served = last;
        };
        add(without_key_);
        for (const Key& key : keys_) add(key);
        for (std::size_t j = 0; j != 8; ++j) to.exchanges[j] = from.exchanges[j].value();
        to.token_requests = from.token_requests.value();
        to.exchange_time = Duration{static_cast<std::int64_t>(from.exchange_time.value())};
        to.latency = from.latency.value();
        to.last_minute = from.windows.share(now, std::chrono::minutes{1});
        to.last_ten_minutes = from.windows.share(now, std::chrono::minutes{10});
        to.last_hour = from.windows.share(now, std::chrono::hours{1});
        to.first_seen = from.first_seen.value();
        all.credentials.push_back(std::move(to));
    }
    for (std::size_t at = 0; at != code_room; ++at) {
        const std::uint64_t tag = codes_[at].load(std::memory_order_acquire);
        if (tag == 0 || tag == writing) continue;
        const CodeCount read{static_cast<std::uint8_t>(tag & 7u), is_http(tag), code_in(tag),
                             code_counts_[at].value()};
        for (CredentialCounts& credential : all.credentials)
            if (credential.slot == read.slot) credential.by_class[(tag >> 3) & 7u] += read.count;
        CodeCount* same = nullptr;
        for (CodeCount& each : all.codes)
            if (each.slot == read.slot && each.is_http == read.is_http && each.code == read.code)
                same = &each;
        if (same != nullptr)
            same->count += read.count;
        else
            all.codes.push_back(read);
    }
    for (const Key& key : keys_) {
        if (!key.name.is_there()) continue;
        KeyCounts to;
        to.key = key.name.text();
        to.failed = key.failed.value();
        for (std::size_t i = 0; i != credentials; ++i)
            if (const Moment last = key.by_credential[i].last_served.value(); last.is_known)
                to.by_credential.push_back(
                    {static_cast<std::uint8_t>(i), key.by_credential[i].served.value(), last.time});
        all.keys.push_back(std::move(to));
    }
    for (std::size_t i = 0; i != reasons; ++i) all.calls_by_reason[i] = calls_[i].value();
    all.calls_by_reason[0] = 0;  // a success is counted by its key
    for (std::size_t i = 0; i != credentials; ++i) {
        all.calls_by_reason[0] += without_key_.by_credential[i].served.value();
        for (const Key& key : keys_) all.calls_by_reason[0] += key.by_credential[i].served.value();
    }
    all.calls_thrown = calls_[thrown].value();
    all.call_latency = call_latency_.value();
    all.waits = waits_.value();
    all.wait_time = Duration{static_cast<std::int64_t>(wait_time_.value())};
    for (std::size_t i = 0; i != 4; ++i) all.asked_user[i] = asked_user_[i].value();
    all.keys_without_room = keys_without_room_.value();
    all.codes_without_room = codes_without_room_.value();
    return all;
}

}  // namespace observe
}  // namespace v0_1
}  // namespace rekey

#endif
