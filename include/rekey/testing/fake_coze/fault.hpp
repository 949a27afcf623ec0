// SPDX-License-Identifier: BSL-1.0
// FakeFault: what shall go wrong with one of the next answers of a FakeCoze.
#ifndef REKEY_TESTING_FAKE_COZE_FAULT_HPP
#define REKEY_TESTING_FAKE_COZE_FAULT_HPP

#include <rekey/http.hpp>
#include <rekey/testing/fake_coze/text.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rekey {
inline namespace v0_1 {
namespace testing {

/// What happens to the connection.
enum class FakeWire : unsigned char {
    whole,                ///< Nothing: the answer arrives.
    reset_before_read,    ///< Nobody reads the request, nothing is executed.
    reset_before_answer,  ///< The request is executed, then the connection breaks.
    truncated_body,       ///< The body ends after `bytes` bytes, against its Content-Length.
    slow_bytes            ///< One byte of the body every `byte_delay_ms`.
};

/// One entry of the fault script: which requests it hits, how often, and what it does to them.
///
/// A fault with `status` answers in place of the service and executes nothing, unless
/// `execute_first`. Any other lets the service answer and then spoils it.
struct FakeFault {
    std::int64_t times = 1;    ///< Requests it hits; 0 means every one until `clear_faults`.
    std::int64_t skip = 0;     ///< Fitting requests that pass unharmed first.
    std::string path{};        ///< A prefix of the path; empty fits all.
    std::string credential{};  ///< A credential's label in the ledger; empty fits all.
    FakeWire wire = FakeWire::whole;
    std::int64_t bytes = 0;          ///< For `truncated_body`.
    std::int64_t byte_delay_ms = 0;  ///< For `slow_bytes`.
    std::int64_t delay_ms = 0;       ///< Before the answer begins.
    std::int64_t status = 0;         ///< HTTP status of the answer in place of the service's.
    std::string body{};
    std::string content_type{};     ///< With or without `status`; empty keeps what is usual.
    std::int64_t retry_after = -1;  ///< Seconds in a `Retry-After` header; negative sends none.
    bool execute_first = false;     ///< With `status`: the service acts, then this is said.
};

/// The answer to a request and what the HTTP face does to the connection while sending it.
struct FakeReply {
    HttpResponse response{};
    FakeWire wire = FakeWire::whole;
    std::size_t bytes = 0;
    std::int64_t byte_delay_ms = 0;
    std::int64_t delay_ms = 0;
    bool stream = false;  ///< Server-sent events: send it frame by frame, without a length.
};

namespace fake {

/// The faults in the order they were given; the first that fits a request is taken.
class FaultScript {
public:
    void add(FakeFault fault) { faults_.push_back({std::move(fault), 0, 0}); }
    void clear() { faults_.clear(); }

    /// The fault for this request. `unread` asks for those that never read it, else for the rest.
    std::optional<FakeFault> take(std::string_view path, std::string_view credential, bool unread) {
        for (std::size_t i = 0; i != faults_.size(); ++i) {
            Entry& entry = faults_[i];
            const FakeFault& fault = entry.fault;
            if ((fault.wire == FakeWire::reset_before_read) != unread) continue;
            if (!starts_with(path, fault.path)) continue;
            if (!fault.credential.empty() && fault.credential != credential) continue;
            if (entry.seen++ < fault.skip) continue;
            FakeFault hit = fault;
            if (fault.times > 0 && ++entry.hits >= fault.times)
                faults_.erase(faults_.begin() + static_cast<std::ptrdiff_t>(i));
            return hit;
        }
        return std::nullopt;
    }

private:
    struct Entry {
        FakeFault fault{};
        std::int64_t seen = 0;
        std::int64_t hits = 0;
    };
    std::vector<Entry> faults_{};
};

constexpr std::string_view name_of(FakeWire wire) noexcept {
    switch (wire) {
        case FakeWire::whole: break;
        case FakeWire::reset_before_read: return "reset_before_read";
        case FakeWire::reset_before_answer: return "reset_before_answer";
        case FakeWire::truncated_body: return "truncated_body";
        case FakeWire::slow_bytes: return "slow_bytes";
    }
    return "whole";
}

inline std::optional<FakeWire> wire_named(std::string_view name) noexcept {
    for (const FakeWire wire :
         {FakeWire::whole, FakeWire::reset_before_read, FakeWire::reset_before_answer,
          FakeWire::truncated_body, FakeWire::slow_bytes})
        if (name_of(wire) == name) return wire;
    return std::nullopt;
}

}  // namespace fake
}  // namespace testing
}  // namespace v0_1
}  // namespace rekey

#endif
