// SPDX-License-Identifier: BSL-1.0
// cost: calls one hook of a meter N times, for callgrind. Usage: cost HOOK N

#include <rekey/observe/meter.hpp>

#include <cstdlib>
#include <string>
#include <string_view>

using namespace rekey;

namespace {

struct BotOf {
    std::string_view operator()(int) const { return "7379462189365198898"; }
};
using Meter = observe::Meter<BotOf>;
Meter meter;

}  // namespace

// Called as from another file: nothing of the arguments is known in advance.
#if defined(__clang__)
#define REKEY_COUNTED [[gnu::noinline]]
#else
#define REKEY_COUNTED [[gnu::noipa]]
#endif

// What callgrind counts: the hook, and the return from it.
REKEY_COUNTED void began(Meter& to, const observe::Began& event, Meter::PerCall& call) {
    to.began(event, call);
}
REKEY_COUNTED void attempted(Meter& to, const observe::Attempted& event, Meter::PerCall& call) {
    to.attempted(event, call);
}
REKEY_COUNTED void exchanged(Meter& to, const observe::Exchanged& event) { to.exchanged(event); }
REKEY_COUNTED void waited(Meter& to, const observe::Waited& event) { to.waited(event); }
REKEY_COUNTED void ended(Meter& to, const observe::Ended& event, Meter::PerCall& call) {
    to.ended(event, call);
}

int main(int count, char** words) {
    if (count != 3) return 2;
    const std::string hook = words[1];
    const int times = std::atoi(words[2]);
    observe::Began begin;
    begin.key = "7379462189365198898";
    observe::Attempted attempt;
    attempt.credential = "personal";
    attempt.duration = Duration{34'567'890};
    attempt.now = TimePoint{Duration{1'234'567'890'123}};
    if (hook == "refused") {
        attempt.failure = AuthRejected;
        attempt.has_service_code = true;
        attempt.service_code = 4101;
    }
    if (hook == "refused_by_status") {
        attempt.failure = AuthRejected;
        attempt.http_status = 401;
    }
    observe::Exchanged exchange;
    exchange.credential = "personal";
    observe::Ended end;
    end.duration = Duration{34'567'890};
    Meter::PerCall call;
    if (hook != "ended") began(meter, begin, call);
    if (hook == "fallback") {
        call.refused = 1;
        end.slot = 1;
    }
    attempted(meter, attempt, call);  // the names are known from here on
    if (hook.find("refused") != 0 && hook != "fallback") call.refused = 0;
    for (int i = 0; i != times; ++i) {
        if (hook == "began") began(meter, begin, call);
        if (hook == "accepted" || hook.find("refused") == 0) attempted(meter, attempt, call);
        if (hook == "exchanged") exchanged(meter, exchange);
        if (hook == "waited") waited(meter, {});
        if (hook == "ended" || hook == "ended_with_key" || hook == "fallback")
            ended(meter, end, call);
    }
    return 0;
}
