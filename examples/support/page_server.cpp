// SPDX-License-Identifier: BSL-1.0
// PageServer: the libmicrohttpd side of it.
#include "page_server.hpp"

#include <microhttpd.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <cstdint>
#include <string_view>
#include <utility>

namespace support {

struct PageServer::Inside {
    std::function<std::string()> make{};
    MHD_Daemon* daemon = nullptr;
    std::uint16_t port = 0;
};

namespace {

MHD_Result send(MHD_Connection* connection, unsigned status, const char* type, std::string text) {
    MHD_Response* response =
        MHD_create_response_from_buffer(text.size(), text.data(), MHD_RESPMEM_MUST_COPY);
    if (response == nullptr) return MHD_NO;
    const std::pair<const char*, const char*> headers[] = {
        {"Content-Type", type},
        {"Content-Security-Policy",
         "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
         "frame-ancestors 'none'"},
        {"Referrer-Policy", "no-referrer"},
        {"Cache-Control", "no-store"},
        {"X-Content-Type-Options", "nosniff"}};
    for (const auto& [name, value] : headers) MHD_add_response_header(response, name, value);
    const MHD_Result queued = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return queued;
}

template <class Server>
MHD_Result receive(void* served, MHD_Connection* connection, const char* url, const char* method,
                   const char*, const char*, std::size_t* size, void** state) {
    auto& server = *static_cast<Server*>(served);
    static int begun;
    if (*state == nullptr) {  // the head alone; answered once the rest is here
        *state = &begun;
        return MHD_YES;
    }
    if (*size != 0) {
        *size = 0;
        return MHD_YES;
    }
    const char* const host = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Host");
    const std::string_view named = host == nullptr ? "" : host;
    const std::string port = ':' + std::to_string(server.port);
    if (named != "127.0.0.1" + port && named != "localhost" + port)
        return send(connection, 421, "text/plain", "this page has another address\n");
    if (std::string_view(url) != "/") return send(connection, 404, "text/plain", "not here\n");
    if (std::string_view(method) != "GET") return send(connection, 405, "text/plain", "only GET\n");
    return send(connection, 200, "text/html; charset=utf-8", server.make());
}

}  // namespace

PageServer::PageServer(std::function<std::string()> make) : inside_(std::make_unique<Inside>()) {
    inside_->make = std::move(make);
}

PageServer::~PageServer() {
    if (inside_->daemon != nullptr) MHD_stop_daemon(inside_->daemon);
}

bool PageServer::start() {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    inside_->daemon = MHD_start_daemon(
        MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_AUTO, 0, nullptr, nullptr, &receive<Inside>,
        inside_.get(), MHD_OPTION_SOCK_ADDR, &address, MHD_OPTION_CONNECTION_TIMEOUT, 10u,
        MHD_OPTION_CONNECTION_LIMIT, 32u, MHD_OPTION_END);
    if (inside_->daemon == nullptr) return false;
    const MHD_DaemonInfo* info = MHD_get_daemon_info(inside_->daemon, MHD_DAEMON_INFO_BIND_PORT);
    inside_->port = info != nullptr ? info->port : 0;
    return inside_->port != 0;
}

std::string PageServer::address() const {
    return "http://127.0.0.1:" + std::to_string(inside_->port) + '/';
}

}  // namespace support
