// expect: rekey: state_graph_of<Plan>() of a plan with numbers of run time
// SPDX-License-Identifier: BSL-1.0
#include <rekey/describe/picture.hpp>

#include <string>

#ifdef REKEY_REJECT
using Shown = rekey::Plan<rekey::MaxAttempts<>>;
#else
using Shown = rekey::Plan<rekey::MaxAttempts<3>>;
#endif
std::string picture() { return rekey::mermaid_of<Shown>(); }
