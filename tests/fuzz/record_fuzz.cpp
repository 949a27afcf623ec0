// SPDX-License-Identifier: BSL-1.0
// libFuzzer: whatever lies in a store is read within bounds, only what was written there opens,
// and what was read, written down again, is read as the same.
#include <rekey/token/record.hpp>
#include <rekey/token/shared_route.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

using namespace rekey::token;
using rekey::Secret;

void demand(bool condition) {
    if (!condition) std::abort();
}

bool same(const TokenRecord& left, const TokenRecord& right) {
    return left.state == right.state && left.is_repeated == right.is_repeated &&
           left.is_lost == right.is_lost && left.fresh_until == right.fresh_until &&
           left.expires_at == right.expires_at && left.since == right.since &&
           left.attempt == right.attempt &&
           left.access_token.expose() == right.access_token.expose() &&
           left.refresh_token.expose() == right.refresh_token.expose();
}
bool holds_nothing(const TokenRecord& record) {
    TokenRecord nothing;
    nothing.state = RecordState::unreadable;
    return same(record, nothing);
}

/// A sealer that opens everything, so that what stands behind the seal is read too.
Sealed everything{std::string("key"),
                  [](std::string_view plain, std::string_view) { return "[" + std::string(plain); },
                  [](std::string_view sealed, std::string_view, std::string_view) {
                      return Secret(sealed.substr(sealed.empty() ? 0 : 1));
                  }};

/// A quick seal: a text between brackets with a checksum of it and of what it is bound to. One that
/// means it would cost the fuzzer nearly all of its time.
std::string checksum(std::string_view text, std::string_view bound_to) {
    std::uint64_t sum = 0xcbf29ce484222325u;
    for (const std::string_view part : {text, std::string_view("]"), bound_to})
        for (const char c : part) sum = (sum ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
    return std::string(text) + ' ' + std::to_string(sum);
}
Sealed quick{
    std::string("key"),
    [](std::string_view plain, std::string_view bound_to) { return checksum(plain, bound_to); },
    [](std::string_view sealed, std::string_view bound_to, std::string_view) {
        const std::string_view plain = sealed.substr(0, sealed.rfind(' '));
        return checksum(plain, bound_to) == sealed ? Secret(plain) : Secret{};
    }};

template <class Sealer> void read(std::string_view text, const Sealer& sealer) {
    const TokenRecord both = read_record(text, "k", 7, sealer, Opening::both);
    const TokenRecord access = read_record(text, "k", 7, sealer, Opening::access_only);
    demand(access.refresh_token.empty());
    if (both.state == RecordState::unreadable) {
        demand(holds_nothing(both));
        return;
    }
    TokenRecord opened = both;
    opened.refresh_token = Secret{};
    demand(same(access, opened));
    demand(text.size() <= 64 * 1024 && both.attempt.size() <= 64);
    demand(both.fresh_until >= 0 && both.expires_at >= 0 && both.since >= 0);
    const Secret again = write_record(both, "k", 7, sealer);
    if (!again.empty())  // it may have become too long
        demand(same(read_record(again.expose(), "k", 7, sealer, Opening::both), both));
    else
        demand(text.size() > 32 * 1024);
}

/// What a fleet has learned: within its bounds, in order, and the same when it is written again.
void read_route(std::string_view text) {
    store_parts::SharedVerdicts fleet;
    if (!fleet.read(text)) {
        demand(fleet.verdicts.empty() && fleet.round == 0);
        return;
    }
    demand(text.size() <= fleet.longest && fleet.verdicts.size() <= fleet.most_keys);
    std::uint64_t before = 0;
    for (const store_parts::SharedVerdict& each : fleet.verdicts) {
        demand(each.tag > before && each.tag >> 48 == 0 && each.round <= fleet.round);
        demand(!each.name.empty() && each.name.size() <= fleet.longest_name);
        demand(fleet.find(each.tag) == &each);
        before = each.tag;
    }
    store_parts::SharedVerdicts again;
    demand(again.read(fleet.text()) && again.text() == fleet.text());
    ++fleet.round;
    fleet.put(before / 2 + 1, "one more");
    fleet.shorten();
    demand(fleet.verdicts.size() <= fleet.most_keys && again.read(fleet.text()));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string text(data, data + size);
    read(text, Unsealed{});
    read(text, everything);
    read_route(text);

    // With a seal nothing opens that was not written there, and no byte can be changed.
    const auto& sealer = quick;
    const TokenRecord foreign = read_record(text, "k", 7, sealer, Opening::both);
    demand(foreign.access_token.empty() && foreign.refresh_token.empty());
    if (size < 8) return 0;
    TokenRecord record;
    record.state = (data[0] & 1) != 0 ? RecordState::live : RecordState::pending;
    record.is_repeated = (data[0] & 2) != 0;
    record.expires_at = data[1] * 1'000'003;
    record.attempt = (data[0] & 4) != 0 ? "attempt" : "";
    record.access_token = Secret("access" + text.substr(4, data[2]));
    record.refresh_token = Secret("refresh" + text.substr(4));
    const Secret written = write_record(record, "k", 7, sealer);
    if (written.empty()) return 0;
    demand(same(read_record(written.expose(), "k", 7, sealer, Opening::both), record));
    const auto is_refused = [](const TokenRecord& other) { return holds_nothing(other); };
    demand(is_refused(read_record(written.expose(), "k", 8, sealer, Opening::both)));
    demand(is_refused(read_record(written.expose(), "j", 7, sealer, Opening::both)));
    std::string changed(written.expose());
    const std::size_t at = (data[3] * 256u + data[4]) % changed.size();
    changed[at] = static_cast<char>(changed[at] ^ (data[5] != 0 ? data[5] : 1));
    demand(is_refused(read_record(changed, "k", 7, sealer, Opening::both)));
    return 0;
}
