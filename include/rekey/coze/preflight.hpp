// SPDX-License-Identifier: BSL-1.0
// coze::diagnose: what to ask Coze before a move, and what is wrong if the answers are these.
#ifndef REKEY_COZE_PREFLIGHT_HPP
#define REKEY_COZE_PREFLIGHT_HPP

#include <rekey/body/json.hpp>
#include <rekey/body/json_writer.hpp>
#include <rekey/coze/api.hpp>
#include <rekey/http.hpp>
#include <rekey/oauth/edit_url.hpp>
#include <rekey/oauth/percent.hpp>
#include <rekey/oauth/url.hpp>
#include <rekey/preflight.hpp>
#include <rekey/preflight_report.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rekey {
inline namespace v0_1 {
namespace coze {

/// What a preflight asks about. An aggregate: name what you need.
struct PreflightOptions {
    std::string base{api_base};
    std::string bot_id{};
    /// What the second and later credentials are asked about: an agent made in the enterprise to
    /// try the move with (R13). Empty: the same bot.
    std::string trial_bot_id{};
    bool chat = false;  ///< A real chat with each credential: it costs quota.
    std::string user_id = "rekey-preflight";
    std::string message = "Hello";
};

/// What no answer tells, of one credential.
struct CredentialFacts {
    bool is_app = false;           ///< An OAuth app: its tokens renew themselves.
    std::int64_t expires_at = 0;   ///< Of an access token, seconds since 1970; 0: unknown.
    bool asked_elsewhere = false;  ///< It was tried at another base, too: the other region's.
    bool known_elsewhere = false;  ///< And accepted there.
    bool same_token = false;       ///< Its token is also that of a credential before it.
};

/// The harmless, read-only probes of Coze, and the chat if it is asked for.
///
/// whoami         GET /v1/users/me: the token is accepted.
/// workspaces     GET /v1/workspaces, permission point listWorkspace.
/// bot            GET /v1/bots/{id}, getMetadata: the bot is reached, and published to the API.
/// conversations  GET /v1/conversations, listConversation: resources of the account.
/// chat           POST /v3/chat, chat.
/// Source         coze-api §4.1, §4.4
std::vector<preflight::Probe> preflight_probes(const PreflightOptions& options);

/// What is wrong, in Coze's terms: every fault that the answers prove or suggest, each with the
/// answer that shows it, what to do next and who can do it.
///
/// same_token             one token stands for two credentials: one account was asked twice.
/// dead_token             the base does not accept the token.
/// wrong_region           the credentials belong to another base.
/// app_not_accepted       client id, public key id, private key: no assertion is accepted.
/// app_disabled           R7
/// app_not_installed      R9
/// wrong_account_id, wrong_enterprise_id            R11
/// missing_permission     R4; `what` names the permission point.
/// enterprise_permission  R26
/// workspace_not_covered  R5
/// not_moved, already_moved                         R13: where the bot is, so what can be compared.
/// bot_not_found, not_published
/// token_expires          R25, within a week.
/// clock_skew             more than a minute.
/// unusable_credential    its own settings are in the way; nothing was sent.
/// unanswered, other_refusal
///
/// `asked`   a finished preflight of `preflight_probes(options)`.
/// `facts`   one for each credential of `asked`; `now`: seconds since 1970.
/// Source    coze-api §1, §2.2, §3.6, §4.4, §5; R4 to R26
preflight::Report diagnose(const preflight::Preflight& asked, const PreflightOptions& options,
                           const std::vector<CredentialFacts>& facts, std::int64_t now);

namespace detail {

inline HttpRequest probe_request(const PreflightOptions& options, const std::string& path) {
    HttpRequest request;
    request.method = "GET";
    request.url = oauth::join(options.base, path).text;
    return request;
}

inline HttpRequest probe_chat(const PreflightOptions& options, const std::string& bot) {
    HttpRequest request = probe_request(options, "/v3/chat");
    request.method = "POST";
    request.headers = {{"Content-Type", "application/json"}};
    body::JsonWriter writer;
    writer.object_begin();
    writer.member("bot_id", bot);
    writer.member("user_id", options.user_id);
    writer.key("additional_messages");
    writer.array_begin();
    writer.object_begin();
    writer.member("role", "user");
    writer.member("type", "question");
    writer.member("content", options.message);
    writer.member("content_type", "text");
    writer.object_end();
    writer.array_end();
    writer.member("stream", false);
    writer.member("auto_save_history", true);
    writer.object_end();
    request.body = std::move(writer).text();
    return request;
}

/// Whether `text` holds one of these words, without regard to ASCII case.
template <class... Words> bool speaks_of(std::string_view text, Words... words) noexcept {
    const auto holds = [text](std::string_view word) {
        for (std::size_t at = 0; at + word.size() <= text.size(); ++at)
            if (rekey::detail::same_ignoring_case(text.substr(at, word.size()), word)) return true;
        return false;
    };
    return (holds(words) || ...);
}

/// The workspaces that a credential sees: the first fifty.
struct Workspaces {
    bool known = false;     // the list was given
    bool complete = false;  // and is whole
    std::vector<std::string> ids{};
    std::vector<bool> of_enterprise{};
};

inline Workspaces read_workspaces(const preflight::Answer* answer) {
    Workspaces read;
    if (answer == nullptr || answer->verdict != preflight::Verdict::accepted) return read;
    const body::Value list = body::find(answer->body, "data", "workspaces");
    read.known = list.kind == body::Kind::array;
    std::size_t at = 0;
    std::string_view rest = list.raw;
    // Elements of an array are not addressed by the reader: each id is looked for behind the last.
    const auto objects = [&]() -> std::string_view {
        int depth = 0;
        bool in_string = false;
        std::size_t begin = rest.npos;
        for (; at < rest.size(); ++at) {
            const char c = rest[at];
            if (in_string) {
                if (c == '\\') ++at;
                if (c == '"') in_string = false;
            } else if (c == '"') {
                in_string = true;
            } else if (c == '{') {
                if (depth++ == 0) begin = at;
            } else if (c == '}' && --depth == 0) {
                return rest.substr(begin, ++at - begin);
            }
        }
        return {};
    };
    for (std::string_view each = objects(); !each.empty(); each = objects()) {
        read.ids.push_back(body::Json::text(each, "id"));
        read.of_enterprise.push_back(!body::Json::text(each, "enterprise_id").empty());
    }
    const body::Value total = body::find(answer->body, "data", "total_count");
    read.complete = read.known && total.kind == body::Kind::integer &&
                    total.integer == static_cast<std::int64_t>(read.ids.size());
    return read;
}

enum class Cover : unsigned char { unknown, yes, no };

/// One diagnosis; looks for each fault in all answers.
class Diagnosis {
public:
    Diagnosis(const preflight::Preflight& asked, const PreflightOptions& options,
              const std::vector<CredentialFacts>& facts, std::int64_t now)
        : asked_(asked),
          options_(options),
          now_(now),
          report_(asked),
          facts_(facts),
          last_(asked.credentials().size() - 1) {
        facts_.resize(asked.credentials().size());
    }

    preflight::Report run() {
        for (std::size_t slot = 0; slot <= last_; ++slot) {
            doubt_foreign(slot);
            if (facts_[slot].same_token) {  // what it was asked says nothing of the other account
                add("same_token", "", slot, "",
                    "its token is that of another credential, so that one account was asked twice",
                    "create an access token in the enterprise, for all its workspaces, and put it "
                    "into the variable",
                    admin);
                continue;
            }
            if (has_no_token(slot))
                judge_exchange(slot);
            else if (is_dead(slot))
                judge_dead(slot);
            else
                judge_access(slot);
            judge_rest(slot);
        }
        judge_region();
        judge_bot();
        judge_clock();
        judge_expiry();
        say_what_was_not_checked();
        return std::move(report_);
    }

private:
    using Answer = preflight::Answer;
    using Finding = preflight::Finding;
    using Verdict = preflight::Verdict;

    static constexpr const char* admin = "a super admin or admin of the enterprise";
    static constexpr const char* operators = "whoever runs this program";

    // --- The answers ---

    const Answer* of(std::size_t slot, std::string_view probe) const {
        return asked_.find(slot, probe);
    }
    bool accepted(std::size_t slot, std::string_view probe) const {
        const Answer* const answer = of(slot, probe);
        return answer != nullptr && answer->verdict == Verdict::accepted && !is_foreign(*answer);
    }
    /// From somebody who is not Coze, whose answers have a `code`, or at least `data`: a proxy, a
    /// wrong base. HTTP 200 proves nothing.
    static bool is_foreign(const Answer& answer) {
        const auto lacks = [&answer](std::string_view name) {
            const body::Kind kind = body::find(answer.body, name).kind;
            return kind == body::Kind::absent || kind == body::Kind::malformed;
        };
        const bool is_page =
            answer.http_status == 200 && answer.kind == ErrorKind::malformed_response;
        return is_page || (answer.verdict == Verdict::accepted && lacks("code") && lacks("data"));
    }
    /// The service has judged and said no, for reasons of access.
    bool denied(std::size_t slot, std::string_view probe) const {
        const Answer* const answer = of(slot, probe);
        return answer != nullptr && answer->verdict == Verdict::refused &&
               (answer->kind == ErrorKind::refused || answer->kind == ErrorKind::not_found);
    }
    const Answer* first(std::size_t slot) const { return of(slot, "whoami"); }
    bool has_no_token(std::size_t slot) const {
        return first(slot) != nullptr && first(slot)->no_token;
    }
    /// Whether the token endpoint took an assertion of this app: its key and client id are right.
    bool has_right_key(std::size_t slot) const {
        return first(slot) != nullptr && facts_[slot].is_app &&
               (!first(slot)->no_token || first(slot)->kind == ErrorKind::refused);
    }
    bool another_has_right_key(std::size_t slot) const {
        for (std::size_t other = 0; other <= last_; ++other)
            if (other != slot && has_right_key(other)) return true;
        return false;
    }
    bool is_dead(std::size_t slot) const {
        if (!denied(slot, "whoami") || speaks_of_level(*first(slot))) return false;
        const Answer& answer = *first(slot);
        const std::int64_t code = answer.has_service_code ? answer.service_code : 0;
        if (code == 4100 || code == 700012006 || answer.http_status == 401) return true;
        for (const preflight::Probe& probe : asked_.probes())
            if (accepted(slot, probe.name)) return false;
        return true;
    }
    static bool speaks_of_level(const Answer& answer) {
        return answer.verdict == Verdict::refused &&
               speaks_of(answer.message, "enterprise level", "enterprise-level", "team level",
                         "team/enterprise", "team or enterprise");
    }
    const std::string& bot_of(std::size_t slot) const {
        return slot == 0 || options_.trial_bot_id.empty() ? options_.bot_id : options_.trial_bot_id;
    }

    /// The workspace of a bot, as a credential that reads it says; empty if nobody does.
    std::string workspace_of(const std::string& bot) const {
        for (std::size_t slot = 0; slot <= last_; ++slot)
            if (accepted(slot, "bot") && bot_of(slot) == bot)
                for (const std::string_view path : {"data.workspace_id", "data.space_id"}) {
                    std::string id = body::Json::text(of(slot, "bot")->body, path);
                    if (!id.empty()) return id;
                }
        return {};
    }
    /// Whether a credential reaches the workspace of the bot that it was asked about.
    Cover cover(std::size_t slot) const {
        if (accepted(slot, "bot") || accepted(slot, "conversations") || accepted(slot, "chat"))
            return Cover::yes;
        const Workspaces seen = read_workspaces(of(slot, "workspaces"));
        if (seen.complete && seen.ids.empty()) return Cover::no;
        const std::string home = workspace_of(bot_of(slot));
        if (home.empty() || !seen.known) return Cover::unknown;
        for (const std::string& id : seen.ids)
            if (id == home) return Cover::yes;
        return seen.complete ? Cover::no : Cover::unknown;
    }
    /// Whether the bot's workspace is still the personal account's.
    bool is_not_moved() const {
        const std::string home = workspace_of(options_.bot_id);
        const Workspaces seen = read_workspaces(of(0, "workspaces"));
        for (std::size_t i = 0; i != seen.ids.size(); ++i)
            if (seen.ids[i] == home) return !seen.of_enterprise[i];
        return false;
    }

    /// The table says of such an answer that it is unclear.
    void doubt_foreign(std::size_t slot) {
        for (std::size_t i = 0; i != asked_.probes().size(); ++i)
            for (preflight::Row& row : report_.rows)
                if (row.probe == asked_.probes()[i].name && is_foreign(asked_.answer(slot, i)))
                    row.cells[slot].verdict = Verdict::unanswered;
    }

    // --- The findings ---

    Finding& add(std::string name, std::string requirement, std::size_t slot,
                 std::string_view probe, std::string what, std::string next, std::string who) {
        Finding finding;
        finding.name = std::move(name);
        finding.requirement = std::move(requirement);
        if (slot <= last_) finding.credential = asked_.credentials()[slot];
        finding.what = std::move(what);
        finding.next = std::move(next);
        finding.who = std::move(who);
        if (const Answer* const answer = of(slot, probe)) {
            finding.probe = std::string(probe);
            finding.http_status = answer->http_status;
            finding.has_service_code = answer->has_service_code;
            finding.service_code = answer->service_code;
            finding.message = preflight::detail::printable(answer->message);
            finding.log_id = preflight::detail::printable(answer->log_id);
        }
        report_.findings.push_back(std::move(finding));
        return report_.findings.back();
    }

    void judge_exchange(std::size_t slot) {
        const Answer& answer = *first(slot);
        if (answer.verdict == Verdict::unanswered) return;  // judge_rest says so
        const bool enterprise = slot != 0;
        if (answer.http_status == 0) {  // nobody was asked
            add("unusable_credential", "", slot, "whoami", "the credential cannot even be sent",
                "correct its settings", operators);
            return;
        }
        if (speaks_of_level(answer)) return add_level(slot, "whoami");
        if (answer.kind == ErrorKind::refused) {
            const bool says_off = speaks_of(answer.message, "deactivat");
            const bool says_absent = speaks_of(answer.message, "not installed", "uninstalled");
            bool another_has_token = false;
            for (std::size_t other = 0; other <= last_; ++other)
                another_has_token = another_has_token || (other != slot && !has_no_token(other));
            if (says_absent || (!says_off && another_has_token)) {
                add("app_not_installed", "R9", slot, "whoami",
                    "the OAuth app is not installed for this account or enterprise",
                    "the app's creator shares its authorization link; open it, choose the scope "
                    "enterprise and all workspaces, and see that it is listed under Enterprise "
                    "API, app installation management",
                    "the app's creator for the link, " + std::string(admin) + " to open it")
                    .suspected = !says_absent;
                return;
            }
            if (report_.has("app_disabled")) return;  // it is one app
            add("app_disabled", "R7", slot, "whoami", "the OAuth app is disabled or deleted",
                "enable the personal-edition app again and leave it enabled: the enterprise's "
                "access hangs on it",
                "the owner of the app")
                .suspected = !says_off;
            return;
        }
        const bool names_id = speaks_of(answer.message, "account_id", "enterprise_id",
                                        "COZE_ACCOUNT_ID", "COZE_ENTERPRISE_ID");
        if (names_id || another_has_right_key(slot)) {
            if (enterprise)
                add("wrong_enterprise_id", "R11", slot, "whoami",
                    "the token endpoint does not accept the enterprise id",
                    "take the id (volcano_...) from organization management, organization "
                    "settings, as text, and put it into COZE_ENTERPRISE_ID",
                    std::string(operators) + ", with the id from " + admin)
                    .suspected = !names_id;
            else
                add("wrong_account_id", "R11", slot, "whoami",
                    "the token endpoint does not accept the account UID",
                    "take the UID of the app's creator from that person's account settings, and "
                    "put it into COZE_ACCOUNT_ID",
                    std::string(operators) + ", with the UID from the app's creator")
                    .suspected = !names_id;
            return;
        }
        unaccepted_apps_ += 1;
        if (report_.has("app_not_accepted")) return;  // it is one app
        add("app_not_accepted", "", slot, "whoami",
            "the token endpoint accepts no assertion of this app",
            "compare client id, public key id and private key with the app's settings, and the "
            "base with its region",
            "the owner of the app");
    }

    void judge_dead(std::size_t slot) {
        const CredentialFacts& facts = facts_[slot];
        if (facts.known_elsewhere) return add_region(slot);
        const bool expired = facts.expires_at != 0 && facts.expires_at <= now_;
        add("dead_token", expired ? "R25" : "", slot, "whoami",
            expired ? "the token has expired" : "the service does not accept the token",
            facts.is_app ? "the token was new: see that the app's authorization still stands"
            : slot == 0  ? "create a new access token in the personal account, or correct the "
                           "variable"
                         : "create a new access token in the enterprise, for all its workspaces, "
                           "or correct the variable; tokens of one region are unknown in another",
            facts.is_app ? "the owner of the app"
            : slot == 0  ? "the owner of the personal account"
                         : admin);
    }

    void add_region(std::size_t slot) {
        add("wrong_region", "", slot, "whoami",
            "the credential is unknown at this base and known at the other one",
            "set COZE_API_BASE to the base of the credential's region", operators);
    }
    void add_level(std::size_t slot, std::string_view probe) {
        if (report_.has("enterprise_permission", asked_.credentials()[slot])) return;
        add("enterprise_permission", "R26", slot, probe,
            "the authorization holds permission points of team or enterprise level, which its "
            "creator may not grant",
            "leave only workspace-level and account-level points in it, or have it created by "
            "one who may grant them",
            admin);
    }

    /// All credentials unknown at once: likelier another region than so many accidents.
    void judge_region() {
        std::size_t unknown = unaccepted_apps_;
        bool asked_elsewhere = false;
        for (std::size_t slot = 0; slot <= last_; ++slot) {
            if (!has_no_token(slot) && is_dead(slot) && !facts_[slot].same_token) ++unknown;
            asked_elsewhere = asked_elsewhere || facts_[slot].asked_elsewhere;
            if (has_no_token(slot) && facts_[slot].known_elsewhere &&
                first(slot)->verdict == Verdict::refused)
                add_region(slot);
        }
        if (unknown <= last_ || last_ == 0 || asked_elsewhere) return;
        add("wrong_region", "", last_ + 1, "",
            "every credential is unknown at this base, as if they were of another region",
            "compare COZE_API_BASE with the console where they were made: " +
                std::string(api_base) + " or " + std::string(api_base_cn) +
                "; --other-base asks there",
            operators)
            .suspected = true;
    }

    void missing(std::size_t slot, std::string_view probe, const char* point, bool proven) {
        if (speaks_of_level(*of(slot, probe))) return add_level(slot, probe);
        std::string what = proven ? "the permission point " : "perhaps the permission point ";
        what += point;
        what += " is missing";
        Finding& made = add("missing_permission", "R4", slot, probe, std::move(what),
                            std::string("add ") + point +
                                (facts_[slot].is_app ? " to the app and authorize it again"
                                                     : ": create a new token that has it"),
                            slot == 0 ? "the owner of the personal account" : admin);
        made.suspected = !proven;
        // What the old credential cannot do either, the new one need not.
        const bool old_lacks_it = accepted(0, "whoami") && denied(0, probe) &&
                                  (probe == "workspaces" || cover(0) == Cover::yes);
        made.blocks = slot != 0 && !old_lacks_it;
    }

    void judge_access(std::size_t slot) {
        if (denied(slot, "whoami")) {
            if (speaks_of_level(*first(slot)))
                add_level(slot, "whoami");
            else
                missing(slot, "whoami", "for the user's own profile", false);
        }
        if (denied(slot, "workspaces")) missing(slot, "workspaces", "listWorkspace", true);

        const Cover covered = cover(slot);
        const bool bot_denied = denied(slot, "bot");
        const bool moved_away = slot == 0 && last_ != 0 && bot_denied && accepted(last_, "bot") &&
                                bot_of(0) == bot_of(last_);
        if (moved_away) return;  // judge_bot says so
        const bool waits_for_move = slot != 0 && bot_denied && options_.trial_bot_id.empty() &&
                                    accepted(0, "bot") && covered != Cover::yes && is_not_moved();
        if (waits_for_move) return add_not_moved(slot);

        const bool lost = bot_denied || denied(slot, "conversations") || denied(slot, "chat");
        if (lost && covered != Cover::yes && !nobody_sees(bot_of(slot))) {
            const std::string_view probe = bot_denied                      ? "bot"
                                           : denied(slot, "conversations") ? "conversations"
                                                                           : "chat";
            if (!speaks_of_level(*of(slot, probe))) {
                Finding& made = add(
                    "workspace_not_covered", "R5", slot, probe,
                    covered == Cover::no
                        ? "the authorization does not reach the workspace of the bot"
                        : "perhaps the authorization does not reach the workspace of the bot",
                    slot == 0 ? "if the workspace has moved, nothing; else compare the bot id with "
                                "the account"
                    : facts_[slot].is_app
                        ? "authorize the app again and choose all workspaces, present and future"
                        : "create a new token that is valid for all workspaces",
                    slot == 0 ? "the owner of the personal account" : admin);
                made.suspected = covered == Cover::unknown;
                made.blocks = slot != 0;
            }
            if (covered == Cover::no) return;
        }
        struct Point {
            const char* probe;
            const char* name;
        };
        for (const Point point :
             {Point{"bot", "getMetadata"}, Point{"conversations", "listConversation"},
              Point{"chat", "chat"}}) {
            const Answer* const answer = of(slot, point.probe);
            if (!denied(slot, point.probe) || answer->kind != ErrorKind::refused) continue;
            missing(slot, point.probe, point.name, covered == Cover::yes);
        }
    }

    void add_not_moved(std::size_t slot) {
        add("not_moved", "R13", slot, "bot",
            "the bot's workspace still belongs to the personal account, so that nothing can be "
            "said about the enterprise's access to it",
            "make a workspace and an agent in the enterprise, publish it as API, and name it: "
            "--trial-bot ID",
            admin);
    }

    bool nobody_sees(const std::string& bot) const {
        for (std::size_t slot = 0; slot <= last_; ++slot) {
            if (bot_of(slot) != bot) continue;
            const Answer* const answer = of(slot, "bot");
            if (answer == nullptr || answer->verdict != Verdict::refused ||
                answer->kind != ErrorKind::not_found)
                return false;
        }
        return true;
    }

    void judge_bot() {
        for (std::size_t slot = 0; slot <= last_; ++slot) {
            const bool repeats = slot != 0 && bot_of(slot) == bot_of(0);
            if (has_no_token(slot) || is_dead(slot) || facts_[slot].same_token) continue;
            if (nobody_sees(bot_of(slot)) && !repeats)
                add("bot_not_found", "", slot, "bot", "no credential sees the bot",
                    "compare the bot id, as text, with the address of the bot's page, and the base "
                    "with its region",
                    operators);
            for (const char* const probe : {"bot", "chat"}) {
                const Answer* const answer = of(slot, probe);
                if (answer == nullptr || !answer->has_service_code ||
                    answer->service_code != 4015 ||
                    report_.has("not_published", asked_.credentials()[slot]))
                    continue;
                add("not_published", "", slot, probe, "the bot is not published to the channel API",
                    "publish it as API", "the owner of the bot");
            }
        }
        if (last_ != 0 && bot_of(0) == bot_of(last_) && denied(0, "bot") && !is_dead(0) &&
            !has_no_token(0) && accepted(last_, "bot"))
            add("already_moved", "R14", 0, "bot",
                "the personal credential no longer reaches the bot and the enterprise's does",
                "nothing; delete the old access token once all is verified (R17)", operators)
                .blocks = false;
    }

    /// What is no matter of access: overload, quota, a wrong parameter.
    void judge_rest(std::size_t slot) {
        for (std::size_t i = 0; i != asked_.probes().size(); ++i) {
            const Answer& answer = asked_.answer(slot, i);
            const std::string& probe = asked_.probes()[i].name;
            if (answer.verdict == Verdict::unanswered || is_foreign(answer)) {
                add("unanswered", "", slot, probe,
                    is_foreign(answer) ? "whoever answered is not Coze"
                                       : "the service gave no verdict",
                    "look at the network, the proxy and the base, and run this again", operators);
                return;  // the others would say the same
            }
            if (answer.verdict != Verdict::refused || answer.no_token) continue;
            if (answer.kind == ErrorKind::refused || answer.kind == ErrorKind::not_found) continue;
            if (answer.has_service_code && answer.service_code == 4015) continue;
            add("other_refusal", "", slot, probe, "the service refused for another reason",
                "look up the code; support asks for the log id", operators);
        }
    }

    void judge_clock() {
        std::int64_t worst = 0;
        std::size_t slot = 0;
        const char* probe = "whoami";
        for (std::size_t each = 0; each <= last_; ++each)
            for (std::size_t i = 0; i != asked_.probes().size(); ++i) {
                const std::int64_t skew = asked_.answer(each, i).skew;
                if ((skew < 0 ? -skew : skew) <= (worst < 0 ? -worst : worst)) continue;
                worst = skew;
                slot = each;
                probe = asked_.probes()[i].name.c_str();
            }
        constexpr std::int64_t tolerance = 60;
        std::string apart;
        if (worst > tolerance || worst < -tolerance) {
            apart = "the clock of this machine is " + std::to_string(worst < 0 ? -worst : worst) +
                    " seconds " + (worst < 0 ? "ahead of" : "behind") + " the server's";
        } else {
            constexpr std::string_view sentence = "the clock of this machine is ";
            for (std::size_t each = 0; each <= last_ && apart.empty(); ++each) {
                if (!has_no_token(each)) continue;
                const std::string& said = first(each)->message;
                const std::size_t at = said.rfind(sentence);
                if (at == said.npos) continue;
                apart = said.substr(at);
                slot = each;
            }
        }
        if (apart.empty()) return;
        Finding& made = add("clock_skew", "", slot, probe, apart,
                            "let the machine take its time from a time server (NTP)",
                            "the administrator of this machine");
        made.credential.clear();
        made.blocks = false;
    }

    void judge_expiry() {
        constexpr std::int64_t day = 86400;
        for (std::size_t slot = 0; slot <= last_; ++slot) {
            const std::int64_t left = facts_[slot].expires_at - now_;
            if (facts_[slot].expires_at == 0 || left >= 7 * day) continue;
            if (left <= 0 && is_dead(slot)) continue;  // said already
            add("token_expires", "R25", slot, "",
                left <= 0     ? std::string("the token should have expired by now")
                : left >= day ? "the token expires in " + std::to_string(left / day) + " days"
                              : "the token expires in less than a day",
                slot == 0 ? "move before that, or renew it; an OAuth app renews by itself"
                          : "create its successor now; an OAuth app renews by itself",
                slot == 0 ? "the owner of the personal account" : admin)
                .blocks = false;
        }
    }

    void say_what_was_not_checked() {
        bool unknown_expiry = false;
        for (const CredentialFacts& facts : facts_)
            unknown_expiry = unknown_expiry || (!facts.is_app && facts.expires_at == 0);
        if (unknown_expiry)
            report_.not_checked.push_back(
                "when the access tokens expire, for no answer tells; a month is the longest (R25)");
        if (!options_.chat)
            report_.not_checked.push_back(
                "the permission point chat, which only a real chat shows (--chat)");
        report_.not_checked.push_back(
            "permission points that none of these probes needs, such as createConversation (R4)");
    }

    const preflight::Preflight& asked_;
    const PreflightOptions& options_;
    std::int64_t now_;
    preflight::Report report_;
    std::vector<CredentialFacts> facts_;
    std::size_t last_;
    std::size_t unaccepted_apps_ = 0;
};

}  // namespace detail

inline std::vector<preflight::Probe> preflight_probes(const PreflightOptions& options) {
    using detail::probe_request;
    std::vector<preflight::Probe> probes;
    probes.push_back({"whoami", probe_request(options, "/v1/users/me")});
    probes.push_back(
        {"workspaces", probe_request(options, "/v1/workspaces?page_num=1&page_size=50")});
    const auto about = [&](const std::string& bot, std::uint32_t asked_of) {
        probes.push_back({"bot",
                          probe_request(options, "/v1/bots/" + oauth::percent_encode(bot) +
                                                     "?is_published=true"),
                          asked_of});
        probes.push_back(
            {"conversations",
             probe_request(options, "/v1/conversations?bot_id=" + oauth::percent_encode(bot) +
                                        "&page_num=1&page_size=1"),
             asked_of});
        if (options.chat) probes.push_back({"chat", detail::probe_chat(options, bot), asked_of});
    };
    constexpr std::uint32_t all = 0xffffffffu;
    if (options.trial_bot_id.empty()) {
        about(options.bot_id, all);
    } else {
        about(options.bot_id, 1u);
        about(options.trial_bot_id, all & ~1u);
    }
    return probes;
}

inline preflight::Report diagnose(const preflight::Preflight& asked,
                                  const PreflightOptions& options,
                                  const std::vector<CredentialFacts>& facts, std::int64_t now) {
    if (asked.credentials().empty()) return preflight::Report(asked);
    return detail::Diagnosis(asked, options, facts, now).run();
}

}  // namespace coze
}  // namespace v0_1
}  // namespace rekey

#endif
