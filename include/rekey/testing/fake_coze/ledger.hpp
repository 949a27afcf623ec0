// SPDX-License-Identifier: BSL-1.0
// FakeLedger: everything a FakeCoze received and did, without any secret.
#ifndef REKEY_TESTING_FAKE_COZE_LEDGER_HPP
#define REKEY_TESTING_FAKE_COZE_LEDGER_HPP

#include <rekey/testing/fake_coze/text.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rekey {
inline namespace v0_1 {
namespace testing {

/// One request. `code` is the service code of the answer, `word` the OAuth error word; a request
/// that was refused has one of them or an HTTP error status.
struct FakeRecord {
    std::int64_t number = 0;  ///< 1, 2, 3, … in the order of arrival.
    std::string method{};
    std::string path{};        ///< Without the query, which may hold an authorization code.
    std::string credential{};  ///< A label such as `personal`, `none`, `unknown`; never the token.
    std::int64_t code = 0;
    std::string word{};
    int http_status = 0;       ///< 0 if no answer was sent.
    std::string chat_id{};     ///< The chat this request created.
    std::string request_id{};  ///< X-Demo-Request, else X-Request-Id, else Idempotency-Key.
    std::string fault{};       ///< What the fault script did to it; empty without a fault.
    std::string body_hash{};   ///< The first 16 digits of the body's SHA-256.
};

/// What became of the chats of one lane: of the requests whose `X-Demo-Request` is `<lane>-<n>`.
///
/// Nothing was lost if `served` is the number of requests the client made, nothing was doubled if
/// `executed_twice` is 0.
struct FakeLane {
    std::int64_t received = 0;        ///< POST /v3/chat, each send counted.
    std::int64_t distinct = 0;        ///< Different request ids among them.
    std::int64_t executed = 0;        ///< Chats created.
    std::int64_t served = 0;          ///< Request ids executed at least once.
    std::int64_t executed_twice = 0;  ///< Request ids executed more than once.
    std::int64_t refused = 0;         ///< Sends that created no chat.
};

/// Sums over the whole life of the server, whatever the list of records still holds.
struct FakeTotals {
    std::int64_t requests = 0;
    std::int64_t chats_executed = 0;
    std::int64_t chats_refused = 0;
    std::int64_t doubled = 0;         ///< Request ids executed more than once, over all lanes.
    std::int64_t faults = 0;          ///< Requests the fault script hit.
    std::int64_t refresh_reuse = 0;   ///< A rotated refresh token came again: family revoked.
    std::int64_t refresh_grace = 0;   ///< It came again within the grace: same answer again.
    std::int64_t code_reuse = 0;      ///< An authorization code came again.
    std::int64_t jti_replays = 0;     ///< A JWT came again.
    std::int64_t slow_downs = 0;      ///< Device polls that came too early.
    std::int64_t token_refusals = 0;  ///< Token requests that got an error.
    /// Tokens issued per grant: authorization_code, refresh_token, device_code, jwt_bearer.
    std::map<std::string, std::int64_t> token_exchanges{};
    /// Executed chats per credential label.
    std::map<std::string, std::int64_t> executed_by{};
};

namespace fake {

class Ledger {
public:
    FakeTotals totals{};

    void add(FakeRecord record, bool is_chat, std::size_t kept) {
        ++totals.requests;
        record.number = totals.requests;
        if (!record.fault.empty()) ++totals.faults;
        const bool executed = !record.chat_id.empty();
        const bool unread = record.fault == "reset_before_read";
        if (is_chat && !unread) {
            if (executed) {
                ++totals.chats_executed;
                ++totals.executed_by[record.credential];
            } else {
                ++totals.chats_refused;
            }
            if (!record.request_id.empty()) count(record, executed);
        }
        records_.push_back(std::move(record));
        if (records_.size() > kept) records_.pop_front();
    }

    const std::deque<FakeRecord>& records() const noexcept { return records_; }
    const std::map<std::string, FakeLane>& lanes() const noexcept { return lanes_; }

    std::vector<std::string> doubled() const {
        std::vector<std::string> ids;
        for (const auto& [id, executions] : executions_)
            if (executions > 1) ids.push_back(id);
        return ids;
    }

private:
    void count(const FakeRecord& record, bool executed) {
        FakeLane& lane = lanes_[lane_of(record.request_id)];
        const auto [place, is_new] = executions_.emplace(record.request_id, 0);
        ++lane.received;
        if (is_new) ++lane.distinct;
        if (!executed) {
            ++lane.refused;
            return;
        }
        ++lane.executed;
        ++place->second;
        if (place->second == 1) ++lane.served;
        if (place->second == 2) {
            ++lane.executed_twice;
            ++totals.doubled;
        }
    }

    static std::string lane_of(const std::string& request_id) {
        const std::size_t dash = request_id.rfind('-');
        return dash == std::string::npos ? request_id : request_id.substr(0, dash);
    }

    std::deque<FakeRecord> records_{};
    std::map<std::string, FakeLane> lanes_{};
    std::map<std::string, std::int64_t> executions_{};
};

inline std::string json_of(const FakeRecord& record) {
    return Object{}
        .number("number", record.number)
        .text("method", record.method)
        .text("path", record.path)
        .text("credential", record.credential)
        .number("code", record.code)
        .text("word", record.word)
        .number("http_status", record.http_status)
        .text("chat_id", record.chat_id)
        .text("request_id", record.request_id)
        .text("fault", record.fault)
        .text("body_hash", record.body_hash)
        .done();
}

inline std::string json_of(const FakeLane& lane) {
    return Object{}
        .number("received", lane.received)
        .number("distinct", lane.distinct)
        .number("executed", lane.executed)
        .number("served", lane.served)
        .number("executed_twice", lane.executed_twice)
        .number("refused", lane.refused)
        .done();
}

inline std::string json_of(const std::map<std::string, std::int64_t>& counts) {
    Object object;
    for (const auto& [name, count] : counts) object.number(name, count);
    return object.done();
}

inline std::string json_of(const FakeTotals& totals) {
    return Object{}
        .number("requests", totals.requests)
        .number("chats_executed", totals.chats_executed)
        .number("chats_refused", totals.chats_refused)
        .number("doubled", totals.doubled)
        .number("faults", totals.faults)
        .number("refresh_reuse", totals.refresh_reuse)
        .number("refresh_grace", totals.refresh_grace)
        .number("code_reuse", totals.code_reuse)
        .number("jti_replays", totals.jti_replays)
        .number("slow_downs", totals.slow_downs)
        .number("token_refusals", totals.token_refusals)
        .raw("token_exchanges", json_of(totals.token_exchanges))
        .raw("executed_by", json_of(totals.executed_by))
        .done();
}

inline std::string json_of(const Ledger& ledger, bool with_records) {
    Object lanes;
    for (const auto& [name, lane] : ledger.lanes()) lanes.raw(name, json_of(lane));
    std::vector<std::string> doubled;
    for (const std::string& id : ledger.doubled()) doubled.push_back(json_quoted(id));
    Object out;
    out.raw("totals", json_of(ledger.totals)).raw("lanes", lanes.done());
    out.raw("doubled", array_of(doubled));
    if (!with_records) return out.done();
    std::vector<std::string> records;
    for (const FakeRecord& record : ledger.records()) records.push_back(json_of(record));
    return out.raw("records", array_of(records)).done();
}

}  // namespace fake
}  // namespace testing
}  // namespace v0_1
}  // namespace rekey

#endif
