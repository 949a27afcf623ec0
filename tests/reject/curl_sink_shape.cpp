// expect: rekey: the sink of curl::Transport::stream must be callable as bool(std::string_view)
// SPDX-License-Identifier: BSL-1.0
#include <rekey/adapter/curl.hpp>

#include <string_view>

#ifndef REKEY_REJECT
const auto sink = [](std::string_view) { return true; };
#else
const auto sink = [](int) {};
#endif

int main() { (void)rekey::curl::Transport{}.stream(sink); }
