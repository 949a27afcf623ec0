// SPDX-License-Identifier: BSL-1.0
// Copied: an answer that can only be copied, and not always.
#ifndef REKEY_TESTS_SUPPORT_COPIED_HPP
#define REKEY_TESTS_SUPPORT_COPIED_HPP

#include <stdexcept>
#include <string>

struct Copied {
    int status = 200;
    std::string body{};
    int* copies_left = nullptr;
    Copied() = default;
    Copied(const Copied& other)
        : status(other.status), body(other.body), copies_left(other.copies_left) {
        if (copies_left != nullptr && --*copies_left == 0) throw std::runtime_error("no room");
    }
    Copied& operator=(const Copied&) = default;
};

#endif
