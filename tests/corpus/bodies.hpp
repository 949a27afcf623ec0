// SPDX-License-Identifier: BSL-1.0
// bodies: JSON bodies and the service code that every whole-body reader finds in them.
#ifndef REKEY_TESTS_CORPUS_BODIES_HPP
#define REKEY_TESTS_CORPUS_BODIES_HPP

#include <rekey/body/reading.hpp>

#include <cstdint>
#include <string_view>

namespace corpus {

struct Body {
    std::string_view name;
    std::string_view text;
    rekey::body::Reading expected;
};

constexpr rekey::body::Reading present(std::int64_t code) {
    return {rekey::body::Found::present, code};
}
constexpr rekey::body::Reading absent{rekey::body::Found::absent, 0};
constexpr rekey::body::Reading malformed{rekey::body::Found::malformed, 0};

/// What a reader that walks over containers by counting and a reader that checks every byte agree
/// on.
inline constexpr Body bodies[] = {
    // Answers as they come.
    {"a success", R"({"code":0,"msg":"","data":{"id":"7"},"detail":{"logid":"20"}})", present(0)},
    {"an error", R"({"code":4100,"msg":"authentication is invalid"})", present(4100)},
    {"an error with a log id first", R"({"detail":{"logid":"2024"},"code":4101,"msg":"x"})",
     present(4101)},
    {"the code last", R"({"data":[{"id":1},{"id":2}],"msg":"ok","code":700012006})",
     present(700012006)},
    {"a chat whose last error has a code",
     R"({"data":{"last_error":{"code":5,"msg":""}},"code":0})", present(0)},
    {"a success without a code", R"({"data":{"status":"canceled"},"msg":""})", absent},
    {"a token", R"({"access_token":"czs_a","expires_in":1720098388,"token_type":"Bearer"})",
     absent},
    {"a token error", R"({"error_code":"invalid_request","error_message":"m","error":"e"})",
     absent},
    {"spaces everywhere", "\r\n\t { \"code\" : 0 , \"msg\" :\t\"\" } \n", present(0)},
    {"a byte order mark", "\xEF\xBB\xBF{\"code\":7}", present(7)},

    // Decoys.
    {"a code one level deeper", R"({"data":{"code":1}})", absent},
    {"a code in an array", R"({"data":[{"code":1}],"code":2})", present(2)},
    {"a code as a value", R"({"msg":"code","code":3})", present(3)},
    {"a code inside a string", R"({"msg":"{\"code\":1}","code":4})", present(4)},
    {"a code behind escaped quotes", R"({"msg":"\",\"code\":1,\"","code":5})", present(5)},
    {"a string that ends with a backslash", R"({"msg":"a\\","code":6})", present(6)},
    {"a string of quotes and backslashes", R"({"msg":"\\\"\\\\\"","code":7})", present(7)},
    {"brackets inside a string", R"({"msg":"}]{[","code":8})", present(8)},
    {"a key that begins like code", R"({"codes":1,"cod":2,"Code":3,"code":9})", present(9)},
    {"a key with an escaped quote", R"({"\"code":1,"code\"":2,"code":10})", present(10)},
    {"a key written with an escape", R"({"c\u006fde":11})", present(11)},
    {"a key written with escapes only", R"({"\u0063\u006F\u0064\u0065":12})", present(12)},
    {"an empty key", R"({"":1,"code":13})", present(13)},
    {"two codes", R"({"code":14,"code":15})", present(14)},
    {"two codes, one escaped", R"({"\u0063ode":16,"code":17})", present(16)},
    {"a null before a code", R"({"code":null,"code":18})", absent},

    // Ways to write a code.
    {"a string of digits", R"({"code":"4101"})", present(4101)},
    {"a negative string", R"({"code":"-1"})", present(-1)},
    {"a number with a point", R"({"code":4101.0})", present(4101)},
    {"a number with an exponent", R"({"code":1e3})", present(1000)},
    {"a number with both", R"({"code":-41.01E+2})", present(-4101)},
    {"an exponent that takes zeros away", R"({"code":4100000e-3})", present(4100)},
    {"a zero with a monstrous exponent", R"({"code":0e99999999999999999999})", present(0)},
    {"minus zero", R"({"code":-0})", present(0)},
    {"the largest int64", R"({"code":9223372036854775807})", present(INT64_MAX)},
    {"the smallest int64", R"({"code":-9223372036854775808})", present(INT64_MIN)},
    {"the largest int64 as a string", R"({"code":"9223372036854775807"})", present(INT64_MAX)},
    {"one above int64", R"({"code":9223372036854775808})", malformed},
    {"one below int64", R"({"code":-9223372036854775809})", malformed},
    {"one above int64 as a string", R"({"code":"9223372036854775808"})", malformed},
    {"far above int64", R"({"code":1e19})", malformed},
    {"twenty digits", R"({"code":92233720368547758070})", malformed},
    {"a fraction", R"({"code":4101.5})", malformed},
    {"a tiny number", R"({"code":1e-1})", malformed},
    {"a null", R"({"code":null})", absent},
    {"a bool", R"({"code":true})", malformed},
    {"an object", R"({"code":{"code":0}})", malformed},
    {"an array", R"({"code":[0]})", malformed},
    {"a word", R"({"code":"ok"})", malformed},
    {"an empty string", R"({"code":""})", malformed},
    {"a lone minus in a string", R"({"code":"-"})", malformed},
    {"a plus in a string", R"({"code":"+1"})", malformed},
    {"a space in a string", R"({"code":" 1"})", malformed},

    // No object on the top level.
    {"an empty object", "{}", absent},
    {"an array on top", R"([{"code":1}])", absent},
    {"an empty array", " [ ] ", absent},
    {"a number on top", "4101", absent},
    {"a string on top", R"("{\"code\":0}")", absent},
    {"a word on top", "true", absent},
    {"a null on top", "null", absent},

    // No JSON.
    {"nothing", "", malformed},
    {"only spaces", " \r\n\t", malformed},
    {"only a byte order mark", "\xEF\xBB\xBF", malformed},
    {"a page", "<html><body>502 Bad Gateway</body></html>", malformed},
    {"a bare word", "code", malformed},
    {"an object cut short", R"({"code":0)", malformed},
    {"a string cut short", R"({"code":0,"msg":"abc)", malformed},
    {"something behind the object", R"({"code":0}x)", malformed},
    {"two objects", R"({"code":0}{"code":0})", malformed},
    {"a comma behind the object", R"({"code":0},)", malformed},
    {"a bracket too many", R"({"code":0}})", malformed},
    {"a trailing comma", R"({"code":0,})", malformed},
    {"a leading comma", R"({,"code":0})", malformed},
    {"two commas", R"({"code":0,,"msg":""})", malformed},
    {"no comma", R"({"code":0 "msg":""})", malformed},
    {"no colon", R"({"code" 0})", malformed},
    {"two colons", R"({"code"::0})", malformed},
    {"no value", R"({"code":})", malformed},
    {"no key", R"({:0})", malformed},
    {"a key without quotes", "{code:0}", malformed},
    {"single quotes", "{'code':0}", malformed},
    {"the wrong closing bracket", R"({"code":0])", malformed},
    {"a leading zero", R"({"code":01})", malformed},
    {"a leading plus", R"({"code":+1})", malformed},
    {"a number that ends with a point", R"({"code":1.})", malformed},
    {"a number that begins with a point", R"({"code":.1})", malformed},
    {"an exponent without digits", R"({"code":1e})", malformed},
    {"a lone minus", R"({"code":-})", malformed},
    {"a hexadecimal number", R"({"code":0x10})", malformed},
    {"not a number", R"({"code":NaN})", malformed},
    {"a word misspelt", R"({"msg":nul,"code":0})", malformed},
    {"a word run on", R"({"msg":nullcode,"code":0})", malformed},
    {"a comment", "{\"code\":0/**/}", malformed},
    {"a form feed as a space", "{\f\"code\":0}", malformed},
    {"a no-break space", "{\xC2\xA0\"code\":0}", malformed},
    {"a byte order mark inside", "{\xEF\xBB\xBF\"code\":0}", malformed},
    {"half a byte order mark", "\xEF\xBB{\"code\":0}", malformed},
    {"a container that is never closed", R"({"data":[[1],"code":0})", malformed},
    {"a container closed twice", R"({"data":[1]],"code":0})", malformed},
    {"a container closed by the wrong kind", R"({"data":[1},"code":0})", malformed},
};

