// SPDX-License-Identifier: BSL-1.0
#include <rekey/driver/calls.hpp>

#include "catch.hpp"

#include <functional>
#include <stdexcept>
#include <string>
#include <utility>

using namespace rekey;
using driver::AnyOperation;
using driver::CallHandle;
using driver::Calls;
using driver::Owner;
using driver::Starts;

namespace {

/// A call that writes down what is done to it.
class Noted final : public AnyOperation {
public:
    Noted(std::string& notes, char name, std::function<void()> act = {})
        : notes_(&notes), name_(name), act_(std::move(act)) {}
    ~Noted() override { note('-'); }
    void begin() override {
        note('b');
        if (act_) act_();
    }
    void stop() override {
        note('s');
        if (act_) act_();
    }
    void abandon() override { note('a'); }

private:
    void note(char what) {
        *notes_ += name_;
        *notes_ += what;
        *notes_ += ' ';
    }
    std::string* notes_;
    char name_;
    std::function<void()> act_;
};

Owner<AnyOperation> call(std::string& notes, char name, std::function<void()> act = {}) {
    return Owner<AnyOperation>::of_new(new Noted(notes, name, std::move(act)));
}

}  // namespace

TEST_CASE("a client counts its calls, and says when the last has left") {
    std::string notes;
    Calls calls;
    const auto first = call(notes, '1');
    const auto second = call(notes, '2');
    int idle = 0;
    calls.when_idle([&idle] { ++idle; });
    CHECK(idle == 1);
    CHECK(calls.enter(*first));
    CHECK(calls.enter(*second));
    CHECK(calls.count() == 2);
    calls.when_idle([&idle] { idle += 10; });
    calls.when_idle([&idle] { idle += 100; });
    calls.leave(*first);
    CHECK(idle == 1);
    calls.close();
    const auto late = call(notes, '3');
    CHECK_FALSE(calls.enter(*late));
    calls.leave(*late);
    calls.leave(*second);
    CHECK(idle == 111);
    CHECK(calls.count() == 0);
}

TEST_CASE("all calls are cancelled, also if one of them throws, and the first exception passes") {
    std::string notes;
    Calls calls;
    const auto quiet = call(notes, '1');
    const auto loud = call(notes, '2', [] { throw std::runtime_error("two"); });
    calls.enter(*quiet);
    calls.enter(*loud);
    CHECK_THROWS_WITH(calls.cancel_all(), "two");
    CHECK(notes == "2s 1s ");
    calls.leave(*loud);
    calls.leave(*quiet);
}

TEST_CASE("a call ends with its last owner, and its handle stops and abandons it") {
    std::string notes;
    {
        CallHandle kept;
        kept.cancel();
        kept = CallHandle(call(notes, '1'));
        const CallHandle copy = kept;
        copy.cancel();
        kept = CallHandle();
        copy.abandon();
        CHECK(notes == "1s 1a ");
    }
    CHECK(notes == "1s 1a 1- ");
}

TEST_CASE("calls that are begun inside the end of another begin when it has returned") {
    std::string notes;
    Starts::run([&notes] {
        Starts::begin(call(notes, '1', [&notes] {
            Starts::begin(call(notes, '2'));
            notes += "after ";
        }));
        Starts::begin(call(notes, '3'));
        Starts::run([&notes] { notes += "inner "; });
        notes += "end ";
    });
    CHECK(notes == "inner end 1b after 1- 3b 3- 2b 2- ");
    notes.clear();
    CHECK_THROWS_WITH(Starts::run([&notes] {
                          Starts::begin(call(notes, '4'));
                          throw std::runtime_error("the end failed");
                      }),
                      "the end failed");
    CHECK(notes == "4b 4- ");
    Starts::begin(call(notes, '5'));
    CHECK(notes == "4b 4- 5b 5- ");
}
