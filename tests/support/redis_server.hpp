// SPDX-License-Identifier: BSL-1.0
// RedisServer: a real redis-server in a folder of its own, that can be killed and started again.
#ifndef REKEY_TESTS_SUPPORT_REDIS_SERVER_HPP
#define REKEY_TESTS_SUPPORT_REDIS_SERVER_HPP

#include "temporary.hpp"

#include <chrono>
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
#if defined(__linux__)
#include <sys/prctl.h>
#endif

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
/// Server and folder are gone when this is destroyed, and when its process is killed. The server
/// may have begun to write its file anew, in a child that outlives it: so it is killed as a group,
/// and a process of its own removes the folder until it is gone.
///
/// port         also on this one of the loopback; 0 for none.
/// primary      follows the server on this port; 0 for none.
class RedisServer {
public:
    explicit RedisServer(int port = 0, int primary = 0)
        : port_(std::to_string(port)), primary_(std::to_string(primary)) {
        remove_at_the_end();
        start();
    }
    RedisServer(const RedisServer&) = delete;
    RedisServer& operator=(const RedisServer&) = delete;
    ~RedisServer() {
        if (is_stopped_) resume();
        kill();
        if (remover_ <= 0) return;
        (void)send(end_, "\n", 1, MSG_NOSIGNAL);
        close(end_);
        waitpid(remover_, nullptr, 0);
    }

    /// Whether there is such a program and it answers.
    bool runs() const noexcept { return process_ > 0; }
    std::string socket() const { return folder_ + "/socket"; }

    void start() {
        if (process_ > 0 || folder_.empty()) return;
        unlink(socket().c_str());
        const std::string folder = folder_;
        const std::string path = socket();
        [[maybe_unused]] const pid_t test = getpid();
        process_ = fork();
        if (process_ == 0) {
            setpgid(0, 0);
#if defined(__linux__)
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            if (getppid() != test) _exit(127);
#endif
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
            if (waitpid(process_, nullptr, WNOHANG) == process_) {
                process_ = 0;
                return;
            }
            if (answers()) return;
            std::this_thread::sleep_for(std::chrono::milliseconds{10});
        }
        kill();
    }
    void kill() {
        if (process_ <= 0) return;
        ::kill(-process_, SIGKILL);
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
    /// Begins a process that waits for the end of this one, or for a line, and removes the folder.
    void remove_at_the_end() {
        int ends[2];
        if (folder_.empty() || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
            return;
        remover_ = fork();
        if (remover_ == 0) {
            setpgid(0, 0);  // it outlives what is sent to the group of the test
            const int nowhere = open("/dev/null", O_RDWR);
            dup2(ends[1], 0);
            dup2(nowhere, 1);
            dup2(nowhere, 2);
            execlp("sh", "sh", "-c",
                   "read -r line; tries=0; rm -rf \"$1\"; "
                   "while [ -e \"$1\" ] && [ $((tries += 1)) -lt 100 ]; do "
                   "sleep 0.1; rm -rf \"$1\"; done",
                   "sh", folder_.c_str(), static_cast<char*>(nullptr));
            _exit(127);
        }
        close(ends[1]);
        end_ = ends[0];
    }
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

    const std::string folder_ = temporary::folder("redis");
    std::string port_;
    std::string primary_;
    pid_t process_ = 0;
    pid_t remover_ = 0;
    int end_ = -1;
    bool is_stopped_ = false;
};

}  // namespace redis_server

#endif
