// SPDX-License-Identifier: BSL-1.0
// loopback::Server: a scripted HTTP server on 127.0.0.1 for the adapter tests; TLS on request.
//
// A test gives it a function that is called with each accepted connection, in a thread of its
// own, and does to it whatever a server may do to a client: answer, stall, cut, reset. The server
// counts connections and keeps every request it read.
#ifndef REKEY_TESTS_SUPPORT_LOOPBACK_SERVER_HPP
#define REKEY_TESTS_SUPPORT_LOOPBACK_SERVER_HPP

#include "temporary.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#if defined(REKEY_TESTS_LOOPBACK_TLS)
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <csignal>
#endif

namespace loopback {

/// A request as it came over the wire.
struct Request {
    std::string head{};  ///< The request line and the header lines, each ended by CRLF.
    std::string body{};
    std::size_t connection = 0;  ///< 1 for the first connection, 2 for the next, …

    /// How often a header of that name is there.
    std::size_t count(std::string_view name) const {
        std::size_t found = 0;
        for_each_line([&](std::string_view line) { found += is_named(line, name) ? 1U : 0U; });
        return found;
    }
    /// The value of the first header of that name, without the white space around it.
    std::string header(std::string_view name) const {
        std::string value;
        bool found = false;
        for_each_line([&](std::string_view line) {
            if (found || !is_named(line, name)) return;
            found = true;
            line.remove_prefix(name.size() + 1);
            while (!line.empty() && line.front() == ' ') line.remove_prefix(1);
            value = line;
        });
        return value;
    }

private:
    template <class Take> void for_each_line(Take take) const {
        std::string_view rest = head;
        for (std::size_t end = rest.find("\r\n"); end != std::string_view::npos;
             end = rest.find("\r\n")) {
            take(rest.substr(0, end));
            rest.remove_prefix(end + 2);
        }
    }
    static bool is_named(std::string_view line, std::string_view name) {
        if (line.size() <= name.size() || line[name.size()] != ':') return false;
        const auto lower = [](char c) {
            return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
        };
        for (std::size_t i = 0; i != name.size(); ++i)
            if (lower(line[i]) != lower(name[i])) return false;
        return true;
    }
};

#if defined(REKEY_TESTS_LOOPBACK_TLS)
/// A certificate for 127.0.0.1, signed by itself and made anew for each object.
class SelfSigned {
public:
    SelfSigned() : context_(SSL_CTX_new(TLS_server_method())) {
        EVP_PKEY* key = EVP_EC_gen("P-256");
        X509* certificate = X509_new();
        X509_set_version(certificate, 2);
        ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
        X509_gmtime_adj(X509_getm_notBefore(certificate), -60);
        X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
        X509_set_pubkey(certificate, key);
        X509_NAME* name = X509_get_subject_name(certificate);
        const unsigned char text[] = "loopback test";
        X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, text, -1, -1, 0);
        X509_set_issuer_name(certificate, name);
        add(certificate, NID_subject_alt_name, "IP:127.0.0.1");
        add(certificate, NID_basic_constraints, "critical,CA:TRUE");
        X509_sign(certificate, key, EVP_sha256());
        SSL_CTX_use_certificate(context_, certificate);
        SSL_CTX_use_PrivateKey(context_, key);
        BIO* memory = BIO_new(BIO_s_mem());
        PEM_write_bio_X509(memory, certificate);
        char* data = nullptr;
        const long size = BIO_get_mem_data(memory, &data);
        pem_.assign(data, static_cast<std::size_t>(size));
        BIO_free(memory);
        X509_free(certificate);
        EVP_PKEY_free(key);
    }
    ~SelfSigned() { SSL_CTX_free(context_); }
    SelfSigned(const SelfSigned&) = delete;
    SelfSigned& operator=(const SelfSigned&) = delete;

    SSL_CTX* context() const { return context_; }
    /// The certificate as a file of authorities would hold it.
    const std::string& pem() const { return pem_; }

private:
    static void add(X509* certificate, int extension, const char* value) {
        X509_EXTENSION* made = X509V3_EXT_conf_nid(nullptr, nullptr, extension, value);
        X509_add_ext(certificate, made, -1);
        X509_EXTENSION_free(made);
    }

    SSL_CTX* context_;
    std::string pem_{};
};

/// A file of authorities that vouches for one server; gone with this object.
class AuthorityFile {
public:
    explicit AuthorityFile(const SelfSigned& identity) {
        const int file = ::mkstemp(path_.data());
        const std::string& pem = identity.pem();
        if (file < 0 || ::write(file, pem.data(), pem.size()) != static_cast<ssize_t>(pem.size()))
            std::abort();
        ::close(file);
    }
    ~AuthorityFile() { std::remove(path_.c_str()); }
    AuthorityFile(const AuthorityFile&) = delete;
    AuthorityFile& operator=(const AuthorityFile&) = delete;

