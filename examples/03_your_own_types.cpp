// SPDX-License-Identifier: BSL-1.0
//
// Dear reader,
//
// you have an HTTP wrapper since 2012. Its request is a class with setters, its answer keeps the
// status in `code()` and the body in `payload`, and you will not change either for a library.
// Two small specialisations tell rekey how to look at them: five lines for the answer, and three
// for the request if the wrapper takes nothing but a request.

#include <rekey/rekey.hpp>

#include <cstdio>
#include <map>
#include <string>
#include <string_view>

namespace legacy {

class Call {
public:
    explicit Call(std::string path) : path_(std::move(path)) {}
    void set(const std::string& field, const std::string& value) { fields_[field] = value; }
    std::string get(const std::string& field) const {
        const auto found = fields_.find(field);
        return found == fields_.end() ? std::string() : found->second;
    }

private:
    std::string path_;
    std::map<std::string, std::string> fields_;
};

struct Answer {
    int code() const { return status; }
    int status = 0;
    std::string payload;
};

Answer perform(const Call& call) {
    Answer answer;
    answer.status = call.get("X-Api-Key") == "new-key" ? 200 : 401;
    answer.payload = answer.status == 200 ? "hello" : "who are you?";
    return answer;
}

}  // namespace legacy

template <> struct rekey::ResponseTraits<legacy::Answer> {
    static int status(const legacy::Answer& answer) { return answer.code(); }
    static std::string_view body(const legacy::Answer& answer) { return answer.payload; }
};
template <> struct rekey::RequestTraits<legacy::Call> {
    static void set_header(legacy::Call& call, std::string_view name, std::string_view value) {
        call.set(std::string(name), std::string(value));
    }
};

// This API wants its key in a header of its own, without a scheme.
struct OldKey {
    static constexpr auto name = "old key";
    static constexpr auto header = "X-Api-Key";
    static constexpr auto scheme = "";
    std::string token;
};
struct NewKey : OldKey {
    static constexpr auto name = "new key";
};

int main() {
    const rekey::Client client{legacy::perform,
                               rekey::CredentialChain{OldKey{"old-key"}, NewKey{{"new-key"}}},
                               rekey::RetryOn<rekey::AuthRejected>{}};
    const legacy::Call call{"/hello"};
    const auto result = client.send(call);
    if (!result) return std::puts(result.error().describe().c_str()), 1;
    std::printf("%s, thanks to the %s\n", result->payload.c_str(),
                std::string(result.credential()).c_str());
    std::printf("your request still has no key: '%s'\n", call.get("X-Api-Key").c_str());
}

// Output:
//   hello, thanks to the new key
//   your request still has no key: ''
