// SPDX-License-Identifier: BSL-1.0
#include <rekey/oauth/edit_url.hpp>
#include <rekey/oauth/url.hpp>

#include "catch.hpp"

#include <string>
#include <string_view>

namespace {

using namespace rekey::oauth;

bool same(std::string_view left, std::string_view right) {
    const bool answer = same_origin(parse_url(left), parse_url(right));
    CHECK(answer == same_origin(parse_url(right), parse_url(left)));
    return answer;
}

std::string made(std::string_view base, std::string_view path) {
    const JoinedUrl joined = join(base, path);
    CHECK(static_cast<bool>(joined));
    return joined.text;
}

static_assert(parse_url("https://api.coze.com/v3/chat?a=1#top").origin.port == 443,
              "a URL is taken apart when compiled");
static_assert(parse_url("https://api.coze.com/v3/chat?a=1#top").query == "a=1", "");
static_assert(is_loopback("127.0.0.1") && !is_loopback("128.0.0.1"), "");

}  // namespace

TEST_CASE("a URL is taken apart into origin, path, query and fragment") {
    const Url url = parse_url("https://api.coze.com:8443/v3/chat?conversation_id=1&a=b#top");
    REQUIRE(url);
    CHECK(url.origin.scheme == "https");
    CHECK(url.origin.host == "api.coze.com");
    CHECK(url.origin.port == 8443);
    CHECK(url.path == "/v3/chat");
    CHECK(url.query == "conversation_id=1&a=b");
    CHECK(url.fragment == "top");

    const Url bare = parse_url("http://localhost");
    REQUIRE(bare);
    CHECK(bare.origin.port == 80);
    CHECK(bare.path.empty());
    CHECK(bare.query.empty());
    CHECK(parse_url("https://h?q").query == "q");
    CHECK(parse_url("https://h#a?b").fragment == "a?b");
    CHECK(parse_url("https://h#a?b").query.empty());
}

TEST_CASE("origins compare by meaning, not by spelling (S45)") {
    CHECK(same("https://api.coze.com/a", "https://api.coze.com/b?c"));
    CHECK(same("HTTPS://API.Coze.COM", "https://api.coze.com"));
    CHECK(same("https://api.coze.com:443", "https://api.coze.com"));
    CHECK(same("https://api.coze.com:", "https://api.coze.com"));
    CHECK(same("https://api.coze.com:0443", "https://api.coze.com"));
    CHECK(same("http://h:80", "http://h"));
    CHECK(same("https://api.coze.com.", "https://api.coze.com"));
    CHECK(same("https://api.coze.com.:443/", "https://api.coze.com"));
    CHECK(same("http://[::1]:8080/", "http://[0:0:0:0:0:0:0:1]:8080"));
    CHECK(same("https://[2001:DB8::A]", "https://[2001:db8:0:0:0::000a]"));
    CHECK(same("https://[::ffff:1.2.3.4]", "https://[::ffff:102:304]"));
}

TEST_CASE("another scheme, host or port is another origin (S45)") {
    CHECK_FALSE(same("https://api.coze.com", "http://api.coze.com"));
    CHECK_FALSE(same("https://api.coze.com:80", "http://api.coze.com:80"));
    CHECK_FALSE(same("https://api.coze.com", "https://api.coze.com:8443"));
    CHECK_FALSE(same("https://api.coze.com", "https://api.coze.cn"));
    CHECK_FALSE(same("https://api.coze.com", "https://www.api.coze.com"));
    CHECK_FALSE(same("https://api.coze.com", "https://api.coze.com.evil.example"));
    CHECK_FALSE(same("https://api.coze.com", "https://evilapi.coze.com"));
    CHECK_FALSE(same("https://[::1]", "https://[::2]"));
    CHECK_FALSE(same("https://[::1]", "https://127.0.0.1"));
}

TEST_CASE("a text that is no URL is the same origin as nothing, not even itself (S45)") {
    CHECK_FALSE(same("", ""));
    CHECK_FALSE(same("api.coze.com", "api.coze.com"));
    CHECK_FALSE(same("https://a@h", "https://h"));
    CHECK_FALSE(same_origin(Origin{}, Origin{}));
    CHECK_FALSE(same_origin(Url{}, Url{}));
    const Origin without_port{"https", "h", 0};
    CHECK_FALSE(same_origin(without_port, without_port));
}

TEST_CASE("user info is refused, wherever the @ hides (S45)") {
    for (const std::string_view text :
         {"https://user@api.coze.com", "https://user:pass@api.coze.com", "https://@api.coze.com",
          "https://api.coze.com@evil.example", "https://api.coze.com:443@evil.example/",
          "https://[::1]@evil.example"}) {
        CAPTURE(text);
        CHECK(parse_url(text).error == UrlError::user_info);
    }
    CHECK(parse_url("https://api.coze.com/@me?a@b#c@d"));
}

