// expect: rekey: sentence_of takes policies, such as MaxAttempts<3>{}
// SPDX-License-Identifier: BSL-1.0
#include <rekey/describe/sentence.hpp>

#include <string>

#ifdef REKEY_REJECT
std::string words() { return rekey::sentence_of(3); }
#else
std::string words() { return rekey::sentence_of(rekey::MaxAttempts<3>{}); }
#endif
