#include "tool/check/run.hpp"

#include "base/event.hpp"
#include "base/net/asio_address.hpp"
#include "base/text.hpp"
#include "dns/stub_resolver.hpp"
#include "lookup/dane_lookup.hpp"
#include "lookup/server_probe.hpp"
#include "smtp/probe.hpp"
#include "tool/check/asked_once.hpp"
#include "tool/check/collect.hpp"
#include "tool/check/registrable.hpp"
#include "tool/check/together.hpp"
#include "wiring/context.hpp"
#include "wiring/real_time.hpp"
#include "wiring/settings.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <memory>
#include <set>
#include <stdexcept>
#include <utility>

namespace check {

namespace asio = boost::asio;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

namespace {

constexpr milliseconds progress_every{500};

class Silence final : public events::Sink {
public:
    [[nodiscard]] bool wants(base::Level) const noexcept override { return false; }
    void emit(const events::Event&) override {}
    void count(events::Id) noexcept override {}
};

lookup::ServerProbe::Findings unknown_servers(dns::StubResolver& resolver) {
    lookup::ServerProbe::Findings findings;
    for (const dns::ServerState& server : resolver.servers())
        findings.push_back({server.name, server.trusted, {dane::Validation::State::unknown, "no answer"}});
    return findings;
}

bool all_known(const lookup::ServerProbe::Findings& findings) {
    return std::ranges::none_of(findings, [](const dane::ServerFinding& each) {
        return each.trusted && each.validation.state == dane::Validation::State::unknown;
    });
}

/// Places for coroutines: those that find none wait in their order.
class Places {
public:
    Places(asio::any_io_executor executor, std::size_t most) : executor_(std::move(executor)), left_(most) {}

    [[nodiscard]] asio::awaitable<void> take() {
        if (left_ == 0) {
            const auto event = std::make_shared<base::Event>(executor_);
            waiting_.push_back(event);
            co_await event->wait();
            co_return; // give() left its place to us
        }
        --left_;
    }
    void give() {
        if (waiting_.empty()) {
            ++left_;
            return;
        }
        waiting_.front()->notify();
        waiting_.erase(waiting_.begin());
    }

private:
    asio::any_io_executor executor_;
    std::size_t left_;
    std::vector<std::shared_ptr<base::Event>> waiting_;
};

bool in_use(const smtp::Settings& settings, const net::IpAddress& address) {
    return address.v6 ? settings.v6 : settings.v4;
}

} // namespace

base::Expected<Target, std::string> parse_target(std::string_view text) {
    const std::string shown = '"' + base::printable(text, 100) + '"';
    const auto domain = base::Domain::parse(text);
    if (!domain)
        return base::unexpected(shown + (domain.error() == base::DomainErrc::address ? " is an address, not a domain"
                                                                                       : " is not a domain"));
    if (domain->name().size() > base::max_policy_domain)
        return base::unexpected(shown + " is too long: no record can be at _mta-sts. before it");
    return Target{*domain, std::string(text)};
}

namespace {

/// Parts that coroutines use; each outlives them.
class Runner {
public:
    Runner(const config::Config& config, const std::vector<Target>& targets, RunOptions& options,
           const std::function<void(Evidence)>& found)
        : config_(config), targets_(targets), options_(options), found_(found),
          resolver_(context_.get_executor(), app::dns_options(config), clock_, silence_),
          asked_once_(context_.get_executor(), resolver_), dane_(context_.get_executor(), asked_once_),
          policy_hosts_(context_.get_executor(), asked_once_, app::fetch_options(config), options.now),
          looking_(context_.get_executor(), domains_at_once), under_way_(context_.get_executor(), domains_under_way) {
        progress_.domains = targets.size();
    }
    ~Runner() {
        if (pool_) pool_->join(); // what it still does ends in the context
        context_.drop_handlers();
    }
    Runner(const Runner&) = delete;
    Runner& operator=(const Runner&) = delete;

