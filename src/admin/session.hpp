// admin/session.hpp - one client of the administration's server: request after request, until it goes, is too slow,
// or breaks the rules of HTTP. Belongs to the back thread.
#pragma once

#include "admin/connection.hpp"
#include "admin/counts.hpp"
#include "admin/http_reply.hpp"
#include "admin/http_request.hpp"
#include "admin/limits.hpp"
#include "admin/routes.hpp"
#include "admin/turns.hpp"
#include "base/clock.hpp"
#include "events/sink.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace admin {

/// What all sessions use; it outlives them.
struct Site {
    /// An entrance.
    struct Door {
        Patience patience{};
        std::string content_policy{}; ///< ReplyHead
        Counts counts{};
    };

    Site(events::Sink& sink, const base::Clock& now, Handlers all, uid_t own_uid, uid_t overflow_uid,
         std::vector<std::string> admitted, const boost::asio::any_io_executor& executor)
        : events(sink), clock(now), handlers(std::move(all)), own(own_uid), overflow(overflow_uid),
          hosts(std::move(admitted)), turns(executor) {}
    [[nodiscard]] Door& door(Entrance entrance) noexcept { return doors[static_cast<std::size_t>(entrance)]; }

    events::Sink& events;
    const base::Clock& clock;
    Handlers handlers;
    uid_t own = 0;      ///< the daemon's
    uid_t overflow = 0; ///< rights.hpp
    std::array<Door, entrances> doors;
    std::vector<std::string> hosts; ///< web_host.hpp
    Turns turns;                    ///< of the web listener's requests that take some work
};

class Session : public std::enable_shared_from_this<Session> {
public:
    Session(std::shared_ptr<Site> site, Connection::Socket socket, Entrance entrance, Peer peer);

    /// Serves; ends when the connection is over.
    [[nodiscard]] static boost::asio::awaitable<void> run(std::shared_ptr<Session> self);
    /// Tells the client that there is no place for it, and ends.
    [[nodiscard]] static boost::asio::awaitable<void> refuse(std::shared_ptr<Session> self);

    /// Ends soon: at once, unless a handler is at work or an object is being written, then after that.
    void stop() noexcept;
    /// Ends at once, whatever it does.
    void drop() noexcept { connection_->close(); }
    [[nodiscard]] Entrance entrance() const noexcept { return entrance_; }
    /// Since when it waits for the client to send or to take something; nothing: it is at work.
    [[nodiscard]] std::optional<std::chrono::steady_clock::time_point> waits_since() const noexcept {
        return waits_since_;
    }

private:
    class Pieces; ///< the body
    using Outcome = base::Expected<Reply, Error>;

    boost::asio::awaitable<base::Expected<void, End>> fill(Connection::Time limit);
    [[nodiscard]] boost::asio::awaitable<base::Expected<std::optional<Head>, Error>> read_head();
    [[nodiscard]] boost::asio::awaitable<bool> serve(Head head);
    [[nodiscard]] boost::asio::awaitable<Outcome> handle(Match match, bool expects_continue);
    [[nodiscard]] boost::asio::awaitable<Outcome> call(const Handler& handler, const Request& request);
    boost::asio::awaitable<bool> send(ReplyHead head, std::string text, bool only_head);
    [[nodiscard]] boost::asio::awaitable<bool> send_lines(std::shared_ptr<Stream> lines, bool close);
    [[nodiscard]] boost::asio::awaitable<bool> write(std::string octets);
    [[nodiscard]] boost::asio::awaitable<void> linger();
    /// The rest of the request, as far as it is here, is dropped. False: it is not here in whole.
    [[nodiscard]] bool finish_request();
    [[nodiscard]] Site::Door& door() const noexcept { return site_->door(entrance_); }
    [[nodiscard]] const Patience& patience() const noexcept { return door().patience; }

    std::shared_ptr<Site> site_;
    std::shared_ptr<Connection> connection_;
    Entrance entrance_;
    Peer peer_;
    std::optional<std::chrono::steady_clock::time_point> waits_since_;
    RequestReader reader_;
    std::array<char, max_input> buffer_{};
    bool first_ = true;   ///< the first request
    bool broken_ = false; ///< where the next request begins is not known
    bool waiting_ = true; ///< for the client, or for a stream: stop() need not wait
    bool stopping_ = false;
};

} // namespace admin
