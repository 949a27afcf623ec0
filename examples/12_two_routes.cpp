// SPDX-License-Identifier: BSL-1.0
//
// Dear reader,
//
// you have a web site already, with its framework, its users and its session cookie. Asking a user
// to authorize again takes two routes: the one that was there, which answers or sends the browser
// away, and the callback, which finishes what was refused. `add_routes` below is written for the
// server of cpp-httplib; any framework has these four things: a cookie, a target, a redirect, a
// body.
//
// The server is a stand-in with the same functions, so that this letter opens no port.

#include <rekey/coze.hpp>
#include <rekey/coze/web_flow.hpp>
#include <rekey/testing/fake_coze.hpp>

#include <cstdio>
#include <functional>
#include <map>
#include <string>
#include <string_view>

// Your sessions: the value of the cookie is 32 random bytes and says nothing; the user is kept
// here.
class Sessions {
public:
    static constexpr const char* cookie = "__Host-session";

    std::string begin(const std::string& user) {
        std::string id = rekey::oauth::random_token(32);
        users_[id] = user;
        return id;
    }
    // The session that the browser shows, or an empty text if there is none of that name.
    std::string of(const std::string& cookies) const {
        const std::string name = std::string(cookie) + "=";
        const std::size_t at = cookies.find(name);
        if (at == std::string::npos) return {};
        std::string id = cookies.substr(at + name.size());
        id = id.substr(0, id.find(';'));
        return users_.count(id) != 0 ? id : std::string();
    }
    const std::string& user(const std::string& id) const { return users_.at(id); }
    void end(const std::string& id) { users_.erase(id); }

private:
    std::map<std::string, std::string> users_{};
};

// What the person sees. No text of the callback is in it, and no URL but the one to go to.
const char* page_for(rekey::ErrorKind kind) {
    switch (kind) {
        case rekey::ErrorKind::authorization_denied: return "Not authorized. Ask again to retry.";
        case rekey::ErrorKind::exchange_failed: return "Coze cannot be reached. Try again.";
        case rekey::ErrorKind::refused: return "Your account has no access to this agent.";
        default: return "That did not work. We have been told.";
    }
}

template <class Response, class Result> void answer(const Result& result, Response& response) {
    response.set_header("Cache-Control", "no-store");
    response.set_header("Referrer-Policy", "no-referrer");  // the callback's address holds the code
    if (result) return response.set_content(result->body, "application/json");
    const auto& error = result.error();
    if (error.kind == rekey::ErrorKind::authorization_needed)
        return response.set_redirect(error.authorization().url, 303);
    response.status = error.kind == rekey::ErrorKind::authorization_denied ? 403 : 502;
    response.set_content(page_for(error.kind), "text/plain; charset=utf-8");
}

template <class Server, class Client, class MakeChat>
void add_routes(Server& server, const Client& client, Sessions& sessions, MakeChat chat) {
    server.Post("/chat", [=, &client, &sessions](const auto& request, auto& response) {
        const std::string session = sessions.of(request.get_header_value("Cookie"));
        if (session.empty()) return response.set_redirect("/sign-in", 303);
        answer(client.send(chat(request.get_param_value("q")),
                           rekey::Subject{sessions.user(session)}, rekey::Binding{session}),
               response);
    });
    server.Get("/callback", [&client, &sessions](const auto& request, auto& response) {
        const std::string session = sessions.of(request.get_header_value("Cookie"));
        answer(client.template resume<rekey::HttpRequest>(request.target, rekey::Binding{session}),
               response);
    });
    server.Post("/sign-out", [&client, &sessions](const auto& request, auto& response) {
        const std::string session = sessions.of(request.get_header_value("Cookie"));
        if (session.empty()) return response.set_redirect("/", 303);
        const auto end = client.sign_out(rekey::Subject{sessions.user(session)});
        if (!end) std::puts(end.message.c_str());  // into your log: the tokens are gone here anyway
        sessions.end(session);
        response.set_redirect("/", 303);
    });
}

