#include "server/server.hpp"

#include "server/session.hpp"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdint>
#include <new>
#include <optional>
#include <system_error>
#include <unordered_map>
#include <utility>

#include <sys/resource.h>
#include <sys/socket.h>

namespace server {

namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr unsigned sweeps_per_idle = 8;
constexpr int accepts_per_turn = 64;                   // then the sessions have their turn
constexpr std::chrono::milliseconds accept_pause{100}; // when descriptors or memory run out
// A connection that has asked nothing for so long may have to make room for another. Postfix connects again
// by itself, at once, when it finds one closed.
constexpr std::chrono::milliseconds closable_after{1000};
constexpr std::chrono::milliseconds full_pause{250};  // until it is looked again for one to close
constexpr std::chrono::milliseconds search_pause{50}; // the same when others keep coming and going
constexpr std::size_t closed_at_once = 64;            // of this many of a listener's connections, one
constexpr int closed_a_turn = 64;                     // for being idle; then the others have their turn
constexpr std::chrono::milliseconds stop_grace{800};  // for replies that are owed
constexpr std::chrono::seconds repeat_after{10};      // between two log lines about the same trouble
// Descriptors that connections leave to the rest of the process: what DNS (1,024 questions) and HTTPS (64
// fetches to a few addresses each) may have open at once, but never more than a quarter of all.
constexpr rlim_t most_reserved = 2048;

/// Connections get descriptors below this number; the kernel always gives the lowest one that is free.
int descriptors_for_connections() noexcept {
    rlimit files{};
    if (::getrlimit(RLIMIT_NOFILE, &files) != 0) return INT_MAX;
    const rlim_t left = files.rlim_cur - std::min(most_reserved, files.rlim_cur / 4);
    return static_cast<int>(std::min<rlim_t>(left, INT_MAX));
}

/// Lets a log line through at most once per repeat_after; what was held back is counted into the next one.
class Seldom {
public:
    /// The number of lines held back since the last one, or nullopt when this one is to be held back, too.
    std::optional<std::uint64_t> pass() {
        const SteadyClock::time_point now = SteadyClock::now();
        if (last_ && now - *last_ < repeat_after) {
            ++held_;
            return std::nullopt;
        }
        last_ = now;
        return std::exchange(held_, 0);
    }

private:
    std::optional<SteadyClock::time_point> last_;
    std::uint64_t held_ = 0;
};

enum class Accepted { yes, none_waiting, try_next, out_of_resources };

Accepted judge(int error) noexcept {
    switch (error) {
    case EAGAIN: return Accepted::none_waiting;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM: return Accepted::out_of_resources;
    case EINTR:
    case ECONNABORTED:
    case EPERM: // a firewall rule
    // Errors of the network that accept(2) passes on about one connection.
    case ENETDOWN:
    case EPROTO:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case EOPNOTSUPP:
    case ENETUNREACH: return Accepted::try_next;
    default: return Accepted::out_of_resources; // unknown: never spin
    }
}

} // namespace

class Server::Impl final : public SessionOwner, public std::enable_shared_from_this<Impl> {
public:
    Impl(Loop& loop, lookup::Handler& handler, Options options, base::Log& log)
        : loop_(loop), handler_(handler), log_(log), options_(options) {}

    base::Expected<void, std::string> open(base::Expected<Listener, std::string> listener) {
        if (!listener) return base::unexpected(std::move(listener.error()));
        log_.write(base::Level::info, "listening", {{"address", listener->name()}});
        doors_.push_back(std::make_shared<Door>(*this, std::move(*listener)));
        doors_.back()->watch();
        return {};
    }

    void configure(Options options) {
        const bool backlog = options.backlog != options_.backlog;
        options_ = options;
        descriptors_ = descriptors_for_connections();
        if (backlog)
            for (const auto& door : doors_) door->listener->set_backlog(options_.backlog);
        if (sweep_ != 0) arm_sweep(); // with the new interval
        look_again();
    }

