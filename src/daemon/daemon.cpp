#include "daemon/daemon.hpp"

#include "base/version.hpp"
#include "cache/disk/late_store.hpp"
#include "cache/disk/sqlite_store.hpp"
#include "config/options.hpp"
#include "daemon/administration.hpp"
#include "daemon/fleet.hpp"
#include "daemon/front.hpp"
#include "daemon/kept_state.hpp"
#include "daemon/listeners.hpp"
#include "daemon/measures.hpp"
#include "daemon/memory_reserve.hpp"
#include "daemon/service_names.hpp"
#include "daemon/signals_blocked.hpp"
#include "daemon/spare_descriptors.hpp"
#include "daemon/systemd.hpp"
#include "events/policy_counts.hpp"
#include "events/recorder.hpp"
#include "lookup/dane_lookup.hpp"
#include "lookup/learner.hpp"
#include "lookup/load.hpp"
#include "lookup/refresher.hpp"
#include "lookup/server_probe.hpp"
#include "wiring/context.hpp"
#include "wiring/real_time.hpp"
#include "wiring/settings.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>

#include <fcntl.h>
#include <malloc.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <optional>
#include <random>
#include <stdexcept>
#include <thread>
#include <utility>

namespace app {

namespace asio = boost::asio;

namespace {

/// Longest time a stop waits for pending replies.
constexpr base::milliseconds stop_patience{1500};
/// While nothing is known about the name servers, they are probed again after this time, which doubles up to
/// a minute. Otherwise hourly.
constexpr std::chrono::seconds soon{5};
/// A start that takes long reports progress to systemd within this time.
constexpr std::chrono::seconds start_patience{30};
/// From one time to the next that what was only observed goes to state.db.
constexpr std::chrono::seconds observed_every{10};

std::string join(const std::vector<std::string_view>& words) {
    std::string joined;
    for (std::string_view word : words) joined.append(joined.empty() ? "" : ",").append(word);
    return joined;
}

double uniform() {
    static std::mt19937_64 generator{std::random_device{}()};
    return std::uniform_real_distribution<double>{0, 1}(generator);
}

} // namespace

class Daemon::Impl {
public:
    Impl(config::Loaded loaded, Reread reread, LineLog& log);
    ~Impl();
    int run();

private:
    void open_store();
    void take_late(const cache::Row& row);
    void forget_evicted(const base::Domain& domain, base::Instant fetched_at);
    void make_fronts(std::vector<server::Listener> listeners);
    void wait_for_signals();
    void reload();
    void make_room();
    [[nodiscard]] lookup::ServiceOptions current_options() const;
    [[nodiscard]] cache::Tuning current_tuning() const;
    void apply_tuning();
    void probe_resolver();
    void probed(dane::Validation found);
    void begin_stop(int signal);
    void finish_stop();
    void fetch_observed();
    void when_in_use(std::size_t front, std::function<void()> done);
    void keep_watchdog();
    [[nodiscard]] std::string status() const;

