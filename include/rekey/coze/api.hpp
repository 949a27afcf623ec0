// SPDX-License-Identifier: BSL-1.0
// Api: what the codes of the Coze Open API mean.
#ifndef REKEY_COZE_API_HPP
#define REKEY_COZE_API_HPP

#include <rekey/detail/ascii.hpp>
#include <rekey/detail/json_text.hpp>
#include <rekey/policy/retry_on.hpp>
#include <rekey/service.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace rekey {
inline namespace v0_1 {
namespace coze {

/// Coze: the code in the body decides on any HTTP status, 200 included.
///
/// AuthRejected    4100, 4101, 700012006; HTTP 401 and 403 without a known code.
/// NotFound        4200, 4006, 4001, 4002, 4005, 4314: "does not exist, or no permission for it".
/// RateLimited     4009, 4013, 4020, 4102, 710005002; HTTP 429.
/// QuotaExhausted  4008, 4011, 4019, 4022, 4027, 4028.
/// Transient       4016, 5000; HTTP 408 and 5xx.
/// Permanent       every other code; HTTP 404 without a known code.
/// Source          Coze Open API error codes; the seeds' requirements R10, R12.
struct Api : Service {
    static constexpr bool names_codes = true;

    /// Changes of an OAuth app act after some seconds (coze-api §3.6).
    static constexpr bool settles(std::int64_t code) noexcept {
        return code == 4100 || code == 4101;
    }

    static constexpr FailureClass class_of(std::int64_t code) noexcept {
        switch (code) {
            case 4100:
            case 4101:
            case 700012006: return AuthRejected;
            case 4001:
            case 4002:
            case 4005:
            case 4006:
            case 4200:
            case 4314: return NotFound;
            case 4009:
            case 4013:
            case 4020:
            case 4102:
            case 710005002: return RateLimited;
            case 4008:
            case 4011:
            case 4019:
            case 4022:
            case 4027:
            case 4028: return QuotaExhausted;
            case 4016:
            case 5000: return Transient;
            case 4000:
            case 4003:
            case 4004:
            case 4007:
            case 4010:
            case 4012:
            case 4014:
            case 4015:
            case 4021:
            case 4029:
            case 4033:
            case 4104:
            case 4105:
            case 4201:
            case 4300:
            case 4301:
            case 4302:
            case 4303:
            case 4304:
            case 4315:
            case 700012054:
            case 708232001:
            case 708232003:
            case 777777775: return Permanent;
            default: return NoFailure;
        }
    }

    static constexpr FailureClass class_of_http(int status) noexcept {
        if (status == 404) return Permanent;  // an unknown path: the resource has a code of its own
        return Service::class_of_http(status);
    }

    /// Coze answers with JSON, an event stream or media; a 2xx that is none of these did not come
    /// from Coze (a captive portal, a proxy's page) or was cut short.
    static constexpr bool accepts_unread(std::string_view content_type,
                                         std::string_view body) noexcept {
        const auto begins = [](std::string_view text, std::string_view with) {
            return rekey::detail::same_ignoring_case(text.substr(0, with.size()), with);
        };
        if (begins(content_type, "text/event-stream")) return is_event_stream(body);
        if (begins(content_type, "text/") || begins(content_type, "application/json")) return false;
        if (begins(content_type, "application/") && is_xml_or_json(content_type)) return false;
        if (!content_type.empty()) return !begins_like_json(body);
        return is_event_stream(body) || (is_binary(body) && !begins_like_json(body));
    }

    /// Workflows and token endpoints say `error_code`, as a number or as a word.
    static constexpr std::string_view other_code_path = "error_code";

    /// A success may lack its code, but it is an object (`{"data":…}`), never a bare 4100 or [].
    static constexpr bool accepts_without_code(std::string_view body) noexcept {
        return begins_like_json(body);
    }

    static constexpr std::string_view message_paths[] = {"msg", "error_message",
                                                         "error_description", "error"};
    static constexpr std::string_view log_id_headers[] = {"X-Tt-Logid"};
    static constexpr std::string_view log_id_paths[] = {"detail.logid", "error.logid"};

private:
    /// `application/xml`, and any type with the suffix `+xml` or `+json` (RFC 6839 §3.1, RFC 7303).
    static constexpr bool is_xml_or_json(std::string_view content_type) noexcept {
        content_type = content_type.substr(0, content_type.find_first_of("; \t"));
        for (const std::string_view end : {"/xml", "+xml", "+json"})
            if (content_type.size() > end.size() &&
                rekey::detail::same_ignoring_case(
                    content_type.substr(content_type.size() - end.size()), end))
                return true;
        return false;
    }
    /// Events, the first of which is no error. As for `stream::Gate`, a byte order mark, blank
    /// lines, comments, `id` and `retry` before it decide nothing.
    static constexpr bool is_event_stream(std::string_view body) noexcept {
        constexpr std::string_view mark = rekey::detail::byte_order_mark;
        if (body.substr(0, mark.size()) == mark) body.remove_prefix(mark.size());
        for (bool has_line = false;;) {
            const std::size_t end = body.find_first_of("\r\n");
            const std::string_view line = body.substr(0, end);
            for (const std::string_view error : {"event:error", "event: error"})
                if (line == error) return false;
            for (const std::string_view field : {"event:", "data:"})
                if (line.substr(0, field.size()) == field) return true;
            bool decides_nothing = line.empty();
            for (const std::string_view field : {":", "id:", "retry:"})
                if (line.substr(0, field.size()) == field) decides_nothing = has_line = true;
            if (!decides_nothing || end == body.npos) return has_line;
            body.remove_prefix(end + 1);
        }
    }
    static constexpr bool begins_like_json(std::string_view body) noexcept {
        const char* const end = body.data() + body.size();
        const char* const first = rekey::detail::json_start(body.data(), end);
        return first != end && *first == '{';
    }
    /// Media: a control character near its start, or bytes that are no UTF-8 (RFC 3629 §3).
    static constexpr bool is_binary(std::string_view body) noexcept {
        unsigned left = 0;  // of the character that has begun
        for (const char c : body.substr(0, 64)) {
            const unsigned byte = static_cast<unsigned char>(c);
            if (((byte & 0xc0u) == 0x80u) != (left != 0)) return true;
            if (left != 0) {
                --left;
                continue;
            }
            if (byte < ' ' && c != '\t' && c != '\r' && c != '\n') return true;
            if (byte == 0xc0 || byte == 0xc1 || byte > 0xf4) return true;
            left = byte >= 0xf0 ? 3 : byte >= 0xe0 ? 2 : byte >= 0xc0 ? 1 : 0;
        }
        return false;
    }
};

/// Acts on every refusal: AuthRejected and NotFound, however Coze spells them on that endpoint.
/// Wider than `RetryOn<4100, 4101, NotFound>`: also 700012006 and a bare HTTP 401 or 403.
using RetryOnRefusal = RetryOn<AuthRejected, NotFound>;

/// The public API bases. Credentials belong to one of them.
inline constexpr std::string_view api_base = "https://api.coze.com";
inline constexpr std::string_view api_base_cn = "https://api.coze.cn";

}  // namespace coze
}  // namespace v0_1
}  // namespace rekey

#endif
