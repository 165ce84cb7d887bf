#include "dns/server_list.hpp"

#include <algorithm>

namespace dns {
namespace {

constexpr base::seconds between_reports{60};
constexpr unsigned default_tries_per_server = 4; // 2 s tries fill the 8 s of a question, also with one server

std::string_view name(Transport transport) { return transport == Transport::udp ? "udp" : "tcp"; }

} // namespace

ServerPlan plan_servers(const std::vector<Server>& configured, const ResolvConf* conf, TrustAd trust_ad,
                        base::milliseconds try_for) {
    ServerPlan plan;
    plan.servers = conf ? conf->servers : configured;
    plan.try_for = try_for;
    plan.tries_per_server = default_tries_per_server;
    bool trust_all = trust_ad == TrustAd::yes;
    if (conf) {
        if (conf->timeout) plan.try_for = std::min<base::milliseconds>(try_for, *conf->timeout);
        if (conf->attempts) plan.tries_per_server = *conf->attempts;
        plan.tcp_only = conf->use_tcp;
        plan.rotate = conf->rotate;
        trust_all = trust_all || (trust_ad == TrustAd::automatic && conf->trust_ad);
    }
    for (const Server& server : plan.servers)
        plan.trust_ad.push_back(trust_all || (trust_ad == TrustAd::automatic && is_loopback(server)));
    return plan;
}

std::vector<Candidate> ServerList::candidates(base::Steady now) {
    std::vector<Candidate> out;
    if (plan_.servers.empty()) return out;
    const std::size_t first = plan_.rotate ? turn_++ % plan_.servers.size() : 0;
    for (const std::size_t number : health_.order(now, first)) {
        Candidate candidate;
        candidate.server = number;
        candidate.trust_ad = plan_.trust_ad[number];
        out.push_back(candidate);
    }
    return out;
}

ExchangeOptions ServerList::options() const {
    ExchangeOptions options;
    options.try_for = plan_.try_for;
    options.tries_per_server = plan_.tries_per_server;
    options.tcp_only = plan_.tcp_only;
    return options;
}

void ServerList::learn(const Note& note, std::string_view question, base::Steady now) {
    const std::string server = to_string(plan_.servers.at(note.server));
    Report& report = reports_[note.server];
    if (note.what != Note::What::failed) {
        if (note.what != Note::What::replied)
            log_.write(base::Level::debug, "dns-retry",
                       {{"server", server},
                        {"question", question},
                        {"because", note.what == Note::What::truncated ? "truncated" : "no-edns"}});
        if (health_.answered(note.server, now) && report.told) {
            report.told = false;
            log_.write(base::Level::info, "dns-server-back", {{"server", server}});
        }
        return;
    }
    log_.write(base::Level::debug, "dns-try-failed",
               {{"server", server},
                {"transport", name(note.transport)},
                {"question", question},
                {"reason", base::to_string(note.reason)}});
    const bool silent = note.reason == base::Reason::dns_timeout || note.reason == base::Reason::dns_network;
    if (!silent || !note.servers_fault || !health_.failed(note.server, note.started, now)) return;
    if (report.last && now - *report.last < between_reports) return;
    report.last = now;
    report.told = true;
    log_.write(base::Level::warning, "dns-server-silent",
               {{"server", server}, {"reason", base::to_string(note.reason)}, {"question", question}});
}

void ServerList::no_socket(std::string_view why, base::Steady now) {
    if (no_socket_told_ && now - *no_socket_told_ < between_reports) return;
    no_socket_told_ = now;
    log_.write(base::Level::error, "dns-no-socket", {{"error", why}});
}

} // namespace dns
