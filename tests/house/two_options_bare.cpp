// SPDX-License-Identifier: BSL-1.0
// two_options_bare: the layouts as a file compiled with the bare options sees them.
#include "two_options_types.hpp"

Layouts layouts_bare() { return layouts_here(); }
