#include "support/lookup_world.hpp"

#include "support/client.hpp"

#include "events/recorder.hpp"
#include "lookup/load.hpp"

#include <boost/asio/async_result.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <utility>

namespace test {

namespace asio = boost::asio;

void DomainWorld::record(std::string id, base::seconds ttl) {
    dns::Answer answer;
    answer.kind = dns::Answer::Kind::data;
    answer.records = {"v=STSv1; id=" + std::move(id) + ";"};
    answer.ttl = ttl;
    txt = std::move(answer);
}

void DomainWorld::no_record(base::seconds negative_ttl) {
    dns::Answer answer;
    answer.kind = dns::Answer::Kind::nxdomain;
    answer.ttl = negative_ttl;
    txt = std::move(answer);
}

std::string policy_text(std::string_view mode, const std::vector<std::string>& mx, long max_age) {
    std::string text = "version: STSv1\nmode: " + std::string(mode) + "\n";
    for (const std::string& name : mx) text += "mx: " + name + "\n";
    return text + "max_age: " + std::to_string(max_age) + "\n";
}

/// Answers TXT questions from the world's variables.
class WorldResolver final : public dns::Resolver {
public:
    explicit WorldResolver(LookupWorld& world) : world_(world) {}

    asio::awaitable<dns::Result> resolve(std::string name, dns::Type type, dns::Purpose) override {
        if (!name.starts_with("_mta-sts.")) {
            ++world_.asked_[{name, type}];
            co_await world_.sleep(world_.dns_delay);
            const auto found = world_.dns.find({name, type});
            if (found != world_.dns.end()) co_return found->second;
            dns::Answer none;
            none.kind = dns::Answer::Kind::nxdomain;
            none.worth = dns::Worth::insecure;
            none.canonical_name = name;
            co_return none;
        }
        ++world_.txt_questions_;
        DomainWorld seen = world_.at(name.substr(std::string_view("_mta-sts.").size()));
        co_await world_.sleep(seen.txt_delay);
        co_return seen.txt;
    }

private:
    LookupWorld& world_;
};

class WorldFetcher final : public fetch::Fetcher {
public:
    explicit WorldFetcher(LookupWorld& world) : world_(world) {}

    asio::awaitable<fetch::Result> get(std::string policy_host) override {
        ++world_.gets_;
        DomainWorld seen = world_.at(policy_host.substr(std::string_view("mta-sts.").size()));
        co_await world_.sleep(seen.https_delay);
        if (!seen.https) co_return base::unexpected(seen.https.error());
        fetch::Fetched fetched;
        fetched.body = *seen.https;
        co_return fetched;
    }

private:
    LookupWorld& world_;
};

/// The real store, with a count of commits that are still to come, so that settle() knows to wait for them.
class LookupWorld::CountingStore final : public cache::Store {
public:
    CountingStore(std::unique_ptr<cache::SqliteStore> store, asio::io_context& io)
        : store_(std::move(store)), io_(io) {}

