// SPDX-License-Identifier: BSL-1.0
// Matchers: what a test says of a result or of recorded sends, for any test framework.
#ifndef REKEY_TESTING_MATCHERS_HPP
#define REKEY_TESTING_MATCHERS_HPP

#include <rekey/attempt.hpp>
#include <rekey/http.hpp>
#include <rekey/result.hpp>
#include <rekey/testing/print.hpp>
#include <rekey/testing/recorder.hpp>
#include <rekey/testing/script.hpp>

#include <cstddef>
#include <ostream>
#include <sstream>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace rekey {
inline namespace v0_1 {
namespace testing {

/// A matcher. It has the members that Catch2 (2 and 3) and GoogleMock (since 1.11) look for, so
/// that one object serves `CHECK_THAT` and `EXPECT_THAT` and this header includes no framework;
/// with any other, ask `matcher.match(result)`.
///
/// Claim    `bool holds(const Subject&, std::ostream* why) const` and
///          `void say(std::ostream&, bool negated) const`.
/// Combine  with `&&`, `||` and `!`; GoogleMock's `AllOf`, `AnyOf` and `Not` do too.
/// Secrets  no text of a matcher holds one.
template <class Claim> class Matcher {
public:
    using is_gtest_matcher = void;

    explicit Matcher(Claim claim) : claim_(std::move(claim)) {}
    const Claim& claim() const noexcept { return claim_; }

    /// Catch2.
    template <class Subject> bool match(const Subject& subject) const {
        return claim_.holds(subject, nullptr);
    }
    std::string toString() const {
        std::ostringstream out;
        claim_.say(out, false);
        return out.str();
    }
    /// GoogleMock.
    template <class Subject> bool MatchAndExplain(const Subject& subject, std::ostream* why) const {
        return claim_.holds(subject, why);
    }
    void DescribeTo(std::ostream* out) const { claim_.say(*out, false); }
    void DescribeNegationTo(std::ostream* out) const { claim_.say(*out, true); }

private:
    Claim claim_;
};

namespace claims {

template <class Subject, class = void> struct HasTrail : std::false_type {};
template <class Subject>
struct HasTrail<Subject, std::void_t<decltype(std::declval<const Subject&>().trail().count())>>
    : std::true_type {};
template <class Subject, class = void> struct NameIsMember : std::false_type {};
template <class Subject>
struct NameIsMember<Subject,
                    std::void_t<decltype(std::string(std::declval<const Subject&>().credential))>>
    : std::true_type {};

/// The sends of a result, a script or a recorder, by the names of their credentials.
template <class Subject> std::vector<std::string> names_of(const Subject& subject) {
    std::vector<std::string> names;
    if constexpr (HasTrail<Subject>::value) {
        const Trail& trail = subject.trail();
        for (std::size_t i = 0; i != trail.size(); ++i)
            if (!trail[i].exchange) names.emplace_back(trail.credential(trail[i]));
    } else {
        for (const auto& send : subject.sends()) names.push_back(send.credential);
    }
    return names;
}
/// How often a result, a script or a recorder sent; token requests are no attempts of a result.
template <class Subject> std::size_t sends_of(const Subject& subject) {
    if constexpr (HasTrail<Subject>::value) {
        const Trail& trail = subject.trail();
        for (std::size_t i = trail.size(); i != 0; --i)
            if (!trail[i - 1].exchange) return trail[i - 1].number;
        return 0;
    } else {
        return subject.sends().size();
    }
}
inline void write(std::ostream& out, const std::vector<std::string>& names) {
    const char* before = "";
    for (const std::string& name : names) {
        out << before << (name.empty() ? "(nobody)" : name);
        before = ", ";
    }
    if (names.empty()) out << "nobody";
}
template <class Left, class Right> bool tell(std::ostream* why, const Left& what, const Right& is) {
    if (why != nullptr) *why << what << is;
    return false;
}

struct Used {
    std::vector<std::string> wanted;
    template <class Subject> bool holds(const Subject& subject, std::ostream* why) const {
        std::vector<std::string> runs;
        for (std::string& name : names_of(subject))
            if (runs.empty() || runs.back() != name) runs.push_back(std::move(name));
        if (runs == wanted) return true;
        if (why != nullptr) write(*why << "which used ", runs);
        return false;
    }
    void say(std::ostream& out, bool negated) const {
        write(out << (negated ? "did not use " : "used "), wanted);
    }
};
struct Sent {
    std::size_t wanted;
    template <class Subject> bool holds(const Subject& subject, std::ostream* why) const {
        const std::size_t sends = sends_of(subject);
        return sends == wanted || tell(why, "which sent this often: ", sends);
    }
    void say(std::ostream& out, bool negated) const {
        out << (negated ? "did not take " : "took ") << wanted
            << (wanted == 1 ? " attempt" : " attempts");
    }
};
struct Accepted {
    std::string credential;
    bool is_named;
    template <class Response> bool holds(const Result<Response>& result, std::ostream* why) const {
        if (!result) return tell(why, "which failed: ", result.error().describe());
        if (!is_named || result.credential() == credential) return true;
        return tell(why, "which succeeded with ", result.credential());
    }
    void say(std::ostream& out, bool negated) const {
        out << (negated ? "did not succeed" : "succeeded") << (is_named ? " with " : "")
            << credential;
    }
};
struct Failed {
    ErrorKind kind;
    std::string part;
    template <class Response> bool holds(const Result<Response>& result, std::ostream* why) const {
        if (result) return tell(why, "which succeeded with ", result.credential());
        const std::string said = result.error().describe();
        if (result.error().kind == kind && said.find(part) != said.npos) return true;
        return tell(why, "which failed otherwise: ", said);
    }
    void say(std::ostream& out, bool negated) const {
        out << (negated ? "did not fail as " : "failed as ") << to_string(kind);
        if (!part.empty()) out << " and said \"" << part << '"';
    }
};
struct Stop {
    StopReason wanted;
    template <class Response> bool holds(const Result<Response>& result, std::ostream* why) const {
        return result.stop_reason() == wanted ||
               tell(why, "which stopped for ", to_string(result.stop_reason()));
    }
    void say(std::ostream& out, bool negated) const {
        out << (negated ? "did not stop for " : "stopped for ") << to_string(wanted);
    }
};
/// Looks at what a script or a recorder sent; neither header values nor bodies are ever printed.
struct Never {
    std::string header;  // empty: anywhere
    std::string text;
    static bool is_in(std::string_view where, std::string_view what) {
        return !where.empty() && where.find(what) != where.npos;
    }
    bool is_in(const HttpHeaders& headers) const {
        for (const HttpHeader& field : headers)
            if ((header.empty() || same_header_name(field.name, header)) &&
                (text.empty() || is_in(field.value, text)))
                return true;
        return false;
    }
    bool was_sent(const ScriptedSend& send) const {
        if ((header.empty() || same_header_name(send.header, header)) &&
            is_in(send.authorization, text))
            return true;
        // The key of the call, which a transport sends unless the request has one of its own.
        constexpr const char* of_key = "Idempotency-Key";
        if ((header.empty() || same_header_name(of_key, header)) &&
            find_header(send.headers, of_key).empty() && is_in(send.idempotency_key, text))
            return true;
        return is_in(send.headers) ||
               (header.empty() && (is_in(send.url, text) || is_in(send.body, text)));
    }
    template <class Subject> bool holds(const Subject& subject, std::ostream* why) const {
        std::size_t number = 0;
        for (const auto& send : subject.sends()) {
            ++number;
            if (was_sent(send)) return tell(why, "which sent it with send ", number);
        }
        return true;
    }
    void say(std::ostream& out, bool negated) const {
        out << (negated ? "sent a certain text" : "never sent a certain text");
        if (!header.empty()) out << " in the header " << header;
    }
};
struct Signed {
    std::string wanted;
    template <class Subject> bool holds(const Subject& subject, std::ostream* why) const {
        std::string name;
        if constexpr (NameIsMember<Subject>::value)
            name = subject.credential;
        else
            name = std::string(subject.credential());
        return name == wanted || tell(why, "which is signed by ", name);
    }
    void say(std::ostream& out, bool negated) const {
        out << (negated ? "is not signed by " : "is signed by ") << wanted;
    }
};

template <class Left, class Right> struct Conjunction {
    Left left;
    Right right;
    template <class Subject> bool holds(const Subject& subject, std::ostream* why) const {
        return left.holds(subject, why) && right.holds(subject, why);
    }
    void say(std::ostream& out, bool negated) const {
        left.say(out, negated);
        out << (negated ? " or " : " and ");
        right.say(out, negated);
    }
};
template <class Left, class Right> struct Either {
    Left left;
    Right right;
    template <class Subject> bool holds(const Subject& subject, std::ostream* why) const {
        return left.holds(subject, nullptr) || right.holds(subject, why);
    }
    void say(std::ostream& out, bool negated) const {
        left.say(out, negated);
        out << (negated ? " and " : " or ");
        right.say(out, negated);
    }
};
template <class Claim> struct Negated {
    Claim claim;
    template <class Subject> bool holds(const Subject& subject, std::ostream*) const {
        return !claim.holds(subject, nullptr);
    }
    void say(std::ostream& out, bool negated) const { claim.say(out, !negated); }
};

}  // namespace claims

template <class Left, class Right>
auto operator&&(const Matcher<Left>& left, const Matcher<Right>& right) {
    using Claim = claims::Conjunction<Left, Right>;
    Right other = right.claim();
    return Matcher<Claim>(Claim{left.claim(), std::move(other)});
}
template <class Left, class Right>
auto operator||(const Matcher<Left>& left, const Matcher<Right>& right) {
    using Claim = claims::Either<Left, Right>;
    Right other = right.claim();
    return Matcher<Claim>(Claim{left.claim(), std::move(other)});
}
template <class Claim> auto operator!(const Matcher<Claim>& matcher) {
    return Matcher<claims::Negated<Claim>>(claims::Negated<Claim>{matcher.claim()});
}

/// The credentials of a result's attempts, of a script's or a recorder's sends, in their order;
/// several in a row by one of them count once: `UsedCredentials("personal", "enterprise")`. Of a
/// result with more than eight attempts only the first four and the last four are known.
template <class... Names> Matcher<claims::Used> UsedCredentials(const Names&... names) {
    std::vector<std::string> list;
    (list.emplace_back(names), ...);
    return Matcher<claims::Used>(claims::Used{std::move(list)});
}
/// How often a result, a script or a recorder sent the request.
inline Matcher<claims::Sent> Attempts(std::size_t count) {
    return Matcher<claims::Sent>(claims::Sent{count});
}
/// A result that is a success.
inline Matcher<claims::Accepted> Succeeded() {
    return Matcher<claims::Accepted>(claims::Accepted{{}, false});
}
/// A result that is a success by this credential.
inline Matcher<claims::Accepted> SucceededWith(std::string_view credential) {
    return Matcher<claims::Accepted>(claims::Accepted{std::string(credential), true});
}
/// A result that failed so; `part`, if given, stands in what `error().describe()` says.
inline Matcher<claims::Failed> FailedWith(ErrorKind kind, std::string_view part = {}) {
    return Matcher<claims::Failed>(claims::Failed{kind, std::string(part)});
}
/// Why the call ended.
inline Matcher<claims::Stop> StoppedFor(StopReason reason) {
    return Matcher<claims::Stop>(claims::Stop{reason});
}
/// A script or a recorder that sent no header of that name with this text in it; with an empty
/// text, none of that name at all.
inline Matcher<claims::Never> NeverSent(std::string_view header, std::string_view text) {
    std::string part(text);
    return Matcher<claims::Never>(claims::Never{std::string(header), std::move(part)});
}
/// The same for all headers, URLs and bodies.
inline Matcher<claims::Never> NeverSent(std::string_view text) { return NeverSent({}, text); }
/// An `Attempt`, or a recorded send, of this credential: for the expectations of a mock.
inline Matcher<claims::Signed> SignedBy(std::string_view credential) {
    return Matcher<claims::Signed>(claims::Signed{std::string(credential)});
}

}  // namespace testing
}  // namespace v0_1
}  // namespace rekey

#endif