    void stop(std::function<void()> stopped) {
        stopping_ = true;
        stopped_ = std::move(stopped);
        close_doors();
        for (const auto& session : snapshot()) session->finish();
        if (sessions_.empty()) return report_stopped();
        grace_ = loop_.after(stop_grace, [self = shared_from_this()] {
            for (const auto& session : self->snapshot()) session->close();
        });
    }

    /// The Server goes: nothing may call back into it, the handler or the log any more.
    void abandon() {
        stopping_ = true;
        stopped_ = nullptr;
        close_doors();
        loop_.cancel(sweep_);
        loop_.cancel(grace_);
        for (const auto& session : snapshot()) session->detach();
        sessions_.clear();
    }

    [[nodiscard]] std::size_t connections() const noexcept { return sessions_.size(); }
    [[nodiscard]] std::vector<const Listener*> listeners() const {
        std::vector<const Listener*> all;
        for (const auto& door : doors_) all.push_back(&*door->listener);
        return all;
    }
    [[nodiscard]] const Options& options() const noexcept { return options_; }

    void violated(const Session& session, std::string_view problem) override {
        if (const auto held = violations_.pass())
            log_.write(base::Level::warning, "protocol-violation",
                       {{"peer", session.peer()}, {"problem", problem}, {"held_back", *held}});
    }

    void ended(Session& session) override {
        const auto held = sessions_.find(&session);
        --held->second.door->sessions;
        if (held->second.reserved) --reserved_;
        sessions_.erase(held);
        if (stopping_) {
            if (sessions_.empty()) report_stopped();
        } else {
            look_again();
        }
    }

private:
    /// A listening socket and whether the loop watches it.
    struct Door final : Loop::Watcher, std::enable_shared_from_this<Door> {
        Impl& server;
        std::optional<Listener> listener; ///< nullopt once closed
        bool watched = false;
        bool full = false;        ///< no room for its next connection: not watched until there may be some
        std::size_t sessions = 0; ///< the connections that came through it

        Door(Impl& owner, Listener l) : server(owner), listener(std::move(l)) {}
        ~Door() { close(); }
        Door(const Door&) = delete;
        Door& operator=(const Door&) = delete;

        void watch() {
            if (watched || full || !listener || server.stopping_ || server.paused_) return;
            // Of several threads that wait for the same queue one is woken.
            const std::error_code error = server.loop_.watch(listener->fd(), EPOLLIN | EPOLLEXCLUSIVE, *this);
            if (!error) {
                watched = true;
            } else {
                server.complain(*this, error.message());
                server.pause();
            }
        }
        void unwatch() {
            if (std::exchange(watched, false)) server.loop_.unwatch(listener->fd(), *this);
        }
        void close() {
            unwatch();
            listener.reset();
        }
        void ready(std::uint32_t) override {
            const auto kept = server.shared_from_this();
            server.accept(shared_from_this());
        }
    };
    struct Held {
        std::shared_ptr<Session> session;
        std::shared_ptr<Door> door; ///< it came through
        bool reserved = false;      ///< it took a descriptor of the reserve
    };
    using Sessions = std::unordered_map<Session*, Held>;

    /// Connections have reached the reserve of descriptors, and since then no more have ended than begun.
    [[nodiscard]] bool crowded() const noexcept { return reserved_ > 0 && sessions_.size() >= crowd_; }

    /// Half of the places are set aside in equal parts, one for each listener, so that a crowd at one of them
    /// never keeps all others from connecting.
    [[nodiscard]] bool has_room(const Door& door) const noexcept {
        if (crowded() || sessions_.size() >= options_.max_connections) return false;
        const std::size_t part = options_.max_connections / (2 * doors_.size());
        if (door.sessions < part) return true;
        std::size_t set_aside = 0;
        for (const auto& other : doors_)
            if (other.get() != &door && other->sessions < part) set_aside += part - other->sessions;
        return sessions_.size() + set_aside < options_.max_connections;
    }

