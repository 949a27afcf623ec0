// SPDX-License-Identifier: BSL-1.0
// PendingFlows: the authorizations that were begun and not finished, one record each.
#ifndef REKEY_OAUTH_PENDING_HPP
#define REKEY_OAUTH_PENDING_HPP

#include <rekey/authorization.hpp>
#include <rekey/detail/aged_map.hpp>
#include <rekey/detail/os_random.hpp>
#include <rekey/detail/sha256.hpp>
#include <rekey/oauth/random_token.hpp>
#include <rekey/oauth/return_to.hpp>
#include <rekey/secret.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

namespace rekey {
inline namespace v0_1 {
namespace oauth {

/// What a flow leaves behind until its callback comes. The verifier and the state live and die
/// together; `return_to` never leaves the server.
struct PendingRecord {
    std::string state{};          ///< 43 characters, 256 bits; made by `begin`.
    Secret binding{};             ///< The browser that began the flow; empty with `WithoutBinding`.
    Secret verifier{};            ///< PKCE; empty without.
    std::string redirect_uri{};   ///< The very bytes that the token request repeats.
    std::string issuer{};         ///< Which authorization server was asked.
    std::string return_to{};      ///< Where to go afterwards: a path of this site, or empty.
    std::string subject{};        ///< Whose authorization it is, or empty.
    std::int64_t created_at = 0;  ///< Unix time in seconds.
};

using rekey::Binding;
using rekey::WithoutBinding;

/// Where a record lies: a digest of its state and its binding. Only who knows both finds it, so a
/// callback in another browser cannot use the record, and cannot burn it either.
using PendingKey = std::array<unsigned char, 32>;

/// What a store says to `take`.
enum class PendingFound : unsigned char {
    found,       ///< The record is yours, and gone from the store.
    absent,      ///< There is none under that key.
    unreachable  ///< The store cannot say.
};

/// Seconds from the beginning of a flow in which its callback must come.
inline constexpr std::int64_t pending_lifetime = 600;

/// The store to use in one process; `PendingFlows` takes any type with these two functions, so that
/// replicas can share one:
///
///     bool put(const PendingKey&, PendingRecord, std::int64_t now);     false: could not store it
///     PendingFound take(const PendingKey&, PendingRecord&, std::int64_t now);
///
/// `take` finds and removes in one step (Redis: GETDEL, or a script), so that one of two callbacks
/// at the same time gets the record. A store may forget a record after `pending_lifetime`.
///
/// Threads      any
/// Cost         O(log n); at most `limit` records, the oldest is dropped for a new one.
class PendingMemory {
public:
    static constexpr std::size_t default_limit = 10000;

    explicit PendingMemory(std::size_t limit = default_limit) noexcept : records_(limit) {}

    bool put(const PendingKey& key, PendingRecord record, std::int64_t now) {
        const std::lock_guard<std::mutex> lock(mutex_);
        return records_.add(key, std::move(record), [now](const PendingRecord& oldest) {
            return now - oldest.created_at >= pending_lifetime;
        });
    }

    PendingFound take(const PendingKey& key, PendingRecord& record, std::int64_t) {
        const std::lock_guard<std::mutex> lock(mutex_);
        const auto taken = records_.take(key);
        if (!taken) return PendingFound::absent;
        record = std::move(taken.value());
        return PendingFound::found;
    }

    std::size_t size() const {
        const std::lock_guard<std::mutex> lock(mutex_);
        return records_.size();
    }

private:
    mutable std::mutex mutex_{};
    rekey::detail::AgedMap<PendingKey, PendingRecord> records_;
};

/// What the caller brings to begin a flow.
struct FlowStart {
    std::string redirect_uri{};
    std::string issuer{};
    std::string return_to{};  ///< Empty, or safe in the sense of `is_safe_return_to`.
    std::string subject{};
    Secret verifier{};  ///< Of the `Pkce` whose challenge goes into the URL.
};

/// The state of a flow that was begun, or one sentence that says why it was not.
struct BegunFlow {
    std::string state{};
    std::string_view problem{};  ///< A literal; empty if the flow has begun.

    explicit operator bool() const noexcept { return problem.empty(); }
};

/// How a callback met its flow.
enum class FlowMatch : unsigned char {
    matched,
    no_state,    ///< The callback has none, or an empty one.
    no_binding,  ///< The browser has no handle: it lost its cookie, or never had one.
    unknown,     ///< No such flow in this browser: forged, used, dropped, or another browser.
    expired,
    unreachable  ///< The store did not answer; the flow may still be finished later.
};

constexpr std::string_view sentence(FlowMatch match) noexcept {
    switch (match) {
        case FlowMatch::matched: return "the callback belongs to a flow of this browser";
        case FlowMatch::no_state: return "the callback has no state";
        case FlowMatch::no_binding: return "the browser has no session to bind the callback to";
        case FlowMatch::unknown:
            return "no authorization with this state was begun in this browser, or it was finished "
                   "already";
        case FlowMatch::expired: return "the authorization took too long; begin it again";
        case FlowMatch::unreachable: return "the store of pending authorizations does not answer";
    }
    return {};
}

/// A flow that a callback has taken, and nobody else will.
struct TakenFlow {
    FlowMatch match = FlowMatch::unknown;
    PendingRecord record{};  ///< Set for `matched` only.

    explicit operator bool() const noexcept { return match == FlowMatch::matched; }
};

namespace detail {

/// Two texts that must be equal and must be there: nothing expected never matches anything.
inline bool same_and_there(std::string_view expected, std::string_view received) noexcept {
    return !expected.empty() && constant_time_equal(expected, received);
}

/// The length stands in front, so that no two pairs make the same text.
inline PendingKey pending_key(std::string_view state, std::string_view binding) {
    std::string text = std::to_string(state.size());
    text.append(1, ':').append(state).append(binding);
    const PendingKey key = rekey::detail::sha256(text);
    rekey::detail::wipe(text);
    return key;
}

}  // namespace detail

/// Begins flows and finds them again when their callbacks come.
///
/// Each flow has a record of its own: tabs of one browser do not overwrite each other. A record is
/// used once: `take` removes it before anything is sent, and one of several callers gets it. A
/// callback with a wrong binding leaves the record to the browser that owns it. What tells a right
/// state from a wrong one is a digest and a comparison in constant time, never a lookup by the
/// text.
///
/// Store    see `PendingMemory`.
/// Random   the source of `state`: `bool(void* out, std::size_t size)`; false begins no flow
/// Threads  as the store and the source: any, with the defaults
/// Source   RFC 6749 §10.10, §10.12; RFC 9700 §2.1, §4.7
/// Example  `PendingMemory memory; PendingFlows flows{memory};
///          auto flow = flows.begin(Binding{cookie}, {redirect_uri, issuer}, now);`
template <class Store = PendingMemory, class Random = rekey::detail::OsRandom> class PendingFlows {
public:
    static constexpr std::size_t state_bytes = 32;
    static constexpr std::size_t longest_text = 2048;  ///< Of each text of a record.

    /// Borrows the store, which outlives this. A longer life than `pending_lifetime` has no effect.
    explicit PendingFlows(Store& store, std::int64_t lifetime = pending_lifetime,
                          Random random = Random{})
        : store_(store),
          lifetime_(lifetime < pending_lifetime ? lifetime : pending_lifetime),
          random_(std::move(random)) {}

    BegunFlow begin(Binding binding, FlowStart start, std::int64_t now) {
        if (binding.text.empty() || binding.text.size() > longest_text)
            return {{}, "there is no session to bind the flow to, or its handle is too long"};
        return begin_bound(binding.text, std::move(start), now);
    }
    BegunFlow begin(WithoutBinding, FlowStart start, std::int64_t now) {
        return begin_bound({}, std::move(start), now);
    }

    /// Takes the flow of a callback; the record is gone from the store afterwards.
    TakenFlow take(std::string_view state, Binding binding, std::int64_t now) {
        if (binding.text.empty()) return {FlowMatch::no_binding, {}};
        return take_bound(state, binding.text, now);
    }
    TakenFlow take(std::string_view state, WithoutBinding, std::int64_t now) {
        return take_bound(state, {}, now);
    }

    /// Exists to refuse, with a sentence.
    template <class Now> BegunFlow begin(FlowStart, Now) {
        static_assert(rekey::detail::never<Now>,
                      "rekey: a flow belongs to the browser that begins it; write "
                      "begin(Binding{session cookie}, start, now), or say WithoutBinding{}.");
        return {};
    }
    /// Exists to refuse, with a sentence.
    template <class Now> TakenFlow take(std::string_view, Now) {
        static_assert(rekey::detail::never<Now>,
                      "rekey: a callback counts only in the browser that began its flow; write "
                      "take(state, Binding{session cookie}, now), or say WithoutBinding{}.");
        return {};
    }

private:
    BegunFlow begin_bound(std::string_view binding, FlowStart&& start, std::int64_t now) {
        if (start.redirect_uri.empty()) return {{}, "the redirect URI is empty"};
        for (const std::string* text : {&start.redirect_uri, &start.issuer, &start.subject})
            if (text->size() > longest_text) return {{}, "a text of the flow is too long"};
        if (!start.return_to.empty() && !is_safe_return_to(start.return_to))
            return {{}, "the place to return to is not a path of this site"};

        BegunFlow flow;
        flow.state = random_token(state_bytes, random_);
        if (flow.state.empty()) return {{}, "the source of random bytes failed"};
        PendingRecord record;
        record.state = flow.state;
        record.binding = Secret{binding};
        record.verifier = std::move(start.verifier);
        record.redirect_uri = std::move(start.redirect_uri);
        record.issuer = std::move(start.issuer);
        record.return_to = std::move(start.return_to);
        record.subject = std::move(start.subject);
        record.created_at = now;
        if (!store_.put(detail::pending_key(flow.state, binding), std::move(record), now))
            return {{}, "the store of pending authorizations does not answer"};
        return flow;
    }

    /// An empty binding stands for `WithoutBinding`; no other caller has one.
    TakenFlow take_bound(std::string_view state, std::string_view binding, std::int64_t now) {
        TakenFlow flow;
        if (state.empty()) {
            flow.match = FlowMatch::no_state;
            return flow;
        }
        if (state.size() > longest_text || binding.size() > longest_text) return flow;
        PendingRecord record;
        const PendingFound found = store_.take(detail::pending_key(state, binding), record, now);
        if (found == PendingFound::unreachable) flow.match = FlowMatch::unreachable;
        if (found != PendingFound::found) return flow;
        // The key has said so already; a store that is wrong or tampered with is not believed.
        const bool same_state = detail::same_and_there(record.state, state);
        const bool same_binding = constant_time_equal(record.binding.expose(), binding);
        if (!same_state || !same_binding) return flow;
        // A clock set back makes a record no younger than it can be.
        if (now - record.created_at >= lifetime_ || record.created_at - now >= lifetime_) {
            flow.match = FlowMatch::expired;
            return flow;
        }
        flow.match = FlowMatch::matched;
        flow.record = std::move(record);
        return flow;
    }

    Store& store_;
    std::int64_t lifetime_;
    Random random_;
};

}  // namespace oauth
}  // namespace v0_1
}  // namespace rekey

#endif
