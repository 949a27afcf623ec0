// SPDX-License-Identifier: BSL-1.0
// ChatProgram: the part that needs no client.
#include "chat_program.hpp"

#include "ctrl_c.hpp"
#include "standard_streams.hpp"

#include <rekey/body/json_writer.hpp>
#include <rekey/coze/environment.hpp>
#include <rekey/coze/fresh_conversation.hpp>
#include <rekey/oauth/edit_url.hpp>
#include <rekey/oauth/percent.hpp>
#include <rekey/oauth/url.hpp>
#include <rekey/testing/print.hpp>

#include <CLI/CLI.hpp>

#include <cstddef>
#include <cstdlib>
#include <iostream>
#include <thread>
#include <utility>

namespace support {

using rekey::HttpRequest;
using rekey::HttpResponse;

namespace {

constexpr std::string_view event_stream = "text/event-stream";

std::string variable(const char* name) {
    const char* const value = std::getenv(name);
    return value == nullptr ? std::string() : std::string(value);
}

std::string one_line(std::string text) {
    for (char& c : text)
        if (static_cast<unsigned char>(c) < ' ') c = ' ';
    return text;
}

}  // namespace

bool ChatTransport::Sink::operator()(std::string_view chunk) const {
    std::cout << chunk << std::flush;
    events->feed(chunk);
    return !events->ended() || events->failed();  // some servers leave it open behind the last
}

rekey::TransportResult<HttpResponse> ChatTransport::operator()(
    const HttpRequest& request, const rekey::Attempt& attempt) const {
    const std::string_view value = attempt.authorization();
    *token_ = rekey::Secret{value.substr(value.find(' ') + 1)};
    return rekey::find_header(request.headers, "Accept") == event_stream
               ? streaming_(request, attempt)
               : whole_(request, attempt);
}

ChatProgram::ChatProgram(std::string name, std::string about, ActsFor acts_for)
    : name_(std::move(name)),
      acts_for_(acts_for),
      options_(std::make_unique<CLI::App>(std::move(about), name_)) {}
ChatProgram::~ChatProgram() = default;

void ChatProgram::add_flag(const std::string& option, bool& value, const std::string& about) {
    options_->add_flag(option, value, about);
}
void ChatProgram::add_text(const std::string& option, std::string& value,
                           const std::string& about) {
    options_->add_option(option, value, about);
}
void ChatProgram::add_seconds(const std::string& option, std::uint64_t& value, std::uint64_t most,
                              const std::string& about) {
    options_->add_option(option, value, about)
        ->check(CLI::Range(std::uint64_t{1}, most))
        ->capture_default_str();
}

bool ChatProgram::read(int argc, char** argv) {
    hold_standard_streams();
    if (!read_options(argc, argv) || !read_environment()) return false;
    if (acts_for_ == ActsFor::user || polls_) cancel_on_ctrl_c(stop_);
    return true;
}

bool ChatProgram::read_options(int argc, char** argv) {
    const bool is_for_user = acts_for_ == ActsFor::user;
    CLI::App& app = *options_;
    app.add_option("--message", message_, "What to say")->capture_default_str();
    CLI::Option* const stream =
        app.add_flag("--stream", streams_, "Print the events of the answer as they come");
    app.add_flag("--wait", polls_,
                 "Ask until the chat has ended, five minutes at most; print it and its messages")
        ->excludes(stream);
    app.add_option(
        "--conversation", conversation_,
        is_for_user ? "Go on with this conversation"
                    : "Go on with this conversation; dropped when another credential takes over");
    CLI::Option* const repeat =
        app.add_option("--repeat", repeat_,
                       std::string("Send so many requests; the last line on stderr is `N requests, "
                                   "N calls, N served by ") +
                           (is_for_user ? "user" : "personal, N served by enterprise") +
                           ", N failed`")
            ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1000000000}));
    if (!is_for_user)
        app.add_flag("--remember", remembers_,
                     "Begin each request with the credential that served its bot last");
    app.add_flag("--trail", shows_trail_, "One line per attempt on stderr");
    app.add_flag("--allow-http", allows_http_,
                 "Accept a base of plain http outside loopback, where everyone can read the token");
    if (is_for_user)
        app.add_flag(
            "--no-wait", hands_over_,
            "Wait for nobody: a user who must authorize ends it with 3, the URL on stdout");
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        exit_status_ = app.exit(error) == 0 ? 0 : 2;
        return false;
    }
    shows_counts_ = repeat->count() != 0;
    return true;
}

