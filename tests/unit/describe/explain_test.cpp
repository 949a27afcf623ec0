// SPDX-License-Identifier: BSL-1.0
#include <rekey/describe/explain.hpp>

#include <rekey/rekey.hpp>
#include <rekey/testing.hpp>

#include "catch.hpp"
#include "support/clients.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace {

using namespace rekey;
using namespace clients;

bool holds(std::string_view text, std::string_view part) {
    return text.find(part) != std::string_view::npos;
}
std::size_t count(std::string_view text, std::string_view part) {
    std::size_t found = 0;
    for (std::size_t at = text.find(part); at != std::string_view::npos;
         at = text.find(part, at + part.size()))
        ++found;
    return found;
}
struct Marked {
    std::string name = "<b>&\"x'\n\x1b[31m";
    std::string token = "pat_marked_1";
};

struct Chinese {
    static constexpr std::string_view name = "个人凭证一号";
    std::string token = "pat_p";
};
struct Mixed {
    static constexpr std::string_view name = "ｅ企b한ﾊé🔑";
    std::string token = "pat_e";
};

/// Every opened element is closed, in order, and no mark stands in a text.
bool is_well_formed(std::string_view xml) {
    std::string open[32];
    std::size_t depth = 0;
    while (true) {
        const std::size_t begin = xml.find('<');
        if (begin == std::string_view::npos) return depth == 0;
        const std::size_t end = xml.find('>', begin);
        if (end == std::string_view::npos) return false;
        std::string_view tag = xml.substr(begin + 1, end - begin - 1);
        xml.remove_prefix(end + 1);
        if (tag.empty()) return false;
        if (tag.front() == '/') {
            if (depth == 0 || open[--depth] != tag.substr(1)) return false;
        } else if (tag.back() != '/') {
            if (depth == 32) return false;
            open[depth++] = std::string(tag.substr(0, tag.find(' ')));
        }
    }
}

}  // namespace

TEST_CASE("a result explains itself as lanes: one a credential, one column an attempt") {
    testing::script http;
    http.then(200, 4101).then(200, 0);
    const Client client{http, both(), OnCodes{}};
    CHECK(explain(client.send(chat())) ==
          "accepted as enterprise; 2 attempts\n"
          "            1 first              2 fall back\n"
          "personal    ✗ refused            ·\n"
          "            HTTP 200, code 4101\n"
          "enterprise  ·                    ✓ accepted\n"
          "                                 HTTP 200, code 0\n");
}

TEST_CASE("a call that failed says why it ended, and each kind of failure has a word") {
    testing::script http;
    http.then(429).then(503).then(TransportError{Reach::sent_unanswered, "gone"}).then(404);
    const Client client{http, CredentialChain{Personal{}},
                        RetryOn<AuthRejected, RateLimited, Transient>{}, MaxAttempts<9>{}};
    const auto result = client.send(chat(), Idempotent{});
    CHECK(explain(result) ==
          "nothing to gain by another attempt; 4 attempts\n"
          "          1 first         2 repeat   3 repeat     4 repeat\n"
          "personal  ‖ rate limited  ! failing  ? no answer  ∅ not found\n"
          "          HTTP 429        HTTP 503                HTTP 404\n");
}

TEST_CASE("a call that was never sent explains itself too") {
    Result<HttpResponse> nothing;
    CHECK(explain(nothing) == "cancelled; nothing was sent\n");
    CHECK(is_well_formed(explain_svg(nothing)));
}

TEST_CASE("a long call shows its first four and last four attempts, and the exact count") {
    testing::script http;
    for (int i = 0; i != 12; ++i) http.then(429);
    http.then(200, 0);
    const Client client{http, both(), RetryOn<RateLimited>{}, MaxAttempts<20>{}};
    const auto result = client.send(chat());
    const std::string text = explain(result);
    CHECK(holds(text, "accepted as personal; 13 attempts\n"));
    CHECK(holds(text, "4 repeat        5 more  10 repeat"));
    CHECK_FALSE(holds(text, "9 repeat"));
    CHECK(count(text, "rate limited") == 7);
    const std::string svg = explain_svg(result);
    CHECK(holds(svg, "… 5 more …"));
    CHECK(count(svg, "<rect class=\"box ") == 8);
    CHECK(is_well_formed(svg));
}

