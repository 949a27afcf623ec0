// SPDX-License-Identifier: BSL-1.0
// describe: says and draws what a client does, and what a call did.
#ifndef REKEY_DESCRIBE_HPP
#define REKEY_DESCRIBE_HPP

#include <rekey/describe/explain.hpp>
#include <rekey/describe/picture.hpp>
#include <rekey/describe/sentence.hpp>
#include <rekey/describe/wording.hpp>

#endif
