#include "server/server.hpp"

#include "base/repeats.hpp"
#include "server/admission.hpp"
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
constexpr int accepts_per_turn = 64;                   // then the sessions continue
constexpr std::chrono::milliseconds accept_pause{100}; // when descriptors or memory run out
constexpr std::chrono::milliseconds full_pause{250};   // until the next search for connections to close
constexpr int closed_a_turn = 64;                      // idle connections; then other work continues
constexpr std::chrono::milliseconds stop_grace{800};   // for pending replies
constexpr std::chrono::seconds repeat_after{10};       // between two log lines about the same trouble

int descriptors_of_process() noexcept {
    rlimit files{};
    if (::getrlimit(RLIMIT_NOFILE, &files) != 0) return INT_MAX;
    return descriptors_for_connections(files.rlim_cur);
}

base::Steady steady_now() { return std::chrono::floor<base::Steady::duration>(SteadyClock::now()); }

} // namespace

class Server::Impl final : public SessionOwner, public std::enable_shared_from_this<Impl> {
public:
    Impl(Loop& loop, lookup::Handler& handler, Options options, events::Sink& events)
        : loop_(loop), handler_(handler), events_(events), options_(options),
          admission_(options.max_connections, descriptors_of_process()) {}

    base::Expected<void, std::string> open(base::Expected<Listener, std::string> listener) {
        if (!listener) return base::unexpected(std::move(listener.error()));
        events_.emit(events::Listening{.address = listener->name()});
        doors_.push_back(std::make_shared<Door>(*this, std::move(*listener), admission_.add_listener()));
        doors_.back()->watch();
        return {};
    }

    bool take(net::Descriptor& connected) {
        if (stopping_ || doors_.empty()) return false;
        const Door& door = *doors_.front();
        if (admission_.room(door.number) != Admission::Room::free && !make_room(door)) return false;
        return !begin(door, std::move(connected));
    }

    void configure(Options options) {
        const bool backlog = options.backlog != options_.backlog;
        options_ = options;
        admission_.set_limits(options_.max_connections, descriptors_of_process());
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

    /// The Server is being destroyed: nothing may call it, the handler or the events after this.
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
    [[nodiscard]] const Counts& counts() const noexcept { return counts_; }
    [[nodiscard]] std::vector<const Listener*> listeners() const {
        std::vector<const Listener*> all;
        for (const auto& door : doors_) all.push_back(&*door->listener);
        return all;
    }
    [[nodiscard]] const Options& options() const noexcept { return options_; }

    void violated(const Session& session, std::string_view problem) override {
        counts_.broken.add();
        if (const auto line = violations_.allow("", steady_now()); line.write)
            events_.emit(events::ProtocolViolation{
                .peer = session.peer(), .problem = problem, .held_back = line.suppressed_since});
    }

    void ended(Session& session) override {
        const auto held = sessions_.find(&session);
        admission_.release(held->second.slot);
        sessions_.erase(held);
        counts_.connections.set(sessions_.size());
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
        const std::size_t number;         ///< in the admission
        bool watched = false;
        bool full = false; ///< no room for its next connection: not watched until there may be room

        Door(Impl& owner, Listener l, std::size_t n) : server(owner), listener(std::move(l)), number(n) {}
        ~Door() { close(); }
        Door(const Door&) = delete;
        Door& operator=(const Door&) = delete;

        void watch() {
            if (watched || full || !listener || server.stopping_ || server.paused_) return;
            // EPOLLEXCLUSIVE: of several threads that wait for the same queue, one is woken.
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
        Admission::Slot slot;
    };
    using Sessions = std::unordered_map<Session*, Held>;

    /// Closes idle connections to make room for one of this listener. False when none may be closed.
    bool make_room(const Door& door) {
        const SteadyClock::time_point now = SteadyClock::now();
        if (!admission_.may_search(now)) return false;
        const std::size_t from = admission_.makes_room(door.number);
        std::vector<std::shared_ptr<Session>> sessions;
        std::vector<std::optional<SteadyClock::duration>> idle;
        sessions.reserve(admission_.connections(from));
        idle.reserve(admission_.connections(from));
        for (const auto& [key, held] : sessions_) {
            if (held.slot.listener != from) continue;
            sessions.push_back(held.session);
            idle.push_back(key->idle_for(now));
        }
        const std::vector<std::size_t> chosen = admission_.choose(idle, now);
        for (const std::size_t index : chosen) sessions[index]->close();
        closed_for_room_ += chosen.size();
        counts_.room.add(chosen.size());
        return !chosen.empty();
    }

    /// A copy, because sessions may end during a loop over them.
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
            // When the next connection ends, or at the next sweep, it is tried again.
        }
    }

