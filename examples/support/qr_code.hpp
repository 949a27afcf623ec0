// SPDX-License-Identifier: BSL-1.0
// qr_code: a text as a QR code that a telephone reads from a terminal.
#ifndef REKEY_EXAMPLES_SUPPORT_QR_CODE_HPP
#define REKEY_EXAMPLES_SUPPORT_QR_CODE_HPP

#include <string>

namespace support {

/// Lines of half blocks, two rows of modules in each, with the quiet zone of four around.
///
/// `has_colours`  sets white on black by itself; otherwise light modules are drawn, as for a
///                terminal with a dark background.
/// Gives          an empty text if there is nothing to encode, or it is too long for a QR code.
/// Source         ISO/IEC 18004; libqrencode
std::string qr_code(const std::string& text, bool has_colours);

}  // namespace support

#endif
