// SPDX-License-Identifier: BSL-1.0
// The harness of the Qt transport, and the application without which Qt has no event loop.
#ifndef REKEY_TESTS_SUPPORT_QT_HARNESS_HPP
#define REKEY_TESTS_SUPPORT_QT_HARNESS_HPP

#include <rekey/adapter/qt.hpp>

#include <QtCore/QCoreApplication>
#include <QtCore/QEventLoop>

#include "transport_harness.hpp"

inline QCoreApplication& application() {
    static int count = 1;
    static char name[] = "rekey";
    static char* arguments[] = {name, nullptr};
    static QCoreApplication made(count, arguments);
    return made;
}

struct OverQt : harness::Asynchronous<OverQt> {
    static constexpr bool joins_headers = true;
    static constexpr bool sees_broken_head = false;
    static constexpr bool takes_open_end = false;  // Qt would send the request again
    static constexpr bool drops_unasked = false;

    QCoreApplication& qt = application();
    rekey::qt::Transport transport{};

    static void turn() {
        QEventLoop loop;
        QTimer::singleShot(5, &loop, &QEventLoop::quit);
        loop.exec();
    }
};

#endif
