// SPDX-License-Identifier: BSL-1.0
// libFuzzer: no cut of a body into chunks changes its events, nor what the stream gate decides.
#include <rekey/stream/gate.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

namespace {

// Everything that can be observed, as one text: lengths keep the parts apart.
void add(std::string& log, std::string_view part) {
    log += std::to_string(part.size());
    log += ':';
    log += part;
}

// Calls `take` with chunks whose lengths follow `lengths`, again and again; 0 stands for all.
template <class Take> void in_chunks(std::string_view body, std::string_view lengths, Take take) {
    std::size_t turn = 0;
    while (!body.empty()) {
        std::size_t length = body.size();
        if (!lengths.empty())
            length = static_cast<unsigned char>(lengths[turn++ % lengths.size()]) % 9U;
        if (length == 0 || length > body.size()) length = body.size();
        // A copy of its own, so that a view kept too long is found.
        const std::string chunk(body.substr(0, length));
        take(std::string_view(chunk));
        body.remove_prefix(length);
    }
}

std::string events_of(std::string_view body, std::string_view lengths, std::size_t limit) {
    std::string log;
    rekey::stream::EventScanner scanner{limit};
    in_chunks(body, lengths, [&](std::string_view chunk) {
        scanner.feed(chunk, [&](std::string_view name, std::string_view data) {
            add(log, name);
            add(log, data);
            if (name.size() + data.size() > limit + std::strlen("message")) std::abort();
        });
    });
    add(log, scanner.last_event_id());
    log += scanner.ended() ? 'e' : '-';
    log += scanner.overflowed() ? 'o' : '-';
    return log;
}

// Whether the first event of a body is called error and has this data, as the scanner reads it.
bool is_first_error(std::string_view body, std::string_view data) {
    rekey::stream::EventScanner scanner{body.size() + 1};
    int seen = 0;
    bool is_it = false;
    const auto look = [&](std::string_view name, std::string_view read) {
        if (seen++ == 0) is_it = name == "error" && read == data;
    };
    scanner.feed(body, look);
    scanner.finish(look);
    return is_it;
}

std::string gate_of(std::string_view body, std::string_view lengths, std::size_t limit) {
    std::string forwarded;
    rekey::stream::Gate gate{200, "text/event-stream", limit};
    in_chunks(body, lengths, [&](std::string_view chunk) { forwarded += gate.feed(chunk); });
    forwarded += gate.finish();
    std::string log = gate.state() == rekey::stream::GateState::pass ? "pass" : "hold";
    log += gate.overflowed() ? 'o' : '-';
    log += gate.has_answer() ? 'a' : '-';
    add(log, forwarded);
    if (gate.state() != rekey::stream::GateState::hold) {
        if (forwarded != body || gate.has_answer()) std::abort();
        return log;
    }
    const std::string held = gate.take_held();
    add(log, held);
    if (!forwarded.empty() || held.size() > limit) std::abort();
    if (!gate.has_answer()) {
        if (held != body.substr(0, held.size())) std::abort();
    } else if (!is_first_error(body, held) || gate.overflowed()) {
        std::abort();
    }
    return log;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
    const std::string input(bytes, bytes + size);
    if (input.size() < 6) return 0;
    const std::string_view lengths = std::string_view(input).substr(0, 4);
    const std::size_t limit = static_cast<unsigned char>(input[4]);
    const std::string_view body = std::string_view(input).substr(5);
    const std::string_view each_byte("\1", 1);

    const std::string events = events_of(body, {}, limit);
    if (events_of(body, lengths, limit) != events) std::abort();
    if (events_of(body, each_byte, limit) != events) std::abort();

    const std::string gate = gate_of(body, {}, limit);
    if (gate_of(body, lengths, limit) != gate) std::abort();
    if (gate_of(body, each_byte, limit) != gate) std::abort();
    return 0;
}
