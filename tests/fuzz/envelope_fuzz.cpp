// SPDX-License-Identifier: BSL-1.0
// libFuzzer: whatever Coze, or who answers in its place, sends: an error in the body is never a
// success, a success is never an error, and what is said of it holds no control character.
#include <rekey/coze/api.hpp>
#include <rekey/coze/pat.hpp>
#include <rekey/http.hpp>
#include <rekey/rekey.hpp>

#include <rekey/body/strict_json.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

void demand(bool condition) {
    if (!condition) std::abort();
}

void demand_no_token(std::string_view text) {
    demand(text.find("pat_canary_0123456789") == std::string_view::npos);
}

}  // namespace

// Two bytes for the status and the content type, then the log id in a header, a line end, the body.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace rekey;
    if (size < 2) return 0;
    constexpr int statuses[] = {200, 201, 204, 301, 400, 401, 403, 404, 408, 429, 500, 503};
    constexpr std::string_view types[] = {"application/json", "text/html", "", "image/png"};
    HttpResponse response;
    response.status = statuses[data[0] % 12];
    response.headers.push_back({"Content-Type", std::string(types[data[1] % 4])});
    const std::string text(data + 2, data + size);
    const std::size_t line = text.find('\n');
    response.headers.push_back({"X-Tt-Logid", text.substr(0, line)});
    if (line != text.npos) response.body = text.substr(line + 1);

    const Client client{[&response](const HttpRequest&) { return response; },
                        CredentialChain{coze::Pat<>{"pat_canary_0123456789"}},
                        coze::RetryOnRefusal{}};
    const auto result = client.send(HttpRequest{"GET", "https://api.coze.com/v1/x", {}, {}});
    const body::Reading code = body::StrictJson::code(response.body);
    const bool says_error = code.found == body::Found::present && code.code != 0;
    if (result) {
        demand(response.status >= 200 && response.status <= 299 && !says_error);
        demand((*result).body == response.body);
        return 0;
    }
    if (data[1] % 4 == 0 && response.status == 200 && code.found == body::Found::present)
        demand(says_error);
    demand_no_token(result.error().message());
    demand_no_token(result.error().log_id());
    const std::string lines = result.error().describe();
    demand_no_token(lines);
    for (const char c : lines)
        demand(c == '\n' || (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f));
    return 0;
}
