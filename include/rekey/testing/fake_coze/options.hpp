// SPDX-License-Identifier: BSL-1.0
// FakeCozeOptions: the world a FakeCoze starts with; every member has a sensible value.
#ifndef REKEY_TESTING_FAKE_COZE_OPTIONS_HPP
#define REKEY_TESTING_FAKE_COZE_OPTIONS_HPP

#include <rekey/version.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace rekey {
inline namespace v0_1 {
namespace testing {

template <class Signature> class FakeCallback;

/// A copyable callable: copies share the target. Pass `std::ref(x)` to lend one.
template <class Answer, class... Questions> class FakeCallback<Answer(Questions...)> {
public:
    FakeCallback() = default;
    template <class Callable,
              class = std::enable_if_t<
                  !std::is_same_v<std::decay_t<Callable>, FakeCallback> &&
                  std::is_invocable_r_v<Answer, std::decay_t<Callable>&, Questions...>>>
    FakeCallback(Callable&& callable)
        : target_(std::make_shared<std::decay_t<Callable>>(std::forward<Callable>(callable))),
          call_([](void* target, Questions... questions) -> Answer {
              return (*static_cast<std::decay_t<Callable>*>(target))(questions...);
          }) {}

    explicit operator bool() const noexcept { return call_ != nullptr; }
    Answer operator()(Questions... questions) const { return call_(target_.get(), questions...); }

private:
    std::shared_ptr<void> target_{};
    Answer (*call_)(void*, Questions...) = nullptr;
};

/// How the service says no. Code 0 is a gateway's answer: no `code` in the body.
struct FakeRefusal {
    std::int64_t code = 4101;
    std::int64_t http_status = 200;
    std::string message{};  ///< Empty: the service's usual text for the code.
};

/// How a token endpoint spells an error.
enum class FakeErrorShape : unsigned char {
    coze,     ///< `error_code`, `error_message`, `error`: what the token endpoints document.
    device,   ///< `error`, `error_description`: what the page of the device flow shows.
    envelope  ///< `code`, `msg`, as the data endpoints; the code is 4101.
};

/// A personal or an enterprise token, made in the console.
struct FakePat {
    std::string token{};
    std::string owner{};          ///< An account UID or an enterprise id.
    std::string label{};          ///< What the ledger says instead of the token.
    std::int64_t expires_at = 0;  ///< Seconds since 1970; 0 never.
};

struct FakeBot {
    std::string id{};
    std::string owner{};      ///< An account UID or an enterprise id.
    bool published = true;    ///< To the API channel; a chat with another one answers 4015.
    std::string workspace{};  ///< Empty: the first workspace of the owner.
};

/// What one credential lacks although its token lives: an authorization that was made too narrow.
struct FakeLimit {
    std::string credential{};  ///< Its label in the ledger: `enterprise`, `jwt:volcano_…`.
    std::string lacks{};       ///< A permission point, as for `withhold`; empty: none.
    std::string covers{};      ///< The only workspace it reaches, `none` for none; empty: all.
    /// Its creator gave it permission points that only an admin may give: refused everywhere (R26).
    bool has_enterprise_points = false;
};

enum class FakeAppKind : unsigned char { jwt, web, pkce, device };

/// An OAuth app as its owner registered it.
struct FakeApp {
    FakeAppKind kind = FakeAppKind::jwt;
    std::string client_id{};
    std::string client_secret{};               ///< Web apps only.
    std::string public_key_id{};               ///< JWT apps only: the `kid`.
    std::vector<std::string> redirect_uris{};  ///< Web and PKCE apps.
    std::string owner{};                       ///< Empty: the personal account.
    bool installed_in_enterprise = true;       ///< R9: the enterprise authorized this app.
};

/// Source: coze-api §2 to §4; what that leaves open is an option here.
struct FakeCozeOptions {
    // Who and what there is.
    std::string base = "https://api.coze.com";  ///< Its `host[:port]` is the audience of a JWT.
    std::string audience{};                     ///< Overrides that audience.
    std::string bot_id = "7379462189365198898";
    std::string enterprise_bot_id = "7412083756019384721";  ///< Of the enterprise from the start.
    std::string user_id = "user_1";
    std::string account_id = "12345";
    std::string enterprise_id = "volcano_2105850";
    std::string personal_token = "pat_personal_6dW2kQ8s";
    std::string enterprise_token = "pat_enterprise_R4nB9vXc";
    std::string jwt_client_id = "1156789012345.app.coze";
    std::string public_key_id = "kid_3kq7PzL0aVnY";
    std::string web_client_id = "2256789012345.app.coze";
    std::string web_client_secret = "secret_T8mEwYq1";
    std::string web_redirect_uri = "http://127.0.0.1:8080/callback";
    std::string pkce_client_id = "3356789012345.app.coze";
    std::string pkce_redirect_uri = "http://127.0.0.1:8090/callback";
    std::string device_client_id = "4456789012345.app.coze";
    std::string oauth_user = "alice";  ///< Who consents when nobody else is named.
    std::vector<FakePat> pats{};       ///< More tokens.
    std::vector<FakeBot> bots{};       ///< More bots.
    std::vector<FakeLimit> limits{};   ///< What credentials lack.
    bool jwt_app_enabled = true;       ///< R7: otherwise it gets `access_deny`.
    bool jwt_app_installed = true;     ///< R9: the enterprise authorized the JWT app.

    // The move.
    bool moved = false;                      ///< The workspaces are the enterprise's already.
    bool enterprise_reads_personal = false;  ///< The enterprise may use the bot before the move.
    FakeRefusal refusal{};                   ///< A personal credential after the move.
    FakeRefusal dead_token{};                ///< POST /v3/chat with a wrong or expired token.
    FakeRefusal foreign_conversation{4002, 200, {}};  ///< Somebody else's conversation.

    // Chats.
    std::int64_t polls_until_completed = 1;  ///< This many retrieves and the chat has ended.
    std::int64_t chat_seconds = 30;          ///< It also ends by itself after so long.
    std::int64_t stream_deltas = 3;          ///< Pieces of the answer in a stream.
    bool space_after_colon = false;          ///< `event: done` instead of `event:done`.
    bool one_running_chat = false;           ///< A second chat in a conversation answers 4016.
    std::int64_t last_error = 0;             ///< Chats fail with this code, after they began.
    bool stream_error_event = false;         ///< A failing stream says `event:error`.

    // Tokens.
    FakeErrorShape error_shape = FakeErrorShape::coze;
    bool relative_expiry = false;  ///< `expires_in` as a duration; the service sends a timestamp.
    std::int64_t access_seconds = 900;
    std::int64_t refresh_seconds = 30 * 24 * 3600;
    std::int64_t refresh_grace = 0;  ///< So long a rotated token still answers its successor.
    std::string bad_refresh_word = "invalid_request";
    std::int64_t consent_seconds = 0;  ///< So long a new consent is refused before it acts (§3.6).
    std::int64_t code_seconds = 300;
    std::int64_t device_seconds = 300;
    std::int64_t device_interval = 5;
    std::int64_t device_auto_approve_polls = 0;  ///< After so many polls; 0 waits for a person.
    std::int64_t clock_tolerance = 60;           ///< For `iat` and `exp` of a JWT.
    bool auto_approve = false;                   ///< The consent page redirects at once.

    // The machinery.
    /// By so many seconds the service's clock is ahead; unless zero each answer has its `Date`.
    std::int64_t clock_skew = 0;
    std::int64_t seed = 1;               ///< Of the ids and tokens.
    std::int64_t kept_records = 100000;  ///< The ledger's list; its totals are always whole.
    /// Seconds since 1970; without one the system clock.
    FakeCallback<std::int64_t()> clock{};
    /// Performs the delays of faults when FakeCoze is a transport; without one they only count
    /// against the time limit of the attempt. Milliseconds.
    FakeCallback<void(std::int64_t)> sleep{};
    /// RS256: signing input, signature bytes, key id. Without one no JWT is accepted.
    FakeCallback<bool(std::string_view, std::string_view, std::string_view)> verifier{};
};

}  // namespace testing
}  // namespace v0_1
}  // namespace rekey

#endif
