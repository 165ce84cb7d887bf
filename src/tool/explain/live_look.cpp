#include "tool/explain/live_look.hpp"

#include "base/net/address.hpp"
#include "dns/stub_resolver.hpp"
#include "sts/record.hpp"
#include "tool/explain/document.hpp"
#include "wiring/context.hpp"
#include "wiring/real_time.hpp"
#include "wiring/settings.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <algorithm>
#include <cstdint>
#include <exception>
#include <optional>
#include <set>
#include <string>
#include <utility>

namespace app {
namespace {

namespace asio = boost::asio;
using explain::Live;
using explain::MxHost;
using std::chrono::milliseconds;

class Silence final : public events::Sink {
public:
    [[nodiscard]] bool wants(base::Level) const noexcept override { return false; }
    void emit(const events::Event&) override {}
    void count(events::Id) noexcept override {}
};

dns::Options limited(dns::Options options, milliseconds limit) {
    // A server that hangs must leave time for the next one, and the MX lookup for the hosts'.
    options.question_for = std::min(options.question_for, limit / 2 - limit / 16);
    options.try_for = std::min(options.try_for, options.question_for / 3);
    return options;
}

/// "dns-timeout", or the reason of an answer without records.
void tell_failure(const dns::Failure& failure, std::string& reason, std::string& detail) {
    reason = base::to_string(failure.reason);
    detail = failure.detail;
}

/// Parts that coroutines use; each outlives them.
struct Look {
    Look(const config::Config& config, base::Clock& clock, milliseconds limit)
        : resolver(context.get_executor(), limited(dns_options(config), limit), clock, silence) {}

    void spawn(asio::awaitable<void> work) {
        ++under_way;
        asio::co_spawn(context, std::move(work), [this](const std::exception_ptr& error) {
            if (error) std::rethrow_exception(error);
            if (--under_way == 0) context.stop();
        });
    }

    Context context;
    Silence silence;
    dns::StubResolver resolver;
    std::size_t under_way = 0;
    Live live;
    std::set<std::string, std::less<>> without_v4, without_v6;
};

void take_txt(const dns::Result& result, Live& live) {
    if (!result) return tell_failure(result.error(), live.txt_reason, live.txt_detail);
    const auto id = sts::find_id(result->records);
    live.txt_reason.clear();
    live.txt_detail.clear();
    if (id)
        live.txt_id = *id;
    else
        live.txt_reason = base::to_string(id.error());
}

/// The hosts in the order of their preference. Without MX records it is the domain itself (RFC 5321 section 5.1); a
/// null MX (RFC 7505) or a name that does not exist is no host.
void take_mx(const std::string& domain, const dns::Result& result, Live& live) {
    if (!result) return tell_failure(result.error(), live.mx_reason, live.mx_detail);
    live.mx_known = true;
    live.mx_reason.clear();
    live.mx_detail.clear();
    if (result->kind == dns::Answer::Kind::nxdomain) return;
    for (const std::string& record : result->records)
        if (const auto mx = dns::parse_mx(record); mx && !mx->host.empty())
            live.mx.push_back({mx->host, mx->preference, {}, false, ""});
    if (result->kind == dns::Answer::Kind::nodata) live.mx.push_back({domain, 0, {}, false, ""});
    std::ranges::stable_sort(live.mx, {}, &MxHost::preference);
    if (live.mx.size() > explain::max_hosts) live.mx.resize(explain::max_hosts);
}

std::optional<net::IpAddress> from_rdata(const std::string& octets) {
    net::IpAddress address;
    address.v6 = octets.size() == 16;
    if (octets.size() != 4 && octets.size() != 16) return std::nullopt;
    std::ranges::transform(octets, address.octets.begin(),
                           [](char c) { return static_cast<std::uint8_t>(c); });
    return address;
}

void take_addresses(const std::string& host, dns::Type type, const dns::Result& result, Look& look) {
    if (!result) return;
    const auto found = std::ranges::find(look.live.mx, host, &MxHost::host);
    if (found == look.live.mx.end()) return;
    for (const std::string& record : result->records)
        if (const auto address = from_rdata(record)) found->addresses.push_back(to_string(*address));
    if (result->kind == dns::Answer::Kind::data) return;
    (type == dns::Type::a ? look.without_v4 : look.without_v6).insert(host);
    found->no_address = look.without_v4.contains(host) && look.without_v6.contains(host);
}

asio::awaitable<void> ask_txt(Look* look, std::string name) {
    const dns::Result result = co_await look->resolver.resolve(name, dns::Type::txt, dns::Purpose::policy);
    take_txt(result, look->live);
}

asio::awaitable<void> ask_addresses(Look* look, std::string host, dns::Type type) {
    const dns::Result result = co_await look->resolver.resolve(host, type, dns::Purpose::address);
    take_addresses(host, type, result, *look);
}

void ask_for_all_addresses(Look* look) {
    for (std::size_t i = 0; i < look->live.mx.size() && i < max_looked_up; ++i)
        for (const dns::Type type : {dns::Type::a, dns::Type::aaaa})
            look->spawn(ask_addresses(look, look->live.mx[i].host, type));
}

asio::awaitable<void> ask_mx(Look* look, std::string domain) {
    const dns::Result result = co_await look->resolver.resolve(domain, dns::Type::mx, dns::Purpose::address);
    take_mx(domain, result, look->live);
    ask_for_all_addresses(look);
}

} // namespace

Live live_look(const config::Config& config, const postfix::NextHop& hop, milliseconds limit) {
    const auto began = std::chrono::steady_clock::now();
    SystemClock clock;
    Look look(config, clock, limit);
    look.live.txt_reason = look.live.mx_reason = base::to_string(base::Reason::dns_timeout);
    look.live.txt_detail = look.live.mx_detail = "no answer within " + std::to_string(limit.count()) + " ms";
    look.spawn(ask_txt(&look, hop.host.record_name()));
    if (hop.brackets) { // Postfix makes no MX lookup
        look.live.mx_known = true;
        look.live.mx_reason.clear();
        look.live.mx_detail.clear();
        look.live.mx.push_back({hop.host.name(), 0, {}, false, ""});
        ask_for_all_addresses(&look);
    } else {
        look.spawn(ask_mx(&look, hop.host.name()));
    }
    look.context.run_for(limit);
    look.context.drop_handlers();
    look.live.took_ms =
        std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - began).count();
    return std::move(look.live);
}

} // namespace app
