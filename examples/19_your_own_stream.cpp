// SPDX-License-Identifier: BSL-1.0
//
// Dear reader,
//
// your program streams answers over an HTTP library that is not libcurl. Before the first event a
// refusal must still go on with the next credential; after it nothing may be sent again; and an
// answer that fails halfway must not look like a success because its HTTP status was 200.
//
// Two filters do that, and neither opens a socket: stream::Gate decides before the first event,
// and coze::ChatStream reads the events that pass. Your library brings a head and then pieces.

#include <rekey/coze.hpp>
#include <rekey/coze/chat_stream.hpp>
#include <rekey/stream/gate.hpp>

#include <iostream>
#include <string>
#include <string_view>
#include <vector>

// What your HTTP library gives you: a head, then the body, cut wherever the network cut it.
struct Incoming {
    int status;
    rekey::HttpHeaders headers;
    std::vector<std::string> pieces;
};

// A server that refuses the personal token in the first event of a stream; the other account is
// told the half of an answer, and then that its credit is used up.
Incoming exchange(const rekey::HttpRequest&, std::string_view authorization) {
    const rekey::HttpHeaders head{{"Content-Type", "text/event-stream"}, {"X-Tt-Logid", "log-1"}};
    if (authorization == "Bearer pat_personal")
        return {200, head, {"event:error\nda", "ta:{\"code\":4101,\"msg\":\"no\"}\n\n"}};
    return {200,
            head,
            {"event:conversation.chat.created\nda", "ta:{\"id\":\"7300\"}\n\n",
             "event:conversation.message.delta\ndata:{\"content\":\"Half\"}\n\n",
             "event:conversation.chat.failed\ndata:{\"status\":\"failed\",\"last_error\":"
             "{\"code\":4028,\"msg\":\"no credit\"}}\n\n",
             "event:done\ndata:[DONE]\n\n"}};
}

class Transport {
public:
    explicit Transport(rekey::coze::ChatStream& chat) : chat_(chat) {}

    rekey::TransportResult<rekey::HttpResponse> operator()(const rekey::HttpRequest& request,
                                                           const rekey::Attempt& attempt) const {
        const Incoming incoming = exchange(request, attempt.authorization());
        rekey::HttpResponse response{incoming.status, incoming.headers, {}, false};
        rekey::stream::Gate gate{response.status,
                                 rekey::find_header(response.headers, "Content-Type")};
        for (const std::string& piece : incoming.pieces) {
            hand_on(gate.feed(piece), response);
            if (gate.overflowed())
                return rekey::TransportError{rekey::Reach::cut_short, "the answer is too long"};
            if (gate.has_answer()) break;  // a refusal, whatever the server says behind it
        }
        hand_on(gate.finish(), response);  // the connection has ended well
        if (gate.state() == rekey::stream::GateState::hold) response.body = gate.take_held();
        return response;
    }

private:
    void hand_on(std::string_view ready, rekey::HttpResponse& response) const {
        if (ready.empty()) return;
        response.delivered = true;  // from here on nothing is sent again
        chat_.feed(ready, [](std::string_view name, std::string_view data) {
            std::cout << name << ' ' << data << '\n';
        });
    }

    rekey::coze::ChatStream& chat_;
};

int main() {
    using namespace rekey;
    coze::ChatStream chat;
    const Client client{
        coze::WatchedStream{Transport{chat}, chat},
        CredentialChain{coze::Pat<coze::Personal>{"pat_personal", "https://api.example"},
                        coze::Pat<coze::Enterprise>{"pat_enterprise", "https://api.example"}},
        coze::RetryOnRefusal{}};

    const HttpRequest request{"POST", "https://api.example/v3/chat", {}, R"({"stream":true})"};
    const auto result = client.send(request);
    if (!result) {
        const auto& error = result.error();
        std::cout << to_string(error.kind) << ", code " << error.service_code << ", "
                  << error.message() << ", " << error.log_id() << '\n'
                  << error.describe() << '\n';
    }
    std::cout << result.trail().count() << " attempts\n";
}
