// SPDX-License-Identifier: BSL-1.0
// coze_web_oauth: your web backend asks a Coze agent on behalf of the people who use it. After the
// move to the enterprise their tokens are refused, and there is no second credential: each person
// has to say yes once more. They are sent to Coze's consent page, and when they come back, the very
// question that was refused is answered; nobody types it again.
//
//     $ export PUBLISHED_BOT_ID=7379… USER_ID=user_1
//     $ export COZE_WEB_OAUTH_CLIENT_ID=… COZE_WEB_OAUTH_CLIENT_SECRET=…
//     $ export COZE_WEB_OAUTH_REDIRECT_URI=http://127.0.0.1:8080/callback   # exactly as registered
//     $ coze_web_oauth
//     LISTENING http://127.0.0.1:8080/
//
// A person is known by a session cookie, signed and out of reach for scripts, of two parts with 256
// random bits each: the Binding that ties a callback to the browser that was sent away, and the
// Subject whose tokens are used, a new one with each authorization, so that who had planted or seen
// the cookie before shares nothing. COZE_WEB_OAUTH_COOKIE_KEY keeps sessions alive over a restart;
// the tokens are in memory and do not last, so people authorize again. In production a proxy speaks
// TLS: register its https address and say --listen 127.0.0.1:8080.
#include "support/chat_request.hpp"
#include "support/web_page.hpp"
#include "support/web_server.hpp"
#include "support/web_session.hpp"
#include "support/web_settings.hpp"

#include <rekey/cancellation.hpp>
#include <rekey/coze.hpp>

#include <cstddef>
#include <iostream>
#include <string>
#include <string_view>
#include <utility>

namespace {

using httplib::Request;
using httplib::Response;
using rekey::Binding;
using rekey::ErrorKind;
using rekey::HttpRequest;
using rekey::Subject;
using support::html_escaped;
using support::Visitor;

auto make_client(const support::WebSettings& settings) {
    return rekey::Client{rekey::curl::Transport{settings.curl},
                         rekey::OboReauth{rekey::coze::WebFlow{settings.app}},
                         rekey::coze::RetryOnRefusal{}};
}
using Client = decltype(make_client(std::declval<const support::WebSettings&>()));
using Result = rekey::Result<rekey::HttpResponse>;

class WebBackend {
public:
    explicit WebBackend(const support::WebSettings& settings)
        : settings_(settings),
          client_(make_client(settings)),
          sessions_(settings.cookie_key, settings.is_https) {}

    void add_routes(httplib::Server& server);
    void stop() const { stop_.cancel(); }

private:
    using Route = void (WebBackend::*)(const Request&, Response&, Visitor&) const;

    void start_page(const Request&, Response& response, Visitor& visitor) const {
        page(response, 200, "Ask the agent", form(), visitor);
    }

    /// Sends the question. Who is not signed in, or must authorize again, is redirected; rekey
    /// keeps the question until they come back.
    void chat(const Request& request, Response& response, Visitor& visitor) const {
        const std::string question = request.get_param_value("q");
        if (question.empty()) return response.set_redirect("/", 303);
        // A link of another site, or a browser that reads ahead: nobody pressed Ask yet.
        if (is_from_elsewhere(request) || request.has_header("Sec-Purpose"))
            return page(response, 200, "Ask this?", form(question), visitor);
        const HttpRequest chat = support::chat_request(settings_.chat_url, settings_.bot_id,
                                                       settings_.user_id, question);
        if (chat.body.empty())
            return page(response, 400, "This is not UTF-8 text", form(), visitor);
        show(send(chat, visitor), response, visitor);
    }

    /// Asks Coze who this is. That needs a token, so who is not signed in is sent to sign in.
    void login(const Request&, Response& response, Visitor& visitor) const {
        show(send({"GET", settings_.person_url, {}, {}}, visitor), response, visitor);
    }

