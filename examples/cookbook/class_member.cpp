// SPDX-License-Identifier: BSL-1.0
//
// Dear reader,
//
// your class has to hold a client and is not to become a template. An AnyClient is one type for all
// clients that send your request and get your response; a test hands the class one over a script.

#include <rekey/any_client.hpp>
#include <rekey/http.hpp>
#include <rekey/rekey.hpp>
#include <rekey/testing.hpp>

#include <iostream>
#include <string>
#include <utility>

struct Personal {
    static constexpr auto name = "personal";
    std::string token;
};
struct Enterprise {
    static constexpr auto name = "enterprise";
    std::string token;
};

class Orders {
public:
    using Client = rekey::AnyClient<rekey::HttpRequest, rekey::HttpResponse>;
    explicit Orders(Client client) : client_(std::move(client)) {}

    bool place(const std::string& id) const {
        const rekey::HttpRequest order{"POST", "https://api.example/orders", {}, id};
        return client_.send(order, rekey::IdempotencyKey{id}).has_value();
    }

private:
    Client client_;
};

int main() {
    rekey::testing::Script http;  // in the program: your transport
    http.then(200, 4101).then(200);

    const Orders orders{rekey::Client{
        http, rekey::CredentialChain{Personal{"secret-one"}, Enterprise{"secret-two"}},
        rekey::RetryOn<4100, 4101>{}}};

    std::cout << (orders.place("order-7") ? "placed" : "refused") << '\n' << http << '\n';
}
