// SPDX-License-Identifier: BSL-1.0
// Pat: a Coze personal access token.
#ifndef REKEY_COZE_PAT_HPP
#define REKEY_COZE_PAT_HPP

#include <rekey/coze/api.hpp>
#include <rekey/credential.hpp>
#include <rekey/oauth/url.hpp>

#include <string>
#include <string_view>
#include <utility>

namespace rekey {
inline namespace v0_1 {
namespace coze {

/// Tags that tell two credentials of one kind apart. Any type with a `name` serves as one.
struct Personal {
    static constexpr std::string_view name = "personal";
};
struct Enterprise {
    static constexpr std::string_view name = "enterprise";
};

namespace detail {

/// `https://host:port` of a base URL; of one that is none, a text that makes a credential unusable,
/// for an empty origin would let it go anywhere.
inline std::string origin_of(std::string_view base) {
    const oauth::Url url = oauth::parse_url(base);
    if (!url) return base.empty() ? "(no API base)" : std::string(base);
    const std::size_t end = base.find_first_of("/?#", base.find("://") + 3);
    return std::string(base.substr(0, end));
}

}  // namespace detail

/// A personal access token. For tests and debugging with narrow scope; 30 days at most (R16, R25).
///
/// Tag      tells two of them apart and names them: `Pat<Personal>`, `Pat<Enterprise>`.
/// Sends    `Authorization: Bearer pat_…` to the origin of its API base and nowhere else.
/// Example  `coze::Pat<coze::Personal>{"pat_…"}`; `coze::Pat<>{"pat_…", "https://api.coze.cn"}`.
template <class Tag = Personal> struct Pat {
    static constexpr std::string_view name = Tag::name;
    static constexpr Identity identity = Identity::app;
    using Service = Api;

    Secret token;
    std::string origin;

    explicit Pat(Secret personal_access_token, std::string_view base = api_base)
        : token(std::move(personal_access_token)), origin(detail::origin_of(base)) {}
    explicit Pat(std::string personal_access_token, std::string_view base = api_base)
        : Pat(Secret{std::move(personal_access_token)}, base) {}
    explicit Pat(const char* personal_access_token, std::string_view base = api_base)
        : Pat(Secret{personal_access_token}, base) {}
    /// A null pointer is no token and no base: `Pat<>{std::getenv("X"), std::getenv("Y")}`.
    Pat(const char* personal_access_token, const char* base)
        : Pat(personal_access_token, rekey::detail::text_in(base)) {}
};

}  // namespace coze
}  // namespace v0_1
}  // namespace rekey

#endif
