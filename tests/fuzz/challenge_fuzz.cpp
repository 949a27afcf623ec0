// SPDX-License-Identifier: BSL-1.0
// libFuzzer: whatever a server writes into WWW-Authenticate is read within bounds, and what was
// read, written down again, is read as the same.
#include <rekey/oauth/challenge.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

void demand(bool condition) {
    if (!condition) std::abort();
}

std::string written(const rekey::oauth::Challenges& challenges) {
    std::string text;
    for (const rekey::oauth::Challenge& each : challenges.list) {
        if (!text.empty()) text += ", ";
        text += each.scheme;
        if (!each.token68.empty()) text += ' ' + each.token68;
        const char* separator = " ";
        for (const auto& one : each.parameters) {
            text += separator + one.name + "=\"";
            for (const char c : one.value) {
                if (c == '"' || c == '\\') text += '\\';
                text += c;
            }
            text += '"';
            separator = ",";
        }
    }
    return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using rekey::oauth::parse_challenges;
    const std::string field(data, data + size);
    const auto challenges = parse_challenges(field);
    demand(challenges.well_formed || challenges.list.empty());
    demand(challenges.list.size() <= 64);
    std::size_t held = 0;
    for (const auto& each : challenges.list) {
        demand(!each.scheme.empty() && each.parameters.size() <= 64);
        demand(each.token68.empty() || each.parameters.empty());
        held += each.scheme.size() + each.token68.size();
        for (const auto& one : each.parameters) {
            demand(!one.name.empty() && each.parameter(one.name) == one.value);
            held += one.name.size() + one.value.size();
        }
    }
    demand(held <= field.size());
    const std::string again = written(challenges);
    const auto twice = parse_challenges(again);
    if (again.size() <= rekey::oauth::longest_challenge_field) {
        demand(twice.well_formed && twice.list.size() == challenges.list.size());
        demand(written(twice) == again);
    }
    return 0;
}
