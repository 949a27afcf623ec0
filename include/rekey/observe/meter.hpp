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
    return 63 ^ static_cast<std::size_t>(__builtin_clzll(number));
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
        buckets_[highest_bit(time | least) - lowest_bit].add();
        sum_.add(time);
    }
    Histogram value() const noexcept {
        Histogram all;
        for (std::size_t i = 0; i != size; ++i)
            all.buckets[i < Histogram::bounds ? i : Histogram::bounds] += buckets_[i].value();
        all.sum = Duration{static_cast<std::int64_t>(sum_.value())};
        return all;
    }

private:
    static constexpr auto least = static_cast<std::uint64_t>(Histogram::bound(0).count());
    static constexpr std::size_t lowest_bit = Histogram::first_width - 1;
    static constexpr std::size_t size = 64 - lowest_bit;  // more than are shown, but no comparison

    Counter buckets_[size];
    Counter sum_;
};

/// Attempts and successes of the last 73 minutes, in 256 cells of 2^34 ns, which is 17 s.
///
/// A cell is one word: which cell it is, how many attempts, how many accepted. One that meets more
/// than 4 million attempts, 244,000 a second, begins anew.
class Windows {
public:
    void add(TimePoint now, bool accepted) noexcept {
        const std::uint64_t cell = cell_of(now);
        std::atomic<std::uint64_t>& word = ring_[cell % size];
        const std::uint64_t one = accepted ? attempt | 1 : attempt;
        std::uint64_t before = word.load(relaxed);
        while (before >> number_at != cell)  // what stands there is of an hour ago
            if (word.compare_exchange_weak(before, (cell << number_at) | one, relaxed)) return;
        word.fetch_add(one, relaxed);
    }
    Share share(TimePoint now, Duration period) const noexcept {
        const std::uint64_t last = cell_of(now);
        const auto wanted = static_cast<std::uint64_t>(period.count() >> cell_bits) + 1;
        Share all;
        for (std::uint64_t back = 0; back != (wanted < size ? wanted : size); ++back) {
            const std::uint64_t cell = (last - back) & mask;
            const std::uint64_t word = ring_[cell % size].load(relaxed);
            if (word >> number_at != cell) continue;
            all.attempts += (word >> 22) & low;
            all.accepted += word & low;
        }
        return all;
    }

private:
    static constexpr std::size_t size = 256;
    static constexpr int cell_bits = 34;
    static constexpr int number_at = 44;
    static constexpr std::uint64_t mask = (std::uint64_t{1} << 20) - 1;
    static constexpr std::uint64_t low = (std::uint64_t{1} << 22) - 1;
    static constexpr std::uint64_t attempt = std::uint64_t{1} << 22;

