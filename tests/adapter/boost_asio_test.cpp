// SPDX-License-Identifier: BSL-1.0
#include <rekey/driver/boost_asio.hpp>

#include "catch.hpp"

#include <boost/asio.hpp>

// clang-format off
namespace { namespace net = boost::asio; }
// clang-format on
#define REKEY_NET "Boost.Asio: "
#define REKEY_NET_VERSION BOOST_ASIO_VERSION
#if defined(BOOST_ASIO_HAS_CO_AWAIT)
#define REKEY_NET_COROUTINES
#endif
#if BOOST_ASIO_VERSION >= 102600
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/deferred.hpp>
#define REKEY_NET_DEFERRED net::deferred
#endif

#include "support/asio_suite.hpp"
