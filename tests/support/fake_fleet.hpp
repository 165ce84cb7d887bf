// tests/support/fake_fleet.hpp - a fleet for those who look after it: what the test says of it. Answers come through the
// io_context, and take no time.
#pragma once

#include "cache/fleet.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace test {

class FakeFleet final : public cache::Fleet {
public:
    explicit FakeFleet(boost::asio::io_context& io) : io_(io) {}

    cache::FleetStatus now;
    std::vector<cache::FleetHost> all;
    std::map<std::string, std::size_t> keys; ///< of a domain, in the engine
    std::string away;                        ///< why the engine cannot be asked; "": it can
    bool hangs = false;                      ///< it never answers
    std::vector<std::string> forgotten;
    unsigned syncs = 0;
    std::function<void()> on_forget; ///< called before the answer

    [[nodiscard]] cache::FleetStatus status() const override { return now; }
    void
    hosts(std::function<void(base::Expected<std::vector<cache::FleetHost>, std::string>)> done) override {
        using Hosts = base::Expected<std::vector<cache::FleetHost>, std::string>;
        answer<Hosts>(std::move(done), [this] { return Hosts(all); });
    }
    [[nodiscard]] bool synchronise() override {
        if (!away.empty()) return false;
        ++syncs;
        return now.sync.running = true;
    }
    void forget(base::Domain domain,
                std::function<void(base::Expected<std::size_t, std::string>)> done) override {
        using Gone = base::Expected<std::size_t, std::string>;
        answer<Gone>(std::move(done), [this, domain] {
            if (on_forget) on_forget();
            forgotten.push_back(domain.name());
            const auto found = keys.find(domain.name());
            const std::size_t count = found == keys.end() ? 0 : found->second;
            keys.erase(domain.name());
            return Gone(count);
        });
    }

private:
    template <class T>
    void answer(std::function<void(T)> done, std::function<T()> make) {
        if (hangs) return;
        boost::asio::post(io_, [this, done = std::move(done), make = std::move(make)] {
            done(away.empty() ? make() : T(base::unexpected(away)));
        });
    }

    boost::asio::io_context& io_;
};

} // namespace test
