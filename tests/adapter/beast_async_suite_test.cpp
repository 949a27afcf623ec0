// SPDX-License-Identifier: BSL-1.0
// The suite of all transports over Boost.Beast on a loop.
#include <rekey/adapter/beast.hpp>

#include "../support/transport_harness.hpp"

struct Beast : harness::Asynchronous<Beast> {
    boost::asio::io_context context{1};
    rekey::beast::AsyncTransport transport{context.get_executor()};
    void turn() {
        context.restart();
        context.run_for(std::chrono::milliseconds{2});
    }
};

#define REKEY_TRANSPORT Beast
#include "../support/transport_suite.hpp"