    const std::string& path() const { return path_; }

private:
    std::string path_ = temporary::pattern("authority");
};
#endif

class Server;

/// One accepted connection, in the hands of the test's function. Closed when that returns.
class Connection {
public:
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    /// Reads a request with its `Content-Length` body and records it. False if the client left.
    bool read(Request& request);
    bool read() {
        Request request;
        return read(request);
    }
    /// Reads at least one byte and throws it away. False if the client left.
    bool read_some() {
        char bytes[4096];
        return receive(bytes, sizeof bytes) > 0;
    }
    /// False if the client left.
    bool write(std::string_view bytes) {
        while (!bytes.empty()) {
            const std::ptrdiff_t sent = transmit(bytes.data(), bytes.size());
            if (sent <= 0) return false;
            bytes.remove_prefix(static_cast<std::size_t>(sent));
        }
        return true;
    }
    /// A whole answer that keeps the connection.
    bool answer(int status, std::string_view body, std::string_view headers = {}) {
        return write("HTTP/1.1 " + std::to_string(status) + " Text\r\n" + std::string(headers) +
                     "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
                     std::string(body));
    }
    /// One chunk of a chunked body; the empty one ends it.
    bool chunk(std::string_view bytes) {
        char size[24];
        std::snprintf(size, sizeof size, "%zx\r\n", bytes.size());
        return write(size + std::string(bytes) + "\r\n");
    }
    /// Holds what is written back, so that it leaves at once, or lets it go.
    void hold_back(bool holds) {
        const int value = holds ? 1 : 0;
        ::setsockopt(socket_, IPPROTO_TCP, TCP_CORK, &value, sizeof value);
    }
    /// Ends the connection with a reset instead of an orderly close.
    void reset() {
        const linger now{1, 0};
        ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    }
    /// Waits until the client leaves or the server is stopped; reads and drops what comes.
    void linger_until_closed() {
        while (read_some()) {
        }
    }
    /// Waits for that long, or until the server is stopped: false then.
    bool pause(std::chrono::milliseconds time);
    /// 1 for the first connection of the server, 2 for the next, …
    std::size_t number() const { return number_; }

private:
    friend class Server;

    Connection(Server& server, int socket, std::size_t number)
        : server_(server), socket_(socket), number_(number) {}

    std::ptrdiff_t receive(char* bytes, std::size_t size) {
#if defined(REKEY_TESTS_LOOPBACK_TLS)
        if (tls_ != nullptr) return SSL_read(tls_, bytes, static_cast<int>(size));
#endif
        return ::recv(socket_, bytes, size, 0);
    }
    std::ptrdiff_t transmit(const char* bytes, std::size_t size) {
#if defined(REKEY_TESTS_LOOPBACK_TLS)
        if (tls_ != nullptr) return SSL_write(tls_, bytes, static_cast<int>(size));
#endif
        return ::send(socket_, bytes, size, MSG_NOSIGNAL);
    }

    Server& server_;
    int socket_;
    std::size_t number_;
    std::string unread_{};
#if defined(REKEY_TESTS_LOOPBACK_TLS)
    SSL* tls_ = nullptr;
#endif
};

/// Listens from its construction to its destruction, which wakes and joins every connection.
class Server {
public:
    using Behaviour = std::function<void(Connection&)>;

    explicit Server(Behaviour behaviour) : behaviour_(std::move(behaviour)) { start(); }
#if defined(REKEY_TESTS_LOOPBACK_TLS)
    Server(Behaviour behaviour, const SelfSigned& identity)
        : behaviour_(std::move(behaviour)), tls_(identity.context()) {
        std::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes without MSG_NOSIGNAL.
        start();
    }
#endif
    ~Server() {
        {
            const std::lock_guard<std::mutex> lock(mutex_);
            stopping_ = true;
            for (const int socket : open_) ::shutdown(socket, SHUT_RDWR);
        }
        stopped_.notify_all();
        ::shutdown(listener_, SHUT_RDWR);
        acceptor_.join();
        for (std::thread& worker : workers_) worker.join();
        ::close(listener_);
    }
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    /// Answers every request of every connection alike.
    static Behaviour always(int status, std::string body, std::string headers = {}) {
        return [=](Connection& connection) {
            while (connection.read() && connection.answer(status, body, headers)) {
            }
        };
    }

