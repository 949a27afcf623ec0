// SPDX-License-Identifier: BSL-1.0
// qr_code: the part that needs libqrencode.
#include "qr_code.hpp"

#include <qrencode.h>

#include <memory>

namespace support {

std::string qr_code(const std::string& text, bool has_colours) {
    constexpr int quiet = 4;
    const std::unique_ptr<QRcode, decltype(&QRcode_free)> code(
        text.empty() ? nullptr : QRcode_encodeString8bit(text.c_str(), 0, QR_ECLEVEL_L),
        QRcode_free);
    if (!code) return {};
    const int width = code->width;
    const auto is_light = [&](int x, int y) {
        const bool is_inside = x >= 0 && x < width && y >= 0 && y < width;
        return !is_inside || (code->data[y * width + x] & 1) == 0;
    };
    std::string lines;
    for (int y = -quiet; y < width + quiet; y += 2) {
        if (has_colours) lines += "\033[40;37;1m";
        for (int x = -quiet; x < width + quiet; ++x) {
            const bool is_light_below = is_light(x, y + 1);
            if (is_light(x, y))
                lines += is_light_below ? "█" : "▀";
            else
                lines += is_light_below ? "▄" : " ";
        }
        lines += has_colours ? "\033[0m\n" : "\n";
    }
    return lines;
}

}  // namespace support
