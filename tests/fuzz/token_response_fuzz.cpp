// SPDX-License-Identifier: BSL-1.0
// Any status, content type and body: a granted token is always usable, and nothing else has one.
#include <rekey/oauth/token_response.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

void demand(bool condition) {
    if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace rekey::oauth;
    if (size < 2) return 0;
    constexpr int statuses[] = {200, 201, 204, 301, 400, 401, 403, 404, 408, 429, 500, 503, 0, 99};
    const int http_status = statuses[data[0] % 14];
    TokenRules rules;
    rules.now = 1700000000;
    if ((data[1] & 1) != 0) rules.expires_in = ExpiresIn::duration;
    if ((data[1] & 2) != 0) rules.token_type_required = true;
    if ((data[1] & 4) != 0) rules.is_refresh = true;
    if ((data[1] & 8) != 0) rules.scope = "chat read";
    const std::string_view content_type = (data[1] & 16) != 0 ? "text/html" : "application/json";
    const std::string body(data + 2, data + size);

    const TokenAnswer answer = read_token_answer(http_status, content_type, body, rules);
    demand(answer.message.size() <= 200 && answer.error_word.size() <= 64);
    demand(answer.log_id.size() <= 64);
    for (const char symbol : answer.message) {
        const auto byte = static_cast<unsigned char>(symbol);
        demand(byte >= 0x20 && byte != 0x7f);
    }
    if (answer.outcome == TokenOutcome::granted) {
        demand(http_status >= 200 && http_status <= 299 && answer.problem.empty());
        demand(!answer.access_token.empty() && body.size() <= 65536);
        for (const char symbol : answer.access_token.expose())
            demand(symbol > ' ' && symbol <= '~');
        demand(answer.expires_at > rules.now);
        demand(answer.expires_at - rules.now <= std::int64_t{3653} * 86400);
        demand(answer.error_word.empty() && !answer.has_service_code);
    } else {
        demand(answer.access_token.empty() && answer.refresh_token.empty());
        demand(answer.expires_at == 0 && !answer.problem.empty());
    }
    return 0;
}
