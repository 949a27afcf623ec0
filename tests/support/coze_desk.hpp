// SPDX-License-Identifier: BSL-1.0
// CozeDesk: a FakeCoze with a clock of its own and short spellings for what the tests ask of it.
#ifndef REKEY_TESTS_SUPPORT_COZE_DESK_HPP
#define REKEY_TESTS_SUPPORT_COZE_DESK_HPP

#include <rekey/detail/sha256.hpp>
#include <rekey/testing/fake_coze.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

struct CozeDesk {
    using Options = rekey::testing::FakeCoze::Options;

    /// What came back, with the fields the tests look at.
    struct Answer {
        int status = 0;
        std::string body{};
        rekey::HttpHeaders headers{};

        std::int64_t code() const {
            return rekey::testing::fake::number_at(body, "code").value_or(-1);
        }
        template <class... Keys> std::string text(Keys... keys) const {
            return rekey::testing::fake::text_at(body, keys...).value_or("");
        }
        template <class... Keys> std::int64_t number(Keys... keys) const {
            return rekey::testing::fake::number_at(body, keys...).value_or(-1);
        }
        std::string header(std::string_view name) const {
            return std::string{rekey::find_header(headers, name)};
        }
        bool succeeded() const { return status == 200 && code() == 0; }
        bool holds(std::string_view piece) const { return body.find(piece) != std::string::npos; }
    };

    std::int64_t now = 1700000000;
    rekey::testing::FakeCoze coze;
    Options options;

    explicit CozeDesk(Options wanted = {}) : coze(prepared(std::move(wanted), &now)) {
        options = coze.options();
    }
    CozeDesk(const CozeDesk&) = delete;
    CozeDesk& operator=(const CozeDesk&) = delete;

    static Options prepared(Options wanted, const std::int64_t* clock) {
        wanted.clock = [clock] { return *clock; };
        // A signature that needs no key: the digest of what is signed.
        wanted.verifier = [](std::string_view input, std::string_view signature, std::string_view) {
            return signature == signature_of(input);
        };
        return wanted;
    }
    static std::string signature_of(std::string_view input) {
        std::string out;
        for (const unsigned char byte : rekey::detail::sha256(input))
            out += static_cast<char>(byte);
        return out;
    }

    Answer send(std::string method, const std::string& path, std::string_view token = {},
                std::string body = {}, rekey::HttpHeaders headers = {}) {
        if (!token.empty()) headers.push_back({"Authorization", "Bearer " + std::string{token}});
        const auto reply = coze.handle(
            {std::move(method), options.base + path, std::move(headers), std::move(body)});
        return {reply.response.status, reply.response.body, reply.response.headers};
    }
    Answer get(const std::string& path, std::string_view token = {}) {
        return send("GET", path, token);
    }
    Answer post(const std::string& path, std::string_view token = {}, std::string body = {}) {
        return send("POST", path, token, std::move(body));
    }

    std::string chat_body(const std::string& more = {}) const {
        return R"({"bot_id":")" + options.bot_id + R"(","user_id":"u")" + more + "}";
    }
    Answer chat(std::string_view token, const std::string& more = {},
                const std::string& query = {}) {
        return post("/v3/chat" + query, token, chat_body(more));
    }
    Answer personal_chat() { return chat(options.personal_token); }
    Answer enterprise_chat() { return chat(options.enterprise_token); }
};

#endif