bool ChatProgram::read_environment() {
    api_base_ = rekey::coze::api_base_from_environment();
    if (!may_be_base("COZE_API_BASE", api_base_)) return false;
    const std::string bot_id = need("PUBLISHED_BOT_ID");
    const std::string user_id = need("USER_ID");
    return exit_status_ == 0 && make_request(api_base_, bot_id, user_id);
}

std::string ChatProgram::need(const char* name) {
    std::string value = variable(name);
    if (value.empty() && exit_status_ == 0) complain(std::string(name) + ": is not set");
    return value;
}

std::string ChatProgram::www_base() {
    std::string base = variable("COZE_WWW_BASE");
    if (!base.empty() && exit_status_ == 0) may_be_base("COZE_WWW_BASE", base);
    return base;
}

bool ChatProgram::may_be_base(const char* name, const std::string& base) {
    const rekey::oauth::JoinedUrl joined = rekey::oauth::join(base, "/");
    if (!joined)
        complain(std::string(name) + ": " + std::string(sentence(joined.error)));
    else if (!allows_http_ && !rekey::oauth::allowed_for_secrets(rekey::oauth::parse_url(base)))
        complain(std::string(name) +
                 ": plain http outside loopback lets everyone on the way read the token; use https "
                 "or --allow-http");
    else
        return true;
    return false;
}

bool ChatProgram::make_request(std::string_view base, std::string_view bot_id,
                               std::string_view user_id) {
    std::string path = "/v3/chat";
    if (!conversation_.empty())
        path += "?conversation_id=" + rekey::oauth::percent_encode(conversation_);
    request_.method = "POST";
    request_.url = rekey::oauth::join(base, path).text;
    request_.headers = {{"Content-Type", "application/json"}};
    if (streams_) request_.headers.push_back({"Accept", std::string(event_stream)});
    rekey::body::JsonWriter writer;
    writer.object_begin();
    writer.member("bot_id", bot_id);
    writer.member("user_id", user_id);
    writer.key("additional_messages");
    writer.array_begin();
    writer.object_begin();
    writer.member("role", "user");
    writer.member("type", "question");
    writer.member("content", message_);
    writer.member("content_type", "text");
    writer.object_end();
    writer.array_end();
    writer.member("stream", streams_);
    writer.member("auto_save_history", true);
    writer.object_end();
    request_.body = std::move(writer).text();
    if (!request_.body.empty()) return true;
    complain("--message, PUBLISHED_BOT_ID or USER_ID: is not UTF-8 text");
    return false;
}

ChatTransport ChatProgram::transport() {
    rekey::curl::Options options;
    options.allow_http = allows_http_;
    return ChatTransport{rekey::curl::Transport{options}, events_, token_};
}

bool ChatProgram::sleep(rekey::Duration delay) const {
    const rekey::TimePoint end = now() + delay;
    while (!stop_.is_cancelled() && now() < end) {
        constexpr rekey::Duration tick = std::chrono::milliseconds{50};
        std::this_thread::sleep_for(end - now() < tick ? end - now() : tick);
    }
    return !stop_.is_cancelled();
}

int ChatProgram::complain(std::string_view what) {
    std::cerr << name_ << ": " << what << '\n';
    return exit_status_ = 2;
}

void ChatProgram::finish(const Result& result) {
    count(result);
    if (shows_trail_) std::cerr << result.trail();
    if (!result) return give_up(result);
    if (!result->delivered) std::cout << result->body << '\n' << std::flush;
    served(result);
}

