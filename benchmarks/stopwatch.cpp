// SPDX-License-Identifier: BSL-1.0
// Question: how much processor time does each of some commands take? Rival: each other.
//
//   stopwatch ROUNDS -- COMMAND... [-- COMMAND...]...
//
// Runs the commands in turn, ROUNDS times, and prints the least milliseconds (user and system) of
// each on a line of its own. Another process on the machine makes all of them slower, so compare
// within one run only. It does not show the time that a command waits.
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

namespace {

double used() {
    struct rusage usage = {};
    getrusage(RUSAGE_CHILDREN, &usage);
    const auto milliseconds = [](const struct timeval& time) {
        return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_usec) / 1e3;
    };
    return milliseconds(usage.ru_utime) + milliseconds(usage.ru_stime);
}

bool run(char** command) {
    const pid_t child = fork();
    if (child == 0) {
        execvp(command[0], command);
        _exit(127);
    }
    int status = 0;
    return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) &&
           WEXITSTATUS(status) == 0;
}

}  // namespace

int main(int argc, char** argv) {
    const long rounds = argc > 3 ? std::strtol(argv[1], nullptr, 10) : 0;
    std::vector<char**> commands;
    for (int i = 2; i < argc; ++i) {
        if (std::strcmp(argv[i], "--") != 0) continue;
        argv[i] = nullptr;
        commands.push_back(argv + i + 1);
    }
    if (rounds < 1 || commands.empty())
        return std::fputs("usage: stopwatch ROUNDS -- COMMAND... [-- COMMAND...]...\n", stderr), 2;
    std::vector<double> least(commands.size(), 1e12);
    for (long round = 0; round != rounds; ++round) {
        for (std::size_t i = 0; i != commands.size(); ++i) {
            const double before = used();
            if (!run(commands[i]))
                return std::fprintf(stderr, "stopwatch: %s failed\n", commands[i][0]), 1;
            const double took = used() - before;
            if (took < least[i]) least[i] = took;
        }
    }
    for (const double milliseconds : least) std::printf("%.1f\n", milliseconds);
    return 0;
}
