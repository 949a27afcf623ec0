// SPDX-License-Identifier: BSL-1.0
#include <rekey/response.hpp>

#include <rekey/policy/retry_after.hpp>

#include "catch.hpp"
#include "support/clients.hpp"

#include <chrono>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using namespace clients;

const std::string long_log_id = "a log id that is longer than what a string keeps inside itself";
const std::string refused_body = R"({"code":4101,"msg":"refused","request_id":"body-log"})";

struct StatusAndBody {
    int status;
    std::string body;
};
struct StatusCodeAndText {
    long status_code;
    std::string text;
};
enum class Verb : unsigned { ok = 200, unauthorized = 401 };
class Methods {
public:
    Methods(Verb status, std::string body) : status_(status), body_(std::move(body)) {}
    Verb status() const { return status_; }
    const std::string& body() const { return body_; }

private:
    Verb status_;
    std::string body_;
};
class OtherMethods {
public:
    OtherMethods(int status, std::string text) : status_(status), text_(std::move(text)) {}
    int status_code() const { return status_; }
    std::string_view text() const { return text_; }

private:
    int status_;
    std::string text_;
};
class Beastly {
public:
    Beastly(unsigned status, std::string body) : status_(status), body_(std::move(body)) {}
    unsigned result_int() const { return status_; }
    const std::string& body() const { return body_; }

private:
    unsigned status_;
    std::string body_;
};
struct WithoutBody {
    int status;
};
struct MapOfHeaders {
    int status;
    std::string body;
    std::map<std::string, std::string> headers;
};
struct ListOfHeaders {
    int status;
    std::string body;
    struct Field {
        std::string name;
        std::string value;
    };
    std::vector<Field> headers;
};
struct HeaderMethod {
    int status;
    std::string body;
    std::string logged;
    std::string_view header(std::string_view name) const {
        return name == "X-Request-Id" ? std::string_view(logged) : std::string_view();
    }
};
struct HeaderMap {
    int status_code;
    std::string text;
    std::multimap<std::string, std::string> header;
};
class HeadersMethod {
public:
    HeadersMethod(int status, std::string body, std::map<std::string, std::string> headers)
        : status_(status), body_(std::move(body)), headers_(std::move(headers)) {}
    int status() const { return status_; }
    std::string body() && { return std::move(body_); }
    const std::string& body() const& { return body_; }
    const std::map<std::string, std::string>& headers() const { return headers_; }

private:
    int status_;
    std::string body_;
    std::map<std::string, std::string> headers_;
};

// Makes everything anew whenever it is asked.
class ByValue {
public:
    ByValue(int status, std::string body) : status_(status), body_(std::move(body)) {}
    int status() const { return status_; }
    std::string body() const { return body_; }
    std::map<std::string, std::string> headers() const {
        return {{"X-Request-Id", long_log_id}, {"Retry-After", "7200 and more than fits"}};
    }

private:
    int status_;
    std::string body_;
};
struct HeaderByValue {
    int status_code;
    std::string body;
    std::string text() const { return body; }
    std::string header(std::string_view name) const {
        return name == "X-Request-Id" ? long_log_id : "";
    }
};
template <class Byte> struct Bytes {
    int status;
    std::vector<Byte> body;
};
struct Array {
    int status;
    char body[64];
};
struct Pointers {
    int status;
    const char* body;
    const char* header(std::string_view) const { return nullptr; }
};
struct SeveralValues {
    int status;
    std::string body;
    std::map<std::string, std::vector<std::string>> headers;
};
struct OptionalBody {
    int status;
    std::optional<std::string> body;
};

template <class Byte> Bytes<Byte> in_bytes(int status, std::string_view text) {
    Bytes<Byte> response{status, {}};
    for (const char c : text) response.body.push_back(static_cast<Byte>(c));
    return response;
}

// Nothing that rekey knows by itself.
struct Foreign {
    int verdict;
    std::string payload;
    std::string trace;
};
struct ForeignStatusOnly {
    int verdict;
};
struct ForeignByValue {
    int verdict;
    std::string payload;
};

// The error of a refused answer, and that the next one was accepted.
template <class Response> Error<Response> refused_first(Response refused, Response accepted_later) {
    int calls = 0;
    const Client client{
        [&](const HttpRequest&, const Attempt&) { return ++calls == 2 ? accepted_later : refused; },
        both(), OnCodes{}};
    CHECK(client.send(chat()));
    CHECK(calls == 2);
    auto both_refused = client.send(chat());
    REQUIRE_FALSE(both_refused);
    return both_refused.error();
}

}  // namespace

