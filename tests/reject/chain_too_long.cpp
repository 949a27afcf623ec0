// expect: rekey: a CredentialChain holds at most 32 credentials.
// SPDX-License-Identifier: BSL-1.0
#include <rekey/rekey.hpp>

#include <cstddef>
#include <string>
#include <utility>

template <std::size_t> struct Tenant {
    static constexpr auto name = "tenant";
    std::string token;
};

template <class> struct ChainOf;
template <std::size_t... Numbers> struct ChainOf<std::index_sequence<Numbers...>> {
    using type = rekey::CredentialChain<Tenant<Numbers>...>;
};

#ifndef REKEY_REJECT
constexpr std::size_t count = 32;
#else
constexpr std::size_t count = 33;
#endif

int main() { return sizeof(typename ChainOf<std::make_index_sequence<count>>::type) == 0; }
