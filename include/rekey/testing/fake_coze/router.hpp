// SPDX-License-Identifier: BSL-1.0
// Router: which endpoint of a FakeCoze answers a request, and what every one asks of it.
#ifndef REKEY_TESTING_FAKE_COZE_ROUTER_HPP
#define REKEY_TESTING_FAKE_COZE_ROUTER_HPP

#include <rekey/testing/fake_coze/access.hpp>
#include <rekey/testing/fake_coze/chat_endpoints.hpp>
#include <rekey/testing/fake_coze/data_endpoints.hpp>
#include <rekey/testing/fake_coze/exchange.hpp>
#include <rekey/testing/fake_coze/token_endpoints.hpp>
#include <rekey/testing/fake_coze/world.hpp>

#include <string_view>

namespace rekey {
inline namespace v0_1 {
namespace testing {
namespace fake {

/// Source: coze-api §2.2 for the refusals, §4 for the paths and permission points.
class Router : private Access {
public:
    Router(World& world, FakeTotals& totals) : Access(world), totals_(totals) {}

    void route(Exchange& x) {
        if (TokenEndpoints{world_, totals_}.answer(x)) return;
        const bool post = x.method() == "POST";
        if (x.token && world_.overreaches(*x.token))
            return x.refuse(4101, x.target.path == "/v3/chat" ? 200 : 403,
                            "The permission points contain team or enterprise level.");
        if (x.target.path == "/v3/chat" && post) return ChatEndpoints{world_}.chat(x);
        const Route* route = route_of(x, post);
        if (!route) return x.refuse(4000, 404, "unknown path");
        // A dead token is 401 everywhere but on /v3/chat (§2.2).
        if (!x.token) return x.refuse(700012006, 401);
        if (!may(x, route->permission)) return x.refuse(4101, 403);
        if (post && !trimmed(x.body()).empty() && !is_object(x.body())) return bad(x, "body");
        route->handle(world_, x);
    }

private:
    struct Route {
        std::string_view path;
        bool get;
        bool post;
        std::string_view permission;
        void (*handle)(World&, Exchange&);
    };

    template <class Endpoints, void (Endpoints::*member)(Exchange&)>
    static void call(World& world, Exchange& x) {
        (Endpoints{world}.*member)(x);
    }

    static const Route* route_of(const Exchange& x, bool post) {
        using Chats = ChatEndpoints;
        using Data = DataEndpoints;
        // retrieve and the message list are GET, two of the vendor's clients use POST (§4.1).
        static constexpr Route routes[] = {
            {"/v3/chat/retrieve", true, true, "retrieveChat", &call<Chats, &Chats::retrieve_chat>},
            {"/v3/chat/message/list", true, true, "listMessage",
             &call<Chats, &Chats::list_messages>},
            {"/v3/chat/cancel", false, true, "cancelChat", &call<Chats, &Chats::cancel_chat>},
            {"/v1/conversation/create", false, true, "createConversation",
             &call<Data, &Data::create_conversation>},
            {"/v1/conversation/retrieve", true, false, "retrieveConversation",
             &call<Data, &Data::retrieve_conversation>},
            {"/v1/conversations", true, false, "listConversation",
             &call<Data, &Data::list_conversations>},
            {"/v1/users/me", true, false, "", &call<Data, &Data::who_am_i>},
            {"/v1/workspaces", true, false, "listWorkspace", &call<Data, &Data::list_workspaces>},
            {"/v1/bot/get_online_info", true, false, "getMetadata", &call<Data, &Data::read_bot>},
            {"/v1/bots/*", true, false, "getMetadata", &call<Data, &Data::read_bot>}};
        for (const Route& route : routes) {
            const bool fits = route.path.back() == '*'
                                  ? path_piece(x.target.path, route.path).has_value()
                                  : x.target.path == route.path;
            if (fits && ((route.get && x.is_read()) || (route.post && post))) return &route;
        }
        return nullptr;
    }

    FakeTotals& totals_;
};

}  // namespace fake
}  // namespace testing
}  // namespace v0_1
}  // namespace rekey

#endif