    /// What the consent page sent back: finishes the very request that was refused.
    void callback(const Request& request, Response& response, Visitor& visitor) const {
        const Binding browser{visitor.browser};
        const std::string fresh = support::Sessions::fresh_id();
        const auto end = client_.authorize(request.target, browser, rekey::SignedInAs{fresh},
                                           rekey::Cancellation{stop_});
        if (end) {  // from here on the old session is worth nothing
            client_.forget(Subject{visitor.id});
            visitor.id = fresh;
            remember(response, visitor);
        }
        show(client_.resume<HttpRequest>(end, browser, rekey::Cancellation{stop_}), response,
             visitor);
    }

    void logout(const Request& request, Response& response, Visitor& visitor) const {
        // A form of ours carries a mark that only this visitor's pages have.
        const std::string mark = request.get_param_value("mark");
        if (is_from_elsewhere(request) || !sessions_.is_mark(mark, visitor))
            return page(response, 403, "Not signed out", "<p>That was not our form.</p>", visitor);
        client_.forget(Subject{visitor.id});
        visitor = sessions_.begin();
        remember(response, visitor);
        response.set_redirect("/", 303);
    }

    Result send(const HttpRequest& request, const Visitor& visitor) const {
        return client_.send(request, Subject{visitor.id}, Binding{visitor.browser},
                            rekey::Cancellation{stop_});
    }

    void show(const Result& result, Response& response, Visitor& visitor) const {
        if (!result) return show_error(result, response, visitor);
        using rekey::body::Json;
        const bool is_person = !Json::text(result->body, "data.user_id").empty();
        const std::string known = Json::text(result->body, "data.user_name");
        if (visitor.name.empty() || (is_person && !known.empty())) {
            visitor.name = known.empty() ? "a Coze user" : shortened(known);
            remember(response, visitor);
        }
        if (is_person) return response.set_redirect("/", 303);
        show_answer(result, response, visitor);
    }

    void show_answer(const Result& result, Response& response, const Visitor& visitor) const {
        const support::ChatAnswer answer = support::read_answer(result->body);
        const std::string ids = "chat " + answer.chat_id + " of conversation " +
                                answer.conversation_id + ", served by credential " +
                                std::string(result.credential());
        const std::string text = "<blockquote>" + html_escaped(answer.text) + "</blockquote>\n<p>";
        if (answer)
            return page(response, 200, "The answer",
                        text + "<small>" + html_escaped(ids) + "</small></p>" + form(), visitor);
        // Its words are not ours to show: nobody has cut a token out of them.
        const std::string why = answer.failed
                                    ? "code " + std::to_string(answer.failure.service_code)
                                    : std::string("cut short");
        log(std::string(to_string(answer.failed ? answer.failure.kind : ErrorKind::transport)) +
            ": HTTP 200, " + why + ", log id " +
            std::string(rekey::find_header(result->headers, "X-Tt-Logid")) + ", credential " +
            std::string(result.credential()) + ", inside the stream");
        page(response, 502, "The answer broke off", text + why + "</p>" + form(), visitor);
    }

    void show_error(const Result& result, Response& response, const Visitor& visitor) const {
        const auto& error = result.error();
        log(error.describe());
        const std::string why = "<p>" + html_escaped(error.message()) + "</p>";
        const std::string log_id = html_escaped(error.log_id());
        const std::string note =
            log_id.empty() ? "" : "<p><small>log id " + log_id + "</small></p>";
        const std::string& url = error.authorization().url;
        switch (error.kind) {
            case ErrorKind::authorization_needed: return response.set_redirect(url, 302);
            case ErrorKind::refused:  // right after they authorized: nobody is sent round in
                                      // circles
                return page(response, 403, "Coze still refuses this", why + note + try_again(),
                            visitor);
            case ErrorKind::not_found:
                return page(response, 404, "Coze does not know this agent",
                            why + note + try_again(), visitor);
            case ErrorKind::authorization_denied:
                return page(response, 403, "Not authorized", why + try_again(), visitor);
            case ErrorKind::configuration:
                return page(response, 500, "This was not sent", why + try_again(), visitor);
            case ErrorKind::cancelled:
                return page(response, 503, "This site is going down", try_again(), visitor);
            default:
                return page(response, 502, "Coze did not answer", why + note + try_again(),
                            visitor);
        }
    }

