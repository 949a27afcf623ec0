// SPDX-License-Identifier: BSL-1.0
//
// Dear reader,
//
// you have an HTTP library already, and so requests and answers of its shape. Here are five shapes
// that are often met, each rebuilt by us in a few lines so that nothing has to be installed, and
// what it takes to put a client around each: a lambda of ten lines at most, and no wrapper class.
// Each fit does three things: it puts one header on the wire, hands the answer over as it is, and
// says how far a failed attempt came.

#include <rekey/rekey.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// What all five talk to: the workspace has moved to the enterprise.
static bool is_moved(std::string_view authorization) {
    return authorization != "Bearer pat_enterprise";
}

// --- 1. A session object that is filled and performed; errors are a value in the answer (cpr).
namespace session_style {
enum class ErrorCode { ok, could_not_connect, operation_timed_out };
struct Response {
    long status_code = 0;
    std::string text;
    std::map<std::string, std::string> header;
    struct {
        ErrorCode code = ErrorCode::ok;
        std::string message;
    } error;
};
struct Session {
    std::map<std::string, std::string> header;
    std::string body;
    Response post() {
        Response response;
        response.status_code = is_moved(header["Authorization"]) ? 401 : 200;
        return response;
    }
};
}  // namespace session_style

// --- 2. A client with a method per verb; a result that is false on failure (cpp-httplib).
namespace result_style {
enum class Error { success, connection, read };
struct Response {
    int status = 0;
    std::string body;
    std::multimap<std::string, std::string> headers;
};
struct Result {
    std::unique_ptr<Response> response;
    Error failure = Error::success;
    explicit operator bool() const { return response != nullptr; }
    Response& operator*() const { return *response; }
    Error error() const { return failure; }
};
struct Client {
    Result post(const std::string&, const std::multimap<std::string, std::string>& headers,
                const std::string&) {
        const int status = is_moved(headers.find("Authorization")->second) ? 403 : 200;
        return {std::make_unique<Response>(Response{status, "{}", {}}), Error::success};
    }
};
}  // namespace result_style

// --- 3. Messages that are written and read, with an error code for each step (Boost.Beast).
namespace message_style {
struct Message {
    std::map<std::string, std::string> fields;
    std::string text;
    unsigned result = 0;
    void set(std::string_view name, std::string_view value) {
        fields[std::string(name)] = std::string(value);
    }
    unsigned result_int() const { return result; }
    const std::string& body() const { return text; }
};
struct Stream {
    bool is_open = true;
    Message last;
    bool write(const Message& request, int& failure) {
        last = request;
        failure = is_open ? 0 : 104;
        return failure == 0;
    }
    bool read(Message& response, int& failure) {
        response.result = is_moved(last.fields["Authorization"]) ? 401 : 200;
        failure = 0;
        return true;
    }
};
}  // namespace message_style

// --- 4. A pipeline that takes a request and a context, returns a pointer and throws (Azure core).
namespace pipeline_style {
enum class HttpStatusCode { ok = 200, unauthorized = 401 };
struct RawResponse {
    HttpStatusCode status = HttpStatusCode::ok;
    std::vector<std::uint8_t> bytes;
    HttpStatusCode get_status_code() const { return status; }
    const std::vector<std::uint8_t>& get_body() const { return bytes; }
};
struct TransportException : std::runtime_error {
    using std::runtime_error::runtime_error;
};
struct Request {
    std::map<std::string, std::string> headers;
    void set_header(const std::string& name, const std::string& value) { headers[name] = value; }
};
struct Context {};
struct Pipeline {
    std::unique_ptr<RawResponse> send(Request& request, const Context&) const {
        auto response = std::make_unique<RawResponse>();
        if (is_moved(request.headers["Authorization"]))
            response->status = HttpStatusCode::unauthorized;
        return response;
    }
};
}  // namespace pipeline_style

// --- 5. Structs and functions of C, with a return code.
extern "C" {
struct c_request {
    const char* url;
    const char* authorization;
};
struct c_reply {
    int status;
    char body[64];
    std::size_t length;
};
static int c_perform(const c_request* request, c_reply* reply) {
    *reply = c_reply{};
    reply->status = is_moved(request->authorization) ? 404 : 200;
    return 0;
}
}

