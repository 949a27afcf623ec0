// SPDX-License-Identifier: BSL-1.0
// A client may be instantiated by name, for a debugger or for an `extern template` of one's own.
#include <rekey/client.hpp>

#include <rekey/coze.hpp>
#include <rekey/coze/device_flow.hpp>
#include <rekey/driver/callback.hpp>
#include <rekey/testing/script.hpp>

#include "catch.hpp"
#include "support/clients.hpp"

#include <functional>

struct LaterTransport {
    void operator()(const rekey::HttpRequest&, const rekey::Attempt&,
                    std::function<void(rekey::HttpResponse)> then) const {
        then(clients::accepted());
    }
};
struct ShowCode {
    rekey::Authorized operator()(const rekey::AuthorizationRequest&) const { return {}; }
};

template class rekey::Client<rekey::testing::Script&, clients::Both, clients::OnCodes>;
template class rekey::Client<rekey::testing::Script&,
                             rekey::OboReauth<rekey::coze::DeviceFlow<ShowCode>>,
                             rekey::coze::RetryOnRefusal>;  // it keeps tokens of users
template class rekey::driver::callback::Client<LaterTransport, rekey::driver::NoScheduler,
                                               clients::Both, clients::OnCodes>;

TEST_CASE("a client that was instantiated by name sends") {
    rekey::testing::Script http;
    http.then(200);
    const rekey::Client<rekey::testing::Script&, clients::Both, clients::OnCodes> client{
        http, clients::both(), clients::OnCodes{}};
    CHECK(client.send(clients::chat()));

    const rekey::driver::callback::Client<LaterTransport, rekey::driver::NoScheduler, clients::Both,
                                          clients::OnCodes>
        later{LaterTransport{}, rekey::driver::NoScheduler{}, clients::both(), clients::OnCodes{}};
    bool served = false;
    later.send(clients::chat(), [&served](auto result) { served = result.has_value(); });
    CHECK(served);
}
