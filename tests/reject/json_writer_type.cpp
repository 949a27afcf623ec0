// expect: rekey: JsonWriter writes whole numbers, texts and bools.
// SPDX-License-Identifier: BSL-1.0
#include <rekey/body/json_writer.hpp>

int main() {
    rekey::body::JsonWriter writer;
    writer.object_begin();
#ifndef REKEY_REJECT
    writer.member("temperature", 1);
#else
    writer.member("temperature", 0.5);
#endif
    writer.object_end();
}
