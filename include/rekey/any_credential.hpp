// SPDX-License-Identifier: BSL-1.0
// AnyCredential and AnyChain: a chain whose credentials are known only at run time.
#ifndef REKEY_ANY_CREDENTIAL_HPP
#define REKEY_ANY_CREDENTIAL_HPP

#include <rekey/driver/slots.hpp>
#include <rekey/policy/admissions.hpp>
#include <rekey/policy/credential_chain.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace rekey {
inline namespace v0_1 {

/// Says of a list that known at run time is only which credentials stand in it, and that each has
/// its token at hand, in a member or from a function. What else there is: `MayExchange`.
struct TokenAtHand {};

namespace detail {

/// A credential behind a pointer, and how it signs: what the forms of AnyCredential have in common.
class ErasedCredential {
public:
    std::string_view name() const noexcept { return name_; }
    /// Whether its token stands in it, so that it is signed once and not for each attempt.
    bool is_fixed() const noexcept { return is_fixed_; }

    /// For drivers: the header value with the token of this moment. The caller owns it.
    token::Signature* signature(const Context& context, std::uint64_t generation) const {
        return sign_(credential_.get(), context, generation);
    }

protected:
    ErasedCredential() = default;
    ErasedCredential(const ErasedCredential&) = default;
    ErasedCredential& operator=(const ErasedCredential&) = default;
    ErasedCredential(ErasedCredential&&) = default;
    ErasedCredential& operator=(ErasedCredential&&) = default;
    ~ErasedCredential() = default;

    template <class Credential> void hold(Credential&& credential) {
        using Held = std::decay_t<Credential>;
        if (name_.empty()) name_ = std::string(CredentialTraits<Held>::name(credential));
        is_fixed_ = driver::slot_kind<Held> == driver::SlotKind::fixed;
        if constexpr (driver::slot_kind<Held> != driver::SlotKind::exchanged) sign_ = &sign<Held>;
        credential_ = std::make_shared<const Held>(std::forward<Credential>(credential));
    }

    std::string name_{};
    bool is_fixed_ = false;
    std::shared_ptr<const void> credential_{};

private:
    template <class Credential>
    static token::Signature* sign(const void* erased, const Context& context,
                                  std::uint64_t generation) {
        const auto& credential = *static_cast<const Credential*>(erased);
        auto&& token = CredentialTraits<Credential>::token(credential, context);
        return token::make_signature(credential, detail::exposed(token), generation);
    }

    token::Signature* (*sign_)(const void*, const Context&, std::uint64_t) = nullptr;
};

/// What any form of AnyCredential asks of a credential, and says in words.
template <class Credential, class Service> struct Erasable {
    using Brought = typename ServiceOf<Credential>::type;
    static constexpr bool understood = CredentialTraits<Credential>::understood;
    static constexpr bool of_an_app = IdentityOf<Credential>::value == Identity::app;
    static constexpr bool same_service =
        std::is_void_v<Brought> || std::is_same_v<Brought, Service>;
    static constexpr bool value = understood && of_an_app && same_service;

    static constexpr void require() noexcept {
        static_assert(understood,
                      "rekey: AnyCredential holds a credential: a type with a `name` and a "
                      "`token`, as a CredentialChain takes it.");
        static_assert(!understood || of_an_app,
                      "rekey: AnyCredential holds credentials of an app. One that acts for a user "
                      "keeps its type: put it into a CredentialChain.");
        static_assert(!understood || same_service,
                      "rekey: this credential says what the codes of its service mean, and "
                      "AnyCredential would lose that. Write AnyCredentialOf<coze::Api> for "
                      "coze::Pat.");
    }
};

}  // namespace detail

/// A credential without its type, for lists that a program reads from a file or a database.
///
/// Credential  any type of a `CredentialChain` whose token is a member or a function. One that acts
///             for a user keeps its type: that decides what a chain may do when it is compiled.
/// Name        its own, or the one that is given: `AnyCredential{"acme", credential}`.
/// Service     what its codes mean, if the credential brings that: `AnyCredentialOf<coze::Api>`
///             takes `coze::Pat`. Without one: `AnyCredential`.
/// Tokens      `TokenAtHand`, or `MayExchange` of <rekey/any_exchange.hpp> for lists in which a
///             credential may get its token by an exchange.
/// Threads     as the credential; copies share it and its token.
/// Cost        one allocation when made.
template <class Service = void, class Tokens = TokenAtHand> class AnyCredentialOf;

template <class Service>
class AnyCredentialOf<Service, TokenAtHand> : public detail::ErasedCredential {
public:
    template <class Credential,
              class = std::enable_if_t<!std::is_same_v<Credential, AnyCredentialOf>>>
    AnyCredentialOf(Credential credential) {
        take(std::move(credential));
    }
    template <class Credential> AnyCredentialOf(std::string name, Credential credential) {
        name_ = std::move(name);
        take(std::move(credential));
    }

private:
    template <class Credential> void take(Credential&& credential) {
        using Erasable = detail::Erasable<Credential, Service>;
        Erasable::require();
        constexpr bool erasable = Erasable::value;
        constexpr bool at_hand = driver::slot_kind<Credential> != driver::SlotKind::exchanged;
        static_assert(!erasable || at_hand,
                      "rekey: this credential gets its token by an exchange, which a chain has to "
                      "know when it is compiled. Include <rekey/any_exchange.hpp> and say "
                      "MayExchange: AnyCredentialOf<Service, MayExchange>, AnyChain<8, Service, "
                      "MayExchange>.");
        if constexpr (erasable && at_hand) hold(std::forward<Credential>(credential));
    }
};

using AnyCredential = AnyCredentialOf<>;

/// One place of an `AnyChain`: a type of its own, so that a chain can name it.
///
/// `client.replace(AnySlot<2>{credential})` puts another credential in its place. Filling a place
/// that was empty needs a new client.
template <std::size_t Place, class Service = void, class Tokens = TokenAtHand> class AnySlot;

template <std::size_t Place, class ServiceOfChain>
class AnySlot<Place, ServiceOfChain, TokenAtHand> {
public:
    using Service = ServiceOfChain;
    using Credential = AnyCredentialOf<Service>;

    explicit AnySlot(Credential credential)
        : name(credential.name()),
          held_(std::make_shared<const Credential>(std::move(credential))) {}
    /// A place where nobody stands, and why nothing can be sent from there: static text.
    explicit AnySlot(const char* why) : name("(nobody)"), why_(why) {}

    std::string name{};
    /// The credential says where it may go; drivers look at the signature.
    static constexpr std::string_view origin{};
    /// The token of this moment.
    std::string token(const Context& context) const {
        const std::unique_ptr<token::Signature> made(signature(context, 1));
        return std::string(made->token());
    }

    /// For drivers: as `AnyCredentialOf::signature`; with a problem where nobody stands.
    token::Signature* signature(const Context& context, std::uint64_t generation) const {
        if (held_) return held_->signature(context, generation);
        auto made = std::make_unique<token::Signature>();
        made->problem = why_;
        made->generation = generation;
        return made.release();
    }
    bool is_fixed() const noexcept { return !held_ || held_->is_fixed(); }

private:
    std::shared_ptr<const Credential> held_{};
    const char* why_ = "";
};

/// Passes over the places of an `AnyChain` where nobody stands: `chain.empty_places()`.
///
/// Threads  any; a constant. Cost: one branch for each attempt, at the first of the doors.
template <std::size_t Room> class EmptyPlaces : public AtDoor<Door::chain> {
public:
    static constexpr const char* says_no = "nobody stands at this place of the chain";
    explicit EmptyPlaces(std::size_t filled) noexcept : filled_(filled) {}

    Admission admit(const Action& action, const Asking& asking) const noexcept {
        const std::size_t before = asking.credentials - Room;  // a flow brings the user's, in front
        if (action.slot < before || action.slot - before < filled_) return {};
        return {Admitted::skip_slot, 0, Duration{0}, 0};
    }
    template <class Words> void say(Words& words) const {
        words("Passes over the empty places of the chain: ", filled_, " of ", Room, " are filled.");
    }

private:
    std::size_t filled_;
};

namespace detail {

template <class Service, class Tokens, class Places> struct ChainOfPlaces;
template <class Service, class Tokens, std::size_t... Places>
struct ChainOfPlaces<Service, Tokens, std::index_sequence<Places...>> {
    using type = CredentialChain<AnySlot<Places, Service, Tokens>...>;
};

}  // namespace detail

/// A chain of up to `Room` credentials whose number is known only at run time:
/// `AnyChain<8> chain{list}; Client client{http, chain.credentials(), chain.empty_places(), …};`
///
/// A plan is a type, so the ring has `Room` slots, and `empty_places()` is the door that passes
/// over those where nobody stands. Both go to the client; without the door a call that comes to an
/// empty place ends with a sentence that says so.
///
/// Service, Tokens   as of `AnyCredentialOf`.
/// Errors    an empty list, one that is longer than `Room`, a credential without a name, and one
///           that stands there twice, by its name or by its token: `problem()` says so at once, and
///           so does every call, with ErrorKind::configuration. Nothing is sent then.
/// Threads   configuration only.
/// Cost      a few allocations a place when a client is made. A call goes by way of the doors: some
///           360 instructions more than one of a chain whose length is known, and no allocation.
/// Example   examples/cookbook/tenants.cpp
template <std::size_t Room, class Service = void, class Tokens = TokenAtHand> class AnyChain {
    static_assert(Room >= 1 && Room <= 32,
                  "rekey: AnyChain<Room> has room for 1 to 32 credentials.");

public:
    using Credential = AnyCredentialOf<Service, Tokens>;
    /// What `client.replace` takes: `client.replace(Chain::Slot<2>{credential})`.
    template <std::size_t Place> using Slot = AnySlot<Place, Service, Tokens>;

    explicit AnyChain(std::vector<Credential> list)
        : list_(std::move(list)), problem_(problem_with(list_)) {}

    /// The same from a list of values of one type, such as the rows of a table.
    template <class List>
    explicit AnyChain(const List& list)
        : AnyChain(std::vector<Credential>(list.begin(), list.end())) {}

    /// Why no call can be made with this list, in words; nullptr if nothing is wrong with it.
    const char* problem() const noexcept { return problem_; }
    std::size_t size() const noexcept { return list_.size(); }

    /// The chain for the client.
    auto credentials() const { return credentials(std::make_index_sequence<Room>{}); }
    /// The door for the same client.
    EmptyPlaces<Room> empty_places() const noexcept {
        // The first place of a list that is wrong is where each call is told so.
        return EmptyPlaces<Room>(problem_ != nullptr ? 1 : list_.size());
    }

private:
    template <std::size_t... Places> auto credentials(std::index_sequence<Places...>) const {
        using Chain =
            typename detail::ChainOfPlaces<Service, Tokens, std::make_index_sequence<Room>>::type;
        return Chain(at<Places>()...);
    }
    template <std::size_t Place> Slot<Place> at() const {
        if (problem_ != nullptr) return Slot<Place>(problem_);
        if (Place < list_.size()) return Slot<Place>(list_[Place]);
        return Slot<Place>(
            "nobody stands at this place of its AnyChain; give chain.empty_places() to the client");
    }
    static const char* problem_with(const std::vector<Credential>& list) {
        if (list.empty()) return "its AnyChain is empty; put at least one credential into the list";
        if (list.size() > Room) return "its AnyChain has more credentials than room";
        for (std::size_t i = 0; i != list.size(); ++i) {
            if (list[i].name().empty()) return "a credential of its AnyChain has no name";
            for (std::size_t j = 0; j != i; ++j) {
                if (list[i].name() == list[j].name())
                    return "two credentials of its AnyChain have one name";
                if (same_token(list[i], list[j]))
                    return "the same token stands twice in its AnyChain";
            }
        }
        return nullptr;
    }
    static bool same_token(const Credential& left, const Credential& right) {
        if (!left.is_fixed() || !right.is_fixed()) return false;
        const std::unique_ptr<token::Signature> one(left.signature({}, 1));
        const std::unique_ptr<token::Signature> other(right.signature({}, 1));
        return one->problem == nullptr && other->problem == nullptr &&
               one->header == other->header && one->origin == other->origin &&
               constant_time_equal(one->value.expose(), other->value.expose());
    }

    std::vector<Credential> list_;
    const char* problem_;
};

namespace driver {

/// A token that stands in its credential is signed once, as in a chain that knows its type.
template <std::size_t Place, class Service> class Slot<AnySlot<Place, Service>, SlotKind::called> {
    using Credential = AnySlot<Place, Service>;

public:
    Slot(const Credential& credential, detail::Readers& readers)
        : credential_(new Credential(credential), readers), signature_(readers) {
        signature_.begin_with(fixed(credential, 1));
    }

    static constexpr bool exchanges = false;
    static constexpr bool asks_users = false;

    token::Pin read(const Context& context) {
        token::Pin pin = signature_.read();
        if (pin) return pin;
        const auto credential = credential_.read();
        return token::Snapshot::own(credential->signature(context, 1));
    }
    token::Pin peek() { return signature_.read(); }
    void replace(const Credential& credential) {
        // A reader takes the signature first, and finds it or asks the credential that is new.
        if (!credential.is_fixed()) credential_.replace(new Credential(credential));
        const token::Pin before = signature_.read();
        signature_.replace(fixed(credential, before ? before->generation + 1 : 1));
        if (credential.is_fixed()) credential_.replace(new Credential(credential));
    }

private:
    static token::Signature* fixed(const Credential& credential, std::uint64_t generation) {
        return credential.is_fixed() ? credential.signature(Context{}, generation) : nullptr;
    }
    detail::Snapshot<Credential> credential_;
    token::Snapshot signature_;  // empty where a function gives the token
};

}  // namespace driver

}  // namespace v0_1
}  // namespace rekey

#endif
