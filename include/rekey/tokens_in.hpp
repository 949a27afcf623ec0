// SPDX-License-Identifier: BSL-1.0
// TokensIn: the policy that keeps a client's tokens in a store.
#ifndef REKEY_TOKENS_IN_HPP
#define REKEY_TOKENS_IN_HPP

#include <rekey/detail/shared.hpp>
#include <rekey/driver/stored_slots.hpp>
#include <rekey/oauth/code_exchange.hpp>
#include <rekey/policy/role.hpp>
#include <rekey/token/record.hpp>
#include <rekey/token/refresh_protocol.hpp>
#include <rekey/token/shared_tokens.hpp>
#include <rekey/token/store.hpp>
#include <rekey/token/store_counts.hpp>

#include <type_traits>
#include <utility>

namespace rekey {
inline namespace v0_1 {

/// Keeps the tokens of a client in a store: a restarted process finds them, and of many processes
/// one refreshes. Users' tokens (OBO) and tokens of apps (AppAuth); a PAT is no token to keep.
///
/// Store     `token::MemoryStore`, `token::FileStore`, `adapter::RedisStore`, or one of your own.
///           Copied; copies are the same store.
/// Sealer    `token::Sealed{key_id, seal, open}`, or `token::Unsealed{}` for tokens that lie open.
/// Grace     `oauth::AsGrace<seconds>{}` if the server documents that it still takes a rotated
///           refresh token so long. Coze documents none.
/// Times     how long a lease lives, and how long a caller waits for another process.
/// Errors    without the store a refresh token is not sent: the call ends with `exchange_failed`
///           unless the old token still lives. An app's token is obtained without it.
/// Threads   any, as the store.
/// Cost      nothing while a token lives; then one load, and for who refreshes six more operations.
/// Source    docs/tokens.md; RFC 9700 §4.14.2
/// Example   `Client{http, OboReauth{flow}, coze::RetryOnRefusal{}, TokensIn{store, sealer}}`
template <class Store, class Sealer = token::Unsealed, class Grace = oauth::SentOnce>
class TokensIn {
    static_assert(token::is_token_store<Store>(),
                  "rekey: TokensIn{store} takes a type with load, swap, acquire, renew and release "
                  "as <rekey/token/store.hpp> lists them; this one lacks some of them.");
    static_assert(token::store_parts::HasSealerShape<Sealer>::value,
                  "rekey: TokensIn{store, sealer} takes token::Sealed{key_id, seal, open} or "
                  "token::Unsealed{}; this is something else.");

public:
    static constexpr Role role = Role::store;
    /// So that an asynchronous client may have it.
    static constexpr bool runs_elsewhere = token::store_parts::HasExecutor<Store>::value;
    using Keeper = token::SharedTokens<TokensIn>;
    using GraceOf = Grace;
    template <class Words> static void say(Words& words) {
        words("Keeps tokens in ")
            .template name_of<typename token::store_parts::Keeper<Store>::type>()(
                std::is_same_v<Sealer, token::Unsealed> ? ", not sealed." : ", sealed.");
    }
    /// What a client's chain becomes.
    template <class Chain> using Stored = driver::StoredChain<Chain, TokensIn>;

    explicit TokensIn(Store store) : TokensIn(std::move(store), Sealer{}, Grace{}, {}) {
        static_assert(!token::store_parts::LeavesMachine<Store>::value,
                      "rekey: what this store keeps leaves the machine, and tokens would lie open "
                      "there. Write TokensIn{store, token::Sealed{key_id, seal, open}}, or "
                      "TokensIn{store, token::Unsealed{}} if that is what you want.");
    }
    TokensIn(Store store, Sealer sealer) : TokensIn(std::move(store), std::move(sealer), Grace{}) {}
    TokensIn(Store store, Sealer sealer, token::RefreshTimes times)
        : TokensIn(std::move(store), std::move(sealer), Grace{}, times) {}
    TokensIn(Store store, Sealer sealer, Grace, token::RefreshTimes times = {})
        : store_(std::move(store)), sealer_(std::move(sealer)), times_(times) {}

    Store& store() const noexcept { return store_; }
    const Sealer& sealer() const noexcept { return sealer_; }
    const token::RefreshTimes& times() const noexcept { return times_; }
    /// For the client that this is a policy of: shortens `RefreshTimes::patience`.
    void wait_at_most(Duration most) noexcept {
        if (most < times_.patience) times_.patience = most;
    }
    /// What the calls of all clients with a copy of this have met so far; any thread.
    token::StoreCounts counts() const noexcept { return counter_->counts(); }
    token::StoreCounter& counter() const noexcept { return *counter_; }

private:
    mutable Store store_;
    Sealer sealer_;
    token::RefreshTimes times_;
    detail::Shared<token::StoreCounter> counter_ = detail::Shared<token::StoreCounter>::make();
};

template <class Store> TokensIn(Store) -> TokensIn<Store>;
template <class Store, class Sealer> TokensIn(Store, Sealer) -> TokensIn<Store, Sealer>;
template <class Store, class Sealer>
TokensIn(Store, Sealer, token::RefreshTimes) -> TokensIn<Store, Sealer>;
template <class Store, class Sealer, std::int64_t Seconds>
TokensIn(Store, Sealer, oauth::AsGrace<Seconds>)
    -> TokensIn<Store, Sealer, oauth::AsGrace<Seconds>>;
template <class Store, class Sealer, std::int64_t Seconds>
TokensIn(Store, Sealer, oauth::AsGrace<Seconds>, token::RefreshTimes)
    -> TokensIn<Store, Sealer, oauth::AsGrace<Seconds>>;

}  // namespace v0_1
}  // namespace rekey

#endif
