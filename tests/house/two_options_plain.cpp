// SPDX-License-Identifier: BSL-1.0
// two_options_plain: the layouts as a file compiled with the plain options sees them.
#include "two_options_types.hpp"

Layouts layouts_plain() { return layouts_here(); }
