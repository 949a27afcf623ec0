// expect: rekey: what this asynchronous transport answers with is not known. Give its type `using
// SPDX-License-Identifier: BSL-1.0
#include <rekey/driver/callback.hpp>
#include <rekey/http.hpp>
#include <rekey/rekey.hpp>

namespace {

void ended(const rekey::Result<rekey::HttpResponse>&) {}

}  // namespace

int main() {
    const auto generic = [](const rekey::HttpRequest&, const rekey::Attempt&, auto done) {
        done(rekey::HttpResponse{200, {}, {}, false});
    };
#ifdef REKEY_REJECT
    const rekey::driver::callback::Client client{generic, rekey::driver::NoScheduler{}};
#else
    const rekey::driver::callback::Client client{
        rekey::driver::answering<rekey::HttpResponse>(generic), rekey::driver::NoScheduler{}};
#endif
    client.send(rekey::HttpRequest{}, ended);
}