    void save(cache::Row row, std::function<void(bool)> done) override {
        ++outstanding_;
        store_->save(std::move(row), [this, done = std::move(done)](bool durable) {
            if (done) done(durable);
            asio::post(io_, [this] { --outstanding_; });
        });
    }
    void forget(base::Domain domain, std::optional<base::Instant> fetched_at) override {
        store_->forget(std::move(domain), fetched_at);
    }
    void note_running(base::seconds total) override { store_->note_running(total); }
    [[nodiscard]] std::size_t outstanding() const { return outstanding_; }

private:
    std::unique_ptr<cache::SqliteStore> store_;
    asio::io_context& io_;
    std::size_t outstanding_ = 0; ///< touched on the io_context's thread only
};

namespace {

dns::Answer signed_answer(const std::string& name, std::vector<std::string> records) {
    dns::Answer answer;
    answer.kind = records.empty() ? dns::Answer::Kind::nodata : dns::Answer::Kind::data;
    answer.records = std::move(records);
    answer.ttl = base::seconds{300};
    answer.worth = dns::Worth::secure;
    answer.canonical_name = name;
    return answer;
}

} // namespace

void LookupWorld::signed_mx(const std::string& domain, const std::string& mx_host, const std::string& tlsa_) {
    const auto set = [this](const std::string& name, dns::Type type, std::vector<std::string> records) {
        dns.insert_or_assign({name, type}, signed_answer(name, std::move(records)));
    };
    set(domain, dns::Type::mx, {dns::to_record({10, mx_host})});
    set(mx_host, dns::Type::a, {std::string("\xc0\x00\x02\x01", 4)});
    set(mx_host, dns::Type::aaaa, {});
    tlsa(mx_host, 25, tlsa_);
}

void LookupWorld::tlsa(const std::string& host, unsigned port, const std::string& rdata) {
    const std::string name = '_' + std::to_string(port) + "._tcp." + host;
    dns.insert_or_assign(
        {name, dns::Type::tlsa},
        signed_answer(name, rdata.empty() ? std::vector<std::string>{} : std::vector{rdata}));
}

/// The front thread's inbox is the one thread there is.
class IoInbox final : public base::Inbox {
public:
    explicit IoInbox(asio::io_context& io) : io_(io) {}
    void post(std::function<void()> work) override { asio::post(io_, std::move(work)); }

private:
    asio::io_context& io_;
};

struct LookupWorld::Parts {
    WorldResolver resolver;
    WorldFetcher fetcher;
    events::Recorder recorder;
    lookup::DaneLookup dane;
    CountingStore store;
    lookup::Learner learner;
    lookup::Refresher refresher;
    IoInbox front;
    lookup::Service service;

