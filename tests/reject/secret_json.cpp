// expect: rekey: a Secret is never written as JSON
// SPDX-License-Identifier: BSL-1.0
// security: S72
#include <rekey/secret.hpp>

#include <string>

// What a JSON library does with a value it does not know.
struct Document {
    std::string text{};
};
template <class Value> Document document(const Value& value) {
    Document made;
    to_json(made, value);
    return made;
}

struct Plain {};
void to_json(Document& made, const Plain&) { made.text = "{}"; }

Document save(const rekey::Secret& token) {
#ifdef REKEY_REJECT
    return document(token);
#else
    static_cast<void>(token);
    return document(Plain{});
#endif
}