    static std::uint64_t cell_of(TimePoint now) noexcept {
        return static_cast<std::uint64_t>(now.time_since_epoch().count() >> cell_bits) & mask;
    }
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

/// A hash of a key, eight bytes at a time; its highest bits depend on all of them. Never 0. No
/// defence against who chooses keys that collide; such a one could only spoil a count.
inline std::uint64_t hash_of(std::string_view text) noexcept {
    constexpr std::uint64_t odd = 0x9e3779b97f4a7c15u;
    const char* at = text.data();
    std::uint64_t hash = text.size();
    const auto take = [&hash](const char* from) {
        std::uint64_t word = 0;
        std::memcpy(&word, from, 8);
        hash = (hash ^ word) * odd;
    };
    if (text.size() >= 8) {
        const char* const tail = at + text.size() - 8;
        for (; at < tail; at += 8) take(at);
        take(tail);  // may overlap the word before it
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
///          `keys_without_room`.
/// Serves   clients that share a chain, for it tells credentials by their slot; a ninth one would
///          be counted with the first.
/// Threads  any number; no lock, no lost count. A snapshot that is taken meanwhile may hold a part
///          of a call.
/// Cost     no allocation; some 30 instructions a hook (docs/observe.md); 24 KiB and 200 bytes a
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
        Credential& credential = credentials_[place(event)];
        if (!credential.name.is_there()) return meet(credential, event, call);
        if (event.failure != NoFailure) return not_accepted(credential, event, call);
        count(credential, event, NoFailure);
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
        const std::size_t reason = event.threw ? thrown : static_cast<std::size_t>(event.reason);
        calls_[reason].add();
        call_latency_.add(event.duration);
        if ((reason | call.refused) != 0) return ended_otherwise(event, call);
        serve(event, call);
    }

    /// Everything that was counted. The windows end at `now`, a moment of the clients' clock.
    Snapshot snapshot(TimePoint now) const;

private:
    static constexpr std::size_t reasons = 11;
    static constexpr std::size_t thrown = 15;
    static constexpr std::size_t code_room = 64;  // 6 bits

    struct Credential {
        metering::Counter by_class[8];
        metering::Durations latency;
        metering::Counter served;
        metering::LastTime last_served;
        metering::Label name;
        metering::Counter passed;
        metering::LastTime last_passed;
        metering::LastTime first_seen;
        metering::Counter exchanges[8];
        metering::Counter token_requests;
        metering::Counter exchange_time;
        metering::Windows windows;
    };
    struct Code {
        std::atomic<std::uint64_t> tag{0};
        metering::Counter count;
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
    [[gnu::noinline, gnu::cold]] void meet(Credential& credential, const Attempted& event,
                                           PerCall& call) noexcept {
        name(credential, event);
        if (event.failure != NoFailure) return not_accepted(credential, event, call);
        count(credential, event, NoFailure);
    }
    static void count(Credential& credential, const Attempted& event,
                      FailureClass failure) noexcept {
        credential.by_class[failure].add();
        credential.latency.add(event.duration);
        credential.windows.add(event.now, failure == NoFailure);
    }
    [[gnu::noinline]] void not_accepted(Credential& credential, const Attempted& event,
                                        PerCall& call) noexcept {
        count(credential, event, event.failure);
        const std::size_t slot = place(event);
        if (event.failure == AuthRejected || event.failure == NotFound)
            call.refused |= std::uint32_t{1} << slot;
        const std::int64_t code = event.has_service_code ? event.service_code : event.http_status;
        const std::uint64_t tag = (static_cast<std::uint64_t>(code) << 5) |
                                  (event.has_service_code ? 0u : 16u) | (std::uint64_t{slot} << 1) |
                                  1u;
        std::size_t at = static_cast<std::size_t>((tag * 0x9e3779b97f4a7c15u) >> 58);
        for (std::size_t step = 0; step != code_room; ++step, at = (at + 1) % code_room)
            if (is_at(codes_[at].tag, tag)) return codes_[at].count.add();
        codes_without_room_.add();
    }
    /// Whether a place of a table is that of this tag; an empty one becomes it.
    static bool is_at(std::atomic<std::uint64_t>& there, std::uint64_t tag) noexcept {
        std::uint64_t found = there.load(metering::relaxed);
        if (found == 0 && there.compare_exchange_strong(found, tag, metering::relaxed)) return true;
        return found == tag;
    }
    /// Counts a call that was served.
    void serve(const Ended& event, const PerCall& call) noexcept {
        const std::size_t slot = place(event);
        credentials_[slot].served.add();
        credentials_[slot].last_served.set(event.now);
        if (call.key == nullptr) return;
        Key& key = *static_cast<Key*>(call.key);
        key.by_credential[slot].served.add();
        key.by_credential[slot].last_served.set(event.now);
    }
    /// A call that failed, or that a credential refused before another one served it.
    [[gnu::noinline]] void ended_otherwise(const Ended& event, const PerCall& call) noexcept {
        if (!event.succeeded()) {
            if (call.key != nullptr) static_cast<Key*>(call.key)->failed.add();
            return;
        }
        serve(event, call);
        std::uint64_t refused = call.refused & ~(std::uint32_t{1} << place(event));
        while (refused != 0) {
            const std::size_t slot = metering::highest_bit(refused);
            refused ^= std::uint64_t{1} << slot;
            credentials_[slot].passed.add();
            credentials_[slot].last_passed.set(event.now);
        }
    }
    [[gnu::noinline]] void find_key(const Began& event, std::uint64_t hash,
                                    PerCall& call) noexcept {
        std::size_t at = place_of(hash);
        for (std::size_t step = 0; step != 8; ++step, at = (at + 1) % Keys) {
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
    Code codes_[code_room];
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
        to.passed = from.passed.value();
        to.served = from.served.value();
        for (std::size_t j = 0; j != 8; ++j) to.exchanges[j] = from.exchanges[j].value();
        to.token_requests = from.token_requests.value();
        to.exchange_time = Duration{static_cast<std::int64_t>(from.exchange_time.value())};
        to.latency = from.latency.value();
        to.last_minute = from.windows.share(now, std::chrono::minutes{1});
        to.last_ten_minutes = from.windows.share(now, std::chrono::minutes{10});
        to.last_hour = from.windows.share(now, std::chrono::hours{1});
        to.first_seen = from.first_seen.value();
        to.last_served = from.last_served.value();
        to.last_passed = from.last_passed.value();
        all.credentials.push_back(std::move(to));
    }
    for (const Code& code : codes_) {
        const std::uint64_t tag = code.tag.load(metering::relaxed);
        if (tag == 0) continue;
        all.codes.push_back({static_cast<std::uint8_t>((tag >> 1) & 7u), (tag & 16u) != 0,
                             static_cast<std::int64_t>(tag) >> 5, code.count.value()});
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
