// SPDX-License-Identifier: BSL-1.0
// Flight: one call of a client with a learned route, step by step, so that many are on their way.
#ifndef REKEY_BENCHMARKS_ROUTE_FLIGHT_HPP
#define REKEY_BENCHMARKS_ROUTE_FLIGHT_HPP

#include <rekey/policy/remember.hpp>
#include <rekey/rekey.hpp>

#include <cstdint>
#include <cstdlib>
#include <string>

namespace bench {

struct Personal {
    static constexpr auto name = "personal";
    std::string token = "pat_1";
};
struct Enterprise {
    static constexpr auto name = "enterprise";
    std::string token = "pat_2";
};
/// A request is the number of its workspace; a response is never looked at.
struct Workspace {
    std::uint64_t operator()(int workspace) const { return static_cast<std::uint64_t>(workspace); }
};
struct Answer {
    int status = 0;
    std::string body{};
};
struct Nowhere {
    static Answer send(const int&, const rekey::Attempt&) { return {}; }
    Answer operator()(const int& request, const rekey::Attempt& attempt) const {
        return send(request, attempt);
    }
};

using Chain = rekey::CredentialChain<Personal, Enterprise>;
using OnRefusal = rekey::RetryOn<rekey::AuthRejected>;

/// What a client with these policies does between two answers: the same core, doors and table.
template <class... Policies> class Flight {
    using Parts = rekey::driver::Parts<Nowhere, Chain, OnRefusal, Policies...>;
    using Plan = typename Parts::Plan;
    using Result = rekey::Result<Answer>;

public:
    using Store = typename Parts::Store;
    static Store store(const Policies&... policies) {
        return Store{typename Parts::template Stored<Chain>(chain()), OnRefusal{},
                     Policies(policies)...};
    }
    static Chain chain() { return Chain{Personal{}, Enterprise{}}; }

    Flight(const Store& store, int workspace)
        : workspace_(workspace), writer_(result_), doors_(Parts::doors(store, extras_)) {
        go_on(call_.start());
    }
    Flight(const Flight&) = delete;

    int workspace() const { return workspace_; }
    /// For the doors.
    const int& request() const { return workspace_; }
    bool has_ended() const { return next_.kind == rekey::Kind::finish; }
    bool is_served() const { return next_.reason == rekey::StopReason::success; }
    /// Of the send that is on its way, or of the last one.
    int slot() const { return next_.slot; }
    int sends() const { return static_cast<int>(next_.number); }

    /// The answer to it.
    void answered(bool accepted) {
        rekey::TrailEntry& entry = writer_.trail().add();
        entry = rekey::TrailEntry{};
        rekey::Facts facts;
        facts.http_status = accepted ? 200 : 401;
        facts.failure = accepted ? rekey::NoFailure : rekey::AuthRejected;
        entry.reach = facts.reach = rekey::Reach::answered;
        entry.failure = facts.failure;
        entry.http_status = facts.http_status;
        entry.slot = next_.slot;
        entry.move = next_.move;
        const rekey::Action next = call_.sent(facts);
        if constexpr (Plan::admits) doors_.ended(writer_, next.reason, {});
        go_on(next);
    }

private:
    void go_on(rekey::Action next) {
        if constexpr (Plan::admits) {
            while (next.kind == rekey::Kind::admit)
                next = call_.admitted(doors_.ask(next, {}, *this));
            if (next.kind == rekey::Kind::send) doors_.sending();
        }
        if (next.kind != rekey::Kind::send && next.kind != rekey::Kind::finish) std::abort();
        next_ = next;
    }

    int workspace_;
    rekey::detail::CallExtras extras_{};
    Result result_{};
    typename Result::Writer writer_;
    rekey::Call<Plan> call_{};
    decltype(Parts::doors(std::declval<const Store&>(), extras_)) doors_;
    rekey::Action next_{};
};

}  // namespace bench

#endif
