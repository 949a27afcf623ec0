// SPDX-License-Identifier: BSL-1.0
// Snapshot: what a Meter has counted, as plain values.
#ifndef REKEY_OBSERVE_SNAPSHOT_HPP
#define REKEY_OBSERVE_SNAPSHOT_HPP

#include <rekey/facts.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace rekey {
inline namespace v0_1 {
namespace observe {

/// Durations in buckets that double: less than 2^18 ns, which is 0.26 ms, than 2^19 ns, … than 2^37
/// ns, which is 137 s, and longer.
struct Histogram {
    static constexpr std::size_t first_width = 18;
    static constexpr std::size_t bounds = 20;

    std::uint64_t buckets[bounds + 1] = {};  ///< Each by itself, the last without a bound.
    Duration sum{0};

    /// The longest duration that bucket `index` holds. Requires `index < bounds`.
    static constexpr Duration bound(std::size_t index) noexcept {
        return Duration{(std::int64_t{1} << (first_width + index)) - 1};
    }
    std::uint64_t count() const noexcept {
        std::uint64_t all = 0;
        for (const std::uint64_t bucket : buckets) all += bucket;
        return all;
    }
};

/// Of so many attempts, so many were accepted.
struct Share {
    std::uint64_t attempts = 0;
    std::uint64_t accepted = 0;
};

/// A moment that may not have been yet.
struct Moment {
    bool is_known = false;
    TimePoint time{};
};

/// What was counted for one credential.
struct CredentialCounts {
    std::uint8_t slot = 0;
    std::string name{};
    std::uint64_t by_class[7] = {};   ///< Attempts, by `FailureClass`; `NoFailure` is accepted.
    std::uint64_t passed = 0;         ///< Calls that it refused and another credential served.
    std::uint64_t served = 0;         ///< Calls that it served.
    std::uint64_t exchanges[8] = {};  ///< By `Fetched`.
    std::uint64_t token_requests = 0;
    Duration exchange_time{0};
    Histogram latency{};  ///< Of its attempts.
    Share last_minute{};  ///< Up to the moment of the snapshot.
    Share last_ten_minutes{};
    Share last_hour{};
    Moment first_seen{};
    Moment last_served{};
    Moment last_passed{};

    std::uint64_t attempts() const noexcept {
        std::uint64_t all = 0;
        for (const std::uint64_t some : by_class) all += some;
        return all;
    }
};

/// How often a credential got an answer that was no success.
struct CodeCount {
    std::uint8_t slot = 0;
    bool is_http = false;  ///< An HTTP status, for the body had no code; 0 if there was no answer.
    std::int64_t code = 0;
    std::uint64_t count = 0;
};

/// What was counted for one key of requests and one credential.
struct KeyCount {
    std::uint8_t slot = 0;
    std::uint64_t served = 0;
    TimePoint last_served{};
};
struct KeyCounts {
    std::string key{};
    std::uint64_t failed = 0;  ///< Calls that no credential served.
    std::vector<KeyCount> by_credential{};
};

/// Everything that a `Meter` has counted.
struct Snapshot {
    TimePoint now{};
    std::vector<CredentialCounts> credentials{};  ///< Those that calls have used, by slot.
    std::vector<CodeCount> codes{};
    std::vector<KeyCounts> keys{};
    std::uint64_t calls_by_reason[11] = {};  ///< By `StopReason`.
    std::uint64_t calls_thrown = 0;          ///< Left by an exception.
    Histogram call_latency{};
    std::uint64_t waits = 0;
    Duration wait_time{0};
    std::uint64_t asked_user[4] = {};      ///< By `Reauthorized`.
    std::uint64_t keys_without_room = 0;   ///< Calls whose key found no room.
    std::uint64_t codes_without_room = 0;  ///< Answers whose code found no room: 2^56 never does.

    std::uint64_t calls() const noexcept {
        std::uint64_t all = calls_thrown;
        for (const std::uint64_t some : calls_by_reason) all += some;
        return all;
    }
};

}  // namespace observe
}  // namespace v0_1
}  // namespace rekey

#endif
