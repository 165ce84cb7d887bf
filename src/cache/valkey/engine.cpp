#include "cache/valkey/engine.hpp"

#include "cache/valkey/exchange.hpp"
#include "cache/valkey/sentinel.hpp"

#include <boost/asio/post.hpp>

#include <random>
#include <utility>

namespace valkey {

namespace asio = boost::asio;

namespace {

Failure stopping() { return {Trouble::stopping, "the daemon is stopping"}; }

} // namespace

struct Engine::Impl : std::enable_shared_from_this<Impl> {
    Impl(asio::any_io_executor e, Options o, Events ev, std::shared_ptr<asio::ssl::context> t)
        : executor(std::move(e)), options(std::move(o)), events(std::move(ev)), tls(std::move(t)),
          sentinels(options.sentinels, options.primary_name),
          queue(options.max_waiting, options.max_waiting_octets), random(std::random_device{}()) {}

    enum class Kind : std::uint8_t { primary, replica, subscription };

    [[nodiscard]] Dialing dialing() const;
    [[nodiscard]] LaneSettings settings(Kind kind) const;
    [[nodiscard]] std::shared_ptr<Lane> make_lane(Kind kind);
    [[nodiscard]] bool has_replica() const {
        return options.replica || (options.read_replicas && by_sentinel());
    }
    [[nodiscard]] bool by_sentinel() const { return !options.sentinels.empty(); }
    void start();
    void stop();

    [[nodiscard]] asio::awaitable<base::Expected<Address, Failure>> locate(Kind kind);
    void lane_up(Kind kind, const Address& address);
    void lane_down(Kind kind, const Failure& failure);

    void ask(const Arguments& arguments, Use use, base::Steady deadline, Patience patience, Done done);
    [[nodiscard]] std::optional<Trouble> send(std::string_view octets, Use use, base::Steady deadline,
                                              Patience patience, Done done);
    void replied(Lane& lane, base::Steady since, const Answer& answer);
    void later(Done done, Failure failure);

    void offer(const Arguments& arguments, Done done);
    [[nodiscard]] Done counted(Done done) const;
    void drain();
    void note_queue();

    asio::any_io_executor executor;
    Options options;
    Events events;
    std::shared_ptr<asio::ssl::context> tls;
    std::shared_ptr<Counts> counts = std::make_shared<Counts>();
    Sentinels sentinels;
    WriteQueue queue;
    std::minstd_rand random;

