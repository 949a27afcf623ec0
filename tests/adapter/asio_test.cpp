// SPDX-License-Identifier: BSL-1.0
#include <rekey/driver/asio.hpp>

#include "catch.hpp"

#include <asio.hpp>

// clang-format off
namespace { namespace net = asio; }
// clang-format on
#define REKEY_NET "Asio: "
#define REKEY_NET_VERSION ASIO_VERSION
#if defined(ASIO_HAS_CO_AWAIT)
#define REKEY_NET_COROUTINES
#endif
#if ASIO_VERSION >= 102200 && ASIO_VERSION < 102400
#include <asio/experimental/deferred.hpp>
#define REKEY_NET_DEFERRED net::experimental::deferred
#elif ASIO_VERSION >= 102400
#include <asio/deferred.hpp>
#define REKEY_NET_DEFERRED net::deferred
#endif

#include "support/asio_suite.hpp"
