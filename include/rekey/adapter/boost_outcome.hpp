// SPDX-License-Identifier: BSL-1.0
// boost_outcome: a Result as a Boost.Outcome result. A transport that returns one needs no adapter.
#ifndef REKEY_ADAPTER_BOOST_OUTCOME_HPP
#define REKEY_ADAPTER_BOOST_OUTCOME_HPP

#include <rekey/result_from.hpp>

#include <boost/outcome/basic_result.hpp>
#include <boost/outcome/policy/terminate.hpp>

#include <utility>

namespace rekey {
inline namespace v0_1 {
namespace boost_outcome {

/// The Boost.Outcome result of a call: the response, or `rekey::Error<Response>` with all it knows.
/// Reading the wrong side terminates; `assume_value()` and `BOOST_OUTCOME_TRY` do as usual. The
/// macro takes a `rekey::Result` as it is, too.
///
/// Source  Boost.Outcome 1.74 to 1.81; only `basic_result` is included.
template <class Response>
using Result =
    BOOST_OUTCOME_V2_NAMESPACE::basic_result<Response, Error<Response>,
                                             BOOST_OUTCOME_V2_NAMESPACE::policy::terminate>;

/// Converts; the trail stays behind, so read it first if you want it.
template <class Response> Result<Response> to_outcome(rekey::Result<Response>&& result) {
    if (result)
        return Result<Response>{BOOST_OUTCOME_V2_NAMESPACE::in_place_type<Response>,
                                std::move(*result)};
    return Result<Response>{BOOST_OUTCOME_V2_NAMESPACE::in_place_type<Error<Response>>,
                            std::move(result).error()};
}
template <class Response> Result<Response> to_outcome(const rekey::Result<Response>& result) {
    return to_outcome(rekey::Result<Response>(result));
}

/// The way back, with an empty trail. An outcome with another error:
/// `rekey::result_from(outcome, to_error)`.
template <class Response> rekey::Result<Response> from_outcome(Result<Response> outcome) {
    return rekey::result_from(std::move(outcome));
}

}  // namespace boost_outcome
}  // namespace v0_1
}  // namespace rekey

#endif
