// SPDX-License-Identifier: BSL-1.0
// harden and serve: a cpp-httplib server whose every answer is strict, from its port to a signal.
#ifndef REKEY_EXAMPLES_SUPPORT_WEB_SERVER_HPP
#define REKEY_EXAMPLES_SUPPORT_WEB_SERVER_HPP

#include "web_page.hpp"
#include "web_settings.hpp"

#include <rekey/oauth/url.hpp>

#include <httplib.h>

#include <signal.h>
#include <sys/socket.h>

#include <chrono>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <string>
#include <string_view>
#include <thread>

namespace support {

/// A path as the pattern of a route: cpp-httplib takes regular expressions.
inline std::string route(std::string_view path) {
    std::string pattern;
    for (const char symbol : path) {
        const bool is_plain = (symbol >= '0' && symbol <= '9') ||
                              (symbol >= 'A' && symbol <= 'Z') ||
                              (symbol >= 'a' && symbol <= 'z') || symbol == '_' || symbol == '/' ||
                              static_cast<unsigned char>(symbol) >= 0x80;
        if (!is_plain) pattern += '\\';
        pattern += symbol;
    }
    return pattern;
}

/// Whether a browser says that another site than `origin` made it send this. Programs say nothing.
inline bool is_from_elsewhere(const httplib::Request& request, std::string_view origin) {
    const std::string site = request.get_header_value("Sec-Fetch-Site");
    const std::string named = request.get_header_value("Origin");
    if (site == "cross-site" || site == "same-site") return true;
    return !named.empty() && named != "null" &&  // null: our own Referrer-Policy hides it
           !rekey::oauth::same_origin(rekey::oauth::parse_url(named),
                                      rekey::oauth::parse_url(origin));
}

/// What holds for all answers, the library's own included: their headers, a page for each error, no
/// exception's text in one, and no page under a name of this machine that the session's cookie
/// does not belong to.
inline void harden(httplib::Server& server, const WebSettings& settings) {
    server.set_default_headers(
        {{"Content-Security-Policy", security_policy(settings.consent_origin)},
         {"Referrer-Policy", "no-referrer"},
         {"Cache-Control", "no-store"},
         {"X-Content-Type-Options", "nosniff"}});
    const auto say = [](httplib::Response& response, int status, std::string_view title,
                        std::string_view url) {
        response.status = status;
        response.set_content(html_page(title, "<p><a href=\"" + html_escaped(url) +
                                                  "\">Go to the start page</a></p>"),
                             "text/html; charset=utf-8");
        return httplib::Server::HandlerResponse::Handled;
    };
    server.set_pre_routing_handler([&settings, say](const auto& request, auto& response) {
        // A HEAD would ask, or use up a callback, and show nobody the answer.
        if (request.method == "HEAD") return say(response, 405, "Not without a body", "/");
        // As the browser wrote it: a proxy on this machine may speak TLS for us.
        const std::string named =
            (settings.is_https ? "https://" : "http://") + request.get_header_value("Host");
        if (settings.is_loopback &&
            !rekey::oauth::same_origin(rekey::oauth::parse_url(named),
                                       rekey::oauth::parse_url(settings.own_origin)))
            return say(response, 421, "This site has another address", settings.own_origin + "/");
        return httplib::Server::HandlerResponse::Unhandled;
    });
    server.set_error_handler([say](const httplib::Request&, httplib::Response& response) {
        if (!response.body.empty()) return;
        say(response, response.status, response.status == 404 ? "There is no such page" : "No",
            "/");
    });
    server.set_exception_handler(
        [say](const httplib::Request&, httplib::Response& response, std::exception_ptr) {
            say(response, 500, "This failed", "/");
        });
}

/// Listens, says so in one line, and serves until SIGINT or SIGTERM; calls `on_stop` then, and
/// lets requests that run end for three seconds. False: the port cannot be had.
///
/// Call it before any other thread exists: they inherit that these signals are blocked.
template <class OnStop>
bool serve(httplib::Server& server, const std::string& host, int port, OnStop&& on_stop) {
    sigset_t endings;
    sigemptyset(&endings);
    sigaddset(&endings, SIGINT);
    sigaddset(&endings, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &endings, nullptr);

    // The library's own choice, SO_REUSEPORT, would share the port with a second program.
    server.set_socket_options([](auto socket) {
        const int yes = 1;
        setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    });
    server.set_keep_alive_max_count(1);  // what a request leaves unread is no next request
    server.set_keep_alive_timeout(2);    // browsers open connections before they need them
    server.set_payload_max_length(64 * 1024);
    server.set_read_timeout(std::chrono::seconds{10});
    const bool is_ipv6 = host.size() > 2 && host.front() == '[';
    if (!server.bind_to_port(is_ipv6 ? host.substr(1, host.size() - 2) : host, port)) return false;

    std::thread serving([&server] { server.listen_after_bind(); });
    while (!server.is_running()) std::this_thread::sleep_for(std::chrono::milliseconds{1});
    std::cout << "LISTENING http://" << host << ':' << port << '/' << std::endl;

    int received = 0;
    sigwait(&endings, &received);
    on_stop();
    std::thread([] {
        std::this_thread::sleep_for(std::chrono::seconds{3});
        std::_Exit(0);
    }).detach();
    server.stop();
    serving.join();
    return true;
}

}  // namespace support

#endif
