// SPDX-License-Identifier: BSL-1.0
// FakeCozeServer: a FakeCoze on a loopback port, faults of the wire included.
#ifndef REKEY_EXAMPLES_SUPPORT_FAKE_COZE_SERVER_HPP
#define REKEY_EXAMPLES_SUPPORT_FAKE_COZE_SERVER_HPP

#include <rekey/testing/fake_coze.hpp>

#include <cstdint>
#include <memory>
#include <string>

namespace support {

/// HTTP/1.1 with keep-alive on 127.0.0.1, one thread per connection; tells the FakeCoze its base.
///
/// A reset is a real RST, a truncated body a real close before the promised Content-Length, slow
/// bytes and delays take their time. The FakeCoze is borrowed and must outlive the server.
class FakeCozeServer {
public:
    explicit FakeCozeServer(rekey::testing::FakeCoze& coze);
    ~FakeCozeServer();  ///< Stops it.
    FakeCozeServer(const FakeCozeServer&) = delete;
    FakeCozeServer& operator=(const FakeCozeServer&) = delete;

    /// Port 0 takes a free one. False if the port cannot be had or the server runs already.
    bool start(std::uint16_t port = 0);
    /// Ends at once: running delays are cut short.
    void stop();

    std::uint16_t port() const noexcept;  ///< 0 while it does not run.
    std::string base() const;             ///< `http://127.0.0.1:<port>`

private:
    struct Inside;
    std::unique_ptr<Inside> inside_;
};

}  // namespace support

#endif
