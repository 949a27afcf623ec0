// SPDX-License-Identifier: BSL-1.0
// Any two texts: whatever is taken for a URL compares with itself, joins and loses parameters
// without changing its origin.
#include <rekey/oauth/edit_url.hpp>
#include <rekey/oauth/url.hpp>

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
    const std::string text(data, data + size);
    const std::size_t middle = text.find('\n');
    const std::string_view left = std::string_view(text).substr(0, middle);
    const std::string_view right =
        middle == text.npos ? std::string_view() : std::string_view(text).substr(middle + 1);

    const Url one = parse_url(left);
    const Url two = parse_url(right);
    demand(same_origin(one, two) == same_origin(two, one));
    demand(same_origin(one, one) == static_cast<bool>(one));
    demand(!sentence(one.error).empty());
    is_loopback(right);

    if (one) {
        demand(!one.origin.host.empty() && one.origin.port != 0);
        for (const char symbol : left) demand(static_cast<unsigned char>(symbol) > 0x20);
        for (const char symbol : one.origin.host)
            demand(static_cast<unsigned char>(symbol) < 0x80 && symbol != '@' && symbol != '/');
        demand(one.path.empty() || one.path.front() == '/');
        demand(!allowed_for_secrets(one) || one.origin.scheme.size() == 5 ||
               is_loopback(one.origin.host));
        const std::string rebuilt = std::string(one.origin.scheme) + "://" +
                                    std::string(one.origin.host) + ":" +
                                    std::to_string(one.origin.port);
        demand(same_origin(parse_url(rebuilt), one));
    }
    const JoinedUrl joined = join(left, right);
    if (joined) demand(same_origin(parse_url(joined.text), one));

    const std::string without = without_query_parameter(left, "a");
    demand(without.size() <= left.size());
    demand(without_query_parameter(without, "a") == without);
    if (one) demand(same_origin(parse_url(without), one));
    return 0;
}
