// SPDX-License-Identifier: BSL-1.0
// ChatProgram: what the chat programs share; options, environment, one request, what is printed.
#ifndef REKEY_EXAMPLES_SUPPORT_CHAT_PROGRAM_HPP
#define REKEY_EXAMPLES_SUPPORT_CHAT_PROGRAM_HPP

#include <rekey/adapter/curl.hpp>
#include <rekey/cancellation.hpp>
#include <rekey/coze/bot_of.hpp>
#include <rekey/coze/chat_poll.hpp>
#include <rekey/coze/chat_stream.hpp>
#include <rekey/extras.hpp>
#include <rekey/http.hpp>
#include <rekey/result.hpp>
#include <rekey/route.hpp>
#include <rekey/secret.hpp>
#include <rekey/transport.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace CLI {
class App;
}

namespace support {

/// libcurl; a request that accepts an event stream has its events printed as they arrive, and
/// fails if one of them says so or the last one is missing.
class ChatTransport {
public:
    static constexpr bool follows_redirects = false;
    static constexpr bool vouches_for_whole_bodies = true;

    /// Borrows both; `token` is from then on the one that was sent last.
    ChatTransport(rekey::curl::Transport transport, rekey::coze::ChatStream& events,
                  rekey::Secret& token)
        : whole_(transport), streaming_(transport.stream(Sink{&events}), events), token_(&token) {}

    rekey::TransportResult<rekey::HttpResponse> operator()(const rekey::HttpRequest& request,
                                                           const rekey::Attempt& attempt) const;

private:
    struct Sink {
        rekey::coze::ChatStream* events;
        bool operator()(std::string_view chunk) const;
    };

    rekey::curl::Transport whole_;
    rekey::coze::WatchedStream<rekey::curl::Streaming<Sink>> streaming_;
    rekey::Secret* token_;
};

/// The key of a chat for `--remember`: its bot. Without the option no request has one.
struct BotIfAsked {
    bool asked;
    rekey::RouteKey operator()(const rekey::HttpRequest& request) const noexcept {
        return asked ? rekey::coze::BotOf{}(request) : rekey::RouteKey();
    }
};

/// On whose behalf a program asks: its own, by one of two accounts, or a user's, who may have to
/// authorize.
enum class ActsFor : unsigned char { itself, user };

/// One chat program from its options to its exit status.
///
/// Exit status  0 answered; 1 refused, failed or interrupted; 2 options, variables or credentials
///              that cannot work, with one line that names the thing; 3 a user must authorize and
///              nobody is there: the URL is on stdout.
/// For a user   `--no-wait`, and Ctrl-C ends the program within a second while it waits.
class ChatProgram {
public:
    ChatProgram(std::string name, std::string about, ActsFor acts_for = ActsFor::itself);
    ~ChatProgram();
    ChatProgram(const ChatProgram&) = delete;
    ChatProgram& operator=(const ChatProgram&) = delete;

    /// An option that only this program has; before `read`.
    void add_flag(const std::string& option, bool& value, const std::string& about);
    void add_text(const std::string& option, std::string& value, const std::string& about);
    void add_seconds(const std::string& option, std::uint64_t& value, std::uint64_t most,
                     const std::string& about);

    /// Reads options and variables. False: `exit_status()` is final, everything was said.
    bool read(int argc, char** argv);
    int exit_status() const noexcept { return exit_status_; }

    /// A variable without which this program cannot work: if it is missing, that is said, and
    /// `exit_status()` is not 0.
    std::string need(const char* variable);
    /// COZE_API_BASE.
    const std::string& api_base() const noexcept { return api_base_; }
    /// COZE_WWW_BASE, or empty: then it follows from the other. Like `need` if it cannot work.
    std::string www_base();
    bool allows_http() const noexcept { return allows_http_; }
    /// False after `--no-wait`.
    bool waits_for_user() const noexcept { return !hands_over_; }
    /// For `Remember`, which begins requests where their bot was served last.
    BotIfAsked bot_if_asked() const noexcept { return BotIfAsked{remembers_}; }
    /// Ctrl-C cancels this.
    const rekey::Canceller& stop() const noexcept { return stop_; }
    /// Borrows this object.
    ChatTransport transport();
    /// Says on stderr what is wrong with the configuration; the exit status for that.
    int complain(std::string_view what);

    /// Sends the request as often as the options say and prints what comes back.
    template <class Client> int run(const Client& client) {
        for (std::uint64_t left = repeat_; left != 0 && !has_ended_; --left) {
            const Result result = client.send(request_, rekey::Cancellation{stop_});
            if (polls_ && result)
                finish(result, follow(client, result));
            else
                finish(result);
        }
        return end();
    }

private:
    using Result = rekey::Result<rekey::HttpResponse>;

    /// Asks for a chat, as the credential that made it, until it has ended or Ctrl-C.
    template <class Client>
    rekey::coze::ChatPoll follow(const Client& client, const Result& created) const {
        using rekey::coze::PollStep;
        rekey::coze::ChatPoll poll{api_base_, created->body};
        for (auto next = poll.start(now()); next.step != PollStep::finish;) {
            if (next.step == PollStep::wait)
                next = sleep(next.delay) ? poll.waited(now()) : poll.cancelled();
            else
                next = poll.answered(rekey::coze::poll_answer(client.send(
                                         poll.request(), rekey::SameCredentialAs{created},
                                         rekey::Cancellation{stop_})),
                                     now());
        }
        return poll;
    }
    static rekey::TimePoint now() { return std::chrono::steady_clock::now(); }
    /// False if Ctrl-C came.
    bool sleep(rekey::Duration delay) const;

    bool read_options(int argc, char** argv);
    bool read_environment();
    bool may_be_base(const char* variable, const std::string& base);
    bool make_request(std::string_view base, std::string_view bot_id, std::string_view user_id);

    void finish(const Result& result);
    void finish(const Result& created, const rekey::coze::ChatPoll& poll);
    void served(const Result& result);
    void give_up(const Result& result);
    void count(const Result& result);
    void report_conversation(const Result& result);
    void fail(std::string_view line, int status = 1);
    int end();

    std::string name_;
    ActsFor acts_for_;
    std::unique_ptr<CLI::App> options_;
    std::string api_base_{};
    std::string message_ = "What can you do?";
    std::string conversation_{};
    std::uint64_t repeat_ = 1;
    bool streams_ = false;
    bool polls_ = false;
    bool shows_trail_ = false;
    bool shows_counts_ = false;
    bool remembers_ = false;
    bool allows_http_ = false;
    bool hands_over_ = false;
    bool has_ended_ = false;  // nothing more will be sent
    int exit_status_ = 0;

    rekey::HttpRequest request_{};
    rekey::Canceller stop_{};
    rekey::coze::ChatStream events_{};
    rekey::Secret token_{};  // the one that was sent last
    std::uint64_t requests_ = 0;
    std::uint64_t calls_ = 0;
    std::uint64_t by_user_ = 0;
    std::uint64_t by_personal_ = 0;
    std::uint64_t by_enterprise_ = 0;
    std::uint64_t failed_ = 0;
};

}  // namespace support

#endif
