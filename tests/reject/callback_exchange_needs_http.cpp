// expect: rekey: a credential of this chain gets its token over HTTP, and the asynchronous
// SPDX-License-Identifier: BSL-1.0
#include <rekey/coze.hpp>
#include <rekey/driver/callback.hpp>

#include <functional>

struct Request {};
struct Response {
    int status;
    std::string body;
};
void http(const Request&, const rekey::Attempt&, const std::function<void(Response)>& done) {
    done({200, "{}"});
}
[[maybe_unused]] void tokens(const rekey::HttpRequest&, const rekey::Attempt&,
                             const std::function<void(rekey::HttpResponse)>& done) {
    done({200, {}, {}, false});
}
void ended(const rekey::Result<Response>&) {}
struct Timer {
    void cancel() const {}
};
struct Time {
    Timer after(rekey::Duration, const std::function<void()>&) const { return {}; }
};

int main() {
    const rekey::driver::callback::Client client{
        http, Time{},
#ifndef REKEY_REJECT
        rekey::ExchangeOver{tokens},
#endif
        rekey::CredentialChain{rekey::coze::AppAuth<rekey::coze::Account>{{}}},
        rekey::coze::RetryOnRefusal{}};
    client.send(Request{}, ended);
}
