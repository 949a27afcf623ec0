// SPDX-License-Identifier: BSL-1.0
// configuration: FakeCozeOptions and FakeFaults out of JSON text.
#ifndef REKEY_TESTING_FAKE_COZE_CONFIGURATION_HPP
#define REKEY_TESTING_FAKE_COZE_CONFIGURATION_HPP

#include <rekey/testing/fake_coze/fault.hpp>
#include <rekey/testing/fake_coze/options.hpp>
#include <rekey/testing/fake_coze/text.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rekey {
inline namespace v0_1 {
namespace testing {
namespace fake {

/// Fills members of a struct from one JSON object and remembers the first thing that is wrong.
class Reader {
public:
    Reader(std::string_view json, std::string where) : json_(json), where_(std::move(where)) {
        if (!is_object(json_)) error_ = where_ + ": expected a JSON object";
    }

    Reader& text(std::string_view key, std::string& into) {
        const body::Value value = take(key);
        if (value.kind == body::Kind::string)
            into = body::decode(value);
        else
            complain(key, value, "a string");
        return *this;
    }
    Reader& number(std::string_view key, std::int64_t& into) {
        const body::Value value = take(key);
        if (value.kind == body::Kind::integer)
            into = value.integer;
        else
            complain(key, value, "an integer");
        return *this;
    }
    Reader& flag(std::string_view key, bool& into) {
        const body::Value value = take(key);
        if (value.kind == body::Kind::boolean)
            into = value.raw == "true";
        else
            complain(key, value, "true or false");
        return *this;
    }
    /// A string out of a fixed list: `name` is called with it and says whether it knows it.
    template <class Name> Reader& word(std::string_view key, Name name) {
        const body::Value value = take(key);
        if (value.kind != body::Kind::string)
            complain(key, value, "a word");
        else if (!name(body::decode(value)))
            fail(std::string{key} + " has an unknown value");
        return *this;
    }
    /// An object, read by `read(raw) -> error`.
    template <class Read> Reader& object(std::string_view key, Read read) {
        const body::Value value = take(key);
        if (value.kind == body::Kind::object)
            fail(read(value.raw));
        else
            complain(key, value, "an object");
        return *this;
    }
    /// An array of objects, each read by `read(raw) -> error`.
    template <class Read> Reader& each(std::string_view key, Read read) {
        const body::Value value = take(key);
        if (value.kind != body::Kind::array) {
            complain(key, value, "an array");
            return *this;
        }
        for (const std::string_view item : items_of(value.raw)) fail(read(item));
        return *this;
    }

    /// The first mistake, or nothing. A key nobody asked for is one: it is most likely a typo.
    std::string error() {
        if (!error_.empty()) return error_;
        for (const std::string_view member : items_of(json_)) {
            bool is_known = false;
            for (const std::string_view key : known_) is_known = is_known || key == key_of(member);
            if (!is_known) return where_ + ": unknown key " + json_quoted(key_of(member));
        }
        return {};
    }

private:
    body::Value take(std::string_view key) {
        known_.push_back(key);
        return body::find(json_, key);
    }
    void complain(std::string_view key, const body::Value& value, const char* wanted) {
        if (value.kind != body::Kind::absent && value.kind != body::Kind::null)
            fail(std::string{key} + " must be " + wanted);
    }
    void fail(const std::string& what) {
        if (error_.empty() && !what.empty()) error_ = where_ + ": " + what;
    }

    std::string_view json_;
    std::string where_;
    std::string error_{};
    std::vector<std::string_view> known_{};
};

inline std::string read_refusal(std::string_view json, FakeRefusal& into) {
    return Reader{json, "refusal"}
        .number("code", into.code)
        .number("http_status", into.http_status)
        .text("message", into.message)
        .error();
}

inline std::string read_fault(std::string_view json, FakeFault& into) {
    return Reader{json, "fault"}
        .number("times", into.times)
        .number("skip", into.skip)
        .text("path", into.path)
        .text("credential", into.credential)
        .word("wire",
              [&](std::string_view word) {
                  const auto wire = wire_named(word);
                  if (wire) into.wire = *wire;
                  return wire.has_value();
              })
        .number("bytes", into.bytes)
        .number("byte_delay_ms", into.byte_delay_ms)
        .number("delay_ms", into.delay_ms)
        .number("status", into.status)
        .text("body", into.body)
        .text("content_type", into.content_type)
        .number("retry_after", into.retry_after)
        .flag("execute_first", into.execute_first)
        .error();
}

/// Overlays the keys of `json` on `options`; `faults` get the entries of the key `faults`.
inline std::string read_options(std::string_view json, FakeCozeOptions& options,
                                std::vector<FakeFault>& faults) {
    const auto refusal = [](FakeRefusal& into) {
        return [&into](std::string_view raw) { return read_refusal(raw, into); };
    };
    // A list that is named takes the place of the one before.
    if (body::find(json, "pats").kind == body::Kind::array) options.pats.clear();
    if (body::find(json, "bots").kind == body::Kind::array) options.bots.clear();
    if (body::find(json, "limits").kind == body::Kind::array) options.limits.clear();
    return Reader{json, "configuration"}
        .text("base", options.base)
        .text("audience", options.audience)
        .text("bot_id", options.bot_id)
        .text("enterprise_bot_id", options.enterprise_bot_id)
        .text("user_id", options.user_id)
        .text("account_id", options.account_id)
        .text("enterprise_id", options.enterprise_id)
        .text("personal_token", options.personal_token)
        .text("enterprise_token", options.enterprise_token)
        .text("jwt_client_id", options.jwt_client_id)
        .text("public_key_id", options.public_key_id)
        .text("web_client_id", options.web_client_id)
        .text("web_client_secret", options.web_client_secret)
        .text("web_redirect_uri", options.web_redirect_uri)
        .text("pkce_client_id", options.pkce_client_id)
        .text("pkce_redirect_uri", options.pkce_redirect_uri)
        .text("device_client_id", options.device_client_id)
        .text("oauth_user", options.oauth_user)
        .flag("moved", options.moved)
        .flag("jwt_app_enabled", options.jwt_app_enabled)
        .flag("jwt_app_installed", options.jwt_app_installed)
        .number("clock_skew", options.clock_skew)
        .flag("enterprise_reads_personal", options.enterprise_reads_personal)
        .object("refusal", refusal(options.refusal))
        .object("dead_token", refusal(options.dead_token))
        .object("foreign_conversation", refusal(options.foreign_conversation))
        .number("polls_until_completed", options.polls_until_completed)
        .number("chat_seconds", options.chat_seconds)
        .number("stream_deltas", options.stream_deltas)
        .flag("space_after_colon", options.space_after_colon)
        .flag("one_running_chat", options.one_running_chat)
        .number("last_error", options.last_error)
        .flag("stream_error_event", options.stream_error_event)
        .word("error_shape",
              [&](std::string_view word) {
                  if (word == "coze")
                      options.error_shape = FakeErrorShape::coze;
                  else if (word == "device")
                      options.error_shape = FakeErrorShape::device;
                  else if (word == "envelope")
                      options.error_shape = FakeErrorShape::envelope;
                  else
                      return false;
                  return true;
              })
        .flag("relative_expiry", options.relative_expiry)
        .number("access_seconds", options.access_seconds)
        .number("refresh_seconds", options.refresh_seconds)
        .number("refresh_grace", options.refresh_grace)
        .text("bad_refresh_word", options.bad_refresh_word)
        .number("consent_seconds", options.consent_seconds)
        .number("code_seconds", options.code_seconds)
        .number("device_seconds", options.device_seconds)
        .number("device_interval", options.device_interval)
        .number("device_auto_approve_polls", options.device_auto_approve_polls)
        .number("clock_tolerance", options.clock_tolerance)
        .flag("auto_approve", options.auto_approve)
        .number("seed", options.seed)
        .number("kept_records", options.kept_records)
        .each("pats",
              [&](std::string_view raw) {
                  FakePat pat;
                  const std::string error = Reader{raw, "pats"}
                                                .text("token", pat.token)
                                                .text("owner", pat.owner)
                                                .text("label", pat.label)
                                                .number("expires_at", pat.expires_at)
                                                .error();
                  if (error.empty() && (pat.token.empty() || pat.owner.empty()))
                      return std::string{"pats: token and owner are needed"};
                  options.pats.push_back(std::move(pat));
                  return error;
              })
        .each("bots",
              [&](std::string_view raw) {
                  FakeBot bot;
                  const std::string error = Reader{raw, "bots"}
                                                .text("id", bot.id)
                                                .text("owner", bot.owner)
                                                .flag("published", bot.published)
                                                .error();
                  if (error.empty() && (bot.id.empty() || bot.owner.empty()))
                      return std::string{"bots: id and owner are needed"};
                  options.bots.push_back(std::move(bot));
                  return error;
              })
        .each("limits",
              [&](std::string_view raw) {
                  FakeLimit limit;
                  const std::string error =
                      Reader{raw, "limits"}
                          .text("credential", limit.credential)
                          .text("lacks", limit.lacks)
                          .text("covers", limit.covers)
                          .flag("has_enterprise_points", limit.has_enterprise_points)
                          .error();
                  if (error.empty() && limit.credential.empty())
                      return std::string{"limits: credential is needed"};
                  options.limits.push_back(std::move(limit));
                  return error;
              })
        .each("faults",
              [&](std::string_view raw) {
                  faults.emplace_back();
                  return read_fault(raw, faults.back());
              })
        .error();
}

}  // namespace fake
}  // namespace testing
}  // namespace v0_1
}  // namespace rekey

#endif
