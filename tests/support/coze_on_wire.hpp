// SPDX-License-Identifier: BSL-1.0
// coze_on_wire: a FakeCoze behind the scripted loopback server, faults of the wire included.
#ifndef REKEY_TESTS_SUPPORT_COZE_ON_WIRE_HPP
#define REKEY_TESTS_SUPPORT_COZE_ON_WIRE_HPP

#include <rekey/testing/fake_coze.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "loopback_server.hpp"

namespace loopback {

/// The request as a FakeCoze wants it.
inline rekey::HttpRequest plain(const Request& seen) {
    rekey::HttpRequest request;
    std::string_view rest = seen.head;
    const auto line = [&rest] {
        const std::size_t end = (std::min)(rest.find("\r\n"), rest.size());
        const std::string_view found = rest.substr(0, end);
        rest.remove_prefix((std::min)(end + 2, rest.size()));
        return found;
    };
    const std::string_view first = line();
    const std::size_t space = first.find(' ');
    request.method = first.substr(0, space);
    request.url = first.substr(space + 1, first.rfind(' ') - space - 1);
    while (!rest.empty()) {
        const std::string_view field = line();
        const std::size_t colon = field.find(':');
        if (colon == std::string_view::npos) continue;
        std::string_view value = field.substr(colon + 1);
        while (!value.empty() && value.front() == ' ') value.remove_prefix(1);
        request.headers.push_back({std::string(field.substr(0, colon)), std::string(value)});
    }
    request.body = seen.body;
    return request;
}

/// Serves a FakeCoze, which is borrowed: what its fault script says happens to the connection.
inline Server::Behaviour serves(rekey::testing::FakeCoze& coze) {
    using rekey::testing::FakeWire;
    return [&coze](Connection& connection) {
        Request seen;
        while (connection.read(seen)) {
            const rekey::testing::FakeReply reply = coze.handle(plain(seen));
            if (reply.delay_ms > 0 && !connection.pause(std::chrono::milliseconds{reply.delay_ms}))
                return;
            if (reply.wire == FakeWire::reset_before_read ||
                reply.wire == FakeWire::reset_before_answer) {
                connection.reset();
                return;
            }
            const std::string& body = reply.response.body;
            std::string head = "HTTP/1.1 " + std::to_string(reply.response.status) +
                               " Text\r\nContent-Length: " + std::to_string(body.size()) + "\r\n";
            for (const auto& header : reply.response.headers)
                head += header.name + ": " + header.value + "\r\n";
            if (!connection.write(head + "\r\n")) return;
            if (reply.wire == FakeWire::truncated_body) {
                connection.write(std::string_view(body).substr(0, reply.bytes));
                return;
            }
            if (reply.wire == FakeWire::slow_bytes) {
                for (const char byte : body)
                    if (!connection.write({&byte, 1}) ||
                        !connection.pause(std::chrono::milliseconds{reply.byte_delay_ms}))
                        return;
            } else if (!connection.write(body)) {
                return;
            }
        }
    };
}

}  // namespace loopback

#endif
