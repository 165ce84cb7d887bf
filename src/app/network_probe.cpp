#include "app/network_probe.hpp"

#include "app/real_time.hpp"
#include "app/settings.hpp"
#include "diagnose/https_date.hpp"
#include "dns/server_list.hpp"
#include "lookup/dane_lookup.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

#include <algorithm>
#include <stdexcept>

namespace app {
namespace {

namespace asio = boost::asio;
using std::chrono::milliseconds;

class Silence final : public base::Log {
public:
    [[nodiscard]] bool enabled(base::Level) const noexcept override { return false; }
    void write(base::Level, std::string_view, std::initializer_list<base::Field>) override {}
};

/// An io_context whose coroutines can be dropped while what they refer to is still there.
class Context : public asio::io_context {
public:
    void drop_handlers() { shutdown(); }
};

dns::Options limited(dns::Options options, milliseconds limit) {
    // A server that hangs must leave time for the next one.
    options.question_for = std::min(options.question_for, limit - limit / 8);
    options.try_for = std::min(options.try_for, options.question_for / 3);
    return options;
}

fetch::Options limited(fetch::Options options, milliseconds limit) {
    options.timeout = std::min(options.timeout, limit - limit / 8);
    return options;
}

/// The servers as the daemon uses them, and whether the AD bit of all is trusted.
void name_servers(const config::Config& config, base::Clock& clock, diagnose::ResolverFacts& facts) {
    const dns::Options options = dns_options(config);
    std::vector<dns::Server> configured;
    for (const std::string& text : options.servers)
        if (const auto server = dns::parse_server(text)) configured.push_back(*server);
    dns::ResolvConfFile file(options.resolv_conf);
    const dns::ResolvConf* conf = configured.empty() ? &file.current(clock.steady()) : nullptr;
    const dns::ServerPlan plan = dns::plan_servers(configured, conf, options.trust_ad, options.try_for);
    for (const dns::Server& server : plan.servers) facts.servers.push_back(to_string(server));
    facts.ad_trusted = std::ranges::all_of(plan.trust_ad, [](bool trusted) { return trusted; });
    facts.source = conf ? options.resolv_conf : "dns.servers";
    facts.dane_off = config.dane == config::Dane::off;
}

/// Parts that coroutines use; each outlives them.
struct Parts {
    Parts(const config::Config& config, base::Clock& clock, milliseconds limit)
        : resolver(context.get_executor(), limited(dns_options(config), limit), clock, silence),
          trusting(context.get_executor(), trusting_options(config, limit), clock, silence),
          dane(context.get_executor(), resolver, dane_options(config)),
          dane_if_trusted(context.get_executor(), trusting, dane_options(config)) {}

    static dns::Options trusting_options(const config::Config& config, milliseconds limit) {
        dns::Options options = limited(dns_options(config), limit);
        options.trust_ad = dns::TrustAd::yes;
        return options;
    }

    Context context;
    Silence silence;
    dns::StubResolver resolver, trusting;
    lookup::DaneLookup dane, dane_if_trusted;
    std::optional<fetch::HttpsFetcher> fetcher;
};

asio::awaitable<void> ask_resolver(Parts* parts, diagnose::ResolverFacts* facts) {
    dane::Validation seen = co_await parts->dane.validating();
    facts->validation = std::move(seen);
}

asio::awaitable<void> ask_if_trusted(Parts* parts, diagnose::ResolverFacts* facts) {
    const dane::Validation seen = co_await parts->dane_if_trusted.validating();
    facts->validates_if_trusted = seen.state == dane::Validation::State::yes;
}

asio::awaitable<void> ask_policy_host(Parts* parts, diagnose::EgressFacts* facts) {
    const auto fetched = co_await parts->fetcher->get(facts->policy_host);
    facts->fetched = fetched.has_value();
    if (fetched) co_return;
    facts->reason = fetched.error().reason;
    facts->detail = fetched.error().detail;
}

asio::awaitable<void> ask_date(Parts* parts, std::string host, diagnose::DateLimits limits,
                               std::optional<base::Instant>* date) {
    const auto theirs = co_await diagnose::https_date(parts->context.get_executor(), parts->resolver, host,
                                                      std::move(limits));
    *date = theirs;
}

} // namespace

NetworkFacts probe_network(const config::Config& config, const std::string& domain, milliseconds limit) {
    SystemClock clock;
    NetworkFacts facts;
    name_servers(config, clock, facts.resolver);
    facts.resolver.validation.why = "no answer within " + std::to_string(limit.count()) + " ms";
    facts.egress.policy_host = "mta-sts." + domain;
    facts.egress.proxy = !to_string(config.fetch.proxy).empty();
    facts.egress.reason = base::Reason::fetch_timeout;
    facts.egress.detail = facts.resolver.validation.why;

    Parts parts(config, clock, limit);
    const auto spawn = [&](asio::awaitable<void> work) {
        asio::co_spawn(parts.context, std::move(work), asio::detached);
    };
    spawn(ask_resolver(&parts, &facts.resolver));
    if (!facts.resolver.ad_trusted) spawn(ask_if_trusted(&parts, &facts.resolver));
    try {
        parts.fetcher.emplace(parts.context.get_executor(), parts.resolver,
                              limited(fetch_options(config), limit), parts.silence);
        spawn(ask_policy_host(&parts, &facts.egress));
    } catch (const std::runtime_error& e) { // the CA file cannot be used
        facts.egress.reason = base::Reason::cert_untrusted;
        facts.egress.detail = e.what();
    }
    if (!facts.egress.proxy) {
        const fetch::Options options = limited(fetch_options(config), limit);
        diagnose::DateLimits limits{options.allow_private_addresses, options.nat64_prefixes, options.timeout};
        spawn(ask_date(&parts, facts.egress.policy_host, std::move(limits), &facts.date));
    }
    parts.context.run_for(limit);
    parts.context.drop_handlers();
    return facts;
}

} // namespace app