template <> struct rekey::ResponseTraits<Foreign> {
    static int status(const Foreign& answer) { return answer.verdict; }
    static std::string_view body(const Foreign& answer) { return answer.payload; }
    static std::string_view header(const Foreign& answer, std::string_view name) {
        return name == "X-Request-Id" ? std::string_view(answer.trace) : std::string_view();
    }
};
template <> struct rekey::ResponseTraits<ForeignByValue> {
    static int status(const ForeignByValue& answer) { return answer.verdict; }
    static std::string body(const ForeignByValue& answer) { return answer.payload; }
    static std::string header(const ForeignByValue&, std::string_view) { return long_log_id; }
};
template <> struct rekey::ResponseTraits<OptionalBody> {
    static int status(const OptionalBody& answer) { return answer.status; }
    static std::string_view body(const OptionalBody& answer) {
        return answer.body ? std::string_view(*answer.body) : std::string_view();
    }
};
template <> struct rekey::ResponseTraits<ForeignStatusOnly> {
    static int status(const ForeignStatusOnly& answer) { return answer.verdict; }
};

TEST_CASE("a response may have the members status and body") {
    const auto error = refused_first(StatusAndBody{200, refused_body}, StatusAndBody{200, "{}"});
    CHECK(error.service_code == 4101);
    CHECK(error.message() == "refused");
    CHECK(error.log_id() == "body-log");
}

TEST_CASE("a response may have the members status_code and text") {
    const auto error =
        refused_first(StatusCodeAndText{401, refused_body}, StatusCodeAndText{200, "{}"});
    CHECK(error.http_status == 401);
    CHECK(error.message() == "refused");
}

TEST_CASE("a status of 0 without a code says that no answer came, which is not sent again") {
    int calls = 0;
    std::string text;
    const Client client{[&](const HttpRequest&, const Attempt&) {
                            ++calls;
                            return StatusCodeAndText{0, text};
                        },
                        both(), RetryOn<4101, Transient>{}, MaxAttempts<3>{}};
    for (const char* const words : {"", "could not connect"}) {
        CAPTURE(words);
        text = words;
        const auto result = client.send(chat(), Idempotent{});
        REQUIRE_FALSE(result);
        CHECK(result.error().kind == ErrorKind::transport);
        CHECK(result.error().describe().find("the request") == std::string::npos);
    }
    CHECK(calls == 2);
    text = refused_body;
    CHECK(client.send(chat()).error().kind == ErrorKind::refused);
    CHECK(calls == 4);
}

TEST_CASE("a response may have methods, and its status may be an enum") {
    const auto error = refused_first(Methods{Verb::ok, refused_body}, Methods{Verb::ok, "{}"});
    CHECK(error.http_status == 200);
    CHECK(error.service_code == 4101);
    CHECK(refused_first(OtherMethods{401, refused_body}, OtherMethods{200, "{}"}).http_status ==
          401);
    CHECK(refused_first(Beastly{401, refused_body}, Beastly{200, "{}"}).http_status == 401);
}

TEST_CASE("the headers of a response may be a map, a list, a method or a container called header") {
    const auto log_id = [](const auto& refused, const auto& fine) {
        return refused_first(refused, fine).log_id();
    };
    CHECK(log_id(MapOfHeaders{401, refused_body, {{"x-request-id", "from-map"}}},
                 MapOfHeaders{200, "{}", {}}) == "from-map");
    CHECK(log_id(ListOfHeaders{401, refused_body, {{"X-REQUEST-ID", "from-list"}}},
                 ListOfHeaders{200, "{}", {}}) == "from-list");
    CHECK(log_id(HeaderMethod{401, refused_body, "from-method"}, HeaderMethod{200, "{}", ""}) ==
          "from-method");
    CHECK(log_id(HeaderMap{401, refused_body, {{"X-Request-Id", "from-multimap"}}},
                 HeaderMap{200, "{}", {}}) == "from-multimap");
    CHECK(log_id(HeadersMethod{401, refused_body, {{"X-Request-Id", "from-headers()"}}},
                 HeadersMethod{200, "{}", {}}) == "from-headers()");
}

TEST_CASE("methods of a response may give copies, and so may a specialisation") {
    const auto by_value = refused_first(ByValue{200, refused_body}, ByValue{200, "{}"});
    CHECK(by_value.service_code == 4101);
    CHECK(by_value.message() == "refused");
    CHECK(by_value.log_id() == long_log_id);
    CHECK(refused_first(HeaderByValue{200, refused_body}, HeaderByValue{200, "{}"}).log_id() ==
          long_log_id);
    const auto foreign =
        refused_first(ForeignByValue{200, refused_body}, ForeignByValue{200, "{}"});
    CHECK(foreign.message() == "refused");
    CHECK(foreign.log_id() == long_log_id);
}

