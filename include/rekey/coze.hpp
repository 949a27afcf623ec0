// SPDX-License-Identifier: BSL-1.0
// coze: Coze out of the box; its codes, its credentials, its conversations.
#ifndef REKEY_COZE_HPP
#define REKEY_COZE_HPP

#include <rekey/coze/api.hpp>
#include <rekey/coze/app_auth.hpp>
#include <rekey/coze/environment.hpp>
#include <rekey/coze/fresh_conversation.hpp>
#include <rekey/coze/pat.hpp>
#include <rekey/coze/personal_account.hpp>
#include <rekey/rekey.hpp>

#endif
