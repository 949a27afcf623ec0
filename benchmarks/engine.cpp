// SPDX-License-Identifier: BSL-1.0
// Question: what does a call cost beside its transport? Rival: the same call written by hand.
//
//   engine CASE SIDE N
//     CASE  W1 first credential accepted; W2 refused, then accepted; W3 503, 503, 200
//     SIDE  f0 f1 (the floors), attempt plain (the two shapes of a transport), whole (bodies read
//           to their end)
//     N     calls after the first, which is checked; 0 prepares everything and calls once
//
// Instructions per call = (run(N) - run(0)) / N under callgrind. The line printed counts heap
// allocations, clock reads and mutexes locked in the N calls. It does not show time, cache misses
// or what a real transport costs.
#include "workloads.hpp"

#include "counted.hpp"

#include <cstdio>
#include <cstdlib>

namespace {

using namespace bench;

std::string success_body() {
    std::string body = R"({"code":0,"msg":"","data":{"id":"7381920110000","status":"completed",)"
                       R"("usage":{"token_count":381},"text":")";
    while (body.size() < 631 - 3) body += "the weather is fine today; "[body.size() % 27];
    return body + "\"}}";
}

struct Scene {
    std::string accepted = success_body();
    std::string refused =
        R"({"code":4100,"msg":"authentication is invalid, see the documentation"})";
    std::string failed = R"({"code":5000,"msg":"internal error, please try again later"})";
    Bearers bearers{"Bearer pat_personal_0123456789abcdef", "Bearer pat_enterprise_0123456789abcd"};
    Request request{"POST",
                    "https://api.coze.com/v3/chat?conversation_id=7381473525342978089",
                    {},
                    R"({"bot_id":"7379462189365198898","user_id":"u1","stream":false})"};
    Response w1[1] = {{200, accepted}};
    Response w2[2] = {{401, refused}, {200, accepted}};
    Response w3[3] = {{503, failed}, {503, failed}, {200, accepted}};
    Wire wire;
};

/// One call with rekey, as a user writes it.
template <class Client, class... Extras>
[[gnu::noinline]] std::size_t call(const Client& client, const Request& request,
                                   const Extras&... extras) {
    const auto result = client.send(request, extras...);
    return result ? result->body.size() : 0;
}

using Floor = bool (*)(Wire&, const Request&, const Bearers&, Response&);

/// The same by hand.
template <Floor floor>
[[gnu::noinline]] std::size_t call_floor(Wire& wire, const Request& request,
                                         const Bearers& bearers) {
    Response response;
    return floor(wire, request, bearers, response) ? response.body.size() : 0;
}

/// Makes the calls and says whether each ended well.
template <class Once>
int measure(Scene& scene, const Response* script, std::size_t sends, long calls, const Once& once) {
    scene.wire.play(script);
    bool right = once() == scene.accepted.size() && scene.wire.sent_since(script) == sends;
    const Counts before = counts;
    for (long i = 0; i != calls; ++i) {
        scene.wire.play(script);
        right = once() == scene.accepted.size() && right;
    }
    const Counts after = counts;
    std::printf("allocations %ld clock %ld locks %ld %s\n", after.allocations - before.allocations,
                after.clock_reads - before.clock_reads, after.locks - before.locks,
                right ? "right" : "WRONG");
    return right ? 0 : 1;
}

template <class Transport> auto fall_back_client(Scene& scene) {
    using namespace rekey;
    return Client{Transport{&scene.wire},
                  CredentialChain{Personal{"pat_personal_0123456789abcdef"},
                                  Enterprise{"pat_enterprise_0123456789abcd"}},
                  RetryOn<4100, 4101>{}, Codes{}};
}
template <class Transport> auto repeat_client(Scene& scene) {
    using namespace rekey;
    return Client{Transport{&scene.wire},
                  CredentialChain{Personal{"pat_personal_0123456789abcdef"}}, RetryOn<Transient>{},
                  MaxAttempts<3>{}, Codes{}};
}

template <class Transport>
int fall_back(Scene& scene, const Response* script, std::size_t sends, long calls) {
    const auto client = fall_back_client<Transport>(scene);
    return measure(scene, script, sends, calls, [&] { return call(client, scene.request); });
}
template <class Transport> int repeat(Scene& scene, long calls) {
    const auto client = repeat_client<Transport>(scene);
    return measure(scene, scene.w3, 3, calls,
                   [&] { return call(client, scene.request, rekey::Idempotent{}); });
}
template <Floor floor>
int by_hand(Scene& scene, const Response* script, std::size_t sends, long calls) {
    return measure(scene, script, sends, calls,
                   [&] { return call_floor<floor>(scene.wire, scene.request, scene.bearers); });
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 4) return std::fputs("usage: engine CASE SIDE N\n", stderr), 2;
    const std::string_view name = argv[1], side = argv[2];
    const long calls = std::strtol(argv[3], nullptr, 10);
    Scene scene;
    if (name == "W1" || name == "W2") {
        const Response* const script = name == "W1" ? scene.w1 : scene.w2;
        const std::size_t sends = name == "W1" ? 1 : 2;
        if (side == "f0")
            return by_hand<floor_fall_back<code_by_prefix>>(scene, script, sends, calls);
        if (side == "f1")
            return by_hand<floor_fall_back<code_by_scan>>(scene, script, sends, calls);
        if (side == "attempt") return fall_back<WithAttempt>(scene, script, sends, calls);
        if (side == "plain") return fall_back<Plain>(scene, script, sends, calls);
        if (side == "whole") return fall_back<Unvouched>(scene, script, sends, calls);
    }
    if (name == "W3") {
        if (side == "f0") return by_hand<floor_repeat<code_by_prefix>>(scene, scene.w3, 3, calls);
        if (side == "f1") return by_hand<floor_repeat<code_by_scan>>(scene, scene.w3, 3, calls);
        if (side == "attempt") return repeat<WithAttempt>(scene, calls);
        if (side == "plain") return repeat<Plain>(scene, calls);
        if (side == "whole") return repeat<Unvouched>(scene, calls);
    }
    return std::fputs("engine: no such case\n", stderr), 2;
}
