// expect: rekey: to_expected needs std::expected (-std=c++23), else rekey/adapter/tl_expected.hpp.
// SPDX-License-Identifier: BSL-1.0
#ifndef REKEY_REJECT
#include <rekey/result_from.hpp>
#else
#include <rekey/expected.hpp>
#endif

int main() {
    const rekey::Result<int> result{7};
    return rekey::result_from(result).has_value() ? 0 : 1;
}
