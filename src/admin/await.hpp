// admin/await.hpp - waits for a call back, as the keeper of state.db makes them.
#pragma once

#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <functional>
#include <memory>
#include <utility>

namespace admin {

/// Calls `start` with a function that has to be called once, later, on the coroutine's thread; returns its argument.
template <class T>
boost::asio::awaitable<T> called_back(std::function<void(std::function<void(T)>)> start) {
    namespace asio = boost::asio;
    auto initiate = [start = std::move(start)](auto handler) mutable {
        auto waiting = std::make_shared<decltype(handler)>(std::move(handler));
        start([waiting](T value) { std::move (*waiting)(std::move(value)); });
    };
    auto call = asio::async_initiate<const asio::use_awaitable_t<>, void(T)>(std::move(initiate),
                                                                             asio::use_awaitable);
    T value = co_await std::move(call);
    co_return value;
}

} // namespace admin