    // --- Visitors and pages ---

    /// At most 100 bytes of a name, and no part of a letter.
    static std::string shortened(const std::string& name) {
        std::size_t end = 100;
        if (name.size() <= end) return name;
        while (end != 0 && (static_cast<unsigned char>(name[end]) & 0xc0u) == 0x80u) --end;
        return name.substr(0, end);
    }

    /// Who sent a request; a new visitor gets a cookie.
    Visitor visitor_of(const Request& request, Response& response) const {
        Visitor visitor = sessions_.find(request.get_header_value("Cookie"));
        if (visitor.id.empty()) remember(response, visitor = sessions_.begin());
        return visitor;
    }
    void remember(Response& response, const Visitor& visitor) const {
        response.headers.erase("Set-Cookie");
        response.set_header("Set-Cookie", sessions_.cookie(visitor));
    }
    bool is_from_elsewhere(const Request& request) const {
        return support::is_from_elsewhere(request, settings_.own_origin);
    }
    static std::string form(std::string_view question = {}) {
        return "<form action=\"/chat\"><input name=\"q\" aria-label=\"Your question\" value=\"" +
               html_escaped(question) +
               "\" maxlength=\"1000\" required autofocus><button>Ask</button></form>";
    }
    static std::string try_again() { return "<p><a href=\"/\">Try again</a></p>"; }
    std::string who(const Visitor& visitor) const {
        if (visitor.name.empty())
            return "<p>Nobody is signed in. <a href=\"/login\">Sign in</a></p>";
        return "<form method=\"post\" action=\"/logout\"><p>Signed in as <b>" +
               html_escaped(visitor.name) +
               "</b></p><input type=\"hidden\" name=\"mark\" value=\"" + sessions_.mark(visitor) +
               "\"><button>Sign out</button></form>";
    }
    void page(Response& response, int status, std::string_view title, const std::string& elements,
              const Visitor& visitor) const {
        response.status = status;
        response.set_content(support::html_page(title, elements + "\n" + who(visitor)),
                             "text/html; charset=utf-8");
    }
    static void log(std::string line) {
        for (char& symbol : line)
            if (static_cast<unsigned char>(symbol) < ' ') symbol = ' ';
        std::cerr << "coze_web_oauth: " + line + '\n';
    }

    const support::WebSettings& settings_;
    Client client_;
    support::Sessions sessions_;
    rekey::Canceller stop_{};
};

void WebBackend::add_routes(httplib::Server& server) {
    const auto with_visitor = [this](Route route) {
        return [this, route](const Request& request, Response& response) {
            Visitor visitor = visitor_of(request, response);
            (this->*route)(request, response, visitor);
        };
    };
    server.Get("/", with_visitor(&WebBackend::start_page));
    server.Get("/chat", with_visitor(&WebBackend::chat));
    server.Get("/login", with_visitor(&WebBackend::login));
    server.Get(support::route(settings_.callback_path), with_visitor(&WebBackend::callback));
    server.Post("/logout", with_visitor(&WebBackend::logout));
    server.Get("/style\\.css", [](const Request&, Response& response) {
        response.set_content(std::string(support::html_style), "text/css");
    });
}

}  // namespace

int main(int argc, char** argv) {
    support::WebSettings settings{"coze_web_oauth",
                                  "A small web site whose visitors ask a Coze agent"};
    if (!settings.read(argc, argv)) return settings.exit_status();

    WebBackend backend{settings};
    httplib::Server server;
    support::harden(server, settings);
    backend.add_routes(server);
    if (support::serve(server, settings.host, settings.port, [&] { backend.stop(); })) return 0;
    return settings.complain("cannot listen on " + settings.host + ":" +
                             std::to_string(settings.port) + ", which is from " +
                             std::string(settings.listen_from));
}
