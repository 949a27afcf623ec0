// SPDX-License-Identifier: BSL-1.0
// account_level_with: conversations and voices begin with the credential that was let to them.
#ifndef REKEY_COZE_ACCOUNT_LEVEL_HPP
#define REKEY_COZE_ACCOUNT_LEVEL_HPP

#include <rekey/http.hpp>
#include <rekey/policy/admissions.hpp>
#include <rekey/policy/credential_chain.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>
#include <utility>

namespace rekey {
inline namespace v0_1 {
namespace coze {

/// Where a resource lives: with an account, where a move leaves it, or in a workspace, which moves.
enum class ResourceLevel : unsigned char { workspace, account };

/// The level of what a request asks for, by the path of its URL: conversations and their messages,
/// files and voices are the account's; everything else counts as the workspace's, a chat with a bot
/// too. Another type with the same call says it better where you know more.
///
/// Source  coze-api §4.2, §4.3
struct LevelOf {
    template <class Request> ResourceLevel operator()(const Request& request) const noexcept {
        return of_url(rekey::detail::Asks<Request>::url(request));
    }
    static constexpr ResourceLevel of_url(std::string_view url) noexcept {
        url = url.substr(0, url.find_first_of("?#"));
        if (const std::size_t scheme = url.find("://"); scheme != std::string_view::npos) {
            url.remove_prefix(scheme + 3);
            const std::size_t path = url.find('/');
            url.remove_prefix(path == std::string_view::npos ? url.size() : path);
        }
        for (const std::string_view room :
             {"/v1/conversation", "/v1/conversations", "/v1/files", "/v1/audio/voices"})
            for (std::size_t at = url.find(room); at != url.npos; at = url.find(room, at + 1)) {
                const std::size_t end = at + room.size();  // before it: the path of an API base
                if (end == url.size() || url[end] == '/') return ResourceLevel::account;
            }
        return ResourceLevel::workspace;
    }
};

/// What `account_level_with` gives: calls for account-level resources begin at slot `Slot` of a
/// chain of `Count`, all others where they begin anyway. The chain is a ring from there.
///
/// Threads  any; as `Level`. Cost: reads the URL once a call.
template <std::size_t Slot, std::size_t Count, class Level>
class AccountLevelRoute : public AtDoor<Door::route> {
public:
    static constexpr const char* says_no = "the level of this resource chose no credential";

    explicit AccountLevelRoute(Level level = {}) : level_of_(std::move(level)) {}

    struct Trip {
        std::uint8_t start = 0;
        bool chooses = false;
        bool follows = true;
    };
    template <class Request, class Extras>
    void set_out(Trip& trip, const Request& request, const Extras& extras,
                 std::uint32_t credentials) const {
        trip.chooses =
            !extras.pinned && credentials >= Count && level_of_(request) == ResourceLevel::account;
        // A flow brings the user's credential and puts it in front of the chain.
        trip.start = static_cast<std::uint8_t>(Slot + (credentials - Count));
    }
    Admission admit(const Action& action, const Trip& trip) const noexcept {
        if (action.move != Move::first || !trip.chooses || !trip.follows ||
            trip.start == action.slot)
            return {};
        return {Admitted::go_to, trip.start, Duration{0}, 0};
    }
    template <class Trail> static void arrived(const Trip&, const Trail&) noexcept {}

    template <class Words> static void say(Words& words) {
        words("Begins with credential ", Slot + 1, " of ", Count,
              " for account-level resources, such as conversations and voices.");
    }

private:
    Level level_of_;
};

/// Begins calls for account-level resources with the credential that was let to them, and those for
/// workspace resources with the first of the chain: `Client{http, chain, …,
/// account_level_with<coze::Pat<coze::Enterprise>>(chain)}`.
///
/// Granted   a PAT or AppAuth with account-level permissions, which its owner has let to the
///           personal account; or the personal credential, whose these resources are.
/// Chain     the client's own: the positions are taken from it when compiled.
/// Requires  `Granted` in the chain and not its first, and no user's authorization in it, for OBO
///           never reaches these resources (all checked when compiled). Not beside `Remember`,
///           which stands at the same door.
/// Source    coze-api R22, R23, §4.3
template <class Granted, class Level = LevelOf, class... Credentials>
auto account_level_with([[maybe_unused]] const CredentialChain<Credentials...>& chain,
                        Level level = {}) {
    constexpr std::size_t count = sizeof...(Credentials);
    constexpr std::size_t slot = rekey::detail::index_of<Granted, Credentials...>();
    constexpr bool has_user =
        ((rekey::detail::IdentityOf<Credentials>::value == Identity::user) || ...);
    static_assert(!has_user,
                  "rekey: account_level_with needs a chain without a user's authorization: what "
                  "stays with an account is reached by a personal access token or AppAuth only, "
                  "never by OBO. Use a client of its own for the users.");
    static_assert(slot < count,
                  "rekey: account_level_with<Credential>(chain) names a credential that is not in "
                  "the chain. Put it into the CredentialChain of the client.");
    static_assert(slot != 0 || has_user,
                  "rekey: account_level_with<Credential>(chain) names the first credential of the "
                  "chain, with which every call begins anyway. Leave it out, or put the credential "
                  "of the workspace first.");
    return AccountLevelRoute<slot, count, Level>(std::move(level));
}

}  // namespace coze
}  // namespace v0_1
}  // namespace rekey

#endif
