// admin/connection.hpp - a connected socket, unix or TCP, whose reads and writes end in time. Belongs to the back thread.
#pragma once

#include "base/expected.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

namespace admin {

/// Why a read or a write ended without octets.
enum class End { closed, timeout };

/// One read or write at a time; the coroutine that waits for it keeps the connection alive. Throws nothing but
/// std::bad_alloc.
class Connection : public std::enable_shared_from_this<Connection> {
public:
    using Time = std::chrono::steady_clock::duration;
    using Socket = boost::asio::generic::stream_protocol::socket;

    explicit Connection(Socket socket) : socket_(std::move(socket)), timer_(socket_.get_executor()) {}

    /// Some octets; never 0.
    [[nodiscard]] boost::asio::awaitable<base::Expected<std::size_t, End>> read(std::span<char> to,
                                                                                Time limit);
    /// All octets, which must live until then.
    [[nodiscard]] boost::asio::awaitable<base::Expected<void, End>> write(std::string_view octets,
                                                                          Time limit);
    /// Calls `gone` once when the client has closed its end, which the kernel says also while nothing
    /// is read (a client that only sends no more is not gone), or after unwatch(); not from within it.
    void watch(std::function<void()> gone);
    void unwatch() noexcept;
    /// No more octets to the client.
    void shut() noexcept;
    /// Ends what is waited for: as if the client had closed.
    void close() noexcept;
    [[nodiscard]] boost::asio::any_io_executor executor() { return socket_.get_executor(); }

private:
    void begin(Time limit);
    [[nodiscard]] End end() const noexcept;

    Socket socket_;
    boost::asio::steady_timer timer_;
    std::uint64_t turn_ = 0; ///< of reads and writes
    bool late_ = false;      ///< this one took too long
};

} // namespace admin