/// Bodies that break rules which only a reader of every byte sees.
inline constexpr Body sloppy_bodies[] = {
    {"mixed brackets in a container", R"({"data":[[{]}],"code":1})", malformed},
    {"a trailing comma in a container", R"({"data":[1,],"code":1})", malformed},
    {"a bare word in a container", R"({"data":[yes],"code":1})", malformed},
    {"a member without a value in a container", R"({"data":{"a"},"code":1})", malformed},
    {"an unknown escape", R"({"msg":"\x41","code":1})", malformed},
    {"a short escape", R"({"msg":"\u12","code":1})", malformed},
    {"a lone high surrogate", R"({"msg":"\uD83D","code":1})", malformed},
    {"a lone low surrogate", R"({"msg":"\uDE00","code":1})", malformed},
    {"surrogates in the wrong order", R"({"msg":"\uDE00\uD83D","code":1})", malformed},
    {"a raw newline in a string", "{\"msg\":\"a\nb\",\"code\":1}", malformed},
    {"a raw tab in a key", "{\"a\tb\":0,\"code\":1}", malformed},
    {"a stray byte of UTF-8", "{\"msg\":\"\x80\",\"code\":1}", malformed},
    {"an overlong slash", "{\"msg\":\"\xC0\xAF\",\"code\":1}", malformed},
    {"a surrogate in UTF-8", "{\"msg\":\"\xED\xA0\x80\",\"code\":1}", malformed},
    {"beyond the last code point", "{\"msg\":\"\xF4\x90\x80\x80\",\"code\":1}", malformed},
    {"a sequence cut by the quote", "{\"msg\":\"\xE4\xB8\",\"code\":1}", malformed},
};

}  // namespace corpus

#endif
