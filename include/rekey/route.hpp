// SPDX-License-Identifier: BSL-1.0
// Route: what a client has learned about where its requests are served, and the operator's switch.
#ifndef REKEY_ROUTE_HPP
#define REKEY_ROUTE_HPP

#include <rekey/asked.hpp>
#include <rekey/detail/detect.hpp>
#include <rekey/extras.hpp>
#include <rekey/result.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace rekey {
inline namespace v0_1 {

/// What a request is about: a bot, a workspace, any key of the user's. It holds 48 bits of a hash
/// and nothing that could be read back.
///
/// Two keys that meet share what is learned, which costs a call and never an answer. The hash is
/// not keyed, so that a key is the same in every process.
class RouteKey {
public:
    /// No key: such a request is not routed and teaches nothing.
    constexpr RouteKey() = default;
    /// An empty text is no key.
    explicit RouteKey(std::string_view text) noexcept {
        if (!text.empty()) add(text);
    }
    explicit RouteKey(std::uint64_t number) noexcept : hash_(mixed(number, seed)) { finish(); }

    /// Adds to it what distinguishes it further, such as the workspace of a bot; an empty text adds
    /// nothing. No key stays none.
    RouteKey& with(std::string_view text) noexcept {
        if (hash_ != 0 && !text.empty()) add(text);
        return *this;
    }

    explicit operator bool() const noexcept { return hash_ != 0; }
    /// 48 bits, never zero for a key.
    std::uint64_t hash() const noexcept { return hash_; }

private:
    static constexpr std::uint64_t seed = 0x9e3779b97f4a7c15u;

    void add(std::string_view text) noexcept {
        std::uint64_t hash = mixed(text.size(), hash_ ^ seed);
        const char* at = text.data();
        std::size_t left = text.size();
        for (; left > 8; left -= 8, at += 8) hash = mixed(bytes(at), hash);
        if (text.size() >= 8) {
            hash = mixed(bytes(at + left - 8), hash);  // some of them for a second time
        } else {
            std::uint64_t rest = 0;
            for (; left != 0; --left) rest = (rest << 8) | static_cast<unsigned char>(at[left - 1]);
            hash = mixed(rest, hash);
        }
        hash_ = hash;
        finish();
    }

    static std::uint64_t bytes(const char* at) noexcept {
        std::uint64_t word = 0;
        std::memcpy(&word, at, sizeof word);
        return word;
    }
    static std::uint64_t mixed(std::uint64_t word, std::uint64_t hash) noexcept {
        hash = (hash ^ word) * 0xd6e8feb86659fd93u;
        return hash ^ (hash >> 32);
    }
    void finish() noexcept {
        hash_ ^= hash_ >> 29;
        hash_ = (hash_ * seed) >> 16;
        if (hash_ == 0) hash_ = 1;
    }

    std::uint64_t hash_ = 0;
};

/// How the import of a route went; as a condition, whether it was taken.
struct RouteImport {
    std::size_t keys = 0;           ///< How many keys the text had.
    const char* problem = nullptr;  ///< Why the text was refused, for people; then nothing changed.

    explicit operator bool() const noexcept { return problem == nullptr; }
};

namespace detail {

/// Whether something is a key: a RouteKey, an integer, a text, or an optional or a pointer to one
/// of them.
template <class Given> constexpr bool is_route_key() noexcept {
    if constexpr (std::is_same_v<Given, RouteKey> ||
                  std::is_convertible_v<const Given&, const char*> ||
                  std::is_convertible_v<const Given&, std::string_view>)
        return true;
    else if constexpr (std::is_scalar_v<Given>)
        return std::is_integral_v<Given> && !std::is_same_v<Given, bool>;
    else if constexpr (std::is_constructible_v<bool, const Given&>)
        return is_route_key<std::decay_t<decltype(*std::declval<const Given&>())>>();
    else
        return false;
}
template <class Given> struct JudgedKey {
    static constexpr bool is_key = is_route_key<Given>();
    static_assert(is_key,
                  "rekey: the key of a route is a text, an integer, a RouteKey, or an optional of "
                  "one of them, empty where a request has none.");
};

/// What a user's function may give as a key, as one; empty for no key.
template <class Given> RouteKey route_key(const Given& given) noexcept {
    static_assert(sizeof(JudgedKey<Given>) != 0);
    if constexpr (std::is_same_v<Given, RouteKey>) {
        return given;
    } else if constexpr (!is_route_key<Given>()) {
        return {};
    } else if constexpr (std::is_integral_v<Given>) {
        return RouteKey(static_cast<std::uint64_t>(given));
    } else if constexpr (std::is_convertible_v<const Given&, const char*>) {
        const char* const text = given;
        return text == nullptr ? RouteKey() : RouteKey(std::string_view(text));
    } else if constexpr (std::is_convertible_v<const Given&, std::string_view>) {
        return RouteKey(static_cast<std::string_view>(given));
    } else {
        return given ? route_key(*given) : RouteKey();
    }
}

/// The call that tries the first credential of a chain, and no other, and asks no user.
struct ProbeCall {
    std::string_view name;
    void add_to(CallExtras& extras) const noexcept {
        extras.pinned = true;
        extras.slot = 0;
        extras.pinned_name = name;
        extras.reauthorized = true;  // nobody is asked for a probe
    }
};

/// A client whose calls end by calling back.
REKEY_DETECT(CallsBack, Client, std::enable_if_t<Client::calls_back>())

/// Reads what `Route::export_to` wrote, line by line.
class RouteLines {
public:
    explicit RouteLines(std::string_view text) noexcept : rest_(text) {}

    /// The number of keys that the first line promises; -1 if it is no such line.
    std::int64_t count() noexcept {
        std::string_view line = next();
        if (line.substr(0, head.size()) != head) return -1;
        line.remove_prefix(head.size());
        std::int64_t number = 0;
        if (line.empty() || line.size() > 9) return -1;
        for (const char digit : line) {
            if (digit < '0' || digit > '9') return -1;
            number = number * 10 + (digit - '0');
        }
        return number;
    }
    /// A key and the name of its credential. False: the line is none of these.
    bool entry(std::uint64_t& tag, std::string_view& name) noexcept {
        const std::string_view line = next();
        tag = 0;
        if (line.size() < digits + 2 || line[digits] != ' ') return false;
        for (const char digit : line.substr(0, digits)) {
            const bool is_letter = digit >= 'a' && digit <= 'f';
            if (!is_letter && (digit < '0' || digit > '9')) return false;
            tag = tag * 16 + static_cast<std::uint64_t>(is_letter ? digit - 'a' + 10 : digit - '0');
        }
        name = line.substr(digits + 1);
        return tag != 0;
    }
    bool at_end() const noexcept { return rest_.empty(); }

    static void write(std::string& text, std::uint64_t tag, std::string_view name) {
        for (std::size_t i = digits; i != 0; --i)
            text += "0123456789abcdef"[(tag >> (4 * (i - 1))) & 15];
        text += ' ';
        text += name;
        text += '\n';
    }
    static constexpr std::string_view head = "rekey route 1, keys: ";

private:
    static constexpr std::size_t digits = 12;

    std::string_view next() noexcept {
        const std::size_t end = rest_.find('\n');
        if (end == std::string_view::npos) return {};
        const std::string_view line = rest_.substr(0, end);
        rest_.remove_prefix(end + 1);
        return line;
    }
    std::string_view rest_;
};

}  // namespace detail

/// The learned route of a client with a `Remember`, from `client.route()` of any driver.
///
/// Threads    any thread, any time; calls that start afterwards follow. Copies of a client share
/// it. Lifetime   no longer than the client. Example    examples/17_learned_route.cpp
template <class Client> class Route {
public:
    explicit Route(const Client& client) noexcept : client_(client) {}

    /// From now on every call begins with this credential, whatever was learned, and goes on with
    /// the others if it is refused. Meanwhile nothing is learned.
    template <class Credential> void force() const {
        constexpr std::uint8_t slot = Client::Plan::template slot_of<Credential>();
        if constexpr (slot < Client::Plan::slot_count) table().force(slot + 1u);
    }
    /// Back to what was learned.
    void automatic() const noexcept { table().force(0); }

    /// The name of the credential that calls with this key begin with; empty if nothing is known.
    ///
    /// Key    what the `KeyOf` of `Remember` gives for such requests.
    /// user   that of the calls, unless `KeyOf` takes the user into account itself.
    template <class Key> std::string_view learned(const Key& key, Subject user = {}) const {
        const std::uint64_t word = table().find(hash_of(key, user));
        return word == 0 ? std::string_view() : name_of(policy().slot_in(word));
    }
    /// Forgets one key. What calls on their way find out about it is not taken for newer.
    template <class Key> void forget(const Key& key, Subject user = {}) const {
        table().forget(hash_of(key, user));
    }

    /// Writes what was learned as a text, for a process that begins later: hashes of keys and names
    /// of credentials, no secret. A credential whose name is empty or has a line break is left out.
    void export_to(std::string& text) const {
        std::string lines;
        std::size_t count = 0;
        table().each([&](std::uint64_t word) {
            const std::string_view name = name_of(policy().slot_in(word));
            if (name.empty() || name.find('\n') != std::string_view::npos) return;
            detail::RouteLines::write(lines, policy().tag_in(word), name);
            ++count;
        });
        text.assign(detail::RouteLines::head);
        text += std::to_string(count);
        text += '\n';
        text += lines;
    }
    /// Takes what another process has exported. What this one knows already is newer and stays; a
    /// key without room, or with a name that the chain does not have, is passed over. A text that
    /// is cut or is something else is refused whole.
    RouteImport import_from(std::string_view text) const {
        RouteImport end = read(text, [](std::uint64_t, std::uint8_t) {});
        if (end)
            (void)read(text, [this](std::uint64_t tag, std::uint8_t slot) {
                (void)table().write(tag, 0, slot, true);
            });
        return end;
    }

    /// Everything that is known, for who shares it with other processes (`token::SharedRoute`):
    /// `act(tag, stamp, name)`. The tag is the hash of a key; the stamp is another one after each
    /// verdict on it.
    template <class Act> void each_verdict(const Act& act) const {
        table().each([&](std::uint64_t word) {
            act(policy().tag_in(word), word, name_of(policy().slot_in(word)));
        });
    }
    /// Writes what another process has found out, unless something newer than `stamp` is known (0:
    /// anything). Gives the new stamp; 0 if nothing was written, also where no credential has that
    /// name.
    std::uint64_t adopt(std::uint64_t tag, std::uint64_t stamp, std::string_view name) const {
        for (std::uint8_t slot = 0; slot != Client::Plan::slot_count; ++slot) {
            if (name_of(slot) != name) continue;
            if (!table().write(tag, stamp, slot)) return 0;
            // A call may have learned since then: its stamp would hide that it did.
            const std::uint64_t now = table().find(tag);
            return now != 0 && policy().slot_in(now) == slot ? now : 0;
        }
        return 0;
    }

    /// Whether it is time to find out if the first credential serves this request again. One caller
    /// per key and interval is told so, and only where another one was learned.
    ///
    /// Extras   those of the call that count for the key: `Subject{…}`.
    template <class Request, class... Extras>
    bool is_probe_due(const Request& request, Duration every, const Extras&... extras) const {
        auto&& clock = core().clock();
        const RouteKey key = key_of(request, extras...);
        return key &&
               table().is_due(key.hash(), clock.now().time_since_epoch().count(), every.count());
    }
    /// Sends this request with the first credential alone. If that is accepted, calls with its key
    /// begin there from now on. No user is asked. The request has the effect that it always has:
    /// use one that is harmless to send once more. Gives the result of the call.
    ///
    /// Of an asynchronous client: `probe(request, done, extras...)`, as its `send`.
    template <class Request, class... Extras>
    auto probe(const Request& request, const Extras&... extras) const {
        if constexpr (calls_back)
            return begin_probe(request, extras...);
        else
            return run_probe(request, extras...);
    }

private:
    static constexpr bool calls_back = detail::CallsBack<Client>::value;

    template <class Request, class... Extras>
    auto run_probe(const Request& request, const Extras&... extras) const {
        using Response = typename Client::template ResponseTo<Request>;
        const RouteKey key = key_of(request, extras...);
        const std::uint64_t known = key ? table().find(key.hash()) : 0;
        auto result = client_.template run<Request, Response>(request, extras...,
                                                              detail::ProbeCall{name_of(0)});
        if (result && key && (known == 0 || policy().slot_in(known) != 0))
            (void)table().write(key.hash(), known, 0);
        return result;
    }
    template <class Request, class Done, class... Extras>
    void begin_probe(const Request& request, Done done, const Extras&... extras) const {
        const RouteKey key = key_of(request, extras...);
        const std::uint64_t known = key ? table().find(key.hash()) : 0;
        client_.begin(request,
                      ProbeDone<std::decay_t<decltype(policy())>, Done>{policy(), key, known,
                                                                        std::move(done)},
                      extras..., detail::ProbeCall{name_of(0)});
    }
    /// Writes what a probe has found out, and passes its end on.
    template <class Policy, class Done> struct ProbeDone {
        Policy policy;  // a copy, which shares what is learned
        RouteKey key;
        std::uint64_t known;
        Done done;

        template <class Result> void operator()(Result result) {
            if (result && key && (known == 0 || policy.slot_in(known) != 0))
                (void)policy.table().write(key.hash(), known, 0);
            done(std::move(result));
        }
        template <class Exception, class Taking = Done>
        auto failed(Exception error) -> decltype(std::declval<Taking&>().failed(error)) {
            return done.failed(std::move(error));
        }
    };

    /// What keeps the parts of the client.
    const auto& core() const noexcept {
        if constexpr (calls_back)
            return *client_.core_;
        else
            return client_;
    }
    const auto& policy() const noexcept {
        if constexpr (calls_back)
            return remembering_in(core().store);
        else
            return remembering_in(core().store_);
    }
    auto& table() const noexcept { return policy().table(); }
    std::string_view name_of(std::uint8_t slot) const noexcept {
        if (slot >= Client::Plan::slot_count) return {};
        if constexpr (calls_back)
            return core().slot_set->names()[slot];
        else
            return core().slots_->names()[slot];
    }
    template <class Key> std::uint64_t hash_of(const Key& key, Subject user) const noexcept {
        RouteKey found = detail::route_key(key);
        if (found && !user.user.empty()) found.with(user.user);
        return found.hash();
    }
    template <class Request, class... Extras>
    RouteKey key_of(const Request& request, const Extras&... extras) const {
        detail::CallExtras sorted;
        (sorted.take(extras), ...);
        return policy().key_of(request, Subject{sorted.subject});
    }
    template <class Act> RouteImport read(std::string_view text, const Act& act) const {
        detail::RouteLines lines(text);
        RouteImport end;
        std::int64_t left = lines.count();
        if (left < 0) {
            end.problem = "this is not a route that rekey has exported, or of another version";
            return end;
        }
        for (; left != 0; --left, ++end.keys) {
            std::uint64_t tag = 0;
            std::string_view name;
            if (!lines.entry(tag, name)) {
                end.problem = "the exported route is cut off or was changed";
                return end;
            }
            for (std::uint8_t slot = 0; slot != Client::Plan::slot_count; ++slot) {
                if (name_of(slot) != name) continue;
                act(tag, slot);
                break;
            }
        }
        if (!lines.at_end()) end.problem = "there is more behind the exported route";
        return end;
    }

    const Client& client_;
};

}  // namespace v0_1
}  // namespace rekey

#endif
