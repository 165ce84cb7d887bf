// cache/valkey/stream.hpp - octets to and from an engine over a unix socket, TCP or TLS.
//
// Belongs to one single-threaded executor. One read and one write may wait at the same time. close() may be called at
// any time and ends both. Must outlive its operations.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/system/error_code.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace valkey {

class Stream {
public:
    using Socket = boost::asio::generic::stream_protocol::socket;
    using Endpoint = boost::asio::generic::stream_protocol::endpoint;
    using error_code = boost::system::error_code;

    explicit Stream(const boost::asio::any_io_executor& executor) : socket_(executor) {}

    /// May be tried again with another endpoint after an error.
    [[nodiscard]] boost::asio::awaitable<error_code> connect(Endpoint endpoint);
    /// From then on all octets go through TLS. The error is words for an operator, "" for none.
    [[nodiscard]] boost::asio::awaitable<std::string>
    shake(std::shared_ptr<boost::asio::ssl::context> context, std::string name);

    struct Read {
        error_code error; ///< none when there are octets
        std::size_t octets = 0;
    };
    [[nodiscard]] boost::asio::awaitable<Read> read_some(std::span<char> to);
    /// All of them. They must stay where they are until the end.
    [[nodiscard]] boost::asio::awaitable<error_code> write(std::string_view octets);
    /// Without TLS's close_notify: what matters has been answered.
    void close() noexcept;

private:
    Socket socket_;
    std::shared_ptr<boost::asio::ssl::context> context_;
    std::optional<boost::asio::ssl::stream<Socket&>> tls_;
};

} // namespace valkey