    base::Expected<bool, std::string> run() {
        if (options_.smtp) {
            if (!options_.probe) {
                auto made = smtp::Probe::make(context_.get_executor(), options_.settings);
                if (!made) return base::unexpected(made.error());
                options_.probe = [probe = std::move(*made)](std::string host, net::IpAddress address) {
                    return probe->look(std::move(host), address);
                };
            }
            connections_.emplace(context_.get_executor(),
                                 Connections::Options{options_.probe, registrable_part, options_.a_minute,
                                                      options_.settings.v4});
        }
        if (options_.about_postfix) pool_.emplace(1);
        const std::stop_callback stopped(options_.stop, [this] {
            asio::post(context_, [this] { stop(); });
        });
        Together together(context_.get_executor());
        together.spawn(check_all());
        together.spawn(show_progress());
        context_.run(); // until check_all() ends it
        return !stopped_;
    }

private:
    void stop() {
        if (stopped_) return;
        stopped_ = true;
        if (connections_) connections_->stop();
        for (Evidence& evidence : std::exchange(undecided_, {})) hand_over(std::move(evidence));
        stop_timer_.expires_after(stop_limit);
        stop_timer_.async_wait([this](const boost::system::error_code& cancelled) {
            if (!cancelled) give_up();
        });
    }

    /// Servers that have not answered yet are not waited for.
    void give_up() {
        for (const auto& whole : std::exchange(at_mail_servers_, {})) {
            for (Mx& mx : whole->mx)
                for (MxAddress& address : mx.addresses)
                    if (!address.sighting && address.skipped.empty()) address.skipped = "stopped";
            hand_over(std::move(*whole));
        }
        context_.stop();
    }

    asio::awaitable<void> check_all() {
        co_await judge_servers();
        parts_ = std::make_shared<Parts>(Parts{context_.get_executor(), asked_once_, policy_hosts_,
                                               no_dane_.empty() ? &dane_ : nullptr, no_dane_, options_.now});
        Together together(context_.get_executor());
        for (const Target& target : targets_) {
            co_await under_way_.take();
            if (stopped_) break;
            together.spawn(check_one(&target));
        }
        co_await together.wait();
        for (Evidence& evidence : std::exchange(undecided_, {})) hand_over(std::move(evidence));
        show();
        context_.stop();
    }

    /// Until it is known which of the servers validate: before that no answer is worth anything for DANE.
    asio::awaitable<void> judge_servers() {
        findings_ = unknown_servers(resolver_);
        const auto judged = std::make_shared<base::Event>(context_.get_executor());
        probe_.emplace(context_.get_executor(), resolver_, app::probe_options(config_),
                       [this, judged](const lookup::ServerProbe::Findings& findings) {
                           for (const dane::ServerFinding& each : findings)
                               for (dane::ServerFinding& known : findings_)
                                   if (known.server == each.server && each.validation.why != "not asked yet")
                                       known = each;
                           judged->notify();
                       });
        probe_->run();
        const auto until = steady_clock::now() + servers_limit;
        while (!stopped_ && !all_known(findings_) && steady_clock::now() < until) {
            co_await judged->wait_until(until);
        }
        const dane::Validation validation = dane::together(findings_);
        if (config_.dane == config::Dane::off)
            no_dane_ = "dane = \"off\" in stsmapd.toml";
        else if (validation.state != dane::Validation::State::yes)
            no_dane_ = "no validating name server that is trusted: " + validation.why;
    }

    asio::awaitable<void> check_one(const Target* target) {
        co_await looking_.take();
        if (!stopped_) {
            Evidence evidence = co_await collect(parts_, target->domain, target->asked);
            looking_.give();
            if (!stopped_) {
                evidence.strict_testing = config_.strict_testing;
                evidence.postfix = options_.postfix;
                if (pool_) {
                    explain::Postfix postfix = co_await about_postfix(target->domain.name());
                    evidence.postfix = std::move(postfix);
                }
                const auto whole = std::make_shared<Evidence>(std::move(evidence));
                at_mail_servers_.insert(whole);
                co_await look_at_mail_servers(whole);
                at_mail_servers_.erase(whole);
                finished(std::move(*whole));
            }
        } else {
            looking_.give();
        }
        under_way_.give();
    }

    asio::awaitable<explain::Postfix> about_postfix(std::string domain) {
        auto asking = ask_postfix(&options_.about_postfix, std::move(domain));
        explain::Postfix postfix = co_await asio::co_spawn(*pool_, std::move(asking), asio::use_awaitable);
        co_return postfix;
    }
    static asio::awaitable<explain::Postfix>
    ask_postfix(const std::function<explain::Postfix(const std::string&)>* ask, std::string domain) {
        co_return (*ask)(domain);
    }

    asio::awaitable<void> look_at_mail_servers(std::shared_ptr<Evidence> evidence) {
        evidence->smtp = options_.smtp;
        if (options_.smtp) evidence->settings = options_.settings;
        Together together(context_.get_executor());
        for (std::size_t i = 0; i < evidence->mx.size(); ++i) {
            if (connections_) {
                together.spawn(look_at_mail_server(evidence, i));
                continue;
            }
            for (MxAddress& address : evidence->mx[i].addresses) address.skipped = "no-smtp";
        }
        co_await together.wait();
    }