    config::Loaded loaded_;
    Reread reread_;
    LineLog& log_;
    SystemClock clock_;
    events::History history_;
    events::Tap tap_;
    events::Recorder events_{log_, clock_, &history_, &tap_};     ///< of the back thread
    events::Recorder store_events_{log_, clock_, nullptr, &tap_}; ///< of the store's
    events::PolicyCounts policy_counts_{events_};
    MemoryReserve reserve_{clock_, events_};
    Context back_;
    AsioTimers back_timers_{back_.get_executor()};
    asio::signal_set signals_{back_, SIGTERM, SIGINT, SIGHUP};
    cache::Table table_;
    std::unique_ptr<cache::SqliteStore> store_;
    cache::LateStore late_store_;
    dns::StubResolver resolver_;
    std::optional<fetch::HttpsFetcher> fetcher_;
    lookup::DaneLookup dane_{back_.get_executor(), resolver_};
    lookup::ServerProbe probe_{back_.get_executor(), resolver_, probe_options(loaded_.config),
                               [this](const auto& findings) { probed(dane::together(findings)); }};
    std::shared_ptr<const postfix::Services> services_ = read_services();
    dane::Activation activation_;
    dane::Validation validation_;            ///< result of the last probe of the name servers
    std::chrono::seconds next_probe_ = soon; ///< while nothing is known
    base::Timers::Id probe_timer_ = 0;
    std::optional<KeptState> state_;
    std::optional<Fleet> fleet_; ///< outlives the next
    std::optional<lookup::Learner> learner_;
    std::optional<lookup::Refresher> refresher_;
    std::optional<Measures> measures_;
    std::optional<Administration> administration_;
    Fronts fronts_;
    std::size_t fronts_stopped_ = 0;
    bool stopping_ = false;
};

Daemon::Impl::Impl(config::Loaded loaded, Reread reread, LineLog& log)
    : loaded_(std::move(loaded)), reread_(std::move(reread)), log_(log), table_(cache_limits(loaded_.config)),
      resolver_(back_.get_executor(), dns_options(loaded_.config), clock_, events_) {
    const config::Config& config = loaded_.config;
    fetcher_.emplace(back_.get_executor(), resolver_, fetch_options(config), events_);
    Listeners listeners =
        open_listeners(loaded_, events_); // from here on clients queue instead of being refused
    state_.emplace(
        KeptState::Parts{policy_counts_, log_, clock_, back_timers_,
                         [this](std::function<void()> call) { asio::post(back_, std::move(call)); },
                         [this] { apply_tuning(); }},
        config);
    fleet_.emplace(
        config.shared,
        valkey::SharedCache::Parts{back_.get_executor(), back_timers_, clock_, table_, events_, uniform},
        resolver_);
    learner_.emplace(
        lookup::Learner::Parts{back_.get_executor(), resolver_, *fetcher_, dane_, late_store_, table_, clock_,
                               back_timers_, state_->watch(), [this] { return reserve_.available(); },
                               // A flood leaves holes between the records that stay: free the holes.
                               [] { (void)::malloc_trim(0); }, fleet_->cache()},
        current_tuning());
    refresher_.emplace(
        lookup::Refresher::Parts{*learner_, table_, clock_, back_timers_, uniform, late_store_},
        current_tuning(), refreshes_at_once(config));
    const auto options = [this] { return current_options(); };
    const auto http = [this] { return administration_ ? &administration_->server() : nullptr; };
    const auto later = [this](std::function<void()> call) { asio::post(back_, std::move(call)); };
    const std::vector<const events::Recorder*> recorders{&events_, &store_events_};
    measures_.emplace(Measures::Parts{
        clock_,    loaded_.config, table_,    fronts_,   recorders,       policy_counts_,  *state_,
        *learner_, *refresher_,    *fetcher_, resolver_, store_,          reserve_,        log_,
        dane_,     http,           options,   later,     fleet_->cache(), fleet_->wanted()});
    const auto replan = [this](const base::Domain& domain) { refresher_->add(domain); };
    const auto fronts = [this] {
        std::vector<Health::Front> all;
        for (const auto& one : fronts_) all.push_back({one->loop, *one->server});
        return all;
    };
    const auto in_use = [this](std::function<void()> done) { when_in_use(0, std::move(done)); };
    administration_.emplace(Administration::Parts{back_.get_executor(), state_->watch(), clock_, table_,
                                                  *state_, options, late_store_, *learner_, back_timers_,
                                                  history_, tap_, *measures_, loaded_.config, resolver_,
                                                  replan, in_use, fronts, config.web.hosts, fleet_->cache()});
    table_.set_complete(false); // until the store is loaded
    learner_->on_new_policy(replan);
    make_fronts(std::move(listeners.postfix));
    administration_->serve(std::move(listeners));
}

Daemon::Impl::~Impl() {
    for (const auto& front : fronts_) {
        front->loop.stop();
        if (front->thread.joinable()) front->thread.join();
    }
    // Stop the threads that post to the loop before its handlers are dropped.
    if (fetcher_) fetcher_->stop_thread();
    if (store_) store_->stop();
    if (state_) state_->stop();
    if (fleet_) fleet_->stop();
    // Coroutines that are still waiting refer to the members below: drop them first.
    back_.drop_handlers();
}

void Daemon::Impl::open_store() {
    std::vector<cache::Evicted> gone;
    const base::Instant now = clock_.now();
    // systemd kills a start that reports nothing for too long.
    base::Steady told{};
    const auto go_on = [&] {
        if (clock_.steady() - told < std::chrono::seconds{1}) return;
        told = clock_.steady();
        notify_extend(start_patience, "reading the stored policies: " + status());
    };
    go_on();
    std::size_t expired = 0, unreadable = 0;
    cache::SqliteStore::Options options;
    // A recreated file gets everything we have.
    options.refill = [this](const cache::SqliteStore::RowSink& sink) {
        bool more = true;
        table_.for_each([&](const base::Domain& domain, const cache::Entry& entry) {
            if (more) more = sink(lookup::row(domain, entry));
        });
    };
    options.late = [this](cache::Row row) {
        asio::post(back_, [this, row = std::move(row)] { take_late(row); });
    };
    auto opened = cache::SqliteStore::open(
        std::filesystem::path(loaded_.config.state_dir) / "stsmapd.sqlite", std::move(options), store_events_,
        clock_, [&](const cache::Row& row) {
            go_on();
            learner_->loaded(row);
            const auto evicted = [&](const cache::Evicted& one) { gone.push_back(one); };
            const lookup::Loaded loaded = lookup::load(table_, row, now, evicted);
            if (loaded == lookup::Loaded::expired) ++expired;
            if (loaded != lookup::Loaded::unreadable) return;
            ++unreadable;
            gone.push_back({row.domain, row.fetched_at});
        });
    if (!opened) throw std::runtime_error(opened.error());
    store_ = std::move(opened->store);
    late_store_.set(*store_);
    table_.set_complete(true);
    (void)measures_->census(); // begins to count
    learner_->set_ran_before(opened->running);
    for (const cache::Evicted& one : gone) forget_evicted(one.domain, one.fetched_at);
    events_.emit(events::StoreLoaded{
        .policies = table_.policy_count(), .expired = expired, .unreadable = unreadable + opened->skipped});
}

/// Memory has no place for the policy.
void Daemon::Impl::forget_evicted(const base::Domain& domain, base::Instant fetched_at) {
    store_->forget(domain, fetched_at);
    state_->keeper().ended(domain.name());
}

/// A row that could not be read at the start.
void Daemon::Impl::take_late(const cache::Row& row) {
    learner_->loaded(row);
    const auto evicted = [this](const cache::Evicted& one) { forget_evicted(one.domain, one.fetched_at); };
    const lookup::Loaded loaded = lookup::load_late(table_, row, clock_.now(), evicted);
    if (loaded == lookup::Loaded::kept || loaded == lookup::Loaded::expired)
        refresher_->add(row.domain);
    else if (loaded != lookup::Loaded::known)
        store_->forget(row.domain, row.fetched_at);
}

void Daemon::Impl::make_fronts(std::vector<server::Listener> listeners) {
    const config::Config& config = loaded_.config;
    for (unsigned i = 0; i < config.threads; ++i) {
        auto front = std::make_unique<Front>(log_, clock_, tap_);
        front->service.emplace(lookup::Service::Parts{front->loop, back_.get_executor(), *learner_, table_,
                                                      clock_, front->loop, front->recorder},
                               current_options());
        front->loop.at_turn_end([service = &*front->service](auto took) { service->turn_ended(took); });
        front->server.emplace(front->loop, *front->service, server_options(config, config.threads),
                              front->recorder);
        fronts_.push_back(std::move(front));
    }
    // The other front threads accept from the same listen queues as the first.
    for (std::size_t i = 1; i < fronts_.size(); ++i)
        for (const server::Listener& listener : listeners) {
            const int copy = ::fcntl(listener.fd(), F_DUPFD_CLOEXEC, 0);
            if (copy < 0) throw std::runtime_error("no file descriptors left for " + listener.name());
            if (auto adopted = fronts_[i]->server->adopt(copy); !adopted)
                throw std::runtime_error(adopted.error());
        }
    for (server::Listener& listener : listeners) fronts_.front()->server->serve(std::move(listener));
}

int Daemon::Impl::run() {
    if (::geteuid() == 0)
        events_.emit(events::RunningAsRoot{
            .detail = "no privilege is needed, and none is dropped: use a user of its own"});
    require_spare_descriptors(descriptors_to_start);
    {
        const SignalsBlocked while_threads_start;
        for (const auto& front : fronts_)
            front->thread = std::thread([&front = *front] { front.loop.run(); });
    }
    // Domains that are loaded are answered at once. Lookups wait for this thread, which is busy until the
    // whole store is loaded.
    open_store();
    refresher_->start();
    wait_for_signals();
    resolver_.on_doubt([this] { probe_resolver(); });
    probe_resolver();
    state_->report();
    fetch_observed();
    events_.emit(events::Ready{.version = base::version(), .policies = table_.policy_count()});
    notify_ready(status());
    keep_watchdog();
    fleet_->start();
    auto work = asio::make_work_guard(back_);
    back_.run_on();
    store_->stop();
    state_->stop();
    events_.emit(events::Stopped{.policies = table_.policy_count()});
    return 0;
}

void Daemon::Impl::wait_for_signals() {
    signals_.async_wait([this](boost::system::error_code error, int signal) {
        if (error) return;
        wait_for_signals(); // first: the next signal must be handled even if this one fails
        if (signal == SIGHUP)
            reload();
        else
            begin_stop(signal);
    });
}

void Daemon::Impl::reload() {
    if (stopping_) return;
    notify_reloading();
    const auto keep_old = [this](std::string_view detail) {
        events_.emit(events::ReloadFailed{.detail = detail, .kept = "the old configuration"});
        notify_ready(status());
    };
    base::Expected<config::Loaded, std::vector<config::Problem>> reread = reread_();
    if (!reread) {
        std::string all;
        for (const config::Problem& problem : reread.error())
            all += (all.empty() ? "" : "; ") + to_string(problem);
        return keep_old(all);
    }
    const config::Config& next = reread->config;
    if (auto fits = state_->check(next); !fits) return keep_old(fits.error());
    auto keys = fleet_->read_keys(next.shared);
    if (!keys) return keep_old(keys.error());
    // The last that can fail: when the CA file cannot be read.
    if (auto configured = fetcher_->configure(fetch_options(next)); !configured)
        return keep_old(configured.error());
    fleet_->use(std::move(*keys));
    const config::Changes changes = changed(loaded_.config, next);
    log_.configure(next.log);
    resolver_.configure(dns_options(next));
    probe_.configure(probe_options(next));
    table_.set_limits(cache_limits(next));
    make_room();
    for (const auto& front : fronts_)
        front->loop.post([&front = *front, server = server_options(next, fronts_.size())] {
            front.server->configure(server);
        });
    events_.emit(events::Reload{.changed = join(changes.live), .needs_restart = join(changes.restart)});
    loaded_ = *std::move(reread);
    measures_->configured();
    activation_.begin();
    services_ = read_services();
    state_->configure(loaded_.config);
    administration_->configure(loaded_.config.web.hosts);
    state_->report();
    apply_tuning();
    probe_resolver();
    notify_ready(status());
}

lookup::ServiceOptions Daemon::Impl::current_options() const {
    lookup::ServiceOptions options = service_options(loaded_.config, validation_);
    options.services = services_;
    options.overrides = state_->overrides();
    return options;
}

cache::Tuning Daemon::Impl::current_tuning() const { return current_options().tuning; }

void Daemon::Impl::apply_tuning() {
    const lookup::ServiceOptions options = current_options();
    learner_->configure(options.tuning);
    refresher_->configure(options.tuning, refreshes_at_once(loaded_.config));
    for (const auto& front : fronts_)
        front->loop.post([&front = *front, options] { front.service->configure(options); });
}

/// Does a trusted name server validate? Asked at start, after each reload, when the list of servers changes,
/// when an answer contradicts the last result, and hourly; more often while the result is unknown.
void Daemon::Impl::probe_resolver() {
    if (loaded_.config.dane != config::Dane::off) probe_.run();
}

void Daemon::Impl::probed(dane::Validation found) {
    using State = dane::Validation::State;
    if (loaded_.config.dane == config::Dane::off) return; // switched off while the question was running
    if (found.state == State::unknown && probe_.running() > 0) return; // another server may still answer
    const dane::Validation validation = activation_.take(std::move(found));
    if (validation != validation_) {
        const std::string_view active =
            validation.state == State::unknown ? "not known yet" : to_string(validation.state);
        events_.emit(events::Dane{.active = active, .detail = validation.why});
        validation_ = validation;
        apply_tuning();
    }
    back_timers_.cancel(probe_timer_);
    probe_timer_ = 0;
    if (stopping_) return;
    const bool known = validation.state != State::unknown;
    const std::chrono::seconds wait = known ? std::chrono::hours{1} : next_probe_;
    next_probe_ = known ? soon : std::min(2 * next_probe_, std::chrono::seconds{60});
    probe_timer_ = back_timers_.after(wait, [this] { probe_resolver(); });
}

/// Evicts records after a limit was lowered, in slices, so that nothing else waits for it.
void Daemon::Impl::make_room() {
    for (int slice = 0; slice < 1000; ++slice) {
        auto evicted = table_.make_room(clock_.now());
        if (!evicted) return;
        policy_counts_.add(events::PolicyChange::evicted);
        forget_evicted(evicted->domain, evicted->fetched_at);
    }
    asio::post(back_, [this] { make_room(); });
}

void Daemon::Impl::begin_stop(int signal) {
    if (stopping_) return;
    stopping_ = true;
    events_.emit(events::Stopping{.signal = signal});
    notify_stopping("stopping");
    refresher_->stop();
    fleet_->stop();
    administration_->stop();
    for (const auto& front : fronts_)
        front->loop.post([this, &front = *front] {
            front.server->stop([this, &front] {
                asio::post(back_, [this, taken = front.service->take_observed()] { state_->add(taken); });
                asio::post(back_, [this] { ++fronts_stopped_, finish_stop(); });
            });
        });
    // A client that never reads must not delay the stop.
    (void)back_timers_.after(stop_patience, [this] {
        fronts_stopped_ = fronts_.size();
        finish_stop();
    });
}

void Daemon::Impl::finish_stop() {
    if (fronts_stopped_ < fronts_.size()) return;
    for (const auto& front : fronts_) front->loop.stop();
    back_.stop();
}

std::string Daemon::Impl::status() const {
    const std::string kept = state_->status();
    return std::to_string(table_.policy_count()) + " policies, " + std::to_string(table_.absence_count()) +
           " absences" + (kept.empty() ? "" : "; " + kept);
}

void Daemon::Impl::fetch_observed() {
    (void)back_timers_.after(observed_every, [this] { fetch_observed(); });
    for (const auto& front : fronts_)
        front->loop.post([this, &front = *front] {
            asio::post(back_, [this, taken = front.service->take_observed()] { state_->add(taken); });
        });
}

/// Visits every front thread once: what was posted to them before is done then.
void Daemon::Impl::when_in_use(std::size_t front, std::function<void()> done) {
    if (front == fronts_.size()) return done();
    fronts_[front]->loop.post([this, front, done = std::move(done)] {
        asio::post(back_, [this, front, done] { when_in_use(front + 1, done); });
    });
}

void Daemon::Impl::keep_watchdog() {
    const std::optional<std::chrono::microseconds> interval = watchdog_interval();
    if (!interval) return;
    (void)back_timers_.after(std::chrono::floor<base::milliseconds>(*interval / 3), [this] {
        keep_watchdog();
        // If a front thread hangs, systemd's watchdog gets no message.
        when_in_use(0, [this] {
            notify_status(status());
            notify_watchdog();
        });
    });
}

Daemon::Daemon(config::Loaded loaded, Reread reread, LineLog& log)
    : impl_(std::make_unique<Impl>(std::move(loaded), std::move(reread), log)) {}

Daemon::~Daemon() = default;

int Daemon::run() { return impl_->run(); }

} // namespace app
