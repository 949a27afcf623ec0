// SPDX-License-Identifier: BSL-1.0
// two_options_types: the public types whose layout no option may change.
#ifndef REKEY_TESTS_HOUSE_TWO_OPTIONS_TYPES_HPP
#define REKEY_TESTS_HOUSE_TWO_OPTIONS_TYPES_HPP

#include "two_options.hpp"

#include <rekey/coze.hpp>
#include <rekey/http.hpp>
#include <rekey/rekey.hpp>

#include <string>

namespace {

struct Personal {
    static constexpr const char* name = "personal";
    std::string token;
};
struct Enterprise {
    static constexpr const char* name = "enterprise";
    std::string token;
};
struct Response {
    int status;
    std::string body;
};
struct Transport {
    Response operator()(const std::string&, const rekey::Attempt&) const { return {}; }
};
using Chain = rekey::CredentialChain<Personal, Enterprise>;
using Gate = rekey::RetryOn<4100, 4101, rekey::NotFound>;

Layouts layouts_here() {
#define REKEY_LAYOUT(...) \
    { #__VA_ARGS__, sizeof(__VA_ARGS__), alignof(__VA_ARGS__) }
    static constexpr Layout all[] = {
        REKEY_LAYOUT(rekey::Facts),
        REKEY_LAYOUT(rekey::Action),
        REKEY_LAYOUT(rekey::Attempt),
        REKEY_LAYOUT(rekey::HttpRequest),
        REKEY_LAYOUT(rekey::TransportError),
        REKEY_LAYOUT(rekey::Secret),
        REKEY_LAYOUT(Chain),
        REKEY_LAYOUT(Gate),
        REKEY_LAYOUT(rekey::MaxAttempts<3>),
        REKEY_LAYOUT(rekey::Call<rekey::Plan<Chain, Gate>>),
        REKEY_LAYOUT(rekey::Result<Response>),
        REKEY_LAYOUT(rekey::Client<Transport, Chain, Gate>),
    };
#undef REKEY_LAYOUT
    return {all, sizeof(all) / sizeof(all[0])};
}

}  // namespace

#endif