    /// Closes the connections that have been idle longest, of this listener if it has its share of all, else
    /// of the one that has most. False when none has been idle long enough.
    bool make_room(const Door& door) {
        const Door* from = &door;
        if (door.sessions * doors_.size() < sessions_.size())
            for (const auto& other : doors_)
                if (other->sessions > from->sessions) from = other.get();
        using Idle = std::pair<SteadyClock::duration, std::shared_ptr<Session>>;
        std::vector<Idle> idle;
        const SteadyClock::time_point now = SteadyClock::now();
        if (now < search_again_) return false;
        for (const auto& [key, held] : sessions_) {
            if (held.door.get() != from) continue;
            const auto since = key->idle_for(now);
            if (since && *since >= closable_after) idle.emplace_back(*since, held.session);
        }
        const std::size_t count = std::min(idle.size(), from->sessions / closed_at_once + 1);
        std::partial_sort(idle.begin(), idle.begin() + static_cast<std::ptrdiff_t>(count), idle.end(),
                          [](const Idle& a, const Idle& b) { return a.first > b.first; });
        idle.resize(count);
        for (const Idle& longest : idle) longest.second->close();
        closed_for_room_ += count;
        if (count == 0) search_again_ = now + search_pause;
        return count > 0;
    }

    /// Sessions end while they are walked over.
    [[nodiscard]] std::vector<std::shared_ptr<Session>> snapshot() const {
        std::vector<std::shared_ptr<Session>> all;
        all.reserve(sessions_.size());
        for (const auto& [key, held] : sessions_) all.push_back(held.session);
        return all;
    }

    /// There may be room again.
    void look_again() {
        for (const auto& door : doors_) door->full = false;
        try {
            watch_all();
        } catch (const std::bad_alloc&) {
            // The next connection that ends, or the next sweep, tries it again.
        }
    }

    /// Level-triggered: more than one turn's worth of newcomers is told again.
    void watch_all() {
        for (const auto& door : doors_) door->watch();
    }

    void accept(const std::shared_ptr<Door>& door) {
        try {
            accept_some(door);
        } catch (const std::bad_alloc&) {
            pause();
        }
    }

    void accept_some(const std::shared_ptr<Door>& door) {
        for (int turn = 0; turn < accepts_per_turn; ++turn) {
            if (!has_room(*door)) {
                if (turn > 0) return; // is anybody waiting? Then we are called again
                const std::size_t before = sessions_.size();
                const bool files = crowded();
                const bool made = make_room(*door);
                if (const auto held = fulls_.pass())
                    log_.write(base::Level::warning, "connections-full",
                               {{"connections", before},
                                {"address", door->listener->name()},
                                {"limit", files ? "file descriptors" : "max_connections"},
                                {"closed", std::exchange(closed_for_room_, 0)},
                                {"held_back", *held}});
                if (!made) return wait_for_room(*door);
                continue;
            }
            const Accepted accepted = accept_one(door);
            if (accepted == Accepted::none_waiting) return;
            if (accepted == Accepted::out_of_resources) return pause();
        }
    }

    void wait_for_room(Door& door) {
        loop_.cancel(full_);
        full_ = loop_.after(full_pause, [self = shared_from_this()] { self->look_again(); });
        door.full = true;
        door.unwatch();
    }

