// SPDX-License-Identifier: BSL-1.0
// FakeCredential: counts how often it is asked, rotates and fails when the test says so.
#ifndef REKEY_TESTING_FAKE_CREDENTIAL_HPP
#define REKEY_TESTING_FAKE_CREDENTIAL_HPP

#include <rekey/credential.hpp>

#include <memory>
#include <mutex>
#include <string>
#include <string_view>

namespace rekey {
inline namespace v0_1 {
namespace testing {

/// A credential for tests of what a program does with its own: `FakeCredential<> personal{
/// "personal"};` gives `fake-personal-1`, and after `personal.rotate()` `fake-personal-2`.
///
/// Tag      any type, where a chain holds several: `FakeCredential<struct Second>`.
/// Threads  any. Copies are the same credential, so that the test can ask the one it kept.
template <class Tag = void> class FakeCredential {
    struct State {
        mutable std::mutex mutex{};
        std::string subject{};
        unsigned generation = 1;
        unsigned asked = 0;
        bool fails = false;
    };

public:
    explicit FakeCredential(std::string_view called) : name(called) {}

    std::string name;
    /// The token of this moment; empty, which cannot be sent, while it fails.
    std::string token(const Context& context) const {
        const std::lock_guard<std::mutex> lock(state_->mutex);
        ++state_->asked;
        state_->subject = std::string(context.subject);
        return state_->fails ? std::string() : text();
    }

    /// The next token takes the place of this one.
    void rotate() const {
        const std::lock_guard<std::mutex> lock(state_->mutex);
        ++state_->generation;
    }
    /// From now on it has no token, or has one again.
    void fail(bool fails = true) const {
        const std::lock_guard<std::mutex> lock(state_->mutex);
        state_->fails = fails;
    }
    /// How often a token was asked for.
    unsigned asked() const {
        const std::lock_guard<std::mutex> lock(state_->mutex);
        return state_->asked;
    }
    /// For whom it was asked last; empty for nobody.
    std::string subject() const {
        const std::lock_guard<std::mutex> lock(state_->mutex);
        return state_->subject;
    }
    /// What the wire should carry now: `Bearer fake-personal-1`.
    std::string authorization() const {
        const std::lock_guard<std::mutex> lock(state_->mutex);
        return "Bearer " + text();
    }

private:
    std::string text() const { return "fake-" + name + '-' + std::to_string(state_->generation); }
    std::shared_ptr<State> state_ = std::make_shared<State>();
};

}  // namespace testing
}  // namespace v0_1
}  // namespace rekey

#endif