TEST_CASE("no secret gets into an explanation, whatever the service repeats") {
    testing::script http;
    http.then(200, 4101, "pat_personal_1 is refused").then(401, 4100, "no pat_enterprise_1");
    const Client client{http, both(), OnCodes{}};
    const auto result = client.send(chat());
    REQUIRE_FALSE(result);
    for (const std::string& text : {explain(result), explain_svg(result)}) {
        CHECK_FALSE(holds(text, "pat_personal_1"));
        CHECK_FALSE(holds(text, "pat_enterprise_1"));
        CHECK_FALSE(holds(text, "is refused"));
        CHECK_FALSE(holds(text, "Bearer"));
        CHECK_FALSE(holds(text, "conversation_id"));
        CHECK(holds(text, "every credential was refused; 2 attempts"));
        CHECK(holds(text, "HTTP 401, code 4100"));
    }
}

TEST_CASE("the picture has no script, follows light and dark, and says nothing by colour alone") {
    testing::script http;
    http.then(200, 4101).then(200, 0);
    const Client client{http, both(), OnCodes{}};
    const std::string svg = explain_svg(client.send(chat()));
    CHECK(is_well_formed(svg));
    CHECK(holds(svg, "prefers-color-scheme:dark"));
    CHECK(holds(svg, "role=\"img\""));
    CHECK(holds(svg, "<title>accepted as enterprise; 2 attempts</title>"));
    CHECK_FALSE(holds(svg, "<script"));
    CHECK_FALSE(holds(svg, "href"));
    CHECK_FALSE(holds(svg, "url("));
    CHECK(holds(svg, ">✗ refused</text>"));
    CHECK(holds(svg, ">✓ accepted</text>"));
    CHECK(holds(svg, ">HTTP 200</text>"));
    CHECK(holds(svg, ">code 4101</text>"));
}

TEST_CASE("two attempts side by side are narrow enough for a phone") {
    testing::script http;
    http.then(200, 4101).then(200, 0);
    const Client client{http, both(), OnCodes{}};
    const std::string svg = explain_svg(client.send(chat()));
    const std::size_t at = svg.find(" width=\"") + 8;
    CHECK(std::stoi(svg.substr(at)) <= 360);
}

TEST_CASE("a long code makes its column wider, so that it stays in its box") {
    testing::script http;
    http.then(200, 700012006).then(200, 0);
    const Client client{http, both(), RetryOn<700012006>{}};
    const std::string svg = explain_svg(client.send(chat()));
    CHECK(holds(svg, ">code 700012006</text>"));
    CHECK(holds(svg, "width=\"114\" height=\"68\""));
}

TEST_CASE("a name with marks in it neither breaks the picture nor the line") {
    testing::script http;
    http.then(200, 0);
    const Client client{http, CredentialChain{Marked{}}, OnCodes{}};
    const auto result = client.send(chat());
    const std::string svg = explain_svg(result);
    CHECK(is_well_formed(svg));
    CHECK(holds(svg, "&lt;b&gt;&amp;&quot;x&#39;"));
    CHECK_FALSE(holds(svg, "<b>"));
    CHECK_FALSE(holds(svg, "\x1b"));
    CHECK_FALSE(holds(explain(result), "\x1b"));
    CHECK(count(explain(result), "\n") == 4);
}

TEST_CASE("a letter that takes two places is given two") {
    testing::script http;
    http.then(200, 4101).then(200, 0);
    const Client client{http, CredentialChain{Chinese{}, Mixed{}}, OnCodes{}};
    const auto result = client.send(chat());
    CHECK(explain(result) ==
          "accepted as ｅ企b한ﾊé🔑; 2 attempts\n"
          "              1 first              2 fall back\n"
          "个人凭证一号  ✗ refused            ·\n"
          "              HTTP 200, code 4101\n"
          "ｅ企b한ﾊé🔑   ·                    ✓ accepted\n"
          "                                   HTTP 200, code 0\n");
    // A name of 84 pixels from the tenth on ends before its lane does.
    CHECK(holds(explain_svg(result), "<path class=\"line\" d=\"M112 "));
}

TEST_CASE("a client without a chain has one lane, of the request") {
    testing::script http;
    http.then(200, 0);
    CHECK(holds(explain(Client{http, NoRetry{}}.send(chat())), "\nrequest  ✓ accepted\n"));
}
