#include "tool/doctor/network_probe.hpp"

#include "lookup/server_probe.hpp"
#include "tool/doctor/https_date.hpp"
#include "wiring/context.hpp"
#include "wiring/real_time.hpp"
#include "wiring/settings.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <algorithm>
#include <cstddef>
#include <exception>
#include <stdexcept>

namespace app {
namespace {

namespace asio = boost::asio;
using std::chrono::milliseconds;

class Silence final : public events::Sink {
public:
    [[nodiscard]] bool wants(base::Level) const noexcept override { return false; }
    void emit(const events::Event&) override {}
    void count(events::Id) noexcept override {}
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

/// The servers that the daemon uses, and where their list comes from.
void name_servers(const config::Config& config, doctor::ResolverFacts& facts) {
    const dns::Options options = dns_options(config);
    facts.source = options.servers.empty() ? options.resolv_conf : "dns.servers";
    facts.dane_off = config.dane == config::Dane::off;
}

/// Parts that coroutines use; each outlives them.
struct Parts {
    Parts(const config::Config& config, base::Clock& clock, milliseconds limit)
        : resolver(context.get_executor(), limited(dns_options(config), limit), clock, silence) {}

    Context context;
    Silence silence;
    dns::StubResolver resolver;
    std::optional<lookup::ServerProbe> probe;
    std::optional<fetch::HttpsFetcher> fetcher;
};

asio::awaitable<void> ask_policy_host(Parts* parts, doctor::EgressFacts* facts) {
    const auto fetched = co_await parts->fetcher->get(facts->policy_host);
    facts->fetched = fetched.has_value();
    if (fetched) co_return;
    facts->reason = fetched.error().reason;
    facts->detail = fetched.error().detail;
}

asio::awaitable<void> ask_date(Parts* parts, std::string host, doctor::DateLimits limits,
                               std::optional<base::Instant>* date) {
    const auto theirs =
        co_await doctor::https_date(parts->context.get_executor(), parts->resolver, host, std::move(limits));
    *date = theirs;
}

} // namespace

NetworkFacts probe_network(const config::Config& config, const std::string& domain, milliseconds limit) {
    SystemClock clock;
    NetworkFacts facts;
    name_servers(config, facts.resolver);
    const std::string late = "no answer within " + std::to_string(limit.count()) + " ms";
    facts.egress.policy_host = "mta-sts." + domain;
    facts.egress.proxy = static_cast<bool>(config.fetch.proxy);
    facts.egress.reason = base::Reason::fetch_timeout;
    facts.egress.detail = late;

    Parts parts(config, clock, limit);
    // Wait only for the probes, not for timers such as the idle time of the resolver's sockets.
    std::size_t under_way = 1; // this function
    const auto end_when_all_is_known = [&] {
        if (under_way == 0 && std::ranges::none_of(facts.resolver.servers, [](const auto& each) {
                return each.validation.state == dane::Validation::State::unknown;
            }))
            parts.context.stop();
    };
    const auto spawn = [&](asio::awaitable<void> work) {
        ++under_way;
        asio::co_spawn(parts.context, std::move(work), [&](const std::exception_ptr& error) {
            if (error) std::rethrow_exception(error);
            --under_way;
            end_when_all_is_known();
        });
    };
    for (const dns::ServerState& server : parts.resolver.servers())
        facts.resolver.servers.push_back(
            {server.name, server.trusted, {dane::Validation::State::unknown, late}});
    parts.probe.emplace(parts.context.get_executor(), parts.resolver, probe_options(config),
                        [&](const lookup::ServerProbe::Findings& findings) {
                            for (const dane::ServerFinding& each : findings)
                                for (dane::ServerFinding& known : facts.resolver.servers)
                                    if (known.server == each.server && each.validation.why != "not asked yet")
                                        known = each;
                            end_when_all_is_known();
                        });
    parts.probe->run();
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
        doctor::DateLimits limits{options.allow_private_addresses, options.nat64_prefixes, options.timeout};
        spawn(ask_date(&parts, facts.egress.policy_host, std::move(limits), &facts.date));
    }
    --under_way;
    end_when_all_is_known();
    parts.context.run_for(limit);
    if (parts.fetcher) parts.fetcher->stop_thread();
    parts.context.drop_handlers();
    return facts;
}

} // namespace app
