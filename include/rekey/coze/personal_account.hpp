// SPDX-License-Identifier: BSL-1.0
// PersonalAccountResources: what stays with a personal account after the move.
#ifndef REKEY_COZE_PERSONAL_ACCOUNT_HPP
#define REKEY_COZE_PERSONAL_ACCOUNT_HPP

#include <rekey/policy/role.hpp>

namespace rekey {
inline namespace v0_1 {
namespace coze {

/// Says that a client reaches resources of a personal account that do not move: conversations,
/// voices and the like. An enterprise token may be let to them, one of a PAT or of AppAuth with
/// account-level permissions; a user's authorization (OBO) never, and such a client does not
/// compile.
///
/// Source    coze-api R22, R23
/// Example   `Client{http, CredentialChain{coze::Pat<Enterprise>{…}}, PersonalAccountResources{}}`
struct PersonalAccountResources {
    static constexpr Role role = Role::app_only;

    template <class Words> static void say(Words& words) {
        words("Asks for what stays with a personal account; no user's authorization reaches it.");
    }
};

}  // namespace coze
}  // namespace v0_1
}  // namespace rekey

#endif
