// SPDX-License-Identifier: BSL-1.0
// Examiner: turns answers into facts and texts.
#ifndef REKEY_DRIVER_EXAMINER_HPP
#define REKEY_DRIVER_EXAMINER_HPP

#include <rekey/body/json.hpp>
#include <rekey/body/reading.hpp>
#include <rekey/detail/detect.hpp>
#include <rekey/facts.hpp>
#include <rekey/response.hpp>
#include <rekey/service.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <type_traits>

namespace rekey {
inline namespace v0_1 {
namespace driver {

/// Whether HTTP 200 with code 0 or without a code is a success, for a plan that can tell so when
/// compiled.
REKEY_DETECT(
    PlainlyAccepts, Plan,
    std::enable_if_t<Plan::classify(200, body::Reading{body::Found::present, 0}) == NoFailure &&
                     Plan::classify(200, body::Reading{}) == NoFailure>())

/// A reader that has a faster way to the codes of failures, with the same answers.
REKEY_DETECT(ReadsFailures, Reader, Reader::code_of_failure(std::string_view()))

/// The first text that stands at one of these paths; the same code for all clients.
template <class Reader>
[[gnu::noinline, gnu::cold]] std::string first_text(std::string_view body,
                                                    const std::string_view* paths,
                                                    std::size_t count) {
    std::string text;
    for (; count != 0 && text.empty(); --count) Reader::text(body, *paths++).swap(text);
    return text;
}

/// Turns answers into facts and texts: what the service, the reader and the traits know together.
template <class Parts, class Response> struct Examiner {
    using Service = typename Parts::Service;
    using Reader = typename Parts::Reader;
    using Plan = typename Parts::Plan;
    using Reads = detail::Reads<Response>;
    static_assert(Reads::body_is_text || !Plan::reads_body,
                  "rekey: this response has a body that is no text, so that its code would not be "
                  "found. Specialise rekey::ResponseTraits<Response>, whose body() is one.");

    /// Whether this is HTTP 200 with code 0 or none, and the service takes that for a success:
    /// nearly every answer, told apart with few instructions. Fills in the facts if it is.
    [[gnu::always_inline]] static bool is_plain_success(const Response& response, Facts& facts) {
        if constexpr (!PlainlyAccepts<Plan>::value) return false;
        if (Reads::status(response) != 200 || Reads::delivered(response)) return false;
        if constexpr (Plan::reads_body) {
            const body::Reading reading = Reader::code(Reads::body(response));
            if (reading.found == body::Found::malformed || reading.code != 0) return false;
            if (reading.found == body::Found::absent && looks_further) return false;
            facts.has_service_code = reading.found == body::Found::present;
        }
        facts.http_status = 200;
        return true;
    }
    [[gnu::always_inline]] static Facts facts_of(const Response& response) {
        Facts facts;
        facts.http_status = Reads::status(response);
        facts.reach = Reads::delivered(response) ? Reach::delivered : Reach::answered;
        body::Reading reading;
        if (Plan::reads_body) {
            if constexpr (ReadsFailures<Reader>::value)
                reading = Reader::code_of_failure(Reads::body(response));
            else
                reading = Reader::code(Reads::body(response));
            if (looks_further && reading.found == body::Found::absent)
                look_further(response, reading);
            facts.has_service_code = reading.found == body::Found::present;
            facts.service_code = reading.code;
        }
        const FailureClass failure = Plan::classify(facts.http_status, reading);
        facts.failure = failure;
        if (reading.found == body::Found::malformed && failure == NoFailure &&
            facts.reach == Reach::answered && !accepts_unread(response)) {
            facts.failure = Permanent;
            facts.fault = Fault::malformed;
        }
        return facts;
    }

    /// The service's own words, decoded.
    static std::string message(const Response& response) {
        return first_text<Reader>(Reads::body(response), std::data(Service::message_paths),
                                  std::size(Service::message_paths));
    }
    static std::string log_id(const Response& response) {
        for (const std::string_view name : Service::log_id_headers) {
            const auto& value = Reads::header(response, name);
            if (!value.empty()) return std::string(value);
        }
        return first_text<Reader>(Reads::body(response), std::data(Service::log_id_paths),
                                  std::size(Service::log_id_paths));
    }

private:
    static constexpr bool looks_further = Service::names_codes && !Service::other_code_path.empty();

    /// An answer without a code may have one elsewhere, or may not be one of this service.
    [[gnu::noinline]] static void look_further(const Response& response, body::Reading& reading) {
        const auto& body = Reads::body(response);
        const std::string text = Reader::text(body, Service::other_code_path);
        if (!text.empty()) {
            reading = body::Json::code("{\"code\":" + text + "}");  // a word is malformed
        } else if (!Service::accepts_without_code(body)) {
            reading.found = body::Found::malformed;
        }
    }
    /// Whether a 2xx answer whose body the reader could not read is a success all the same.
    [[gnu::noinline, gnu::cold]] static bool accepts_unread(const Response& response) {
        const int status = Reads::status(response);
        if (status == 204 || status == 205) return true;
        return Service::accepts_unread(Reads::header(response, "Content-Type"),
                                       Reads::body(response));
    }
};

}  // namespace driver
}  // namespace v0_1
}  // namespace rekey

#endif
