#include "admin/server.hpp"

#include "admin/http_reply.hpp"
#include "admin/rights.hpp"
#include "admin/session.hpp"
#include "base/net/descriptor.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <map>
#include <new>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/socket.h>

namespace admin {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

using Descriptor = asio::posix::stream_descriptor;
constexpr auto waiting = asio::as_tuple(asio::use_awaitable);

/// Accepting pauses this long when the system has no descriptors or memory left.
constexpr std::chrono::milliseconds accept_pause{100};

std::string why(int error) { return std::generic_category().message(error); }

/// Errors of accept(2) that are the client's, or none.
bool passes(int error) noexcept {
    return error == EAGAIN || error == EWOULDBLOCK || error == EINTR || error == ECONNABORTED;
}

std::optional<Peer> peer_of(int fd) {
    ucred found{};
    socklen_t size = sizeof found;
    if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &found, &size) != 0) return std::nullopt;
    return Peer{found.uid, found.pid};
}

} // namespace

class Server::Core : public std::enable_shared_from_this<Core> {
public:
    Core(Parts parts, Handlers handlers)
        : executor_(std::move(parts.executor)),
          site_(std::make_shared<Site>(parts.events, parts.clock, std::move(handlers), parts.own,
                                       parts.overflow, std::move(parts.hosts), executor_)) {
        site_->door(Entrance::control).patience = parts.patience;
        site_->door(Entrance::web).patience = parts.of_web;
        site_->door(Entrance::web).content_policy = content_policy(parts.style_hash);
    }

    base::Expected<void, std::string> serve(server::Listener listener, Entrance entrance, Reach reach) {
        int family = AF_UNSPEC;
        socklen_t size = sizeof family;
        if (::getsockopt(listener.fd(), SOL_SOCKET, SO_DOMAIN, &family, &size) != 0)
            return base::unexpected(listener.name() + ": " + why(errno));
        if (entrance == Entrance::control && family != AF_UNIX)
            return base::unexpected(listener.name() + ": the control socket must be a unix socket");
        const int copy = ::fcntl(listener.fd(), F_DUPFD_CLOEXEC, 0);
        if (copy < 0) return base::unexpected(listener.name() + ": " + why(errno));
        const auto place =
            std::make_shared<Place>(executor_, copy, std::move(listener), entrance, reach, family);
        places_.push_back(place);
        asio::co_spawn(executor_, accept(shared_from_this(), place), [](std::exception_ptr) {});
        return {};
    }

    void stop() {
        stopping_ = true;
        for (const auto& place : places_) place->close();
        places_.clear();
        const std::map<std::shared_ptr<Session>, Standing> all = sessions_; // they may end meanwhile
        for (const auto& [session, standing] : all) session->stop();
    }

    void set_hosts(std::vector<std::string> hosts) { site_->hosts = std::move(hosts); }

    [[nodiscard]] std::size_t connections(Entrance entrance) const noexcept {
        return count_[static_cast<std::size_t>(entrance)];
    }
    [[nodiscard]] const Counts& counts(Entrance entrance) const noexcept {
        return site_->door(entrance).counts;
    }

private:
    /// A socket that is listened on.
    struct Place {
        Place(const asio::any_io_executor& executor, int copy, server::Listener from, Entrance into,
              Reach who, int of)
            : acceptor(executor, copy), pause(executor), listener(std::in_place, std::move(from)),
              entrance(into), reach(who), family(of) {}

        void close() {
            error_code ignored;
            acceptor.close(ignored);
            pause.cancel();
            listener.reset(); // removes the file
        }

        Descriptor acceptor; ///< a duplicate of the listener's descriptor
        asio::steady_timer pause;
        std::optional<server::Listener> listener;
        Entrance entrance;
        Reach reach;
        int family;
    };

