// expect: rekey: send(request, done, extras...) takes one of Cancellation and
// SPDX-License-Identifier: BSL-1.0
#include <rekey/cancellation.hpp>
#include <rekey/driver/callback.hpp>
#include <rekey/http.hpp>
#include <rekey/rekey.hpp>

#include <functional>
#include <type_traits>

namespace {

using Done = std::function<void(rekey::HttpResponse)>;
void http(const rekey::HttpRequest&, const rekey::Attempt&, const Done& done) {
    done({200, {}, {}, false});
}
void ended(const rekey::Result<rekey::HttpResponse>&) {}

/// As `StopWith`, which needs C++20.
struct Other {
    rekey::Cancellation cancellation_;
    const rekey::Cancellation& cancellation() const noexcept { return cancellation_; }
    void add_to(rekey::detail::CallExtras& extras) const noexcept { extras.take(cancellation_); }
};

}  // namespace

template <> struct rekey::detail::IsExtra<Other> : std::true_type {};
template <> struct rekey::detail::StopsCall<Other> : std::true_type {};

int main() {
    const rekey::Canceller stop;
    const rekey::driver::callback::Client client{http, rekey::driver::NoScheduler{}};
    client.send(rekey::HttpRequest{}, ended, Other{rekey::Cancellation{stop}});
#ifdef REKEY_REJECT
    client.send(rekey::HttpRequest{}, ended, rekey::Cancellation{stop},
                Other{rekey::Cancellation{stop}});
#else
    client.send(rekey::HttpRequest{}, ended, rekey::Cancellation{stop});
#endif
}
