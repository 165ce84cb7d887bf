// fetch/core.hpp - what all fetches of one HttpsFetcher share. Outlives it while some of them are still
// ending. Belongs to its executor.
#pragma once

#include "dns/resolver.hpp"
#include "events/sink.hpp"
#include "fetch/address_gate.hpp"
#include "fetch/gate.hpp"
#include "fetch/handshake_thread.hpp"
#include "fetch/https_fetcher.hpp"
#include "fetch/nat64.hpp"
#include "fetch/request.hpp"
#include "fetch/turns.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/ssl/context.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <set>
#include <utility>

namespace fetch {

class Job;

struct Core {
    Core(boost::asio::any_io_executor e, dns::Resolver& r, events::Sink& s)
        : executor(std::move(e)), resolver(r), sink(s), nat64(std::make_shared<Nat64>(executor, r)) {}

    boost::asio::any_io_executor executor;
    dns::Resolver& resolver;
    events::Sink& sink;
    std::shared_ptr<Nat64> nat64;
    Options options;
    std::shared_ptr<boost::asio::ssl::context> tls;
    std::shared_ptr<Gate> starts = std::make_shared<Gate>(0);
    std::shared_ptr<AddressGates> addresses = std::make_shared<AddressGates>(executor, 0);
    std::shared_ptr<Turns> turns = std::make_shared<Turns>(executor);
    std::shared_ptr<HandshakeThread> thread = std::make_shared<HandshakeThread>();
    std::size_t queued = 0;
    std::size_t slow = 0; // fetches that gave up their place and still run
    std::set<Job*> jobs;
    bool closed = false;
};

/// Counts one in `count`, until it is destroyed or released.
class Counted {
public:
    explicit Counted(std::size_t& count) noexcept : count_(&count) { ++count; }
    Counted(const Counted&) = delete;
    Counted& operator=(const Counted&) = delete;
    ~Counted() { --*count_; }

private:
    std::size_t* count_;
};

} // namespace fetch