    asio::awaitable<void> look_at_mail_server(std::shared_ptr<Evidence> evidence, std::size_t which) {
        std::size_t tries = 0;
        bool enough = false;
        for (std::size_t i = 0; i < evidence->mx[which].addresses.size(); ++i) {
            const std::string text = evidence->mx[which].addresses[i].address;
            const auto address = net::parse_ip(text);
            if (!address || !in_use(options_.settings, *address)) {
                evidence->mx[which].addresses[i].skipped = "protocol-off";
                continue;
            }
            if (enough || tries == max_tries) {
                evidence->mx[which].addresses[i].skipped = "another-address-tried";
                continue;
            }
            ++tries;
            const Connections::Seen seen =
                co_await connections_->look(evidence->mx[which].host, *address, evidence->domain);
            MxAddress& made = evidence->mx[which].addresses[i];
            made.skipped = seen.skipped;
            made.see_domain = seen.see_domain;
            if (!seen.sighting) continue;
            made.sighting = *seen.sighting;
            made.sighting->host = evidence->mx[which].host;
            const smtp::Trouble trouble = seen.sighting->trouble;
            const bool refuses = trouble == smtp::Trouble::reply_4xx || trouble == smtp::Trouble::reply_5xx;
            enough = refuses || (!options_.every_address && seen.sighting->stage != smtp::Stage::connect);
        }
    }

    /// True if no connection to any of its mail servers was made: it may be that nobody can be reached from here.
    [[nodiscard]] static bool no_connection(const Evidence& evidence) {
        bool tried = false;
        for (const Mx& mx : evidence.mx)
            for (const MxAddress& address : mx.addresses) {
                if (!address.sighting) continue;
                if (address.sighting->stage != smtp::Stage::connect) return false;
                tried = true;
            }
        return tried;
    }

    /// What is not clear before port 25 is known to be open or closed is kept until then.
    void finished(Evidence evidence) {
        const bool unknown = connections_ && connections_->port_25() == Connections::Port::unknown;
        if (unknown && !stopped_ && no_connection(evidence)) {
            undecided_.push_back(std::move(evidence));
            return;
        }
        if (!unknown)
            for (Evidence& each : std::exchange(undecided_, {})) hand_over(std::move(each));
        hand_over(std::move(evidence));
    }

    void hand_over(Evidence evidence) {
        evidence.port_25_closed = connections_ && connections_->port_25() == Connections::Port::closed;
        ++progress_.done;
        found_(std::move(evidence));
    }

    void show() {
        if (connections_) {
            progress_.connected = connections_->begun();
            progress_.waiting = connections_->waiting();
            progress_.port_25_closed = connections_->port_25() == Connections::Port::closed;
        }
        if (options_.progress) options_.progress(progress_);
    }

    asio::awaitable<void> show_progress() {
        base::Event never(context_.get_executor());
        for (;;) {
            co_await never.wait_until(steady_clock::now() + progress_every);
            show();
        }
    }

    const config::Config& config_;
    const std::vector<Target>& targets_;
    RunOptions& options_;
    const std::function<void(Evidence)>& found_;

    app::Context context_;
    app::SystemClock clock_;
    Silence silence_;
    dns::StubResolver resolver_;
    AskedOnce asked_once_;
    lookup::DaneLookup dane_;
    PolicyHosts policy_hosts_;
    std::optional<lookup::ServerProbe> probe_;
    std::optional<Connections> connections_;
    std::optional<asio::thread_pool> pool_;
    std::shared_ptr<const Parts> parts_;
    Places looking_, under_way_;
    asio::steady_timer stop_timer_{context_};
    lookup::ServerProbe::Findings findings_;
    std::string no_dane_;
    std::set<std::shared_ptr<Evidence>> at_mail_servers_; ///< whose mail servers are looked at
    std::vector<Evidence> undecided_;
    Progress progress_;
    bool stopped_ = false;
};

} // namespace

base::Expected<bool, std::string> run(const config::Config& config, const std::vector<Target>& targets,
                                      RunOptions options, const std::function<void(Evidence)>& found) {
    try {
        Runner runner(config, targets, options, found);
        return runner.run();
    } catch (const std::runtime_error& trouble) { // the CA file cannot be used
        return base::unexpected(std::string(trouble.what()));
    }
}

} // namespace check
