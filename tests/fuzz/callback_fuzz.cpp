// SPDX-License-Identifier: BSL-1.0
// callback_fuzz: no callback crashes the reader, takes a flow that is not its own, or leads to
// another site (libFuzzer).
#include <rekey/oauth/callback.hpp>
#include <rekey/oauth/return_to.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>

namespace {

using namespace rekey::oauth;

void expect(bool claim) {
    if (!claim) std::abort();
}

bool is_visible(std::string_view text) {
    for (const char symbol : text)
        if (symbol < ' ' || symbol > '~') return false;
    return true;
}

/// One flow, whose state is known: fuzzers cannot guess 256 bits.
struct KnownState {
    bool operator()(void* out, std::size_t size) const {
        for (std::size_t i = 0; i != size; ++i) static_cast<unsigned char*>(out)[i] = 0;
        return true;
    }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view target(reinterpret_cast<const char*>(data), size);

    const Callback callback = read_callback(target);
    if (callback) {
        expect(!callback.state.empty() && callback.state.size() <= 512);
        expect(callback.code.empty() != callback.error.empty());
        expect(callback.code.size() <= 2048 && callback.error.size() <= 64);
        expect(is_visible(callback.state) && is_visible(callback.code.expose()));
        expect(is_visible(callback.error) && is_visible(callback.issuer));
        expect(callback.description.size() <= 200);
        for (const char symbol : callback.description) {
            const auto byte = static_cast<unsigned char>(symbol);
            expect(byte >= 0x20 && byte != 0x7f);
        }
    } else {
        expect(callback.state.empty() && callback.code.empty() && callback.error.empty());
        expect(callback.issuer.empty() && callback.description.empty());
    }

    PendingMemory memory;
    PendingFlows flows{memory, pending_lifetime, KnownState{}};
    FlowStart start;
    start.redirect_uri = "http://127.0.0.1/cb";
    start.issuer = "https://a.example";
    const BegunFlow flow = flows.begin(Binding{"cookie"}, std::move(start), 1000);
    const CallbackIssuers issuers{IssuerByRedirectUri{"https://a.example"}};
    const AcceptedCallback stranger =
        accept_callback(target, flows, Binding{"another"}, issuers, 1001);
    expect(!stranger && stranger.code.empty() && memory.size() == 1);
    const AcceptedCallback accepted =
        accept_callback(target, flows, Binding{"cookie"}, issuers, 1001);
    const bool is_ours = callback && callback.state == flow.state;
    expect((memory.size() == 0) == is_ours);
    if (accepted) {
        expect(is_ours && !accepted.code.empty());
        expect(callback.issuer.empty() || callback.issuer == "https://a.example");
    } else {
        expect(accepted.code.empty() && !accepted.sentence.empty());
    }

    if (is_safe_return_to(target)) {
        expect(!target.empty() && target.size() <= 2048 && target[0] == '/');
        expect(target.size() == 1 || (target[1] != '/' && target[1] != '\\'));
        expect(is_visible(target) && target.find('\\') == target.npos);
        std::string decoded;
        expect(percent_decode(target.substr(0, target.find_first_of("?#")), decoded));
        expect(decoded.find("//") == decoded.npos && decoded.find('\\') == decoded.npos);
    }
    return 0;
}