    std::shared_ptr<Lane> primary, replica, subscription; // the last two may be null
    std::size_t writes_sent = 0, write_octets_sent = 0;
    bool told_up = false, told_subscribed = false;
    std::optional<Trouble> told_down; // since the last `up`
    bool started = false, stopped = false;
    std::size_t searches = 0; // by Sentinels
};

Dialing Engine::Impl::dialing() const {
    Dialing how;
    how.limit = options.connect_limit;
    how.resolve = options.resolve;
    how.tls = tls;
    if (options.tls) how.tls_name = options.tls->name;
    return how;
}

LaneSettings Engine::Impl::settings(Kind kind) const {
    LaneSettings made;
    made.dialing = dialing();
    made.login.user = options.user;
    made.login.password = options.password;
    made.login.database = options.database;
    made.link = options.link;
    made.backoff = options.backoff;
    made.ping_limit = options.ping_limit;
    if (kind == Kind::primary && !options.read_only) {
        made.login.role = Role::primary;
        made.login.expiry_key = options.expiry_key;
    }
    if (kind == Kind::replica && !options.replica) made.login.role = Role::replica;
    if (kind == Kind::subscription) made.channel = options.channel;
    return made;
}

std::shared_ptr<Lane> Engine::Impl::make_lane(Kind kind) {
    const std::weak_ptr<Impl> weak = weak_from_this();
    Lane::Handlers handlers;
    handlers.up = [weak, kind](const Address& address) {
        if (const auto self = weak.lock()) self->lane_up(kind, address);
    };
    handlers.down = [weak, kind](const Failure& failure) {
        if (const auto self = weak.lock()) self->lane_down(kind, failure);
    };
    handlers.message = [weak](const Link::Message& message) {
        const auto self = weak.lock();
        if (!self || self->stopped) return;
        self->counts->messages.add();
        if (self->events.message) self->events.message(message.channel, message.payload);
    };
    // The search keeps the object alive while it waits.
    Lane::Locate find = [weak, kind]() -> asio::awaitable<base::Expected<Address, Failure>> {
        const auto self = weak.lock();
        if (!self) co_return base::unexpected(stopping());
        base::Expected<Address, Failure> found = co_await self->locate(kind);
        co_return found;
    };
    return std::make_shared<Lane>(executor, settings(kind), std::move(find), std::move(handlers), counts);
}

void Engine::Impl::start() {
    if (std::exchange(started, true) || stopped) return;
    primary = make_lane(Kind::primary);
    if (has_replica()) replica = make_lane(Kind::replica);
    if (!options.channel.empty()) subscription = make_lane(Kind::subscription);
    // Later, so that no handler is called from within.
    asio::post(executor, [lanes = std::vector{primary, replica, subscription}] {
        for (const auto& lane : lanes)
            if (lane) lane->start();
    });
}

void Engine::Impl::stop() {
    if (std::exchange(stopped, true)) return;
    const auto self = shared_from_this();
    for (const auto& lane : {primary, replica, subscription})
        if (lane) lane->stop();
    while (!queue.empty()) queue.pop().done(base::unexpected(stopping()));
    note_queue();
    counts->up.set(0);
}

/// Where an engine of this kind is now.
asio::awaitable<base::Expected<Address, Failure>> Engine::Impl::locate(Kind kind) {
    if (kind == Kind::replica && options.replica) co_return *options.replica;
    if (!by_sentinel()) co_return options.engine;
    Login login;
    login.user = options.sentinel_user;
    login.password = options.sentinel_password;
    login.ask_role = false;
    Failure failure{Trouble::down, "no Sentinel"};
    ++searches;
    const std::vector<Address> order = sentinels.order();
    for (const Address& sentinel : order) {
        if (stopped) break;
        Dialing how = dialing();
        Arguments question = kind == Kind::replica ? sentinels.ask_replicas() : sentinels.ask_primary();
        const std::size_t turn = searches;
        const Answer answer = co_await exchange(executor, sentinel, std::move(how), login, options.link,
                                                std::move(question), turn);
        if (kind == Kind::replica && answer) {
            const std::vector<Address> usable = replicas_in(answer);
            if (usable.empty()) co_return base::unexpected(Failure{Trouble::down, "no replica is usable"});
            sentinels.answered(sentinel);
            co_return usable[std::uniform_int_distribution<std::size_t>(0, usable.size() - 1)(random)];
        }
        const base::Expected<Address, Failure> found = primary_in(answer);
        if (found) {
            sentinels.answered(sentinel);
            co_return *found;
        }
        failure = found.error();
        // What one Sentinel does not know the next may, soon: only wrong rights are for an operator.
        if (failure.trouble == Trouble::refused) failure.trouble = Trouble::down;
        failure.words = "Sentinel " + to_string(sentinel) + ": " + failure.words;
    }
    co_return base::unexpected(failure);
}

void Engine::Impl::lane_up(Kind kind, const Address& address) {
    if (stopped || kind == Kind::replica) return;
    if (kind == Kind::subscription) {
        told_subscribed = true;
        if (events.subscribed) events.subscribed();
        return;
    }
    told_down.reset();
    counts->up.set(1);
    // What another one publishes goes to the engine that takes writes now.
    if (subscription && subscription->up() && subscription->address() != address)
        subscription->reconnect(Failure{Trouble::down, "the primary is now " + to_string(address)});
    if (!std::exchange(told_up, true) && events.up) events.up(to_string(address));
    drain();
}

void Engine::Impl::lane_down(Kind kind, const Failure& failure) {
    if (stopped || kind == Kind::replica) return;
    if (kind == Kind::subscription) {
        if (!std::exchange(told_subscribed, false)) return;
        counts->interruptions.add();
        if (events.interrupted) events.interrupted(failure);
        return;
    }
    counts->up.set(0);
    const bool was_up = std::exchange(told_up, false);
    if (was_up) { // who offered them looks again at what lies there by then
        while (!queue.empty()) later(queue.pop().done, failure);
        note_queue();
    }
    if (!was_up && told_down == failure.trouble) return;
    told_down = failure.trouble;
    Failure why = failure;
    if (!primary->address().path.empty() || !primary->address().host.empty())
        why.words = to_string(primary->address()) + ": " + why.words;
    if (events.down) events.down(why);
}

void Engine::Impl::later(Done done, Failure failure) {
    asio::post(executor, [done = std::move(done), failure = std::move(failure)]() mutable {
        done(base::unexpected(std::move(failure)));
    });
}

/// What a reply says of the connection it came on.
void Engine::Impl::replied(Lane& lane, base::Steady since, const Answer& answer) {
    counts->took.observe(steady_now() - since);
    if (answer || stopped) return;
    const Failure& failure = answer.error();
    const bool of_replica = &lane == replica.get();
    switch (failure.trouble) {
    case Trouble::readonly: // it is no primary any more
        if (!options.read_only) lane.reconnect(failure);
        break;
    case Trouble::auth: lane.reconnect(failure); break;
    case Trouble::masterdown:
    case Trouble::loading: // reads go to the primary, or another replica is found
        if (of_replica) lane.reconnect(failure);
        break;
    default: break;
    }
}

std::optional<Trouble> Engine::Impl::send(std::string_view octets, Use use, base::Steady deadline,
                                          Patience patience, Done done) {
    if (stopped) return Trouble::stopping;
    if (use == Use::write && options.read_only) return Trouble::readonly;
    const std::shared_ptr<Lane> lane = use == Use::read && replica && replica->up() ? replica : primary;
    if (!lane) return Trouble::down;
    const std::weak_ptr<Impl> weak = weak_from_this();
    const std::weak_ptr<Lane> on = lane;
    const base::Steady since = steady_now();
    return lane->command(octets, deadline, patience == Patience::short_,
                         [weak, on, since, done = std::move(done)](Answer answer) {
                             const auto self = weak.lock();
                             const auto used = on.lock();
                             if (self && used) self->replied(*used, since, answer);
                             done(std::move(answer));
                             if (self) self->drain();
                         });
}

void Engine::Impl::ask(const Arguments& arguments, Use use, base::Steady deadline, Patience patience,
                       Done done) {
    counts->commands.add();
    const Done noted = [counted = counts, done = std::move(done)](Answer answer) {
        if (answer)
            counted->replies.add();
        else
            counted->failed.of(answer.error().trouble).add();
        if (done) done(std::move(answer));
    };
    const auto octets = format(arguments);
    if (!octets) return later(noted, octets.error());
    const auto trouble = send(*octets, use, deadline, patience, noted);
    if (!trouble) return;
    std::string words = "the engine is away";
    if (*trouble == Trouble::overloaded) words = "too many commands have no reply yet";
    if (*trouble == Trouble::readonly) words = "the shared cache is only read";
    if (*trouble == Trouble::stopping) words = stopping().words;
    later(noted, Failure{*trouble, std::move(words)});
}

/// `done` of a write, counted.
Engine::Done Engine::Impl::counted(Done done) const {
    return [all = counts, told = std::move(done)](Answer answer) {
        if (answer)
            all->written.add();
        else
            all->unwritten.of(answer.error().trouble).add();
        if (told) told(std::move(answer));
    };
}

void Engine::Impl::note_queue() {
    counts->waiting.set(queue.size());
    counts->waiting_octets.set(queue.octets());
}

void Engine::Impl::offer(const Arguments& arguments, Done done) {
    counts->writes.add();
    Done ended = counted(std::move(done));
    auto octets = format(arguments);
    if (!octets) return later(std::move(ended), octets.error());
    if (stopped) return later(std::move(ended), stopping());
    if (options.read_only)
        return later(std::move(ended), Failure{Trouble::readonly, "the shared cache is only read"});
    for (WriteQueue::Write& old : queue.push({std::move(*octets), std::move(ended)})) {
        counts->dropped.add();
        later(std::move(old.done), Failure{Trouble::overloaded, "too many writes wait for the engine"});
    }
    drain();
}

/// Sends what waits, as far as it may be sent now. Called whenever that may have changed.
void Engine::Impl::drain() {
    while (!queue.empty() && primary && primary->up() && writes_sent < max_writes_sent &&
           write_octets_sent < max_write_octets_sent) {
        const std::size_t octets = queue.front().octets.size();
        const Done done = [weak = weak_from_this(), octets, told = queue.front().done](Answer answer) {
            if (const auto self = weak.lock()) {
                --self->writes_sent;
                self->write_octets_sent -= octets;
            }
            told(std::move(answer));
        };
        const base::Steady deadline = steady_now() + options.write_limit;
        if (send(queue.front().octets, Use::write, deadline, Patience::short_, done)) break;
        ++writes_sent;
        write_octets_sent += octets;
        queue.drop();
    }
    note_queue();
}

base::Expected<std::unique_ptr<Engine>, std::string> Engine::make(asio::any_io_executor executor,
                                                                  Options options, Events events) {
    std::shared_ptr<asio::ssl::context> tls;
    if (options.tls) {
        auto made = make_context(*options.tls);
        if (!made) return base::unexpected(made.error());
        tls = std::move(*made);
    }
    auto impl =
        std::make_shared<Impl>(std::move(executor), std::move(options), std::move(events), std::move(tls));
    return std::unique_ptr<Engine>(new Engine(std::move(impl)));
}

Engine::Engine(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
Engine::~Engine() { impl_->stop(); }

void Engine::start() { impl_->start(); }
void Engine::stop() { impl_->stop(); }

void Engine::ask(const Arguments& arguments, Use use, base::Steady deadline, Patience patience, Done done) {
    impl_->ask(arguments, use, deadline, patience, std::move(done));
}

asio::awaitable<Answer> Engine::command(Arguments arguments, Use use, base::Steady deadline,
                                        Patience patience) {
    struct Course {
        explicit Course(const asio::any_io_executor& executor) : over(executor) {}
        base::Event over;
        std::optional<Answer> answer;
    };
    const auto course = std::make_shared<Course>(impl_->executor);
    const Done done = [course](Answer answer) {
        course->answer = std::move(answer);
        course->over.notify();
    };
    impl_->ask(arguments, use, deadline, patience, done);
    while (!course->answer) {
        co_await course->over.wait();
    }
    co_return std::move(*course->answer);
}

void Engine::offer(const Arguments& arguments, Done done) { impl_->offer(arguments, std::move(done)); }

bool Engine::up() const noexcept { return impl_->primary && impl_->primary->up(); }
Address Engine::address() const { return impl_->primary ? impl_->primary->address() : Address{}; }
std::shared_ptr<const Counts> Engine::counts() const noexcept { return impl_->counts; }

} // namespace valkey
