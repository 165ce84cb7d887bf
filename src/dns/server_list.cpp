#include "dns/server_list.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace dns {
namespace {

constexpr unsigned default_tries_per_server = 4; // 2 s tries fill the 8 s of a question, also with one server

/// Docker's resolver. Its resolv.conf has the host's options, which do not describe this resolver.
bool is_docker(const net::Endpoint& server) {
    return !server.address.v6 && std::equal(server.address.octets.begin(), server.address.octets.begin() + 4,
                                            std::array<std::uint8_t, 4>{127, 0, 0, 11}.begin());
}
/// systemd-resolved, 127.0.0.53 and 127.0.0.54, validates only if it is configured to.
bool is_resolved(const net::Endpoint& server) {
    return !server.address.v6 && server.address.octets[0] == 127 && server.address.octets[1] == 0 &&
           server.address.octets[2] == 0 &&
           (server.address.octets[3] == 53 || server.address.octets[3] == 54);
}

bool believable(const net::Endpoint& server, bool options_trust_ad) {
    if (is_docker(server)) return false;
    return options_trust_ad || (is_loopback(server.address) && !is_resolved(server));
}

std::string_view name(Transport transport) { return transport == Transport::udp ? "udp" : "tcp"; }

/// As Exchange::tried() writes it.
std::string_view form_of(const Note& note) {
    const bool udp = note.transport == Transport::udp;
    if (note.form.dnssec_ok) return udp ? "udp+dnssec" : "tcp+dnssec";
    if (note.form.edns) return udp ? "udp+edns" : "tcp+edns";
    return name(note.transport);
}

} // namespace

ServerPlan plan_servers(const std::vector<net::Endpoint>& configured, const ResolvConf* conf,
                        TrustAd trust_ad, base::milliseconds try_for) {
    ServerPlan plan;
    plan.servers = conf ? conf->servers : configured;
    plan.try_for = try_for;
    plan.tries_per_server = default_tries_per_server;
    if (conf) {
        if (conf->timeout) plan.try_for = std::min<base::milliseconds>(try_for, *conf->timeout);
        // At least two, because the second one is in another form.
        if (conf->attempts) plan.tries_per_server = std::max(2U, *conf->attempts);
        plan.tcp_only = conf->use_tcp;
        plan.rotate = conf->rotate;
    }
    for (const net::Endpoint& server : plan.servers)
        plan.trust_ad.push_back(trust_ad == TrustAd::yes || (trust_ad == TrustAd::automatic &&
                                                             believable(server, conf && conf->trust_ad)));
    return plan;
}

ServerList::ServerList(ServerPlan plan, events::Sink& events, const ServerList* before)
    : plan_(std::move(plan)), health_(plan_.servers.size()), states_(plan_.servers.size()), events_(events) {
    if (!before) return;
    for (std::size_t i = 0; i < plan_.servers.size(); ++i) {
        const auto old = std::ranges::find(before->plan_.servers, plan_.servers[i]);
        if (old != before->plan_.servers.end())
            states_[i] = before->states_[static_cast<std::size_t>(old - before->plan_.servers.begin())];
    }
}

Candidate ServerList::candidate(std::size_t number, bool ask_worth, base::Steady now) {
    Candidate candidate;
    candidate.server = number;
    candidate.believed = believed(number);
    Ladder& ladder = ask_worth ? states_[number].dnssec : states_[number].plain;
    candidate.proven = ladder.proven_until && now < *ladder.proven_until;
    candidate.low = ladder.low_until && now < *ladder.low_until;
    // This question tests the server; the others continue as before.
    if (ladder.low_until && !candidate.low) ladder.low_until = now + std::chrono::seconds{10};
    return candidate;
}

std::vector<Candidate> ServerList::candidates(base::Steady now, Purpose purpose) {
    std::vector<Candidate> out;
    if (plan_.servers.empty()) return out;
    const bool worth_matters = purpose == Purpose::dane || purpose == Purpose::probe;
    bool any_believed = false;
    for (std::size_t i = 0; i < plan_.servers.size(); ++i) any_believed = any_believed || believed(i);
    const std::size_t first = plan_.rotate ? turn_++ % plan_.servers.size() : 0;
    for (const std::size_t number : health_.order(now, first)) {
        // If one server validates, the answer of another one would only be an earlier failure.
        if (worth_matters && any_believed && !believed(number)) continue;
        out.push_back(candidate(number, worth_matters && believed(number), now));
    }
    return out;
}

std::vector<Candidate> ServerList::only(std::size_t number, base::Steady now) {
    Candidate one = candidate(number, true, now);
    one.believed = true;
    return {one};
}

