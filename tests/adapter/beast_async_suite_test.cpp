// SPDX-License-Identifier: BSL-1.0
// The suite of all transports over Boost.Beast, asynchronous.
#include <rekey/adapter/beast.hpp>

#include "../support/transport_harness.hpp"

struct AsyncBeast : harness::Asynchronous<AsyncBeast> {
    boost::asio::io_context loop{};
    rekey::beast::AsyncTransport transport{loop.get_executor()};

    void turn() {
        loop.restart();
        loop.run_for(std::chrono::milliseconds{5});
    }
};

#define REKEY_TRANSPORT AsyncBeast
#include "../support/transport_suite.hpp"
