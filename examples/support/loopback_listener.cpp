// SPDX-License-Identifier: BSL-1.0
// LoopbackListener: the part that needs the HTTP server library.
#include "loopback_listener.hpp"

#include <rekey/oauth/url.hpp>

#include <httplib.h>

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>

namespace support {

namespace {

constexpr std::size_t most_waiting = 16;  // any page in the browser can send requests here

constexpr const char* page = R"(<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>You can close this window</title></head>
<body><p>You can close this window. The program goes on by itself.</p></body></html>
)";

}  // namespace

struct LoopbackListener::Inside {
    std::string host{};
    int port = 0;
    std::string path{};
    rekey::Canceller stop{};

    httplib::Server server{};
    std::thread thread{};
    bool is_bound = false;

    std::mutex mutex{};
    std::condition_variable came{};
    std::deque<std::string> targets{};
    std::chrono::steady_clock::time_point deadline{};
    bool has_ended = false;  // the server, with all its connections

    bool keep(const std::string& target) {
        const std::lock_guard<std::mutex> lock(mutex);
        if (targets.size() == most_waiting) return false;
        targets.push_back(target);
        came.notify_one();
        return true;
    }
    void answer(const httplib::Request& request, httplib::Response& response) {
        response.set_header("Cache-Control", "no-store");
        response.set_header("Content-Security-Policy", "default-src 'none'");
        response.set_header("Referrer-Policy", "no-referrer");  // the address holds the code
        const bool is_here = request.target.substr(0, request.target.find('?')) == path;
        if (request.method != "GET" || !is_here) {
            response.status = 404;
        } else if (!keep(request.target)) {
            response.status = 503;
        } else {
            response.status = 200;
            response.set_content(page, "text/html; charset=utf-8");
        }
    }
    /// `self` is this: the server's thread keeps it alive.
    bool bind(const std::shared_ptr<Inside>& self) {
        // Without the library's SO_REUSEPORT: nobody else may share the port that gets the code.
        server.set_socket_options([](socket_t socket) {
            const int yes = 1;
            setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
        });
        // A browser that keeps a connection open must not keep the program from ending.
        server.set_keep_alive_max_count(1);
        server.set_keep_alive_timeout(1);
        server.set_read_timeout(1);
        server.set_pre_routing_handler([this](const auto& request, auto& response) {
            answer(request, response);
            return httplib::Server::HandlerResponse::Handled;
        });
        if (!server.bind_to_port(host, port)) return false;
        thread = std::thread([self] {
            self->server.listen_after_bind();
            const std::lock_guard<std::mutex> lock(self->mutex);
            self->has_ended = true;
            self->came.notify_all();
        });
        while (!server.is_running()) std::this_thread::yield();
        return true;
    }
};

std::string LoopbackListener::problem(std::string_view redirect_uri) {
    const rekey::oauth::Url url = rekey::oauth::parse_url(redirect_uri);
    if (!url) return std::string(sentence(url.error));
    if (!rekey::oauth::is_loopback(url.origin.host))
        return "is not on this machine: use http://127.0.0.1:PORT/PATH, as registered";
    if (url.origin.scheme != "http") return "is not http: a program on loopback has no certificate";
    if (redirect_uri.find('#') != redirect_uri.npos)
        return "holds a fragment, which no browser sends";
    return {};
}

LoopbackListener::LoopbackListener(std::string_view redirect_uri, const rekey::Canceller& stop)
    : inside_(std::make_shared<Inside>()) {
    const rekey::oauth::Url url = rekey::oauth::parse_url(redirect_uri);
    std::string_view host = url.origin.host;
    if (!host.empty() && host.front() == '[') host = host.substr(1, host.size() - 2);
    // The name may have two addresses, and a browser tries both: one of them is ours for sure.
    if (host == "localhost") host = "127.0.0.1";
    inside_->host = std::string(host);
    inside_->port = url.origin.port;
    inside_->path = url.path.empty() ? "/" : std::string(url.path);
    inside_->stop = stop;
}

LoopbackListener::~LoopbackListener() {
    if (!inside_->thread.joinable()) return;
    inside_->server.stop();
    // The library waits for each connection, and a client may send one byte a second for hours.
    std::unique_lock<std::mutex> lock(inside_->mutex);
    inside_->came.wait_for(lock, std::chrono::seconds{2}, [this] { return inside_->has_ended; });
    if (inside_->has_ended) {
        lock.unlock();
        inside_->thread.join();
    } else {
        inside_->thread.detach();
    }
}

bool LoopbackListener::begin(std::chrono::seconds patience) {
    if (!inside_->is_bound) inside_->is_bound = inside_->bind(inside_);
    const std::lock_guard<std::mutex> lock(inside_->mutex);
    inside_->targets.clear();
    inside_->deadline = std::chrono::steady_clock::now() + patience;
    return inside_->is_bound;
}

std::string LoopbackListener::wait() {
    constexpr std::chrono::milliseconds tick{50};
    std::unique_lock<std::mutex> lock(inside_->mutex);
    while (inside_->targets.empty()) {
        if (inside_->stop.is_cancelled()) return {};
        if (std::chrono::steady_clock::now() >= inside_->deadline) return {};
        inside_->came.wait_for(lock, tick);
    }
    std::string target = std::move(inside_->targets.front());
    inside_->targets.pop_front();
    return target;
}

}  // namespace support
