// SPDX-License-Identifier: BSL-1.0
// Question: how much code does the smallest use of rekey add? Rival: the same program without it.
//
//   REKEY_BENCH_CHAINS=0  the transport alone; 1 one client and its chain; 2 two of them
//   REKEY_BENCH_WORDS     the error is put into words as well
#include <rekey/rekey.hpp>

#include <cstdio>
#include <string>
#include <string_view>

namespace {

struct Request {
    std::string_view url{};
    std::string_view bearer{};
};
struct Response {
    int status = 0;
    std::string body{};
};

Response fetch(const Request& request);

[[gnu::noinline]] Response fetch(const Request& request) {
    __asm__ volatile("" : : "r"(&request) : "memory");
    return Response{200, "{\"code\":0}"};
}

}  // namespace

#if REKEY_BENCH_CHAINS > 0

namespace {

struct Transport {
    Response operator()(const Request& request, const rekey::Attempt& attempt) const {
        return fetch(Request{request.url, attempt.authorization()});
    }
};
template <int number> struct Personal {
    static constexpr std::string_view name = "personal";
    std::string_view token;
};
template <int number> struct Enterprise {
    static constexpr std::string_view name = "enterprise";
    std::string_view token;
};

template <class Client> [[gnu::noinline]] int ask(const Client& client, const char* url) {
    const auto result = client.send(Request{url, {}});
    if (result) return std::puts(result->body.c_str());
#ifdef REKEY_BENCH_WORDS
    return std::puts(result.error().describe().c_str());
#else
    return static_cast<int>(result.error().kind);
#endif
}

template <int number> [[gnu::noinline]] int use(char** argv) {
    const rekey::Client client{
        Transport{}, rekey::CredentialChain{Personal<number>{argv[1]}, Enterprise<number>{argv[2]}},
        rekey::RetryOn<4100, 4101>{}};
    return ask(client, argv[3]);
}

}  // namespace

int main(int, char** argv) {
    int sum = use<1>(argv);
#if REKEY_BENCH_CHAINS > 1
    sum += use<2>(argv);
#endif
    return sum;
}

#else

int main(int, char** argv) {
    Response response = fetch(Request{argv[3], argv[1]});
    if (response.status == 401) response = fetch(Request{argv[3], argv[2]});
    if (response.status == 200) return std::puts(response.body.c_str());
    return 1;
}

#endif
