// SPDX-License-Identifier: BSL-1.0
// testing: test your own code that uses rekey, without a network and without waiting.
#ifndef REKEY_TESTING_HPP
#define REKEY_TESTING_HPP

#include <rekey/testing/manual_clock.hpp>
#include <rekey/testing/print.hpp>
#include <rekey/testing/script.hpp>
#include <rekey/testing/timeline.hpp>

#endif