TEST_CASE("a hint in headers that are given as copies is read, by any policy that asks for it") {
    struct Limited {
        int status() const { return 429; }
        std::string header(std::string_view name) const {
            return name == "Retry-After" ? std::string(40, '0') + "7200" : std::string();
        }
    };
    const Client client{[](const HttpRequest&, const Attempt&) { return Limited{}; }, both(),
                        RetryOn<RateLimited>{}, MaxAttempts<1>{},
                        RetryAfter{std::chrono::hours{3}}};
    CHECK(client.send(chat()).error().retry_after() == std::chrono::hours{2});
}

TEST_CASE("the body of a response may be bytes of any kind") {
    const auto check = [](auto byte) {
        using Byte = decltype(byte);
        const auto error =
            refused_first(in_bytes<Byte>(200, refused_body), in_bytes<Byte>(200, "{}"));
        CHECK(error.service_code == 4101);
        CHECK(error.message() == "refused");
    };
    check(char{});
    check(static_cast<unsigned char>(0));
    check(std::byte{});
    Array refused{200, {}};
    refused_body.copy(refused.body, sizeof refused.body - 1);
    CHECK(refused_first(refused, Array{200, "{}"}).service_code == 4101);
}

TEST_CASE("a text that is a null pointer is an empty one") {
    const auto error = refused_first(Pointers{404, nullptr}, Pointers{200, nullptr});
    CHECK(error.http_status == 404);
    CHECK(error.message().empty());
    CHECK(error.log_id().empty());
}

TEST_CASE("of a header with several values the first counts") {
    const auto log_id = [](std::vector<std::string> values) {
        const SeveralValues refused{401, refused_body, {{"x-request-id", std::move(values)}}};
        return refused_first(refused, SeveralValues{200, "{}", {}}).log_id();
    };
    CHECK(log_id({"one", "two"}) == "one");
    CHECK(log_id({}) == "body-log");
}

TEST_CASE("a body that is no text takes a specialisation as well") {
    CHECK(refused_first(OptionalBody{200, refused_body}, OptionalBody{200, "{}"}).service_code ==
          4101);
}

TEST_CASE("the header names the log id before the body does") {
    const auto error =
        refused_first(MapOfHeaders{401, refused_body, {{"X-Request-Id", "header-log"}}},
                      MapOfHeaders{200, "{}", {}});
    CHECK(error.log_id() == "header-log");
}

TEST_CASE("any other response type takes a specialisation of five lines") {
    const auto error = refused_first(Foreign{200, refused_body, "trace-1"}, Foreign{200, "{}", ""});
    CHECK(error.service_code == 4101);
    CHECK(error.message() == "refused");
    CHECK(error.log_id() == "trace-1");
}

TEST_CASE("a specialisation may leave out everything but the status") {
    int calls = 0;
    const Client client{[&calls](const HttpRequest&, const Attempt&) {
                            return ForeignStatusOnly{++calls == 1 ? 401 : 204};
                        },
                        both(), OnRefusal{}};
    const auto result = client.send(chat());
    REQUIRE(result);
    CHECK(result->verdict == 204);
}

TEST_CASE("a response without a body is judged by its status") {
    int calls = 0;
    const Client client{[&calls](const HttpRequest&, const Attempt&) {
                            return WithoutBody{++calls == 1 ? 403 : 200};
                        },
                        both(), OnRefusal{}};
    CHECK(client.send(chat()));
    CHECK(calls == 2);
}

TEST_CASE("a response without a body has no message and no log id") {
    const Client client{[](const HttpRequest&, const Attempt&) { return WithoutBody{403}; }, both(),
                        OnRefusal{}};
    const auto result = client.send(chat());
    REQUIRE_FALSE(result);
    CHECK(result.error().message().empty());
    CHECK(result.error().log_id().empty());
}

TEST_CASE("the words of an error are decoded from wherever the service puts them") {
    const auto message_of = [](std::string body) {
        const Client client{[&body](const HttpRequest&, const Attempt&) {
                                return StatusAndBody{400, body};
                            },
                            both(), OnRefusal{}};
        return client.send(chat()).error().message();
    };
    CHECK(message_of(R"({"msg":"one"})") == "one");
    CHECK(message_of(R"({"message":"two"})") == "two");
    CHECK(message_of(R"({"error":{"message":"three"}})") == "three");
    CHECK(message_of(R"({"error_description":"four"})") == "four");
    CHECK(message_of(R"({"error":"five"})") == "five");
    CHECK(message_of(R"({"msg":"caf\u00e9 \"x\""})") == "caf\xC3\xA9 \"x\"");
    CHECK(message_of("not json").empty());
    CHECK(message_of("").empty());
}
