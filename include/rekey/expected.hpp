// SPDX-License-Identifier: BSL-1.0
// to_expected: a Result as a std::expected. C++23, where the standard library has it.
#ifndef REKEY_EXPECTED_HPP
#define REKEY_EXPECTED_HPP

#include <rekey/result_from.hpp>

#if __has_include(<version>)
#include <version>
#endif

#if !defined(__cpp_lib_expected)
#error "rekey: to_expected needs std::expected (-std=c++23), else rekey/adapter/tl_expected.hpp."
#else

#include <expected>
#include <utility>

namespace rekey {
inline namespace v0_1 {

/// The `std::expected` of a call: the response, or `rekey::Error<Response>` with all it knows.
template <class Response> using Expected = std::expected<Response, Error<Response> >;

/// Converts; the trail stays behind, so read it first if you want it. The way back is
/// `result_from`. A transport that returns a `std::expected` needs no conversion.
///
/// Source  C++23 [expected]; the macro `__cpp_lib_expected`, never the language mode: some
///         compilers have the mode and not the class.
template <class Response> Expected<Response> to_expected(Result<Response>&& result) {
    if (result) return *std::move(result);
    return std::unexpected(std::move(result).error());
}
template <class Response> Expected<Response> to_expected(const Result<Response>& result) {
    return rekey::to_expected(Result<Response>(result));
}

}  // namespace v0_1
}  // namespace rekey

#endif
#endif
