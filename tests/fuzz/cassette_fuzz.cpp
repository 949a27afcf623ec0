// SPDX-License-Identifier: BSL-1.0
// libFuzzer: any text is a cassette that can be written down and read as the same, or is refused
// with its line; and no secret of eight characters is ever in a cassette that was saved.
#include <rekey/testing/cassette.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>

namespace {

using namespace rekey;
using namespace rekey::testing;

void demand(bool condition) {
    if (!condition) std::abort();
}

void read(std::string_view text) {
    std::istringstream in{std::string(text)};
    const Cassette cassette = read_cassette(in);
    if (!cassette.problem.empty()) {
        demand(cassette.sends.empty());
        demand(cassette.problem.compare(0, 15, "cassette: line ") == 0);
        return;
    }
    const std::string written = taping::taped(cassette);
    std::istringstream again{written};
    const Cassette same = read_cassette(again);
    demand(same.problem.empty() && same.sends.size() == cassette.sends.size());
    demand(taping::taped(same) == written);
}

/// The first bytes are the secrets, the rest is where they may stand.
void record(std::string_view text) {
    if (text.size() < 2) return;
    const std::size_t length = 8 + static_cast<unsigned char>(text[0]) % 24;
    const bool twice = text[1] % 2 != 0;
    text.remove_prefix(2);
    if (text.size() < 2 * length) return;
    const std::string token(text.substr(0, length));
    const std::string named(text.substr(length, length));
    if (token == Scrubber::instead || named == Scrubber::instead) return;  // no secret: everywhere
    text.remove_prefix(2 * length);
    const std::string rest(text);
    const std::string noise = twice ? token + rest + named + rest + token : rest + named + token;

    CassetteRecorder recorder{[&noise](const HttpRequest&, const Attempt&) {
                                  return HttpResponse{200, {{"X-Echo", noise}}, noise, false};
                              },
                              Scrubber{}.secret(named)};
    AttemptFields fields;
    const std::string authorization = "Bearer " + token;
    fields.authorization = authorization;
    (void)recorder(HttpRequest{"POST", "https://a.example/" + noise, {{"X", noise}}, noise},
                   Attempt{fields});
    std::ostringstream out;
    if (!recorder.save(out)) return;
    const std::string saved = out.str();
    demand(saved.find(token) == saved.npos && saved.find(named) == saved.npos);
    std::istringstream in{saved};
    const Cassette cassette = read_cassette(in);
    demand(cassette.problem.empty() && cassette.sends.size() == 1);
    for (const std::string& kept :
         {cassette.sends[0].request.url, cassette.sends[0].request.body,
          cassette.sends[0].response.body, cassette.sends[0].response.headers.at(0).value})
        demand(kept.find(token) == kept.npos && kept.find(named) == kept.npos);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    read(text);
    record(text);
    return 0;
}