std::optional<std::size_t> ServerList::find(std::string_view name) const {
    for (std::size_t i = 0; i < plan_.servers.size(); ++i)
        if (to_string(plan_.servers[i]) == name) return i;
    return std::nullopt;
}

std::vector<ServerState> ServerList::states(base::Steady now) const {
    std::vector<ServerState> out;
    for (std::size_t i = 0; i < plan_.servers.size(); ++i)
        out.push_back({to_string(plan_.servers[i]), plan_.trust_ad[i], states_[i].validates,
                       health_.asked_last(i, now)});
    return out;
}

void ServerList::judged(std::size_t number, Validates state, std::string_view why, base::Steady now) {
    State& s = states_[number];
    const bool news = !s.judged || s.validates != state;
    s.judged = now;
    s.doubted = false;
    s.validates = state;
    if (news)
        events_.emit(events::DnsServerJudged{
            .server = to_string(plan_.servers[number]), .validates = to_string(state), .detail = why});
}

bool ServerList::doubt(std::size_t number, base::Steady now) {
    State& s = states_[number];
    if (!plan_.trust_ad[number] || s.doubted || !s.judged) return false;
    if (s.validates != Validates::yes && now - *s.judged < between_doubts) return false;
    s.doubted = true;
    return true;
}

ExchangeOptions ServerList::options() const {
    ExchangeOptions options;
    options.try_for = plan_.try_for;
    options.tries_per_server = plan_.tries_per_server;
    options.tcp_only = plan_.tcp_only;
    return options;
}

bool ServerList::learn(const Note& note, std::string_view question, base::Steady now) {
    const auto server = [&] { return to_string(plan_.servers.at(note.server)); };
    State& state = states_[note.server];
    if (note.what != Note::What::failed) {
        if (note.what != Note::What::replied) say_again(note, question);
        climb(note, now);
        const bool odd = note.ad && state.validates == Validates::no && doubt(note.server, now);
        if (!health_.answered(note.server, now)) return odd;
        if (std::exchange(state.told, false)) events_.emit(events::DnsServerBack{.server = server()});
        return doubt(note.server, now) || odd;
    }
    say_failed(note, question);
    const bool silent = note.reason == base::Reason::dns_timeout || note.reason == base::Reason::dns_network;
    if (!silent || !note.servers_fault || !health_.failed(note.server, note.started, now)) return false;
    const bool anew = doubt(note.server, now);
    if (state.last_told && now - *state.last_told < between_reports) return anew;
    state.last_told = now;
    state.told = true;
    events_.emit(events::DnsServerSilent{
        .server = server(), .reason = note.reason, .question = question, .form = form_of(note)});
    return anew;
}

void ServerList::say_again(const Note& note, std::string_view question) {
    if (!events_.wants(base::Level::debug)) return events_.count(events::id_of<events::DnsRetry>());
    events_.emit(events::DnsRetry{.server = to_string(plan_.servers.at(note.server)),
                                  .question = question,
                                  .because = note.what == Note::What::truncated ? "truncated"
                                             : note.form.edns                   ? "no-edns"
                                                                                : to_string(note.reason)});
}

void ServerList::say_failed(const Note& note, std::string_view question) {
    if (!events_.wants(base::Level::debug)) return events_.count(events::id_of<events::DnsTryFailed>());
    events_.emit(events::DnsTryFailed{.server = to_string(plan_.servers.at(note.server)),
                                      .transport = name(note.transport),
                                      .question = question,
                                      .reason = note.reason,
                                      .form = form_of(note)});
}

/// Which form of query the server takes.
void ServerList::climb(const Note& note, base::Steady now) {
    if (!note.answer) return;
    State& state = states_[note.server];
    Ladder& ladder = note.form.ad ? state.dnssec : state.plain;
    if (note.form.edns) {
        ladder = Ladder{};
        ladder.proven_until = now + low_for;
        return;
    }
    if (!note.high_failed) return;
    if (now - note.started > at_once) return;
    if (++ladder.failures < failures_for_low) return;
    ladder.failures = failures_for_low - 1; // after low_for one more failure is enough
    ladder.proven_until.reset();
    const bool news = !ladder.low_until;
    ladder.low_until = now + low_for;
    if (news)
        events_.emit(events::DnsServerForm{.server = to_string(plan_.servers[note.server]),
                                           .without = note.form.ad ? "dnssec,edns" : "edns"});
}

void ServerList::no_socket(std::string_view why, base::Steady now) {
    if (no_sockets_.allow("", now).write) events_.emit(events::DnsNoSocket{.error = why});
}

} // namespace dns