    /// Level-triggered: connections that this turn does not accept are reported again.
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
            if (const auto room = admission_.room(door->number); room != Admission::Room::free) {
                if (turn > 0) return; // if a connection is waiting, we are called again
                const std::size_t before = sessions_.size();
                const bool files = room == Admission::Room::descriptors_full;
                const bool made = make_room(*door);
                if (const auto line = fulls_.allow("", steady_now()); line.write)
                    events_.emit(
                        events::ConnectionsFull{.connections = before,
                                                .address = door->listener->name(),
                                                .limit = files ? "file descriptors" : "max_connections",
                                                .closed = std::exchange(closed_for_room_, 0),
                                                .held_back = line.suppressed_since});
                if (made) continue;
                counts_.held_up.of(files ? HeldUp::descriptors : HeldUp::connections).add();
                return wait_for_room(*door);
            }
            const std::optional<AcceptError> failed = accept_one(*door);
            if (failed == AcceptError::none_waiting) return;
            if (failed == AcceptError::out_of_resources) return pause();
        }
    }

    void wait_for_room(Door& door) {
        loop_.cancel(full_);
        full_ = loop_.after(full_pause, [self = shared_from_this()] { self->look_again(); });
        door.full = true;
        door.unwatch();
    }

    std::optional<AcceptError> accept_one(const Door& door) {
        net::Descriptor fd{::accept4(door.listener->fd(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)};
        if (fd.get() < 0) {
            const int error = errno;
            const AcceptError meaning = meaning_of(error);
            if (meaning == AcceptError::out_of_resources)
                complain(door, std::generic_category().message(error));
            return meaning;
        }
        return begin(door, std::move(fd));
    }

    /// A session for a connected socket.
    std::optional<AcceptError> begin(const Door& door, net::Descriptor fd) {
        const int number = fd.get();
        auto session =
            std::make_shared<Session>(std::move(fd), options_.max_request, loop_, scratch_, handler_, *this);
        if (const std::error_code error = session->start()) {
            complain(door, error.message());
            return AcceptError::out_of_resources;
        }
        Held& held = sessions_[session.get()];
        held = {session, admission_.admit(door.number, number)};
        counts_.accepted.add();
        counts_.connections.set(sessions_.size());
        if (sweep_ == 0) arm_sweep();
        return std::nullopt;
    }

    void complain(const Door& door, const std::string& problem) {
        if (const auto line = failures_.allow("", steady_now()); line.write)
            events_.emit(events::AcceptFailed{.address = door.listener->name(),
                                              .problem = problem,
                                              .connections = sessions_.size(),
                                              .held_back = line.suppressed_since});
    }

    void pause() {
        if (paused_) return;
        pause_ = loop_.after(accept_pause, [self = shared_from_this()] {
            self->paused_ = false;
            self->look_again();
        });
        paused_ = true;
        counts_.held_up.of(HeldUp::error).add();
        for (const auto& door : doors_) door->unwatch();
    }

    void arm_sweep() {
        loop_.cancel(sweep_);
        sweep_ = loop_.after(std::max(options_.idle / sweeps_per_idle, std::chrono::milliseconds{1}),
                             [self = shared_from_this()] { self->sweep(); });
    }

    void sweep() {
        sweep_ = 0;
        arm_sweep(); // first: there must be a next sweep even if this one fails
        sweep_on(std::make_shared<const std::vector<std::shared_ptr<Session>>>(snapshot()), 0);
    }

    void sweep_on(const std::shared_ptr<const std::vector<std::shared_ptr<Session>>>& all, std::size_t at) {
        // The first sweep may come right after an octet, so the whole time has passed only after one sweep
        // more than sweeps_per_idle.
        for (int closed = 0; at < all->size(); ++at) {
            if ((*all)[at]->quiet_sweeps() <= sweeps_per_idle) continue;
            const std::size_t before = sessions_.size();
            (*all)[at]->close();
            counts_.idle.add(before - sessions_.size());
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
    events::Sink& events_;
    Options options_;
    Counts counts_;
    Scratch scratch_;
    Admission admission_;
    std::vector<std::shared_ptr<Door>> doors_;
    Sessions sessions_;
    base::Timers::Id sweep_ = 0, pause_ = 0, full_ = 0, grace_ = 0; ///< 0: not armed
    std::function<void()> stopped_;
    /// At most one line of each kind in repeat_after; the next line has the number of those held back.
    base::Repeats violations_{repeat_after, 1}, fulls_{repeat_after, 1}, failures_{repeat_after, 1};
    std::size_t closed_for_room_ = 0; ///< connections closed to make room since the last line about it
    bool paused_ = false, stopping_ = false;
};

Server::Server(Loop& front, lookup::Handler& handler, Options options, events::Sink& events)
    : impl_(std::make_shared<Impl>(front, handler, options, events)) {}

Server::~Server() { impl_->abandon(); }

base::Expected<void, std::string> Server::listen(const net::ListenAddress& address,
                                                 const SocketOwner& owner) {
    return impl_->open(Listener::open(address, owner, impl_->options().backlog));
}

void Server::serve(Listener listener) { (void)impl_->open(std::move(listener)); }

base::Expected<void, std::string> Server::adopt(int fd) { return impl_->open(Listener::adopt(fd)); }

bool Server::take(net::Descriptor& connected) { return impl_->take(connected); }

void Server::configure(Options options) { impl_->configure(options); }

void Server::stop(std::function<void()> stopped) { impl_->stop(std::move(stopped)); }

std::size_t Server::connections() const noexcept { return impl_->connections(); }

const Counts& Server::counts() const noexcept { return impl_->counts(); }

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
