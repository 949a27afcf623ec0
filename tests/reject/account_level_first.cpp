// expect: rekey: account_level_with<Credential>(chain) names the first credential
// SPDX-License-Identifier: BSL-1.0
#include <rekey/coze.hpp>
#include <rekey/coze/account_level.hpp>

namespace {

using Old = rekey::coze::Pat<rekey::coze::Personal>;
using New = rekey::coze::Pat<rekey::coze::Enterprise>;

}  // namespace

#ifndef REKEY_REJECT
using Shown = rekey::CredentialChain<New, Old>;
using Granted = Old;
#else
using Shown = rekey::CredentialChain<Old, New>;
using Granted = Old;
#endif

auto route(const Shown& chain) { return rekey::coze::account_level_with<Granted>(chain); }
