// SPDX-License-Identifier: BSL-1.0
//
// Dear reader,
//
// your WebSocket needs a credential, and some are refused. A socket is opened by one HTTP exchange
// (RFC 6455 §4), and that is all that a credential decides: a refusal in the answer to the upgrade
// falls back to the next one, on a new connection. With `101` the call is over. What a server says
// in frames after that is between you and it: nothing that was streamed is ever sent again.
//
// `Handshake` has no socket. It says what to write and is told what was read, so it fits any loop;
// the server here is a function.

#include <rekey/body/json.hpp>
#include <rekey/core/call.hpp>
#include <rekey/policy/credential_chain.hpp>
#include <rekey/policy/limits.hpp>
#include <rekey/policy/retry_on.hpp>
#include <rekey/result.hpp>

#include <array>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

struct Personal {};
struct Team {};
struct Enterprise {};
constexpr std::array<const char*, 3> names{"personal", "team", "enterprise"};  // by slot
constexpr std::array<const char*, 3> tokens{"pat_personal", "pat_team", "pat_enterprise"};

using Plan =
    rekey::Plan<rekey::CredentialChain<Personal, Team, Enterprise>,
                rekey::RetryOn<4100, rekey::AuthRejected, rekey::Transient>, rekey::MaxAttempts<5>>;

/// The value of a header of an answer; an empty text if it is absent.
std::string_view header(std::string_view head, std::string_view name) {
    for (std::size_t at = 0; (at = head.find(name, at)) != std::string_view::npos; ++at) {
        if (head.substr(at - 2, 2) != "\r\n" || head.substr(at + name.size(), 2) != ": ") continue;
        head.remove_prefix(at + name.size() + 2);
        return head.substr(0, head.find("\r\n"));
    }
    return {};
}

/// Opens a WebSocket with the first credential that the server takes.
class Handshake {
public:
    enum class State { connect, reading, open, failed };

    Handshake() {
        rekey::CallOptions options;
        options.idempotent = true;  // an upgrade that nobody answered has opened nothing
        call_ = rekey::Call<Plan>(options);
        go_on(call_.start());
    }
    /// `connect`: open a new connection, write `request()` to it, then tell what was read.
    State state() const { return state_; }
    std::string request() {
        state_ = State::reading;
        read_.clear();
        return std::string(
                   "GET /v1/speech HTTP/1.1\r\nHost: ws.example\r\nConnection: Upgrade\r\n"
                   "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                   "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"  // RFC 6455 §1.3
                   "Authorization: Bearer ") +
               tokens[next_.slot] + "\r\n\r\n";
    }
    /// Some bytes came. In state `open`, those that are left in `frames` belong to the socket.
    void read(std::string_view bytes, std::string& frames) {
        if (state_ != State::reading) return;  // of an answer that has already said enough
        read_ += bytes;
        const std::size_t end = read_.find("\r\n\r\n");
        if (end == std::string::npos) return;
        const std::string_view head = std::string_view(read_).substr(0, end + 2);
        rekey::Facts facts;
        facts.http_status = std::atoi(read_.substr(9, 3).c_str());
        if (facts.http_status == 101) {
            if (header(head, "Sec-WebSocket-Accept") != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=") {
                facts.failure = rekey::Permanent;  // somebody else's answer
                facts.fault = rekey::Fault::malformed;
            }
            frames = read_.substr(end + 4);
        } else {
            const auto length = std::strtoul(header(head, "Content-Length").data(), nullptr, 10);
            if (read_.size() < end + 4 + length) return;
            const auto reading =
                rekey::body::Json::code(std::string_view(read_).substr(end + 4, length));
            facts.has_service_code = reading.found == rekey::body::Found::present;
            facts.service_code = reading.code;
            facts.failure = Plan::classify(facts.http_status, reading);
            if (facts.failure == rekey::NoFailure) facts.failure = rekey::Permanent;  // no socket
        }
        go_on(call_.sent(facts));
    }
    /// The connection ended. Once the socket is open, that is no concern of the handshake.
    void closed() {
        if (state_ != State::reading) return;
        rekey::Facts facts;
        facts.reach = read_.empty() ? rekey::Reach::sent_unanswered : rekey::Reach::cut_short;
        facts.failure = rekey::Transient;
        go_on(call_.sent(facts));
    }
    const char* credential() const { return names[next_.slot]; }
    unsigned attempt() const { return next_.number; }
    std::string_view reason() const { return to_string(end_); }

private:
    void go_on(const rekey::Action& next) {
        switch (next.kind) {
            case rekey::Kind::send:
                next_ = next;
                state_ = State::connect;
                break;
            case rekey::Kind::finish:
                end_ = next.reason;
                state_ = end_ == rekey::StopReason::success ? State::open : State::failed;
                break;
            default: std::abort();  // this plan waits for nothing
        }
    }
    rekey::Call<Plan> call_{};
    rekey::Action next_{};
    rekey::StopReason end_{};
    State state_ = State::connect;
    std::string read_{};
};

/// The other side: what it writes on a connection before it closes it.
std::string served(const std::string& request, int connection) {
    const auto has = [&](const char* token) { return request.find(token) != std::string::npos; };
    if (connection == 1) return {};  // hangs up on the first one
    if (has("pat_personal")) return "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n";
    if (has("pat_team"))
        return "HTTP/1.1 200 OK\r\nContent-Length: 25\r\n\r\n{\"code\":4100,\"msg\":\"out\"}";
    return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
           "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
           "\x81\x05hello"
           "\x88\x02\x03\xf0";  // the text hello, then close 1008: against the policy
}

int main() {
    Handshake handshake;
    std::string frames;
    for (int connection = 1; handshake.state() == Handshake::State::connect; ++connection) {
        const std::string answer = served(handshake.request(), connection);
        std::printf("connection %d: upgrade %u as %s, ", connection, handshake.attempt(),
                    handshake.credential());
        std::printf("answered %s\n", answer.empty() ? "nothing" : answer.substr(9, 3).c_str());
        // As a network does, in pieces.
        for (std::size_t at = 0; at < answer.size(); at += 7) {
            if (handshake.state() == Handshake::State::open)
                frames += answer.substr(at, 7);
            else
                handshake.read(std::string_view(answer).substr(at, 7), frames);
        }
        handshake.closed();
    }
    std::printf("%s: %s\n", handshake.state() == Handshake::State::open ? "open" : "failed",
                std::string(handshake.reason()).c_str());
    for (std::size_t at = 0; at + 1 < frames.size();) {
        const auto opcode = static_cast<unsigned char>(frames[at]) & 0x0Fu;
        const auto length = static_cast<std::size_t>(frames[at + 1]);
        if (opcode == 1) std::printf("frame: %s\n", frames.substr(at + 2, length).c_str());
        if (opcode == 8) std::printf("close: no other credential is tried\n");
        at += 2 + length;
    }
}

// Output:
//   connection 1: upgrade 1 as personal, answered nothing
//   connection 2: upgrade 2 as personal, answered 401
//   connection 3: upgrade 3 as team, answered 200
//   connection 4: upgrade 4 as enterprise, answered 101
//   open: success
//   frame: hello
//   close: no other credential is tried
