// SPDX-License-Identifier: BSL-1.0
// Woken: what calls throw that are woken by another one.
#ifndef REKEY_DRIVER_WOKEN_HPP
#define REKEY_DRIVER_WOKEN_HPP

#include <rekey/cancellation.hpp>

#include <utility>

namespace rekey {
inline namespace v0_1 {
namespace driver {

/// What calls throw that are woken on this thread passes by the call that wakes them, which goes on
/// first, and then to whoever brought its event.
class Woken {
public:
    Woken() noexcept : outer_(std::exchange(here(), &thrown_)) {}
    ~Woken() { here() = outer_; }
    Woken(const Woken&) = delete;
    Woken& operator=(const Woken&) = delete;

    template <class Wake> static void by(const Wake& wake) {
        if (detail::FirstThrown* const thrown = here(); thrown != nullptr)
            thrown->by(wake);
        else
            wake();
    }
    detail::FirstThrown& thrown() noexcept { return thrown_; }

private:
    static detail::FirstThrown*& here() noexcept {
        thread_local detail::FirstThrown* innermost = nullptr;
        return innermost;
    }
    detail::FirstThrown thrown_{};
    detail::FirstThrown* const outer_;
};

}  // namespace driver
}  // namespace v0_1
}  // namespace rekey

#endif
