// tests/support/client.hpp - a client of a lookup::Handler whose replies go to a function.
#pragma once

#include "lookup/handler.hpp"

#include <functional>
#include <string>
#include <utility>

namespace test {

class Client final : public lookup::Client {
public:
    using Taker = std::function<void(std::string)>;
    explicit Client(Taker taker) : taker_(std::move(taker)) {}

    /// Passes the reply to `taker`, at once or later.
    static void ask(lookup::Handler& handler, const std::string& request, base::Steady came, Taker taker) {
        Client client{std::move(taker)};
        std::string now;
        if (handler.answer(request, came, now, client) != lookup::Reply::later) client.taker_(std::move(now));
    }

    [[nodiscard]] Taker later() override { return taker_; }

private:
    Taker taker_;
};

} // namespace test