    std::string authority() const { return "127.0.0.1:" + std::to_string(port_); }
    std::string url(std::string_view path = "/") const {
        return "http://" + authority() + std::string(path);
    }
    std::string https_url(std::string_view path = "/") const {
        return "https://" + authority() + std::string(path);
    }
    std::vector<Request> requests() const {
        const std::lock_guard<std::mutex> lock(mutex_);
        return requests_;
    }
    /// Waits until no connection is open on this side. False after ten seconds.
    bool wait_until_all_closed() {
        std::unique_lock<std::mutex> lock(mutex_);
        return closed_.wait_for(lock, std::chrono::seconds{10}, [&] { return open_.empty(); });
    }
    /// How many connections are open on this side.
    std::size_t open_connections() const {
        const std::lock_guard<std::mutex> lock(mutex_);
        return open_.size();
    }
    /// How many connections were accepted so far.
    std::size_t connections() const {
        const std::lock_guard<std::mutex> lock(mutex_);
        return accepted_;
    }

private:
    friend class Connection;

    void start() {
        listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        auto* const any = reinterpret_cast<sockaddr*>(&address);
        if (listener_ < 0 || ::bind(listener_, any, size) != 0 || ::listen(listener_, 128) != 0 ||
            ::getsockname(listener_, any, &size) != 0)
            std::abort();  // A machine without loopback can prove nothing.
        port_ = ntohs(address.sin_port);
        acceptor_ = std::thread([this] { accept_all(); });
    }

    void accept_all() {
        for (;;) {
            const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
            const std::lock_guard<std::mutex> lock(mutex_);
            if (stopping_) {
                if (socket >= 0) ::close(socket);
                return;
            }
            if (socket < 0) continue;
            open_.push_back(socket);
            const std::size_t number = ++accepted_;
            workers_.emplace_back([this, socket, number] { serve(socket, number); });
        }
    }

    void serve(int socket, std::size_t number) {
        Connection connection(*this, socket, number);
#if defined(REKEY_TESTS_LOOPBACK_TLS)
        if (tls_ != nullptr) {
            connection.tls_ = SSL_new(tls_);
            SSL_set_fd(connection.tls_, socket);
        }
        if (connection.tls_ == nullptr || SSL_accept(connection.tls_) == 1) behaviour_(connection);
        if (connection.tls_ != nullptr) SSL_free(connection.tls_);
#else
        behaviour_(connection);
#endif
        const std::lock_guard<std::mutex> lock(mutex_);
        for (int& open : open_) {
            if (open != socket) continue;
            open = open_.back();
            open_.pop_back();
            break;
        }
        ::close(socket);
        closed_.notify_all();
    }

    Behaviour behaviour_;
#if defined(REKEY_TESTS_LOOPBACK_TLS)
    SSL_CTX* tls_ = nullptr;
#endif
    int listener_ = -1;
    std::uint16_t port_ = 0;
    std::thread acceptor_{};
    mutable std::mutex mutex_{};
    std::condition_variable stopped_{};
    std::condition_variable closed_{};
    bool stopping_ = false;
    std::size_t accepted_ = 0;
    std::vector<int> open_{};
    std::vector<std::thread> workers_{};
    std::vector<Request> requests_{};
};

inline bool Connection::read(Request& request) {
    char bytes[16384];
    std::size_t end = std::string::npos;
    while ((end = unread_.find("\r\n\r\n")) == std::string::npos) {
        const std::ptrdiff_t got = receive(bytes, sizeof bytes);
        if (got <= 0) return false;
        unread_.append(bytes, static_cast<std::size_t>(got));
    }
    request = Request{};
    request.connection = number_;
    request.head = unread_.substr(0, end + 2);
    unread_.erase(0, end + 4);
    const std::string length = request.header("Content-Length");
    const std::size_t size = length.empty() ? 0 : std::strtoull(length.c_str(), nullptr, 10);
    while (unread_.size() < size) {
        const std::ptrdiff_t got = receive(bytes, sizeof bytes);
        if (got <= 0) return false;
        unread_.append(bytes, static_cast<std::size_t>(got));
    }
    request.body = unread_.substr(0, size);
    unread_.erase(0, size);
    const std::lock_guard<std::mutex> lock(server_.mutex_);
    server_.requests_.push_back(request);
    return true;
}

inline bool Connection::pause(std::chrono::milliseconds time) {
    std::unique_lock<std::mutex> lock(server_.mutex_);
    return !server_.stopped_.wait_for(lock, time, [&] { return server_.stopping_; });
}

}  // namespace loopback

#endif
