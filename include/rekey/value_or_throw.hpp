// SPDX-License-Identifier: BSL-1.0
// value_or_throw: the response of a call, or an exception that says why there is none.
#ifndef REKEY_VALUE_OR_THROW_HPP
#define REKEY_VALUE_OR_THROW_HPP

#include <rekey/detail/shared.hpp>
#include <rekey/result.hpp>

#include <exception>
#include <string>
#include <utility>

namespace rekey {
inline namespace v0_1 {

/// A call that failed, for programs that throw: whatever the response, catch this one.
///
/// `what()` is `Error::describe()`: one line, and no secret in it.
/// Threads  copies share their text and never throw.
class CallFailed : public std::exception {
public:
    template <class Response>
    explicit CallFailed(const Error<Response>& error)
        : facts_(error), said_(detail::Shared<Said>::make(error)) {
        facts_.credential = said_->credential;
    }

    const char* what() const noexcept override { return said_->line.c_str(); }
    ErrorKind kind() const noexcept { return facts_.kind; }
    /// Kind, HTTP status, service code, reach and credential.
    const ErrorFacts& facts() const noexcept { return facts_; }
    const std::string& message() const noexcept { return said_->message; }
    const std::string& log_id() const noexcept { return said_->log_id; }

private:
    struct Said {
        template <class Response>
        explicit Said(const Error<Response>& error)
            : line(error.describe()),
              message(error.message()),
              log_id(error.log_id()),
              credential(error.credential) {}
        std::string line;
        std::string message;
        std::string log_id;
        std::string credential;
    };
    ErrorFacts facts_;
    detail::Shared<Said> said_;
};

/// The same with the whole error, the refused response too.
template <class Response> class CallFailedWith : public CallFailed {
public:
    explicit CallFailedWith(Error<Response> error)
        : CallFailed(error), error_(detail::Shared<Error<Response>>::make(std::move(error))) {}
    const Error<Response>& error() const noexcept { return *error_; }

private:
    detail::Shared<Error<Response>> error_;
};

/// The response; throws `CallFailedWith<Response>` if the call failed. A program without
/// exceptions ends (`std::terminate`).
///
/// Example  const Response answer = rekey::value_or_throw(client.send(request));
template <class Response> Response value_or_throw(Result<Response>&& result) {
    if (result) return *std::move(result);
#if defined(__cpp_exceptions)
    throw CallFailedWith<Response>(std::move(result).error());
#else
    std::terminate();
#endif
}
template <class Response> Response value_or_throw(const Result<Response>& result) {
    return rekey::value_or_throw(Result<Response>(result));
}

}  // namespace v0_1
}  // namespace rekey

#endif
