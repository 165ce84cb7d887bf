// admin/tail.hpp - handler of GET /v1/events: events as they happen, one on each line.
//
// Events that a reader does not take in time are lost, and a line says how many. Threads: the back io_context; the tap
// is fed from all.
#pragma once

#include "admin/exchange.hpp"
#include "events/tap.hpp"

#include <boost/asio/any_io_executor.hpp>

namespace admin {

/// A line's object. Pure.
[[nodiscard]] Json to_json(const events::Happened& happened);

class Tail {
public:
    /// `tap` outlives it, and it outlives its streams.
    Tail(boost::asio::any_io_executor executor, events::Tap& tap)
        : executor_(std::move(executor)), tap_(tap) {}

    /// Of all domains, or of the parameter "domain". 503 when Tap::max_readers read already.
    [[nodiscard]] base::Expected<Reply, Error> follow(const Request& request) const;

private:
    boost::asio::any_io_executor executor_;
    events::Tap& tap_;
};

} // namespace admin
