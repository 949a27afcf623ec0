// SPDX-License-Identifier: BSL-1.0
// RedisServer: a real redis-server in a folder of its own, that can be killed and started again.
#ifndef REKEY_TESTS_SUPPORT_REDIS_SERVER_HPP
#define REKEY_TESTS_SUPPORT_REDIS_SERVER_HPP

#include <chrono>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

namespace redis_server {

/// A port of this machine on which nobody listens at the moment.
inline int free_port() {
    const int peer = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    void* const generic = &address;
    (void)bind(peer, static_cast<const sockaddr*>(generic), size);
    (void)getsockname(peer, static_cast<sockaddr*>(generic), &size);
    close(peer);
    return ntohs(address.sin_port);
}

/// Listens on a socket in its folder and writes each change to the disk before it answers.
///
/// port         also on this one of the loopback; 0 for none.
/// primary      follows the server on this port; 0 for none.
class RedisServer {
public:
    explicit RedisServer(int port = 0, int primary = 0)
        : port_(std::to_string(port)), primary_(std::to_string(primary)) {
        const char* const place = std::getenv("TMPDIR");
        folder_ = std::string(place != nullptr ? place : "/tmp") + "/rekey_redis_XXXXXX";
        if (mkdtemp(&folder_[0]) == nullptr) folder_.clear();
        start();
    }
    RedisServer(const RedisServer&) = delete;
    RedisServer& operator=(const RedisServer&) = delete;
    ~RedisServer() {
        if (is_stopped_) resume();
        kill();
        if (!folder_.empty()) (void)!std::system(("rm -rf '" + folder_ + "'").c_str());
    }

    /// Whether there is such a program and it answers.
    bool runs() const noexcept { return process_ > 0; }
    std::string socket() const { return folder_ + "/socket"; }

    void start() {
        if (process_ > 0 || folder_.empty()) return;
        unlink(socket().c_str());
        const std::string folder = folder_;
        const std::string path = socket();
        process_ = fork();
        if (process_ == 0) {
            const int nowhere = open("/dev/null", O_RDWR);
            dup2(nowhere, 0);
            dup2(nowhere, 1);
            dup2(nowhere, 2);
            std::vector<const char*> words{"redis-server",
                                           "--port",
                                           port_.c_str(),
                                           "--bind",
                                           "127.0.0.1",
                                           "--unixsocket",
                                           path.c_str(),
                                           "--dir",
                                           folder.c_str(),
                                           "--save",
                                           "",
                                           "--appendonly",
                                           "yes",
                                           "--appendfsync",
                                           "always",
                                           "--repl-diskless-sync-delay",
                                           "0"};
            if (primary_ != "0")
                words.insert(words.end(), {"--replicaof", "127.0.0.1", primary_.c_str()});
            words.push_back(nullptr);
            execvp("redis-server", const_cast<char* const*>(words.data()));
            _exit(127);
        }
        for (int i = 0; i != 1000; ++i) {
            if (waitpid(process_, nullptr, WNOHANG) == process_) break;
            if (answers()) return;
            std::this_thread::sleep_for(std::chrono::milliseconds{10});
        }
        process_ = 0;
    }
    void kill() {
        if (process_ <= 0) return;
        ::kill(process_, SIGKILL);
        waitpid(process_, nullptr, 0);
        process_ = 0;
    }
    /// It keeps its connections and answers nothing.
    void stop() {
        is_stopped_ = true;
        ::kill(process_, SIGSTOP);
    }
    void resume() {
        is_stopped_ = false;
        ::kill(process_, SIGCONT);
    }

private:
    /// PING: a server that still reads its file answers with an error.
    bool answers() const {
        const int peer = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        socket().copy(address.sun_path, sizeof address.sun_path - 1);
        const void* const generic = &address;
        bool is_ready = false;
        if (connect(peer, static_cast<const sockaddr*>(generic), sizeof address) == 0 &&
            write(peer, "PING\r\n", 6) == 6) {
            char answer[8] = {};
            is_ready = read(peer, answer, 5) == 5 && std::string(answer, 5) == "+PONG";
        }
        close(peer);
        return is_ready;
    }

    std::string folder_{};
    std::string port_;
    std::string primary_;
    pid_t process_ = 0;
    bool is_stopped_ = false;
};

}  // namespace redis_server

#endif
