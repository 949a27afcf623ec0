// SPDX-License-Identifier: BSL-1.0
// tl_expected: a Result as a tl::expected. A transport that returns one needs no adapter.
#ifndef REKEY_ADAPTER_TL_EXPECTED_HPP
#define REKEY_ADAPTER_TL_EXPECTED_HPP

#include <rekey/result_from.hpp>

#include <tl/expected.hpp>

#include <utility>

namespace rekey {
inline namespace v0_1 {
namespace tl_expected {

/// The `tl::expected` of a call: the response, or `rekey::Error<Response>` with all it knows.
///
/// Source  tl::expected 1.0 and 1.1 (Debian: libexpected-dev).
template <class Response> using Expected = tl::expected<Response, Error<Response>>;

/// Converts; the trail stays behind, so read it first if you want it.
template <class Response> Expected<Response> to_expected(Result<Response>&& result) {
    if (result) return *std::move(result);
    return tl::unexpected<Error<Response>>(std::move(result).error());
}
template <class Response> Expected<Response> to_expected(const Result<Response>& result) {
    return tl_expected::to_expected(Result<Response>(result));
}

/// The way back, with an empty trail. Any other error: `rekey::result_from(expected, to_error)`.
template <class Response> Result<Response> from_expected(Expected<Response> expected) {
    return rekey::result_from(std::move(expected));
}

}  // namespace tl_expected
}  // namespace v0_1
}  // namespace rekey

#endif