    static asio::awaitable<void> accept(std::shared_ptr<Core> self, std::shared_ptr<Place> place) {
        while (!self->stopping_) {
            const auto [error] = co_await place->acceptor.async_wait(Descriptor::wait_read, waiting);
            if (error || self->stopping_) co_return;
            const int fd =
                ::accept4(place->acceptor.native_handle(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
            const int failed = fd >= 0 ? self->welcome(*place, fd) : errno;
            if (failed == 0 || passes(failed)) continue;
            self->report(*place, failed);
            place->pause.expires_after(accept_pause);
            co_await place->pause.async_wait(waiting);
        }
    }

    /// Accepting goes on without a line, too, when there is no memory for one.
    void report(const Place& place, int failed) noexcept {
        try {
            site_->events.emit(events::AcceptFailed{.address = place.listener->name(),
                                                    .problem = why(failed),
                                                    .connections = connections(place.entrance)});
        } catch (const std::bad_alloc&) {
            return;
        }
    }

    /// Owns `fd`. What went wrong, as an errno; 0 nothing. Without memory this client is lost, and no later one.
    int welcome(const Place& place, int fd) noexcept {
        net::Descriptor owned(fd);
        if (place.reach == Reach::other_hosts && site_->hosts.empty()) {
            site_->door(place.entrance).counts.refused.add();
            return 0;
        }
        try {
            Connection::Socket socket(executor_);
            error_code error;
            socket.assign({place.family, 0}, fd, error);
            if (error) return error.value();
            (void)owned.release();
            if (place.entrance == Entrance::control)
                begin_control(std::move(socket));
            else
                begin_web(std::move(socket));
            return 0;
        } catch (const std::bad_alloc&) {
            return ENOMEM;
        }
    }

    void begin_control(Connection::Socket socket) {
        const std::optional<Peer> peer = peer_of(socket.native_handle());
        if (!peer) return;
        const bool changes = may(Right::change, peer->uid, site_->own, site_->overflow);
        const std::size_t count = connections(Entrance::control);
        const bool full = count >= (changes ? max_connections : max_connections - places_for_changes);
        if (full) site_->events.emit(events::ControlFull{.connections = count, .uid = peer->uid});
        begin(std::move(socket), Entrance::control, *peer, full);
    }

    void begin_web(Connection::Socket socket) {
        const std::size_t count = connections(Entrance::web);
        bool full = count >= max_web_connections;
        if (full) {
            site_->events.emit(events::WebFull{.connections = count});
            full = !make_room();
        }
        begin(std::move(socket), Entrance::web, Peer{}, full);
    }

    /// Over the web listener the client that is waited for longest makes room. False: all are being answered.
    bool make_room() {
        auto longest = sessions_.end();
        for (auto at = sessions_.begin(); at != sessions_.end(); ++at) {
            const auto since = at->first->waits_since();
            if (at->second != Standing::served || at->first->entrance() != Entrance::web || !since) continue;
            if (longest == sessions_.end() || *since < *longest->first->waits_since()) longest = at;
        }
        if (longest == sessions_.end()) return false;
        site_->door(Entrance::web).counts.refused.add();
        --count_of(Entrance::web);
        longest->second = Standing::dropped;
        longest->first->drop();
        return true;
    }

    void begin(Connection::Socket socket, Entrance entrance, Peer peer, bool full) {
        std::size_t& refusing = refusing_[static_cast<std::size_t>(entrance)];
        if (full) {
            site_->door(entrance).counts.refused.add();
            if (refusing == max_refusing) return;
        }
        const auto session = std::make_shared<Session>(site_, std::move(socket), entrance, peer);
        sessions_.emplace(session, full ? Standing::refused : Standing::served);
        ++(full ? refusing : count_of(entrance));
        const auto over = [self = shared_from_this(), session](std::exception_ptr) { self->over(session); };
        try {
            asio::co_spawn(executor_, full ? Session::refuse(session) : Session::run(session), over);
        } catch (const std::bad_alloc&) {
            over(nullptr);
            throw;
        }
    }

    void over(const std::shared_ptr<Session>& session) {
        const auto found = sessions_.find(session);
        if (found == sessions_.end()) return;
        if (found->second == Standing::served) --count_of(session->entrance());
        if (found->second == Standing::refused) --refusing_[static_cast<std::size_t>(session->entrance())];
        sessions_.erase(found);
    }

    [[nodiscard]] std::size_t& count_of(Entrance entrance) noexcept {
        return count_[static_cast<std::size_t>(entrance)];
    }

    /// What a session counts as.
    enum class Standing : std::uint8_t {
        served,
        refused, ///< it gets 503
        dropped, ///< it has made room, and ends
    };

    asio::any_io_executor executor_;
    std::shared_ptr<Site> site_;
    std::vector<std::shared_ptr<Place>> places_;
    std::map<std::shared_ptr<Session>, Standing> sessions_;
    std::array<std::size_t, entrances> count_{};    ///< sessions that are served, of each entrance
    std::array<std::size_t, entrances> refusing_{}; ///< that are refused
    bool stopping_ = false;
};

Server::Server(Parts parts, Handlers handlers)
    : core_(std::make_shared<Core>(std::move(parts), std::move(handlers))) {}

Server::~Server() { core_->stop(); }

base::Expected<void, std::string> Server::serve(server::Listener listener, Entrance entrance, Reach reach) {
    return core_->serve(std::move(listener), entrance, reach);
}

void Server::set_hosts(std::vector<std::string> hosts) { core_->set_hosts(std::move(hosts)); }

void Server::stop() { core_->stop(); }

std::size_t Server::connections(Entrance entrance) const noexcept { return core_->connections(entrance); }

const Counts& Server::counts(Entrance entrance) const noexcept { return core_->counts(entrance); }

} // namespace admin