/// A chat that was waited for: its last state, and its messages if it has any.
void ChatProgram::finish(const Result& created, const rekey::coze::ChatPoll& poll) {
    using rekey::coze::ChatEnd;
    count(created);
    if (shows_trail_) std::cerr << created.trail();
    if (poll.succeeded()) std::cout << poll.chat() << '\n' << poll.messages() << '\n' << std::flush;
    if (poll.end() == ChatEnd::failed || poll.end() == ChatEnd::canceled)
        std::cout << poll.chat() << '\n' << std::flush;
    if (poll.succeeded()) return served(created);
    rekey::coze::ChatFailure failure = poll.failure();
    cut_out_token(failure, token_.expose());
    std::string line = describe(failure, created.credential());
    if (poll.retry_after() > rekey::Duration{0})
        line +=
            ", retry after " +
            std::to_string(std::chrono::ceil<std::chrono::seconds>(poll.retry_after()).count()) +
            " s";
    has_ended_ = poll.end() == ChatEnd::stopped;
    const std::string id = rekey::coze::chat_id(created->body);
    fail(id.empty() ? line : line + ", while waiting for chat " + id);
}

void ChatProgram::served(const Result& result) {
    report_conversation(result);
    if (result.credential() == "user") ++by_user_;
    if (result.credential() == "personal") ++by_personal_;
    if (result.credential() == "enterprise") ++by_enterprise_;
}

void ChatProgram::give_up(const Result& result) {
    const rekey::Error<HttpResponse>& error = result.error();
    // A credential or an app that cannot work is no answer of the service: nothing was sent with
    // it, or its user was asked, after a refusal whose status is still the reported one, in vain.
    const bool is_unsent =
        error.http_status == 0 || result.stop_reason() == rekey::StopReason::needs_user;
    if (error.kind == rekey::ErrorKind::configuration && is_unsent)
        return fail(error.describe(), 2);
    if (error.kind == rekey::ErrorKind::authorization_needed) {
        std::cout << result.authorization().url << '\n' << std::flush;
        has_ended_ = true;  // nobody is there to be asked once more
        return fail(error.describe(), 3);
    }
    has_ended_ = error.kind == rekey::ErrorKind::authorization_denied ||  // a no is a no
                 error.kind == rekey::ErrorKind::cancelled;
    fail(error.describe());
}

/// A call is one POST /v3/chat; token requests and attempts that could not be sent are none.
void ChatProgram::count(const Result& result) {
    ++requests_;
    const rekey::Trail& trail = result.trail();
    calls_ += trail.omitted();
    for (std::size_t i = 0; i != trail.size(); ++i)
        if (!trail[i].exchange && trail[i].fault != rekey::Fault::misconfigured) ++calls_;
}

void ChatProgram::report_conversation(const Result& result) {
    // A call that began where its bot was served last has dropped the conversation as well.
    if (conversation_.empty() || result.slot() == 0) return;
    const std::string id =
        result->delivered ? events_.conversation_id() : rekey::coze::conversation_id(result->body);
    std::cerr << "new conversation: " << one_line(id) << '\n';
}

void ChatProgram::fail(std::string_view line, int status) {
    std::cerr << name_ << ": " << one_line(std::string(line)) << '\n';
    ++failed_;
    if (exit_status_ == 0) exit_status_ = status;
}

int ChatProgram::end() {
    if (!std::cout) {
        std::cerr << name_ << ": cannot write to the standard output\n";
        if (exit_status_ == 0) exit_status_ = 1;
    }
    if (!shows_counts_) return exit_status_;
    std::cerr << requests_ << " requests, " << calls_ << " calls, ";
    if (acts_for_ == ActsFor::user)
        std::cerr << by_user_ << " served by user, ";
    else
        std::cerr << by_personal_ << " served by personal, " << by_enterprise_
                  << " served by enterprise, ";
    std::cerr << failed_ << " failed\n";
    return exit_status_;
}

}  // namespace support
