// fetch/gathering_socket.hpp - a TCP socket whose writes go out together, as soon as something is to be read.
//
// The last message of a TLS handshake and the request after it are two writes with nothing to wait for
// between them: so they are one packet and one system call, and the server is woken once. A stream layer for
// asio::ssl::stream, in which whoever writes reads next; what is still held then may be sent by flush().
// Belongs to one executor, at most one read and one write at a time.
#pragma once

#include <boost/asio/append.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/compose.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>

#include <cstddef>
#include <string>
#include <utility>

namespace fetch {

class GatheringSocket {
public:
    using Socket = boost::asio::ip::tcp::socket;
    // Names that Asio asks for.
    using executor_type = Socket::executor_type;
    using lowest_layer_type = Socket::lowest_layer_type;

    explicit GatheringSocket(Socket socket) : socket_(std::move(socket)) {}

    [[nodiscard]] executor_type get_executor() { return socket_.get_executor(); }
    [[nodiscard]] lowest_layer_type& lowest_layer() { return socket_.lowest_layer(); }

    /// Takes all of it at once.
    template <class Buffers, class Token>
    auto async_write_some(const Buffers& buffers, Token&& token) {
        return boost::asio::async_initiate<Token, void(boost::system::error_code, std::size_t)>(
            [this](auto handler, const Buffers& from) {
                for (auto it = boost::asio::buffer_sequence_begin(from);
                     it != boost::asio::buffer_sequence_end(from); ++it) {
                    const boost::asio::const_buffer part{*it};
                    held_.append(static_cast<const char*>(part.data()), part.size());
                }
                boost::asio::post(socket_.get_executor(),
                                  boost::asio::append(std::move(handler), boost::system::error_code{},
                                                      boost::asio::buffer_size(from)));
            },
            token, buffers);
    }

    /// Sends what is held, then reads. An error in sending shows in reading, if it matters: a server may
    /// answer, and close, without having read all.
    template <class Buffers, class Token>
    auto async_read_some(const Buffers& buffers, Token&& token) {
        return boost::asio::async_compose<Token, void(boost::system::error_code, std::size_t)>(
            Read<Buffers>{this, buffers}, token, socket_);
    }

    /// Sends what is held, if the socket takes it at once.
    void flush() noexcept {
        boost::system::error_code ignored;
        socket_.non_blocking(true, ignored);
        socket_.write_some(boost::asio::buffer(held_), ignored);
        held_.clear();
    }

private:
    template <class Buffers>
    struct Read {
        GatheringSocket* self;
        Buffers buffers;
        enum { begin, send, read } step = begin;

        template <class Op>
        void operator()(Op& op, boost::system::error_code error = {}, std::size_t count = 0) {
            switch (step) {
            case begin:
                if (!self->held_.empty()) {
                    step = send;
                    self->sending_.swap(self->held_);
                    return boost::asio::async_write(self->socket_, boost::asio::buffer(self->sending_),
                                                    std::move(op));
                }
                [[fallthrough]];
            case send:
                step = read;
                self->sending_.clear();
                return self->socket_.async_read_some(buffers, std::move(op));
            case read: op.complete(error, count);
            }
        }
    };

    Socket socket_;
    std::string held_, sending_;
};

} // namespace fetch
