// SPDX-License-Identifier: BSL-1.0
// html_escaped and html_page: small pages without a script, and what is said of each of them.
#ifndef REKEY_EXAMPLES_SUPPORT_WEB_PAGE_HPP
#define REKEY_EXAMPLES_SUPPORT_WEB_PAGE_HPP

#include <string>
#include <string_view>

namespace support {

/// A text that is only text, between tags and between quotes.
inline std::string html_escaped(std::string_view text) {
    std::string escaped;
    for (const char symbol : text) switch (symbol) {
            case '&': escaped += "&amp;"; break;
            case '<': escaped += "&lt;"; break;
            case '>': escaped += "&gt;"; break;
            case '"': escaped += "&quot;"; break;
            case '\'': escaped += "&#39;"; break;
            default: escaped += symbol;
        }
    return escaped;
}

/// A page with this title and these elements; the title is escaped here, the elements are not.
inline std::string html_page(std::string_view title, std::string_view elements) {
    const std::string heading = html_escaped(title);
    return "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta "
           "name=\"viewport\" content=\"width=device-width\"><title>" +
           heading + "</title><link rel=\"stylesheet\" href=\"/style.css\"></head><body><main>\n" +
           "<h1>" + heading + "</h1>\n" + std::string(elements) + "\n</main></body></html>\n";
}

inline constexpr std::string_view html_style =
    ":root{color-scheme:light dark}"
    "body{font:1rem/1.5 system-ui,sans-serif;margin:0}"
    "main{max-width:40rem;margin:0 auto;padding:2rem 1rem}"
    "h1{font-size:1.4rem;font-weight:600}"
    "form{display:flex;flex-wrap:wrap;align-items:center;gap:.5rem;margin:1.5rem 0}"
    "form p{margin:0}p::first-letter{text-transform:uppercase}"
    "input{flex:1 1 16rem;font:inherit;padding:.5rem .6rem;border:1px solid GrayText;"
    "border-radius:.3rem}"
    "button{font:inherit;padding:.5rem 1rem;border:1px solid GrayText;border-radius:.3rem;"
    "cursor:pointer}"
    "blockquote{margin:0;padding:.2rem 0 .2rem 1rem;border-left:.25rem solid #3b6fd4;"
    "white-space:pre-wrap;overflow-wrap:anywhere}"
    "small{color:GrayText;font-size:.85rem;overflow-wrap:anywhere}";

/// What each answer of a site says to the browser: no script, nothing of other sites, no frame
/// around it, no address of ours told to others, nothing kept. Forms lead here, and from here on to
/// a consent page, which may pass the browser on to where people sign in: https, or `consent`.
inline std::string security_policy(std::string_view consent) {
    return "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'; "
           "form-action 'self' https: " +
           std::string(consent);
}

}  // namespace support

#endif
