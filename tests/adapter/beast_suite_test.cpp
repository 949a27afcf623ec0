// SPDX-License-Identifier: BSL-1.0
// The suite of all transports over Boost.Beast, blocking and asynchronous: together they are
// compiled in little more than the time of one.
#include <rekey/adapter/beast.hpp>

#include "../support/transport_harness.hpp"

using Beast = harness::Blocking<rekey::beast::Transport>;

struct AsyncBeast : harness::Asynchronous<AsyncBeast> {
    boost::asio::io_context loop{};
    rekey::beast::AsyncTransport transport{loop.get_executor()};

    void turn() {
        loop.restart();
        loop.run_for(std::chrono::milliseconds{5});
    }
};

#define REKEY_TRANSPORT Beast
#include "../support/transport_suite.hpp"
#define REKEY_TRANSPORT AsyncBeast
#include "../support/transport_suite.hpp"
