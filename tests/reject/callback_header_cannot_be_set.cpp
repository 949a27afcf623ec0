// expect: rekey: this transport takes a request alone, and rekey cannot set a header
// SPDX-License-Identifier: BSL-1.0
#include <rekey/driver/callback.hpp>
#include <rekey/rekey.hpp>

#include <functional>
#include <string>
#include <string_view>

namespace {

struct Personal {
    static constexpr auto name = "personal";
    std::string token;
};
struct Request {
    std::string authorization;
};
struct Response {
    int status;
    std::string body;
};
using Done = std::function<void(Response)>;
void http(Request&, const Done& done) { done({200, "{}"}); }
void ended(const rekey::Result<Response>&) {}

}  // namespace

#ifndef REKEY_REJECT
template <> struct rekey::RequestTraits<Request> {
    static void set_header(Request& request, std::string_view, std::string_view value) {
        request.authorization = std::string(value);
    }
};
#endif

int main() {
    const rekey::driver::callback::Client client{http, rekey::driver::NoScheduler{},
                                                 rekey::CredentialChain{Personal{"token"}}};
    client.send(Request{}, ended);
}
