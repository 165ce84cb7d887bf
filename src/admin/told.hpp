// admin/told.hpp - what somebody tells later, to a coroutine that may be gone by then. Belongs to one thread.
#pragma once

#include "base/event.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <memory>
#include <optional>
#include <utility>

namespace admin {

template <class T>
struct Told {
    explicit Told(const boost::asio::any_io_executor& executor) : over(executor) {}
    /// The first word counts.
    void tell(T it) {
        if (value) return;
        value.emplace(std::move(it));
        over.notify();
    }
    base::Event over;
    std::optional<T> value;
};

/// Waits for the first word.
template <class T>
boost::asio::awaitable<T> heard(std::shared_ptr<Told<T>> told) {
    while (!told->value) {
        co_await told->over.wait();
    }
    co_return *std::move(told->value);
}

} // namespace admin
