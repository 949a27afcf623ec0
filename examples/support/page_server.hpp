// SPDX-License-Identifier: BSL-1.0
// PageServer: one page on a loopback port, made anew whenever a browser asks.
#ifndef REKEY_EXAMPLES_SUPPORT_PAGE_SERVER_HPP
#define REKEY_EXAMPLES_SUPPORT_PAGE_SERVER_HPP

#include <functional>
#include <memory>
#include <string>

namespace support {

/// Answers `GET /` on 127.0.0.1 with what `make` gives, and everything else with an error.
///
/// The page may hold a style and nothing that is loaded or run; no other site may frame it, and a
/// request under another name than this machine's is refused (DNS rebinding).
class PageServer {
public:
    /// `make` is called on a thread of the server's, one call at a time.
    explicit PageServer(std::function<std::string()> make);
    ~PageServer();  ///< Stops it.
    PageServer(const PageServer&) = delete;
    PageServer& operator=(const PageServer&) = delete;

    /// On a free port. False if there is none.
    bool start();
    std::string address() const;  ///< `http://127.0.0.1:<port>/`

private:
    struct Inside;
    std::unique_ptr<Inside> inside_;
};

}  // namespace support

#endif
