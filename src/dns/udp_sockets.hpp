// dns/udp_sockets.hpp - UDP sockets to name servers: bound to a port the kernel picks at random, connected,
// so that the kernel drops what comes from elsewhere.
//
// Each try has a new socket of its own, because a reused port can be guessed (RFC 5452 section 9.2). The
// exception is a server on the loopback interface: nobody outside can send from there, and nobody inside can
// bind the server's own address and port. Sockets to such a server are reused under load, which saves five
// system calls per question; none is kept when there is nothing to ask. A socket that has received anything
// except the one expected reply is closed, also if it came later. Threads: that of its executor's io_context.
#pragma once

#include "base/clock.hpp"
#include "base/net/address.hpp"
#include "dns/message.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/steady_timer.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace dns {

struct UdpSocket {
    explicit UdpSocket(const boost::asio::any_io_executor& executor) : socket(executor) {}
    boost::asio::ip::udp::socket socket;
};

class UdpSockets : public std::enable_shared_from_this<UdpSockets> {
public:
    /// This many tries in one `window` are load. Then this many sockets are kept, even if fewer are in use at
    /// the moment.
    static constexpr std::size_t many = 16;
    static constexpr base::milliseconds window{100};
    /// After this time without a try all kept sockets are closed.
    static constexpr base::milliseconds quiet{1000};

    /// `clock` outlives the io_context.
    UdpSockets(boost::asio::any_io_executor executor, base::Clock& clock)
        : executor_(std::move(executor)), clock_(clock) {}

    /// A socket of a try; the destructor gives it back.
    class Lease {
    public:
        /// `error()` says why when no socket could be opened.
        Lease(std::shared_ptr<UdpSockets> sockets, const net::Endpoint& server);
        ~Lease();
        Lease(const Lease&) = delete;
        Lease& operator=(const Lease&) = delete;

        [[nodiscard]] const boost::system::error_code& error() const noexcept { return error_; }
        [[nodiscard]] const std::shared_ptr<UdpSocket>& socket() const noexcept { return socket_; }
        /// The reply has come, and nothing else; no operation is pending.
        void is_clean() noexcept { clean_ = true; }

    private:
        std::shared_ptr<UdpSockets> sockets_;
        net::Endpoint server_;
        boost::system::error_code error_; // declared before its writer
        std::shared_ptr<UdpSocket> socket_;
        bool clean_ = false;
    };

    /// One whole datagram, of any size, in a buffer that the next call uses again. would_block when there is
    /// none.
    [[nodiscard]] std::span<const std::uint8_t> receive(UdpSocket& socket, boost::system::error_code& error);

    /// How many sockets wait to be used again.
    [[nodiscard]] std::size_t kept() const noexcept;
    /// Closes them.
    void stop() noexcept;

private:
    struct Kept {
        net::Endpoint server;
        std::shared_ptr<UdpSocket> socket;
    };
    /// Owned by the timer's handler, and so by the io_context, which may be destroyed before us.
    struct Pool {
        explicit Pool(const boost::asio::any_io_executor& executor) : sweep(executor) {}
        boost::asio::steady_timer sweep;
        std::vector<Kept> kept;
    };
    [[nodiscard]] std::shared_ptr<UdpSocket> take(const net::Endpoint& server,
                                                  boost::system::error_code& error);
    void give_back(const net::Endpoint& server, std::shared_ptr<UdpSocket> socket, bool clean) noexcept;
    void note_try();
    [[nodiscard]] std::size_t may_keep() const noexcept;
    void keep(const net::Endpoint& server, std::shared_ptr<UdpSocket> socket);
    void sweep_later(std::shared_ptr<Pool> pool);

    boost::asio::any_io_executor executor_;
    base::Clock& clock_;
    std::weak_ptr<Pool> pool_; ///< none without load
    base::Steady window_start_{}, last_try_{};
    std::size_t tries_ = 0, tries_before_ = 0; ///< in this window, in the one before it
    std::size_t in_use_ = 0;
    Bytes buffer_ = Bytes(max_message);
};

} // namespace dns