TEST_CASE("backslashes, spaces and control characters are refused anywhere") {
    for (const std::string_view text :
         {"https:\\\\h", "https://h\\@evil.example", "https://h/a\\b", " https://h", "https://h ",
          "https://h/a b", "https://h/\r\nHost: evil", "https://h/\t", "https://h/\x7f",
          "\x01https://h", "https://h?\n", "https://h#\x1f"}) {
        CAPTURE(text);
        CHECK(parse_url(text).error == UrlError::bad_character);
    }
    CHECK(parse_url(std::string_view("https://h\0.evil", 15)).error == UrlError::bad_character);
}

TEST_CASE("a URL without scheme or host is refused") {
    for (const std::string_view text :
         {"", "api.coze.com", "//evil", "/path", "https:evil", "https:/evil", "://h", "?https://h",
          "#https://h", "/https://h", "localhost:80"}) {
        CAPTURE(text);
        CHECK(parse_url(text).error == UrlError::no_scheme);
    }
    for (const std::string_view text :
         {"ftp://h", "file:///etc", "httpss://h", "h+t://h", "wss://h"}) {
        CAPTURE(text);
        CHECK(parse_url(text).error == UrlError::unknown_scheme);
    }
    for (const std::string_view text :
         {"https://", "https:///path", "https://?q", "https://#f", "https://:80"}) {
        CAPTURE(text);
        CHECK(parse_url(text).error == UrlError::no_host);
    }
}

TEST_CASE("a host that two parsers could read differently is refused") {
    for (const std::string_view text : {"https://b\xc3\xbc"
                                        "cher.example",
                                        "https://api%2ecoze.com",
                                        "https://a..b",
                                        "https://.a",
                                        "https://.",
                                        "https://a..",
                                        "https://127.1",
                                        "https://2130706433",
                                        "https://0x7f000001",
                                        "https://0X7F.1",
                                        "https://0x",
                                        "https://127.0.0.01",
                                        "https://127.0.0.256",
                                        "https://1.2.3.4.5",
                                        "https://a,b",
                                        "https://a;b",
                                        "https://a!b",
                                        "https://[",
                                        "https://[]",
                                        "https://[::1",
                                        "https://[::1]x",
                                        "https://[::1].",
                                        "https://[1]",
                                        "https://[:1]",
                                        "https://[1:]",
                                        "https://[:::]",
                                        "https://[::1::2]",
                                        "https://[1:2:3:4:5:6:7:8:9]",
                                        "https://[1:2:3:4:5:6:7:8::]",
                                        "https://[12345::]",
                                        "https://[::g]",
                                        "https://[fe80::1%25eth0]",
                                        "https://[::1.2.3]",
                                        "https://[::1.2.3.256]",
                                        "https://[1:2:3:4:5:6:7:1.2.3.4]",
                                        "https://[v1.a]",
                                        "https://a[::1]"}) {
        CAPTURE(text);
        CHECK(parse_url(text).error == UrlError::bad_host);
    }
    CHECK(parse_url("https://" + std::string(254, 'a')).error == UrlError::bad_host);
    for (const std::string_view text :
         {"https://xn--bcher-kva.example", "https://my_service:81", "https://9f3a2b1c",
          "https://a-b.c", "https://1.2.3.4", "https://0.0.0.0", "https://3com.example",
          "https://[::]", "https://[1::]", "https://[1:2:3:4:5:6:7::]", "https://[::2:3:4:5:6:7:8]",
          "https://[1:2:3:4:5:6:1.2.3.4]"}) {
        CAPTURE(text);
        CHECK(parse_url(text));
    }
}

TEST_CASE("a port is a number from 1 to 65535") {
    CHECK(parse_url("https://h:1").origin.port == 1);
    CHECK(parse_url("https://h:65535").origin.port == 65535);
    CHECK(parse_url("https://[::1]:9").origin.port == 9);
    for (const std::string_view text :
         {"https://h:0", "https://h:65536", "https://h:99999", "https://h:123456", "https://h:8a",
          "https://h:-1", "https://h:+1", "https://h:80:81", "https://[::1]:x"}) {
        CAPTURE(text);
        CHECK(parse_url(text).error == UrlError::bad_port);
    }
}

TEST_CASE("loopback is localhost, 127.0.0.0/8 and ::1, and nothing that looks like it") {
    for (const std::string_view host : {"localhost", "LocalHost", "localhost.", "127.0.0.1",
                                        "127.255.0.9", "::1", "[::1]", "[0:0:0:0:0:0:0:1]"}) {
        CAPTURE(host);
        CHECK(is_loopback(host));
    }
    for (const std::string_view host :
         {"", "localhost.example", "mylocalhost", "127.0.0.1.example", "128.0.0.1", "0.0.0.0",
          "127.1", "::", "[::2]", "[::ffff:127.0.0.1]", "[]", "1", "[1::1]"}) {
        CAPTURE(host);
        CHECK_FALSE(is_loopback(host));
    }
}

