// SPDX-License-Identifier: BSL-1.0
// FakeCoze: an embedded Coze server, for tests and rehearsals of a migration.
#ifndef REKEY_TESTING_FAKE_COZE_HPP
#define REKEY_TESTING_FAKE_COZE_HPP

#include <rekey/attempt.hpp>
#include <rekey/detail/sha256.hpp>
#include <rekey/http.hpp>
#include <rekey/testing/fake_coze/configuration.hpp>
#include <rekey/testing/fake_coze/device_grant.hpp>
#include <rekey/testing/fake_coze/exchange.hpp>
#include <rekey/testing/fake_coze/fault.hpp>
#include <rekey/testing/fake_coze/ledger.hpp>
#include <rekey/testing/fake_coze/options.hpp>
#include <rekey/testing/fake_coze/router.hpp>
#include <rekey/testing/fake_coze/world.hpp>
#include <rekey/transport.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rekey {
inline namespace v0_1 {
namespace testing {

/// A Coze service in memory: bots, tokens, OAuth apps, a move to the enterprise, and a ledger.
///
/// It is a transport itself (`Client client{std::ref(coze), …}`); `handle` is its face for a
/// server with sockets. It is strict: an authorization code, a JWT and a refresh token work once.
///
/// Threads      every member may be called from any thread; the callables of the options run under
///              its lock and must not call it back.
/// Source       coze-api §2 to §5.
/// Example      `FakeCoze coze; coze.move(); auto answer = coze(request, attempt);`
class FakeCoze {
public:
    using Options = FakeCozeOptions;
    static constexpr bool follows_redirects = false;
    static constexpr bool vouches_for_whole_bodies = true;  ///< A cut body is a TransportError.

    FakeCoze() : FakeCoze(Options()) {}  // no braces: see detail::add_header
    explicit FakeCoze(Options options) : world_(std::move(options)) {}
    FakeCoze(const FakeCoze&) = delete;
    FakeCoze& operator=(const FakeCoze&) = delete;

    // --- As a transport ---

    /// Signs a copy of the request as the attempt says, gives it the call's idempotency key unless
    /// it has one, and answers it; faults of the wire become a TransportError: never_sent,
    /// sent_unanswered or cut_short.
    TransportResult<HttpResponse> operator()(const HttpRequest& request, const Attempt& attempt) {
        const std::string_view key = attempt.idempotency_key();
        const bool brings_key = !key.empty() && find_header(request.headers, key_header).empty();
        if (attempt.authorization().empty() && !brings_key)
            return perform(handle(request), attempt.timeout());
        HttpRequest copy = request;
        if (!attempt.authorization().empty()) {
            std::size_t kept = 0;
            for (std::size_t i = 0; i != copy.headers.size(); ++i)
                if (!same_header_name(copy.headers[i].name, attempt.header()))
                    std::swap(copy.headers[kept++], copy.headers[i]);
            copy.headers.resize(kept);
            detail::add_header(copy.headers, std::string{attempt.header()},
                               std::string{attempt.authorization()});
        }
        if (brings_key) detail::add_header(copy.headers, key_header, std::string{key});
        return perform(handle(copy), attempt.timeout());
    }
    TransportResult<HttpResponse> operator()(const HttpRequest& request) {
        return perform(handle(request), Duration{0});
    }

    // --- As the inside of a server ---

    /// Answers one whole request. Garbage gets an error answer.
    FakeReply handle(const HttpRequest& request) {
        if (refuses_to_read(request)) {
            FakeReply reply;
            reply.wire = FakeWire::reset_before_read;
            return reply;
        }
        return answer(request);
    }

    /// The two halves of `handle`, for a server that can reset before it reads a body: asked once,
    /// with the head of a request. True: nothing of it was executed, reset the connection.
    bool refuses_to_read(const HttpRequest& head) {
        const std::lock_guard<std::mutex> lock(mutex_);
        fake::Exchange x(head, now());
        if (is_admin(x)) return false;
        identify(x);
        if (!faults_.take(x.target.path, x.record.credential, true)) return false;
        describe(x);
        x.record.fault = fake::name_of(FakeWire::reset_before_read);
        remember(x);
        return true;
    }
    FakeReply answer(const HttpRequest& request) {
        const std::lock_guard<std::mutex> lock(mutex_);
        FakeReply reply;
        fake::Exchange x(request, now());
        x.logid = "20" + world_.next_secret();
        if (is_admin(x)) {
            administrate(x);
            reply.response = std::move(x.response);
            return reply;
        }
        identify(x);
        describe(x);
        const auto fault = faults_.take(x.target.path, x.record.credential, false);
        if (!fault || fault->status == 0 || fault->execute_first)
            fake::Router{world_, ledger_.totals}.route(x);
        if (fault) spoil(x, *fault, reply);
        if (world_.options.clock_skew != 0)
            detail::add_header(x.response.headers, "Date", fake::http_date_of(x.now));
        x.record.http_status = reply.wire == FakeWire::reset_before_answer ? 0 : x.response.status;
        reply.stream = x.stream;
        reply.response = std::move(x.response);
        remember(x);
        return reply;
    }

    // --- The story ---

    /// The personal workspaces become the enterprise's, from this instant.
    void move() {
        const std::lock_guard<std::mutex> lock(mutex_);
        world_.move();
    }
    /// The workspaces go back to where they came from.
    void rollback() {
        const std::lock_guard<std::mutex> lock(mutex_);
        world_.rollback();
    }
    bool is_moved() const {
        const std::lock_guard<std::mutex> lock(mutex_);
        return world_.moved;
    }
    /// What a personal credential hears after the move.
    void refuse_with(FakeRefusal refusal) {
        const std::lock_guard<std::mutex> lock(mutex_);
        world_.options.refusal = std::move(refusal);
    }
    /// Adds one entry to the fault script.
    void fault(FakeFault fault) {
        const std::lock_guard<std::mutex> lock(mutex_);
        faults_.add(std::move(fault));
    }
    void clear_faults() {
        const std::lock_guard<std::mutex> lock(mutex_);
        faults_.clear();
    }

    void add_bot(std::string id, std::string owner, bool published = true) {
        const std::lock_guard<std::mutex> lock(mutex_);
        world_.add_bot({std::move(id), std::move(owner), published, {}});
    }
    /// Returns the id of a new workspace; `add_bot_in` puts bots there.
    std::string add_workspace(const std::string& owner) {
        const std::lock_guard<std::mutex> lock(mutex_);
        return world_.add_workspace(owner);
    }
    /// The workspace must exist; false otherwise.
    bool add_bot_in(std::string workspace, std::string id) {
        const std::lock_guard<std::mutex> lock(mutex_);
        const fake::Workspace* found = world_.workspace(workspace);
        if (!found) return false;
        std::string home = found->home;
        world_.add_bot({std::move(id), std::move(home), true, std::move(workspace)});
        return true;
    }
    void add_pat(FakePat pat) {
        const std::lock_guard<std::mutex> lock(mutex_);
        world_.add_pat(std::move(pat));
    }
    void add_app(FakeApp app) {
        const std::lock_guard<std::mutex> lock(mutex_);
        world_.add_app(std::move(app));
    }
    /// Any bearer token, from whatever grant; false if there is none such.
    bool revoke(std::string_view token) {
        const std::lock_guard<std::mutex> lock(mutex_);
        const auto place = world_.tokens.find(token);
        if (place == world_.tokens.end()) return false;
        place->second.revoked = true;
        return true;
    }
    /// Takes one permission point away from a token: `chat`, `listWorkspace`, `getMetadata`,
    /// `createConversation`, `listConversation`, `retrieveConversation`, `retrieveChat`,
    /// `listMessage`, `cancelChat`.
    void withhold(const std::string& token, const std::string& permission) {
        const std::lock_guard<std::mutex> lock(mutex_);
        world_.missing_permissions[token].insert(permission);
    }
    /// What the credential of that label lacks from now on; `withhold` for tokens that are made
    /// while the test runs, and more.
    void limit(FakeLimit limit) {
        const std::lock_guard<std::mutex> lock(mutex_);
        world_.options.limits.push_back(std::move(limit));
    }
    /// By so many seconds the service's clock is ahead; unless zero its answers have a `Date`.
    void skew_clock(std::int64_t seconds) {
        const std::lock_guard<std::mutex> lock(mutex_);
        world_.options.clock_skew = seconds;
    }
    /// R7: a switched-off app gets `access_deny`, and its tokens are dead until `enable_app`.
    void disable_app(const std::string& client_id) {
        const std::lock_guard<std::mutex> lock(mutex_);
        world_.disabled_apps.insert(client_id);
    }
    void enable_app(const std::string& client_id) {
        const std::lock_guard<std::mutex> lock(mutex_);
        world_.disabled_apps.erase(client_id);
    }
    /// The person at the verification page; false if no device waits with that code.
    bool approve_device(std::string_view user_code, std::string_view user = {}) {
        return decide(user_code, fake::Approval::approved, user);
    }
    bool deny_device(std::string_view user_code) {
        return decide(user_code, fake::Approval::refused, {});
    }

    // --- The configuration ---

    Options options() const {
        const std::lock_guard<std::mutex> lock(mutex_);
        return world_.options;
    }
    /// For a server that learns its port late; decides the audience of JWTs and the device page.
    void set_base(std::string base) {
        const std::lock_guard<std::mutex> lock(mutex_);
        world_.options.base = std::move(base);
    }
    /// A new world from JSON: a key absent keeps its present value, the ledger starts empty.
    /// Returns what is wrong, in which case nothing changed, or an empty text.
    std::string configure(std::string_view json) {
        const std::lock_guard<std::mutex> lock(mutex_);
        return reconfigure(json);
    }
    /// A new world from the present options, an empty ledger, no faults.
    void reset() {
        const std::lock_guard<std::mutex> lock(mutex_);
        begin_again(world_.options, {});
    }

    // --- The ledger ---

    FakeTotals totals() const {
        const std::lock_guard<std::mutex> lock(mutex_);
        return ledger_.totals;
    }
    std::vector<FakeRecord> records() const {
        const std::lock_guard<std::mutex> lock(mutex_);
        return {ledger_.records().begin(), ledger_.records().end()};
    }
    /// The lane of that exact name; an unknown one is all zeros.
    FakeLane lane(const std::string& name) const {
        const std::lock_guard<std::mutex> lock(mutex_);
        const auto place = ledger_.lanes().find(name);
        return place == ledger_.lanes().end() ? FakeLane{} : place->second;
    }
    std::map<std::string, FakeLane> lanes() const {
        const std::lock_guard<std::mutex> lock(mutex_);
        return ledger_.lanes();
    }
    std::string ledger_json(bool with_records = true) const {
        const std::lock_guard<std::mutex> lock(mutex_);
        return fake::json_of(ledger_, with_records);
    }

private:
    static constexpr const char* key_header = "Idempotency-Key";

    std::int64_t now() const {
        if (world_.options.clock) return world_.options.clock() + world_.options.clock_skew;
        return std::chrono::duration_cast<std::chrono::seconds>(
                   std::chrono::system_clock::now().time_since_epoch())
                   .count() +
               world_.options.clock_skew;
    }

    static bool is_admin(const fake::Exchange& x) {
        return fake::starts_with(x.target.path, "/_fake/");
    }

    /// Who sends: the label for the ledger and, if the token lives, the token.
    void identify(fake::Exchange& x) {
        x.record.credential = x.bearer_kind == fake::Bearer::missing ? "none" : "unknown";
        const auto place = world_.tokens.find(x.bearer);
        if (x.bearer_kind != fake::Bearer::present || place == world_.tokens.end()) return;
        x.record.credential = place->second.label;
        if (world_.is_alive(place->second, x.now)) x.token = &place->second;
    }

    static void describe(fake::Exchange& x) {
        FakeRecord& record = x.record;
        record.method = x.request.method;
        record.path = x.target.path;
        for (const char* name : {"X-Demo-Request", "X-Request-Id", key_header})
            if (record.request_id.empty()) record.request_id = find_header(x.request.headers, name);
        const auto digest = rekey::detail::sha256(x.request.body);
        for (std::size_t i = 0; i != 8; ++i) {
            record.body_hash += fake::hex_digits[digest[i] >> 4u];
            record.body_hash += fake::hex_digits[digest[i] & 15u];
        }
    }

    static void spoil(fake::Exchange& x, const FakeFault& fault, FakeReply& reply) {
        x.record.fault = fault.wire != FakeWire::whole ? fake::name_of(fault.wire)
                         : fault.delay_ms > 0          ? "delay"
                                                       : "header";
        if (fault.status != 0) {
            x.record.fault = "status";
            x.stream = false;
            const bool is_json = fake::is_object(fault.body);
            x.respond(fault.status, fault.body, is_json ? "application/json" : "text/plain");
            x.record.code =
                is_json ? fake::number_at(fault.body, "code").value_or(0) : x.record.code;
        }
        if (!fault.content_type.empty())
            for (HttpHeader& header : x.response.headers)
                if (same_header_name(header.name, "Content-Type"))
                    header.value = fault.content_type;
        if (fault.retry_after >= 0)
            detail::add_header(x.response.headers, "Retry-After",
                               std::to_string(fault.retry_after));
        reply.wire = fault.wire;
        reply.bytes = static_cast<std::size_t>(fault.bytes < 0 ? 0 : fault.bytes);
        reply.byte_delay_ms = fault.byte_delay_ms;
        reply.delay_ms = fault.delay_ms;
    }

    void remember(fake::Exchange& x) {
        const bool is_chat = x.record.path == "/v3/chat" && x.record.method == "POST";
        const std::int64_t kept = world_.options.kept_records;
        ledger_.add(std::move(x.record), is_chat, static_cast<std::size_t>(kept < 0 ? 0 : kept));
    }

    /// `/_fake/…`: the same story over HTTP. Not in the ledger, never hit by a fault.
    void administrate(fake::Exchange& x) {
        const std::string_view path = x.target.path;
        std::string error;
        if (path == "/_fake/move") {
            world_.move();
        } else if (path == "/_fake/rollback") {
            world_.rollback();
        } else if (path == "/_fake/ledger") {
            return x.respond(200, fake::json_of(ledger_, x.target.value("records") != "0"));
        } else if (path == "/_fake/fault") {
            FakeFault fault;
            error = fake::read_fault(x.body(), fault);
            if (error.empty()) faults_.add(std::move(fault));
        } else if (path == "/_fake/reset") {
            if (fake::trimmed(x.body()).empty())
                begin_again(world_.options, {});
            else
                error = reconfigure(x.body());
        } else {
            return x.respond(404, fake::Object{}.text("error", "unknown path").done());
        }
        if (!error.empty()) return x.respond(400, fake::Object{}.text("error", error).done());
        x.respond(200, fake::Object{}.flag("ok", true).flag("moved", world_.moved).done());
    }

    std::string reconfigure(std::string_view json) {
        Options options = world_.options;
        std::vector<FakeFault> faults;
        std::string error = fake::read_options(json, options, faults);
        if (error.empty()) begin_again(std::move(options), std::move(faults));
        return error;
    }

    void begin_again(Options options, std::vector<FakeFault> faults) {
        world_ = fake::World(std::move(options), world_.issued());
        ledger_ = fake::Ledger{};
        faults_.clear();
        for (FakeFault& fault : faults) faults_.add(std::move(fault));
    }

    bool decide(std::string_view user_code, fake::Approval approval, std::string_view user) {
        const std::lock_guard<std::mutex> lock(mutex_);
        return fake::DeviceGrant{world_, ledger_.totals}.decide(user_code, approval, user, now());
    }

    /// What a client at the other end of the wire would see.
    TransportResult<HttpResponse> perform(FakeReply reply, Duration limit) const {
        if (reply.wire == FakeWire::reset_before_read)
            return TransportError{Reach::never_sent, "connection reset before it was read"};
        if (!waited(reply.delay_ms, limit))
            return TransportError{Reach::sent_unanswered, "no answer within the time limit"};
        if (reply.wire == FakeWire::reset_before_answer)
            return TransportError{Reach::sent_unanswered, "connection reset before an answer"};
        if (reply.wire == FakeWire::truncated_body && reply.bytes < reply.response.body.size())
            return TransportError{Reach::cut_short, "the body ended early"};
        if (reply.wire == FakeWire::slow_bytes) {
            const auto size = static_cast<std::int64_t>(reply.response.body.size());
            if (!waited(size * reply.byte_delay_ms, limit))
                return TransportError{Reach::cut_short, "the body took longer than the time limit"};
        }
        return std::move(reply.response);
    }

    /// False if so long a wait exceeds the limit; it then ends at the limit.
    bool waited(std::int64_t milliseconds, Duration limit) const {
        if (milliseconds <= 0) return true;
        const Duration wanted = std::chrono::milliseconds{milliseconds};
        const bool fits = limit.count() <= 0 || wanted < limit;
        FakeCallback<void(std::int64_t)> sleep;
        {
            const std::lock_guard<std::mutex> lock(mutex_);
            sleep = world_.options.sleep;
        }
        if (sleep)
            sleep(fits ? milliseconds
                       : std::chrono::duration_cast<std::chrono::milliseconds>(limit).count());
        return fits;
    }

    mutable std::mutex mutex_{};
    fake::World world_;
    fake::Ledger ledger_{};
    fake::FaultScript faults_{};
};

}  // namespace testing
}  // namespace v0_1
}  // namespace rekey

#endif