    Accepted accept_one(const std::shared_ptr<Door>& through) {
        const Door& door = *through;
        Descriptor fd{::accept4(door.listener->fd(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)};
        if (fd.get() < 0) {
            const int error = errno;
            const Accepted verdict = judge(error);
            if (verdict == Accepted::out_of_resources) complain(door, std::generic_category().message(error));
            return verdict;
        }
        const bool reserved = fd.get() >= descriptors_;
        auto session =
            std::make_shared<Session>(std::move(fd), options_.max_request, loop_, scratch_, handler_, *this);
        if (const std::error_code error = session->start()) {
            complain(door, error.message());
            return Accepted::out_of_resources;
        }
        sessions_.emplace(session.get(), Held{session, through, reserved});
        ++through->sessions;
        if (reserved && reserved_++ == 0) crowd_ = sessions_.size();
        if (sweep_ == 0) arm_sweep();
        return Accepted::yes;
    }

    void complain(const Door& door, const std::string& problem) {
        if (const auto held = failures_.pass())
            log_.write(base::Level::error, "accept-failed",
                       {{"address", door.listener->name()},
                        {"problem", problem},
                        {"connections", sessions_.size()},
                        {"held_back", *held}});
    }

    void pause() {
        if (paused_) return;
        pause_ = loop_.after(accept_pause, [self = shared_from_this()] {
            self->paused_ = false;
            self->look_again();
        });
        paused_ = true;
        for (const auto& door : doors_) door->unwatch();
    }

    void arm_sweep() {
        loop_.cancel(sweep_);
        sweep_ = loop_.after(std::max(options_.idle / sweeps_per_idle, std::chrono::milliseconds{1}),
                             [self = shared_from_this()] { self->sweep(); });
    }

    void sweep() {
        sweep_ = 0;
        arm_sweep(); // first: whatever comes of this one, there must be a next
        sweep_on(std::make_shared<const std::vector<std::shared_ptr<Session>>>(snapshot()), 0);
    }

    void sweep_on(const std::shared_ptr<const std::vector<std::shared_ptr<Session>>>& all, std::size_t at) {
        // The first sweep may come right after an octet: one more than sweeps_per_idle makes sure of the
        // whole time.
        for (int closed = 0; at < all->size(); ++at) {
            if ((*all)[at]->quiet_sweeps() <= sweeps_per_idle) continue;
            (*all)[at]->close();
            if (++closed == closed_a_turn)
                return loop_.queue([self = shared_from_this(), all, at] { self->sweep_on(all, at + 1); });
        }
        if (sessions_.empty()) loop_.cancel(std::exchange(sweep_, 0));
        look_again();
    }

    void close_doors() {
        loop_.cancel(pause_);
        loop_.cancel(full_);
        for (const auto& door : doors_) door->close();
        doors_.clear();
    }

    void report_stopped() {
        loop_.cancel(grace_);
        loop_.cancel(sweep_);
        if (stopped_) loop_.post(std::exchange(stopped_, nullptr));
    }

    Loop& loop_;
    lookup::Handler& handler_;
    base::Log& log_;
    Options options_;
    Scratch scratch_;
    int descriptors_ = descriptors_for_connections();
    std::vector<std::shared_ptr<Door>> doors_;
    Sessions sessions_;
    base::Timers::Id sweep_ = 0, pause_ = 0, full_ = 0, grace_ = 0; ///< 0: not armed
    std::function<void()> stopped_;
    Seldom violations_, fulls_, failures_;
    std::size_t closed_for_room_ = 0;      ///< connections, since the last line that told
    SteadyClock::time_point search_again_; ///< the last search for idle connections found none
    bool paused_ = false, stopping_ = false;
    std::size_t reserved_ = 0; ///< connections on descriptors of the reserve
    std::size_t crowd_ = 0;    ///< how many connections there were when the first of them came
};

Server::Server(Loop& front, lookup::Handler& handler, Options options, base::Log& log)
    : impl_(std::make_shared<Impl>(front, handler, options, log)) {}

Server::~Server() { impl_->abandon(); }

base::Expected<void, std::string> Server::listen(const Address& address, const SocketOwner& owner) {
    return impl_->open(Listener::open(address, owner, impl_->options().backlog));
}

void Server::serve(Listener listener) { (void)impl_->open(std::move(listener)); }

base::Expected<void, std::string> Server::adopt(int fd) { return impl_->open(Listener::adopt(fd)); }

void Server::configure(Options options) { impl_->configure(options); }

void Server::stop(std::function<void()> stopped) { impl_->stop(std::move(stopped)); }

std::size_t Server::connections() const noexcept { return impl_->connections(); }

std::vector<std::string> Server::addresses() const {
    std::vector<std::string> all;
    for (const Listener* listener : impl_->listeners()) all.push_back(listener->name());
    return all;
}

std::vector<int> Server::listening_fds() const {
    std::vector<int> all;
    for (const Listener* listener : impl_->listeners()) all.push_back(listener->fd());
    return all;
}

} // namespace server
