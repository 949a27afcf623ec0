// expect: rekey: account_level_with needs a chain without a user's authorization
// SPDX-License-Identifier: BSL-1.0
#include <rekey/coze.hpp>
#include <rekey/coze/account_level.hpp>

struct OfUser {
    static constexpr auto name = "user";
    static constexpr rekey::Identity identity = rekey::Identity::user;
    struct Exchange {};
};
using Old = rekey::coze::Pat<rekey::coze::Personal>;
using New = rekey::coze::Pat<rekey::coze::Enterprise>;

#ifndef REKEY_REJECT
using Shown = rekey::CredentialChain<New, Old>;
using Granted = Old;
#else
using Shown = rekey::CredentialChain<New, OfUser>;
using Granted = OfUser;
#endif

auto route(const Shown& chain) { return rekey::coze::account_level_with<Granted>(chain); }