    Parts(LookupWorld& world, std::unique_ptr<cache::SqliteStore> sqlite)
        : resolver(world), fetcher(world), recorder(world.log, world.time),
          dane(world.io_->get_executor(), resolver), store(std::move(sqlite), *world.io_),
          learner({world.io_->get_executor(), resolver, fetcher, dane, store, *world.table_, world.time,
                   world.time, recorder},
                  world.tuning_),
          refresher({learner, *world.table_, world.time, world.time,
                     [&world] { return world.draw ? world.draw() : world.random; }, store},
                    world.tuning_, 32),
          front(*world.io_), service({front, world.io_->get_executor(), learner, *world.table_, world.time,
                                      world.time, recorder},
                                     world.service_options()) {
        learner.on_new_policy([this](const base::Domain& domain) { refresher.add(domain); });
    }
};

LookupWorld::LookupWorld(cache::Tuning tuning) : tuning_(tuning) { start(); }

LookupWorld::~LookupWorld() { stop(); }

void LookupWorld::start() {
    io_ = std::make_unique<asio::io_context>();
    table_ = std::make_unique<cache::Table>(cache::Limits{});
    std::vector<cache::Evicted> gone;
    std::vector<cache::Row> rows;
    auto opened = cache::SqliteStore::open(file_, {}, log, time, [&](cache::Row row) {
        if (lookup::load(*table_, row, time.now()) == lookup::Loaded::unreadable)
            gone.push_back({row.domain, row.fetched_at});
        rows.push_back(std::move(row));
    });
    if (!opened) throw std::runtime_error(opened.error());
    for (const cache::Evicted& one : gone) opened->store->forget(one.domain, one.fetched_at);
    parts_ = std::make_unique<Parts>(*this, std::move(opened->store));
    for (const cache::Row& row : rows) parts_->learner.loaded(row);
    parts_->learner.set_ran_before(opened->running);
    parts_->refresher.start();
}

void LookupWorld::stop() {
    time.forget_calls(); // they hold coroutines of the io_context that is destroyed now
    parts_.reset();
    io_.reset();
}

void LookupWorld::restart() {
    stop();
    start();
}

void LookupWorld::kill() {
    // What a new process would find after kill -9: the files as they are now, while the old store still has
    // them open.
    const std::filesystem::path copy = folder_ / ("after-kill-" + std::to_string(time.passed().count()));
    std::filesystem::create_directory(copy);
    for (const char* suffix : {"", "-wal"})
        if (std::filesystem::path part = file_.string() + suffix; std::filesystem::exists(part))
            std::filesystem::copy_file(part, copy / part.filename());
    stop();
    file_ = copy / file_.filename();
    start();
}

void LookupWorld::restart_with_damaged_store() {
    stop();
    std::ofstream{file_, std::ios::binary | std::ios::trunc} << "this was a database once";
    start();
}

/// Runs everything that can run without time passing; waits for the disk during a commit.
void LookupWorld::settle() {
    for (;;) {
        io_->restart();
        if (io_->poll() > 0) continue;
        if (parts_->store.outstanding() == 0) return;
        io_->restart();
        auto guard = asio::make_work_guard(*io_);
        io_->run_one();
    }
}

boost::asio::awaitable<void> LookupWorld::sleep(base::seconds duration) {
    if (duration.count() == 0) co_return;
    auto initiate = [this, duration](auto handler) {
        auto held = std::make_shared<decltype(handler)>(std::move(handler));
        (void)time.after(duration, [held] { std::move (*held)(); });
    };
    auto woken =
        asio::async_initiate<const asio::use_awaitable_t<>, void()>(std::move(initiate), asio::use_awaitable);
    co_await std::move(woken);
}

std::vector<std::string> LookupWorld::ask_many(const std::string& key, std::size_t count) {
    std::vector<std::string> replies;
    for (std::size_t i = 0; i < count; ++i) {
        Client::ask(parts_->service, "sts " + key, time.steady(),
                    [&replies](std::string reply) { replies.push_back(std::move(reply)); });
    }
    settle();
    while (replies.size() < count) {
        if (!time.next_call()) throw std::logic_error("a question stays open");
        time.make_next_call();
        settle();
    }
    return replies;
}

std::string LookupWorld::ask(const std::string& key, const std::string& map) {
    std::optional<std::string> reply;
    Client::ask(parts_->service, map + " " + key, time.steady(),
                [&reply](std::string text) { reply = std::move(text); });
    settle();
    while (!reply) {
        if (!time.next_call()) throw std::logic_error("a question stays open");
        time.make_next_call();
        settle();
    }
    return *reply;
}

void LookupWorld::ask_later(const std::string& key, std::function<void(std::string)> reply) {
    Client::ask(parts_->service, "sts " + key, time.steady(), std::move(reply));
}

lookup::ServiceOptions LookupWorld::service_options() const {
    lookup::ServiceOptions options;
    options.tuning = tuning_;
    options.overrides = overrides_;
    options.observe = observe_;
    return options;
}

void LookupWorld::set_overrides(std::vector<decision::Override> overrides, bool observe) {
    overrides_ =
        std::make_shared<const decision::Overrides>(decision::Overrides::of(std::move(overrides)).value());
    observe_ = observe;
    parts_->service.configure(service_options());
}

lookup::ObservedSums::Taken LookupWorld::take_observed() { return parts_->service.take_observed(); }

const lookup::AnswerCounts& LookupWorld::answer_counts() const { return parts_->service.counts(); }

const lookup::SearchCounts& LookupWorld::search_counts() const { return parts_->learner.counts(); }

void LookupWorld::tune(const cache::Tuning& tuning) {
    tuning_ = tuning;
    parts_->learner.configure(tuning);
    parts_->refresher.configure(tuning, 32);
    const lookup::ServiceOptions options = service_options();
    parts_->service.configure(options);
}

void LookupWorld::pass_to(base::milliseconds at) {
    settle();
    while (time.next_call() && *time.next_call() <= at) {
        time.make_next_call();
        settle();
    }
    time.move_to(at);
}

} // namespace test
