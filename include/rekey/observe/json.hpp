// SPDX-License-Identifier: BSL-1.0
// json_text: what a Meter has counted, as one JSON object.
#ifndef REKEY_OBSERVE_JSON_HPP
#define REKEY_OBSERVE_JSON_HPP

#include <rekey/body/json_writer.hpp>
#include <rekey/detail/system_clock.hpp>
#include <rekey/observe/seconds.hpp>
#include <rekey/observe/snapshot.hpp>
#include <rekey/observe/words.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace rekey {
inline namespace v0_1 {
namespace observe {

/// One JSON object: `calls`, `credentials`, `codes`, `keys`, `waits`, `reauthorizations`,
/// `uncounted`. Times are seconds; `idle_seconds` is missing if a credential has served nothing.
inline std::string json_text(const Snapshot& snapshot) {
    body::JsonWriter to;
    const auto seconds = [&to](std::string_view name, Duration duration) {
        to.key(name);
        to.raw(seconds_text(duration));
    };
    const auto histogram = [&](std::string_view name, const Histogram& from) {
        to.key(name);
        to.object_begin();
        to.member("count", from.count());
        seconds("sum", from.sum);
        to.key("buckets");
        to.array_begin();
        for (std::size_t i = 0; i <= Histogram::bounds; ++i) {
            if (from.buckets[i] == 0) continue;
            to.object_begin();
            to.key("up_to");
            to.raw(i == Histogram::bounds ? "null" : seconds_text(Histogram::bound(i)));
            to.member("count", from.buckets[i]);
            to.object_end();
        }
        to.array_end();
        to.object_end();
    };
    const auto share = [&to](std::string_view name, const Share& from) {
        to.key(name);
        to.object_begin();
        to.member("attempts", from.attempts);
        to.member("accepted", from.accepted);
        to.object_end();
    };
    const auto counted = [&to](std::string_view name, std::uint64_t count) {
        if (count != 0) to.member(name, count);
    };

    to.object_begin();
    to.key("calls");
    to.object_begin();
    to.member("count", snapshot.calls());
    for (std::size_t i = 0; i != 11; ++i)
        counted(to_string(static_cast<StopReason>(i)), snapshot.calls_by_reason[i]);
    counted("exception", snapshot.calls_thrown);
    histogram("latency", snapshot.call_latency);
    to.object_end();

    to.key("credentials");
    to.array_begin();
    for (const CredentialCounts& from : snapshot.credentials) {
        to.object_begin();
        to.member("slot", static_cast<unsigned>(from.slot));
        to.member("name", from.name);
        to.key("attempts");
        to.object_begin();
        to.member("count", from.attempts());
        for (std::size_t i = 0; i != 7; ++i)
            counted(word(static_cast<FailureClass>(i)), from.by_class[i]);
        to.object_end();
        to.member("served", from.served);
        to.member("passed", from.passed);
        if (from.last_served.is_known)
            seconds("idle_seconds", snapshot.now - from.last_served.time);
        to.key("exchanges");
        to.object_begin();
        to.member("token_requests", from.token_requests);
        for (std::size_t i = 0; i != 8; ++i)
            counted(word(static_cast<Fetched>(i)), from.exchanges[i]);
        seconds("seconds", from.exchange_time);
        to.object_end();
        share("last_minute", from.last_minute);
        share("last_ten_minutes", from.last_ten_minutes);
        share("last_hour", from.last_hour);
        histogram("latency", from.latency);
        to.object_end();
    }
    to.array_end();

    to.key("codes");
    to.array_begin();
    for (const CodeCount& from : snapshot.codes) {
        to.object_begin();
        to.member("slot", static_cast<unsigned>(from.slot));
        to.member(from.is_http ? "http_status" : "code", from.code);
        to.member("count", from.count);
        to.object_end();
    }
    to.array_end();

    to.key("keys");
    to.array_begin();
    for (const KeyCounts& from : snapshot.keys) {
        to.object_begin();
        to.member("key", from.key);
        to.member("failed", from.failed);
        to.key("served");
        to.array_begin();
        for (const KeyCount& count : from.by_credential) {
            to.object_begin();
            to.member("slot", static_cast<unsigned>(count.slot));
            to.member("count", count.served);
            seconds("idle_seconds", snapshot.now - count.last_served);
            to.object_end();
        }
        to.array_end();
        to.object_end();
    }
    to.array_end();

    to.key("waits");
    to.object_begin();
    to.member("count", snapshot.waits);
    seconds("seconds", snapshot.wait_time);
    to.object_end();
    to.key("reauthorizations");
    to.object_begin();
    for (std::size_t i = 0; i != 4; ++i)
        counted(word(static_cast<Reauthorized>(i)), snapshot.asked_user[i]);
    to.object_end();
    to.key("uncounted");
    to.object_begin();
    to.member("keys", snapshot.keys_without_room);
    to.member("codes", snapshot.codes_without_room);
    to.object_end();
    to.object_end();
    return std::move(to).text();
}

/// The same of a meter. `now` is a moment of the clients' clock.
template <class Meter> std::string json_text(const Meter& meter, TimePoint now) {
    return json_text(meter.snapshot(now));
}
/// The same with the clock of the machine, which a client without `UseClock` has.
template <class Meter>
auto json_text(const Meter& meter) -> decltype(json_text(meter.snapshot(TimePoint{}))) {
    return json_text(meter.snapshot(detail::SystemClock::now()));
}

}  // namespace observe
}  // namespace v0_1
}  // namespace rekey

#endif
