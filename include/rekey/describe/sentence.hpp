// SPDX-License-Identifier: BSL-1.0
// sentence_of, describe_plan: a policy as a sentence, a client as a paragraph.
#ifndef REKEY_DESCRIBE_SENTENCE_HPP
#define REKEY_DESCRIBE_SENTENCE_HPP

#include <rekey/body/reading.hpp>
#include <rekey/client.hpp>
#include <rekey/core/worst_case.hpp>
#include <rekey/credential.hpp>
#include <rekey/describe/wording.hpp>
#include <rekey/detail/detect.hpp>
#include <rekey/detail/pack.hpp>
#include <rekey/policy/credential_chain.hpp>
#include <rekey/policy/limits.hpp>
#include <rekey/policy/obo_reauth.hpp>
#include <rekey/policy/parts.hpp>
#include <rekey/policy/retry_on.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace rekey {
inline namespace v0_1 {

namespace detail {

template <class Policy, class = void> struct SaysOfValue : std::false_type {};
template <class Policy>
struct SaysOfValue<
    Policy, std::void_t<decltype(std::declval<const Policy&>().say(std::declval<Wording&>()))>>
    : std::true_type {};
template <class Policy, class = void> struct SaysOfType : std::false_type {};
template <class Policy>
struct SaysOfType<Policy, std::void_t<decltype(Policy::say(std::declval<Wording&>()))>>
    : std::true_type {};

/// `Has a Limit`, `Has an Audit`.
template <class Policy> Wording& say_name(Wording& words) {
    Wording name;
    name.template name_of<Policy>();
    const bool is_open = name.text().find_first_of("AEIOUaeiou") == 0;
    return words(is_open ? "Has an " : "Has a ", name.text());
}

/// The words of a policy. `value` is null where only the type is known.
template <class Policy> struct WordsOf {
    static void say(Wording& words, const Policy* value) {
        if constexpr (SaysOfType<Policy>::value) {
            Policy::say(words);
        } else if constexpr (SaysOfValue<Policy>::value) {
            if (value != nullptr)
                value->say(words);
            else if constexpr (std::is_empty_v<Policy> && std::is_default_constructible_v<Policy>)
                Policy{}.say(words);
            else
                say_name<Policy>(words)(", whose numbers are set at run time.");
        } else {
            say_name<Policy>(words)(".");
        }
    }
};

inline std::string_view joint(std::size_t index, std::size_t count, std::string_view last) {
    return index == 0 ? std::string_view() : index + 1 == count ? last : std::string_view(", ");
}

inline void say_most_sends(Wording& words, std::uint32_t most) {
    if (most == 1)
        words("Sends once.");
    else
        words("Sends at most ", most, " times.");
}
template <unsigned Limit> struct WordsOf<MaxAttempts<Limit>> {
    static void say(Wording& words, const MaxAttempts<Limit>* value) {
        if constexpr (Limit == 0) {
            if (value != nullptr)
                say_most_sends(words, value->limit);
            else
                words("Sends at most as often as MaxAttempts says at run time.");
        } else {
            say_most_sends(words, Limit);
        }
    }
};
template <> struct WordsOf<NoRetry> {
    static void say(Wording& words, const NoRetry*) { words("Sends once, whatever happens."); }
};
template <> struct WordsOf<Deadline> {
    static void say(Wording& words, const Deadline* value) {
        if (value != nullptr)
            words("Ends after ", value->rule().limit, ", waits and token requests included.");
        else
            words("Ends when the Deadline that is set at run time is over.");
    }
};

template <auto... Conditions> struct WordsOf<RetryOn<Conditions...>> {
    static void say(Wording& words, const RetryOn<Conditions...>*) {
        using List = ConditionList<Conditions...>;
        if (List::count == 0) {
            words("Makes no other attempt: RetryOn lists nothing.");
            return;
        }
        // The first eight: a sentence is no table. One more is as short as to say that it is there.
        constexpr std::size_t shown = List::count <= 9 ? List::count : 8;
        words("Makes another attempt after ");
        for (std::size_t i = 0; i != shown; ++i) {
            const Listed& entry = List::all[i];
            words(joint(i, List::count, " or "));
            if (entry.condition == Condition::failure) {
                words(entry.failure);
            } else {
                words(entry.condition == Condition::code ? "code " : "HTTP ", entry.number);
                if (entry.failure != NoFailure) words(" (as ", entry.failure, ")");
            }
        }
        if (shown != List::count) words(" or one of ", List::count - shown, " more");
        words(".");
    }
};

/// What one credential of a chain is called, if its type says so.
template <class Credential> std::string_view static_name() noexcept {
    if constexpr (CredentialTraits<Credential>::has_name)
        if constexpr (CredentialTraits<Credential>::name_is_static)
            return std::string_view(Credential::name);
    return "a credential named at run time";
}

/// The names of a plan's slots, in the order of the chain.
template <class Chain> struct NamesIn {
    static std::vector<std::string> list() { return {}; }
};
template <class... Credentials> struct NamesIn<CredentialChain<Credentials...>> {
    static std::vector<std::string> list() {
        std::vector<std::string> names;
        (names.emplace_back(static_name<Credentials>()), ...);
        return names;
    }
    static std::vector<std::string> list(const CredentialChain<Credentials...>& chain) {
        return list(chain, std::index_sequence_for<Credentials...>{});
    }

private:
    template <std::size_t... Indices>
    static std::vector<std::string> list(const CredentialChain<Credentials...>& chain,
                                         std::index_sequence<Indices...>) {
        std::vector<std::string> names;
        (names.emplace_back(CredentialTraits<Credentials>::name(at<Indices>(chain.credentials))),
         ...);
        return names;
    }
};

/// A credential that fetches its token unless it has it at hand, which its value says.
REKEY_DETECT(ExchangeIsOptional, Credential, Credential::Exchange::is_optional)

template <class Chain> struct MayFetch;
template <class... Credentials> struct MayFetch<CredentialChain<Credentials...>> {
    static constexpr std::uint32_t value = mask<ExchangeIsOptional<Credentials>::value...>();
};

/// `leads_on`: whether a refusal of one credential leads to the next.
template <class Chain>
void say_chain(Wording& words, const std::vector<std::string>& names, bool leads_on = true) {
    if constexpr (std::is_void_v<Chain>) {
        words("Signs nothing: there is no CredentialChain.");
    } else {
        using Rule = typename Chain::Rule;
        words("Signs as ");
        for (std::size_t i = 0; i != names.size(); ++i) {
            if (i != 0 && leads_on)
                words(", then as ");
            else if (i != 0)
                words(i == 1 ? "; a refusal does not lead to " : " or ");
            words(names[i]);
            const bool users = ((Rule::user_slots >> i) & 1u) != 0;
            const bool fetches = ((Rule::fetching >> i) & 1u) != 0;
            if (users)
                words(" (a user's authorization)");
            else if (((MayFetch<Chain>::value >> i) & 1u) != 0)
                words(" (which may fetch its token)");
            else if (fetches)
                words(" (which fetches its token)");
        }
        words(names.size() > 1 && leads_on ? ", each until it is refused." : ".");
    }
}
template <class... Credentials> struct WordsOf<CredentialChain<Credentials...>> {
    using Chain = CredentialChain<Credentials...>;
    static void say(Wording& words, const Chain* value) {
        say_chain<Chain>(words,
                         value != nullptr ? NamesIn<Chain>::list(*value) : NamesIn<Chain>::list());
    }
};

template <class Redirector> struct WordsOf<OboReauth<Redirector>> {
    static void say(Wording& words, const OboReauth<Redirector>*) {
        words("Asks the user to authorize again, once, when everything else is refused, through ")
            .template name_of<Redirector>()(".");
    }
};
template <> struct WordsOf<FallBackOnExchangeFailure> {
    static void say(Wording& words, const FallBackOnExchangeFailure*) {
        words("Goes on with the next credential also when a token cannot be obtained.");
    }
};
template <> struct WordsOf<EscalateToAppIdentity> {
    static void say(Wording& words, const EscalateToAppIdentity*) {
        words("May go from a user's authorization to the app's own credential.");
    }
};
template <class Reader> struct WordsOf<ReadWith<Reader>> {
    static void say(Wording& words, const ReadWith<Reader>*) {
        words("Reads bodies with ").template name_of<Reader>()(".");
    }
};
template <> struct WordsOf<WholeBodies> {
    static void say(Wording& words, const WholeBodies*) {
        words("Takes the transport's word that bodies are whole.");
    }
};
template <class Clock> struct WordsOf<UseClock<Clock>> {
    static void say(Wording& words, const UseClock<Clock>*) {
        words("Takes the time from ").template name_of<Clock>()(".");
    }
};
template <class Transport> struct WordsOf<ExchangeOver<Transport>> {
    static void say(Wording& words, const ExchangeOver<Transport>*) {
        words("Sends token requests over a transport of their own.");
    }
};
template <class Rewrite> struct WordsOf<OnFallBack<Rewrite>> {
    static void say(Wording& words, const OnFallBack<Rewrite>*) {
        words("Changes a copy of the request when another credential takes over.");
    }
};

template <class Policy> std::string sentence(const Policy* value) {
    static_assert(IsPolicy<Policy>::value,
                  "rekey: sentence_of takes policies, such as MaxAttempts<3>{}, and describe_plan "
                  "a client or policies. This type has no `static constexpr rekey::Role role`.");
    Wording words;
    if constexpr (IsPolicy<Policy>::value) {
        if constexpr (std::is_base_of_v<Service, Policy>)
            words("Reads answers as ").template name_of<Policy>()(" defines them.");
        else
            WordsOf<Policy>::say(words, value);
    }
    return words.text();
}

/// Where the sentence of a policy stands. The order in which policies are written never counts.
template <class Policy> constexpr int place_in_text() noexcept {
    switch (Policy::role) {
        case Role::chain: return 0;
        case Role::identity_gate: return 1;
        case Role::exchange_gate: return 2;
        case Role::app_only: return 3;
        case Role::service: return 4;
        case Role::gate: return 5;
        case Role::reauthorizer: return 6;
        case Role::rewrite: return 7;
        case Role::limit: return 8;
        case Role::pace: return 9;
        case Role::admission: return 10;
        case Role::hedge: return 11;
        case Role::store: return 12;
        case Role::observer: return 13;
        case Role::reader:
        case Role::framing:
        case Role::exchange:
        case Role::clock: return 14;
    }
    return 15;
}

/// Sentences in their order, one a line.
class Paragraph {
public:
    void add(int place, std::string text) { lines_.push_back({place, std::move(text)}); }
    std::string text() {
        std::sort(lines_.begin(), lines_.end(), [](const Line& left, const Line& right) {
            return left.place != right.place ? left.place < right.place : left.text < right.text;
        });
        std::string whole;
        for (const Line& line : lines_) whole += line.text + '\n';
        return whole;
    }

private:
    struct Line {
        int place;
        std::string text;
    };
    std::vector<Line> lines_{};
};

/// What credentials bring and no policy says: the service and, without one, that nothing signs.
template <class... Policies> void add_brought(Paragraph& text) {
    using Plan = rekey::Plan<Policies...>;
    using Service = typename Plan::Service;
    if constexpr (count_role<Role::service, Policies...>() == 0 &&
                  !std::is_same_v<Service, rekey::Service>)
        text.add(4, sentence<Service>(nullptr));
    if constexpr (count_role<Role::chain, Policies...>() == 0 &&
                  std::is_same_v<typename Plan::Chain, NoChain::Rule>)
        text.add(0, "Signs nothing: there is no CredentialChain.");
}

/// The chain of a plan, with the credential that a flow brings.
template <class... Policies>
using ChainOf = typename WholeChain<typename FirstOfRole<Role::reauthorizer, Policies...>::type,
                                    typename FirstOfRole<Role::chain, Policies...>::type>::type;

template <class Plan, auto... Conditions> bool lists_refusal(const RetryOn<Conditions...>*) {
    using List = ConditionList<Conditions...>;
    for (unsigned i = 0; i != List::count; ++i) {
        const Listed& entry = List::all[i];
        FailureClass failure = entry.failure;
        if (entry.condition == Condition::code) {
            body::Reading reading;
            reading.found = body::Found::present;
            reading.code = entry.number;
            failure = Plan::classify(200, reading);
        } else if (entry.condition == Condition::http_status) {
            failure = Plan::classify(static_cast<int>(entry.number), body::Reading{});
        }
        if (failure == AuthRejected || failure == NotFound) return true;
    }
    return false;
}
template <class Plan> bool lists_refusal(const void*) { return true; }

/// Whether a refusal leads to the next credential, as far as types know; that of a token always.
template <class... Policies> bool leads_on() {
    using Plan = rekey::Plan<Policies...>;
    using Gate = typename FirstOfRole<Role::gate, Policies...>::type;
    return Plan::Chain::fetching != 0 ||
           (!Plan::sends_once && lists_refusal<Plan>(static_cast<const Gate*>(nullptr)));
}

template <class... Policies> std::string chain_sentence(const std::vector<std::string>& names) {
    Wording words;
    say_chain<ChainOf<Policies...>>(words, names, leads_on<Policies...>());
    return words.text();
}

/// Adds the names that a policy brings, as the slots have them: those of a flow come first.
template <class Policy> void add_names(std::vector<std::string>& names, const Policy& policy) {
    if constexpr (Policy::role == Role::chain) {
        for (std::string& name : NamesIn<Policy>::list(policy)) names.push_back(std::move(name));
    } else if constexpr (!std::is_void_v<ChainOf<Policy>>) {
        const auto credential = policy.credential();
        names.emplace(names.begin(),
                      CredentialTraits<typename Policy::Credential>::name(credential));
    }
    (void)policy;
}

template <class Plan> struct PlanText;
template <class... Policies> struct PlanText<Plan<Policies...>> {
    static std::vector<std::string> names() { return NamesIn<ChainOf<Policies...>>::list(); }
    static std::string text() {
        Paragraph text;
        (add_one<Policies>(text, nullptr), ...);
        if constexpr (!std::is_void_v<ChainOf<Policies...>>)
            text.add(0, chain_sentence<Policies...>(names()));
        add_brought<Policies...>(text);
        return text.text();
    }
    template <class Policy> static void add_one(Paragraph& text, const Policy* value) {
        if constexpr (Policy::role != Role::chain)
            text.add(place_in_text<Policy>(), sentence(value));
    }
    /// `value_at<I>()` gives the policy at that position.
    template <class Values, std::size_t... Indices>
    static std::string text(const Values& values, const std::vector<std::string>& names,
                            std::index_sequence<Indices...>) {
        Paragraph text;
        (add_at<Policies, Indices>(text, values), ...);
        if constexpr (!std::is_void_v<ChainOf<Policies...>>)
            text.add(0, chain_sentence<Policies...>(names));
        add_brought<Policies...>(text);
        (void)values;
        return text.text();
    }
    template <class Policy, std::size_t Index, class Values>
    static void add_at(Paragraph& text, const Values& values) {
        if constexpr (Policy::role != Role::chain)
            text.add(place_in_text<Policy>(), sentence<Policy>(&at<Index>(values)));
        else
            (void)values;
    }
};

struct Portrait {};

}  // namespace detail

namespace driver {
namespace callback {
template <class Transport, class Scheduler, class... Policies> class Client;
}  // namespace callback

/// Looks into a client to say what it holds: every UserCalls is a friend of every client.
template <> class UserCalls<detail::Portrait, Asks::nobody> {
public:
    template <class Client> static const auto& policies(const Client& client) noexcept {
        return client.store_;
    }
    template <class... Types>
    static const auto& policies(const callback::Client<Types...>& client) noexcept {
        return client.core_->store;
    }
    template <class Client>
    static std::vector<std::string> names(const Client& client, std::size_t count) {
        return list(client.slots_->names(), count);
    }
    template <class... Types>
    static std::vector<std::string> names(const callback::Client<Types...>& client,
                                          std::size_t count) {
        return list(client.core_->slot_set->names(), count);
    }

private:
    template <class Names>
    static std::vector<std::string> list(const Names& names, std::size_t count) {
        std::vector<std::string> all;
        for (std::size_t slot = 0; slot != count; ++slot) all.emplace_back(names[slot]);
        return all;
    }
};

}  // namespace driver

namespace detail {

/// The policies of a client, in the order in which it holds them.
template <class Type> struct IsClient : std::false_type {};
template <class... Given> struct Posing : std::true_type {
    using Plan = rekey::Plan<Given...>;
    template <template <class> class Does, class Client>
    using Of = Does<TypeList<Client, Given...>>;
};
template <class Transport, class... Policies>
struct IsClient<Client<Transport, Policies...>> : Posing<Policies...> {};
template <class Transport, class Scheduler, class... Policies>
struct IsClient<driver::callback::Client<Transport, Scheduler, Policies...>> : Posing<Policies...> {
};

template <class List> struct SitterOf;
template <class Client, class... Policies> struct SitterOf<TypeList<Client, Policies...>> {
    using Plan = rekey::Plan<Policies...>;
    using Look = driver::UserCalls<Portrait, driver::Asks::nobody>;
    static std::vector<std::string> names(const Client& client) {
        if constexpr (std::is_void_v<ChainOf<Policies...>>)
            return {};
        else
            return Look::names(client, Plan::slot_count);
    }
    static std::string text(const Client& client) {
        return PlanText<Plan>::text(Look::policies(client), names(client),
                                    std::index_sequence_for<Policies...>{});
    }
};
template <class Client> using Sitter = typename IsClient<Client>::template Of<SitterOf, Client>;
template <class Type> struct IsPlan : std::false_type {};
template <class... Policies> struct IsPlan<Plan<Policies...>> : std::true_type {};

}  // namespace detail

/// One English sentence about a policy, with its numbers: `Sends at most 3 times.`
template <class Policy> std::string sentence_of(const Policy& policy) {
    return detail::sentence<Policy>(&policy);
}

/// The same of a policy's type alone, or a paragraph of a whole `Plan`; numbers that a type does
/// not know are left out by name.
template <class Type> std::string sentence_of() {
    if constexpr (detail::IsPlan<Type>::value)
        return detail::PlanText<Type>::text();
    else
        return detail::sentence<Type>(nullptr);
}

/// What a client does, one sentence a line: credentials in their order, what makes another attempt,
/// limits, waits, doors, observers, and what all of it costs at worst. No token, no URL.
///
/// Order    that of the roles; clients that differ in the written order have one text.
/// Cost     texts; a thing for people, not for each call.
/// Example  examples/23_say_it_and_draw_it.cpp
template <class Client>
std::enable_if_t<detail::IsClient<Client>::value, std::string> describe_plan(const Client& client) {
    return detail::Sitter<Client>::text(client) + "At worst: " + describe(worst_case_of(client)) +
           ".\n";
}

/// The same of policies that no client has yet, as `worst_case(policies...)` takes them.
template <class First, class... Policies>
std::enable_if_t<!detail::IsClient<First>::value, std::string> describe_plan(
    const First& first, const Policies&... policies) {
    using Plan = rekey::Plan<First, Policies...>;
    if constexpr (Plan::understood) {
        detail::Paragraph text;
        std::vector<std::string> names;
        const auto add = [&](const auto& policy) {
            using Policy = std::remove_cv_t<std::remove_reference_t<decltype(policy)>>;
            detail::add_names(names, policy);
            if constexpr (Policy::role != Role::chain)
                text.add(detail::place_in_text<Policy>(), sentence_of(policy));
        };
        add(first);
        (add(policies), ...);
        if constexpr (!std::is_void_v<detail::ChainOf<First, Policies...>>)
            text.add(0, detail::chain_sentence<First, Policies...>(names));
        detail::add_brought<First, Policies...>(text);
        return text.text() + "At worst: " + describe(worst_case(first, policies...)) + ".\n";
    } else {
        return {};
    }
}

}  // namespace v0_1
}  // namespace rekey

#endif