// The two answers whose shape rekey does not know by itself.
template <> struct rekey::ResponseTraits<std::unique_ptr<pipeline_style::RawResponse>> {
    using Answer = std::unique_ptr<pipeline_style::RawResponse>;
    static int status(const Answer& answer) { return static_cast<int>(answer->get_status_code()); }
    static std::string_view body(const Answer& answer) {
        const auto& bytes = answer->get_body();
        return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
    }
};
template <> struct rekey::ResponseTraits<c_reply> {
    static int status(const c_reply& reply) { return reply.status; }
    static std::string_view body(const c_reply& reply) { return {reply.body, reply.length}; }
};

struct Personal {
    static constexpr auto name = "personal";
    std::string token = "pat_personal";
};
struct Enterprise {
    static constexpr auto name = "enterprise";
    std::string token = "pat_enterprise";
};

template <class Transport, class Request>
void ask(const char* shape, Transport transport, const Request& request) {
    const rekey::Client client{std::move(transport),
                               rekey::CredentialChain{Personal{}, Enterprise{}},
                               rekey::RetryOn<rekey::AuthRejected, rekey::NotFound>{}};
    const auto result = client.send(request);
    std::printf(
        "%s: %s after %zu attempts\n", shape,
        result ? std::string(result.credential()).c_str() : result.error().describe().c_str(),
        result.trail().size());
}

int main() {
    using rekey::Attempt;
    using rekey::Reach;
    using rekey::TransportError;
    using rekey::TransportResult;

    const auto session = [](session_style::Session asked,
                            const Attempt& attempt) -> TransportResult<session_style::Response> {
        using session_style::ErrorCode;
        asked.header[std::string(attempt.header())] = std::string(attempt.authorization());
        auto answer = asked.post();
        if (answer.error.code == ErrorCode::ok) return answer;
        const bool sent = answer.error.code != ErrorCode::could_not_connect;
        return TransportError{sent ? Reach::sent_unanswered : Reach::never_sent,
                              answer.error.message};
    };
    ask("a session", session, session_style::Session{});

    result_style::Client http;
    const auto result = [&http](const std::string& body,
                                const Attempt& attempt) -> TransportResult<result_style::Response> {
        auto answer = http.post(
            "/v3/chat", {{std::string(attempt.header()), std::string(attempt.authorization())}},
            body);
        if (answer) return std::move(*answer);
        const bool sent = answer.error() != result_style::Error::connection;
        return TransportError{sent ? Reach::sent_unanswered : Reach::never_sent, "no answer"};
    };
    ask("a result", result, std::string("{}"));

    message_style::Stream stream;
    const auto message = [&stream](
                             message_style::Message asked,
                             const Attempt& attempt) -> TransportResult<message_style::Message> {
        asked.set(attempt.header(), attempt.authorization());
        message_style::Message answer;
        int failure = 0;
        if (stream.write(asked, failure) && stream.read(answer, failure)) return answer;
        return TransportError{Reach::sent_unanswered, "error " + std::to_string(failure)};
    };
    ask("a message", message, message_style::Message{});

    const pipeline_style::Pipeline pipeline;
    const auto piped = [&pipeline](pipeline_style::Request asked, const Attempt& attempt)
        -> TransportResult<std::unique_ptr<pipeline_style::RawResponse>> {
        asked.set_header(std::string(attempt.header()), std::string(attempt.authorization()));
        try {
            return pipeline.send(asked, pipeline_style::Context{});
        } catch (const pipeline_style::TransportException& failure) {
            return TransportError{Reach::sent_unanswered, failure.what()};
        }
    };
    ask("a pipeline", piped, pipeline_style::Request{});

    const auto plain_c = [](const c_request& asked,
                            const Attempt& attempt) -> TransportResult<c_reply> {
        const std::string authorization(attempt.authorization());
        const c_request sent{asked.url, authorization.c_str()};
        c_reply reply;
        if (c_perform(&sent, &reply) == 0) return reply;
        return TransportError{Reach::sent_unanswered, "c_perform failed"};
    };
    ask("a struct of C", plain_c, c_request{"https://api.example/v3/chat", nullptr});
}

// Output:
//   a session: enterprise after 2 attempts
//   a result: enterprise after 2 attempts
//   a message: enterprise after 2 attempts
//   a pipeline: enterprise after 2 attempts
//   a struct of C: enterprise after 2 attempts
