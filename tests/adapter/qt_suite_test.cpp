// SPDX-License-Identifier: BSL-1.0
// The suite of all transports over Qt's QNetworkAccessManager.
#define QT_NO_KEYWORDS
#include <rekey/adapter/qt.hpp>

#include "../support/qt_harness.hpp"

#define REKEY_TRANSPORT OverQt
#include "../support/transport_suite.hpp"