TEST_CASE("a secret goes over https, or over http to loopback only (S21)") {
    CHECK(allowed_for_secrets(parse_url("https://api.coze.com")));
    CHECK(allowed_for_secrets(parse_url("HTTPS://api.coze.com")));
    CHECK(allowed_for_secrets(parse_url("http://127.0.0.1:8080")));
    CHECK(allowed_for_secrets(parse_url("http://[::1]:8080")));
    CHECK(allowed_for_secrets(parse_url("http://localhost")));
    CHECK_FALSE(allowed_for_secrets(parse_url("http://api.coze.com")));
    CHECK_FALSE(allowed_for_secrets(parse_url("http://localhost@evil.example")));
    CHECK_FALSE(allowed_for_secrets(parse_url("http://localhost.evil.example")));
    CHECK_FALSE(allowed_for_secrets(parse_url("api.coze.com")));
    CHECK_FALSE(allowed_for_secrets(Url{}));
}

TEST_CASE("join puts exactly one slash between base and path") {
    CHECK(made("https://api.coze.com", "/v3/chat") == "https://api.coze.com/v3/chat");
    CHECK(made("https://api.coze.com/", "/v3/chat") == "https://api.coze.com/v3/chat");
    CHECK(made("https://api.coze.com///", "v3/chat") == "https://api.coze.com/v3/chat");
    CHECK(made("https://proxy.example/coze/", "/v3/chat") == "https://proxy.example/coze/v3/chat");
    CHECK(made("http://127.0.0.1:9/", "/a?b=c") == "http://127.0.0.1:9/a?b=c");
    CHECK(made("https://h/", "") == "https://h");
}

TEST_CASE("join cannot be talked into another host") {
    CHECK(made("https://h", "@evil.example") == "https://h/@evil.example");
    CHECK(made("https://h", ".evil.example") == "https://h/.evil.example");
    CHECK(made("https://h", ":81") == "https://h/:81");
    CHECK(same(made("https://h", "//evil.example"), "https://h"));
}

TEST_CASE("join says what is wrong with a base or a path") {
    CHECK(join("", "/v3/chat").error == UrlError::no_scheme);
    CHECK(join("api.coze.com", "/v3/chat").error == UrlError::no_scheme);
    CHECK(join("https://", "/v3/chat").error == UrlError::no_host);
    CHECK(join("https://h?a=b", "/v3/chat").error == UrlError::not_a_base);
    CHECK(join("https://h#", "/v3/chat").error == UrlError::not_a_base);
    CHECK(join("https://h", "/a b").error == UrlError::bad_character);
    CHECK(join("https://h", "/a b").text.empty());
}

TEST_CASE("every URL error has a sentence of its own") {
    std::string all;
    for (int error = 0; error <= static_cast<int>(UrlError::not_a_base); ++error) {
        const std::string_view text = sentence(static_cast<UrlError>(error));
        REQUIRE_FALSE(text.empty());
        CHECK(all.find(text) == std::string::npos);
        all.append(text).append("\n");
    }
}

TEST_CASE("a query parameter leaves without touching any other byte") {
    const auto without = [](std::string_view url) {
        return without_query_parameter(url, "conversation_id");
    };
    CHECK(without("https://h/v3/chat?conversation_id=1") == "https://h/v3/chat");
    CHECK(without("https://h/v3/chat?conversation_id=1#f") == "https://h/v3/chat#f");
    CHECK(without("https://h?conversation_id=1&a=%7e") == "https://h?a=%7e");
    CHECK(without("https://h?a=+b&conversation_id=1") == "https://h?a=+b");
    CHECK(without("https://h?a=1&conversation_id=1&b==2") == "https://h?a=1&b==2");
    CHECK(without("https://h?conversation_id=1&x&conversation_id=2") == "https://h?x");
    CHECK(without("https://h?conversation_id") == "https://h");
    CHECK(without("https://h?conversation%5Fid=1&a") == "https://h?a");
    CHECK(without("https://h?%63onversation%5fid=1&a") == "https://h?a");
}

TEST_CASE("a URL without that query parameter comes back byte for byte") {
    for (const std::string_view url :
         {"https://h/v3/chat", "https://h?", "https://h?#f", "https://h?a=1&&b=2&",
          "https://h?a=conversation_id", "https://h?Conversation_id=1",
          "https://h?conversation_ids=1", "https://h?conversation=1", "https://h/conversation_id=1",
          "https://h#?conversation_id=1", "https://h?conversation%5=1",
          "https://h?xconversation_id=1", ""}) {
        CAPTURE(url);
        CHECK(without_query_parameter(url, "conversation_id") == url);
    }
}
