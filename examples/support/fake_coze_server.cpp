// SPDX-License-Identifier: BSL-1.0
// FakeCozeServer: the libmicrohttpd side of it.
#include "fake_coze_server.hpp"

#include <microhttpd.h>
#include <sys/socket.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstring>
#include <mutex>
#include <string>
#include <utility>

namespace support {

using rekey::HttpHeader;
using rekey::HttpRequest;
using rekey::testing::FakeReply;
using rekey::testing::FakeWire;

struct FakeCozeServer::Inside {
    explicit Inside(rekey::testing::FakeCoze& served) : coze(served) {}

    rekey::testing::FakeCoze& coze;
    MHD_Daemon* daemon = nullptr;
    std::uint16_t port = 0;
    std::mutex mutex{};
    std::condition_variable ended{};
    bool is_ending = false;

    /// Sleeps, unless the server stops; false if it does.
    bool pause(std::int64_t milliseconds) {
        std::unique_lock<std::mutex> lock(mutex);
        return !ended.wait_for(lock, std::chrono::milliseconds{milliseconds},
                               [this] { return is_ending; });
    }
};

namespace {

constexpr std::size_t largest_body = 15u * 1024u * 1024u;  // the service's own limit

/// One request while it is being read.
struct Reading {
    HttpRequest request{};
    bool is_too_large = false;
};

/// The body of one answer while it is being sent.
template <class Server> struct Sending {
    Server* server;
    FakeReply reply;
};

/// The connection ends with an RST: what was sent may be lost, what was asked has no answer.
///
/// libmicrohttpd shuts a socket down before it closes it, and a FIN would go first; therefore the
/// connection is dissolved here. Where that does nothing, the close sends the RST (SO_LINGER).
MHD_Result reset(MHD_Connection* connection) {
    const MHD_ConnectionInfo* info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    if (info) {
        const linger at_once{1, 0};
        setsockopt(info->connect_fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        sockaddr nowhere{};
        nowhere.sa_family = AF_UNSPEC;
        connect(info->connect_fd, &nowhere, sizeof nowhere);
    }
    return MHD_NO;
}

MHD_Result add_header(void* into, MHD_ValueKind, const char* name, const char* value) {
    static_cast<HttpRequest*>(into)->headers.push_back({name, value ? value : ""});
    return MHD_YES;
}

/// libmicrohttpd gives the target as it was sent, query included, through the URI log callback.
void* begin(void*, const char* uri, MHD_Connection*) {
    auto reading = std::make_unique<Reading>();
    reading->request.url = uri;
    return reading.release();
}

void complete(void*, MHD_Connection*, void** state, MHD_RequestTerminationCode) {
    delete static_cast<Reading*>(*state);
    *state = nullptr;
}

template <class Server>
ssize_t next_bytes(void* state, std::uint64_t position, char* buffer, std::size_t room) {
    auto& sending = *static_cast<Sending<Server>*>(state);
    const FakeReply& reply = sending.reply;
    const std::string& body = reply.response.body;
    std::size_t end = body.size();
    if (reply.wire == FakeWire::truncated_body) end = (std::min)(end, reply.bytes);
    if (position >= end)
        return reply.wire == FakeWire::truncated_body ? MHD_CONTENT_READER_END_WITH_ERROR
                                                      : MHD_CONTENT_READER_END_OF_STREAM;
    const auto start = static_cast<std::size_t>(position);
    std::size_t length = end - start;
    if (reply.wire == FakeWire::slow_bytes) {
        if (!sending.server->pause(reply.byte_delay_ms)) return MHD_CONTENT_READER_END_WITH_ERROR;
        length = 1;
    } else if (reply.stream) {
        const std::size_t frame = body.find("\n\n", start);
        if (frame != std::string::npos) length = (std::min)(length, frame + 2 - start);
    }
    length = (std::min)(length, room);
    std::memcpy(buffer, body.data() + start, length);
    return static_cast<ssize_t>(length);
}

template <class Server> void end_sending(void* state) {
    delete static_cast<Sending<Server>*>(state);
}

template <class Server>
MHD_Result send(Server& server, MHD_Connection* connection, FakeReply reply) {
    if (reply.delay_ms > 0 && !server.pause(reply.delay_ms)) return MHD_NO;
    if (reply.wire == FakeWire::reset_before_read || reply.wire == FakeWire::reset_before_answer)
        return reset(connection);
    const auto status = static_cast<unsigned>(reply.response.status);
    const auto headers = reply.response.headers;
    const std::uint64_t size = reply.stream && reply.wire != FakeWire::truncated_body
                                   ? MHD_SIZE_UNKNOWN
                                   : reply.response.body.size();
    auto sending = std::make_unique<Sending<Server>>(Sending<Server>{&server, std::move(reply)});
    MHD_Response* response = MHD_create_response_from_callback(size, 4096, &next_bytes<Server>,
                                                               sending.get(), &end_sending<Server>);
    if (!response) return MHD_NO;
    sending.release();  // the response owns it now
    for (const HttpHeader& header : headers)
        MHD_add_response_header(response, header.name.c_str(), header.value.c_str());
    const MHD_Result result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return result;
}

/// Called once with the head of a request, then for each piece of its body, then at its end.
template <class Server>
MHD_Result receive(void* self, MHD_Connection* connection, const char*, const char* method,
                   const char*, const char* bytes, std::size_t* size, void** state) {
    auto& server = *static_cast<Server*>(self);
    auto& reading = *static_cast<Reading*>(*state);
    HttpRequest& request = reading.request;
    if (request.method.empty()) {
        request.method = method;
        MHD_get_connection_values(connection, MHD_HEADER_KIND, &add_header, &request);
        return server.coze.refuses_to_read(request) ? reset(connection) : MHD_YES;
    }
    if (*size != 0) {
        if (request.body.size() + *size > largest_body)
            reading.is_too_large = true;
        else
            request.body.append(bytes, *size);
        *size = 0;
        return MHD_YES;
    }
    if (reading.is_too_large) {
        FakeReply reply;
        reply.response = {413, {{"Content-Type", "text/plain"}}, "too large\n"};
        return send(server, connection, std::move(reply));
    }
    return send(server, connection, server.coze.answer(request));
}

}  // namespace

FakeCozeServer::FakeCozeServer(rekey::testing::FakeCoze& coze)
    : inside_(std::make_unique<Inside>(coze)) {}

FakeCozeServer::~FakeCozeServer() { stop(); }

bool FakeCozeServer::start(std::uint16_t port) {
    if (inside_->daemon) return false;
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    inside_->is_ending = false;
    inside_->daemon = MHD_start_daemon(
        MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_AUTO, port,
        nullptr, nullptr, &receive<Inside>, inside_.get(), MHD_OPTION_SOCK_ADDR, &address,
        MHD_OPTION_URI_LOG_CALLBACK, &begin, nullptr, MHD_OPTION_NOTIFY_COMPLETED, &complete,
        nullptr, MHD_OPTION_CONNECTION_TIMEOUT, 60u, MHD_OPTION_END);
    if (!inside_->daemon) return false;
    const MHD_DaemonInfo* info = MHD_get_daemon_info(inside_->daemon, MHD_DAEMON_INFO_BIND_PORT);
    inside_->port = info ? info->port : port;
    inside_->coze.set_base(base());
    return true;
}

void FakeCozeServer::stop() {
    if (!inside_->daemon) return;
    {
        const std::lock_guard<std::mutex> lock(inside_->mutex);
        inside_->is_ending = true;
    }
    inside_->ended.notify_all();
    MHD_stop_daemon(inside_->daemon);
    inside_->daemon = nullptr;
    inside_->port = 0;
}

std::uint16_t FakeCozeServer::port() const noexcept { return inside_->port; }

std::string FakeCozeServer::base() const {
    return "http://127.0.0.1:" + std::to_string(inside_->port);
}

}  // namespace support