// From here on: the stand-in for the server, and what its browsers do.
struct PageRequest {
    std::string target{};
    std::string cookies{};
    std::string question{};
    std::string get_header_value(const std::string&) const { return cookies; }
    std::string get_param_value(const std::string&) const { return question; }
};
struct Page {
    int status = 200;
    std::string location{};
    std::string body{};
    void set_header(const std::string&, const std::string&) {}
    void set_redirect(const std::string& url, int code) {
        status = code;
        location = url;
    }
    void set_content(std::string_view text, const std::string&) { body = std::string(text); }
};
class Server {
public:
    template <class Handler> void Get(const std::string& path, Handler handler) {
        routes_["GET " + path] = handler;
    }
    template <class Handler> void Post(const std::string& path, Handler handler) {
        routes_["POST " + path] = handler;
    }
    Page visit(const std::string& method, const PageRequest& request) {
        const std::string route = method + request.target.substr(0, request.target.find('?'));
        Page page;
        routes_.at(route)(request, page);
        std::printf("%s -> %d%s\n", route.c_str(), page.status,
                    page.status > 399 ? (": " + page.body).c_str() : "");
        return page;
    }

private:
    std::map<std::string, std::function<void(const PageRequest&, Page&)>> routes_{};
};

int main() {
    rekey::testing::FakeCoze coze;
    const auto& world = coze.options();

    rekey::coze::WebFlowOptions app;
    app.client_id = world.web_client_id;
    app.client_secret = rekey::Secret{world.web_client_secret};
    app.redirect_uri = world.web_redirect_uri;  // http://127.0.0.1:8080/callback
    app.base = world.base;
    const rekey::Client client{coze, rekey::OboReauth{rekey::coze::WebFlow{app}},
                               rekey::coze::RetryOnRefusal{}};

    const auto chat = [&world](const std::string& question) {
        rekey::body::JsonWriter body;
        body.object_begin();
        body.member("bot_id", world.bot_id);
        body.member("user_id", world.user_id);
        body.key("additional_messages");
        body.array_begin();
        body.object_begin();
        body.member("role", "user");
        body.member("content", question);
        body.member("content_type", "text");
        body.object_end();
        body.array_end();
        body.object_end();
        return rekey::HttpRequest{"POST",
                                  world.base + "/v3/chat",
                                  {{"Content-Type", "application/json"}},
                                  std::move(body).text()};
    };
    Sessions sessions;
    Server server;
    add_routes(server, client, sessions, chat);

    const std::string ann = std::string(Sessions::cookie) + "=" + sessions.begin("ann");
    const std::string eve = std::string(Sessions::cookie) + "=" + sessions.begin("eve");
    const auto consent = [&coze](const Page& page, const char* decision) {
        const auto reply =
            coze.handle({"GET", page.location + "&decision=" + decision, {}, {}}).response;
        const std::string back(rekey::find_header(reply.headers, "Location"));
        return back.substr(back.find("/callback"));
    };

    // Two tabs of one browser, each with a flow of its own; the callbacks come in reverse order.
    const Page first = server.visit("POST ", {"/chat", ann, "hello"});
    const Page second = server.visit("POST ", {"/chat", ann, "goodbye"});
    const std::string callback = consent(first, "allow");
    server.visit("GET ", {consent(second, "deny"), ann});
    server.visit("GET ", {callback, eve});  // another browser gets nothing, and breaks nothing
    server.visit("GET ", {callback, ann});
    server.visit("POST ", {"/chat", ann, "one more"});
    server.visit("POST ", {"/sign-out", ann});
    server.visit("POST ", {"/chat", ann, "and another"});
}

// Output:
//   POST /chat -> 303
//   POST /chat -> 303
//   GET /callback -> 403: Not authorized. Ask again to retry.
//   GET /callback -> 403: Not authorized. Ask again to retry.
//   GET /callback -> 200
//   POST /chat -> 200
//   POST /sign-out -> 303
//   POST /chat -> 303
