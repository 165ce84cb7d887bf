#include "tool/explain/host_look.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <chrono>

namespace explain {
namespace {

using setup::LookupType;
using setup::ServerReply;

/// A silence of this length at least was looked at (tool/setup/real_host.hpp). The library may wait longer.
constexpr std::chrono::seconds seen_silence{1};

/// What the library makes of one question to all servers.
struct Outcome {
    bool answered = false, data = false, no_name = false;
    bool clear = true;     ///< of a failure: no server may still answer later
    bool for_good = false; ///< of a failure: Postfix does not try again
    std::string words;     ///< of a failure
};

/// The servers in turn, until one answers.
class Library {
public:
    Library(const setup::ServiceServers& servers, const std::vector<setup::DnsLookup>& lookups,
            const std::vector<std::vector<ServerReply>>& replies)
        : servers_(servers), lookups_(lookups), replies_(replies) {}

    [[nodiscard]] Outcome ask(const std::string& name, LookupType type) const {
        const auto at = std::ranges::find_if(lookups_, [&](const setup::DnsLookup& lookup) {
            return lookup.name == name && lookup.type == type;
        });
        const auto which = static_cast<std::size_t>(at - lookups_.begin());
        Outcome made;
        for (std::size_t i = 0; i < replies_.size(); ++i) {
            const ServerReply& reply = replies_[i].at(which);
            if (reply.answered) return {true, reply.data, reply.no_name, true, false, {}};
            if (reply.last_word && made.clear) {
                made.for_good = true;
                made.words.clear();
            }
            made.clear &= !reply.late || servers_.patience <= seen_silence;
            if (made.words.empty())
                made.words = to_string(servers_.servers.at(i).server) + " of " + servers_.file + ": " +
                             base::printable(reply.trouble, 100);
            if (reply.last_word) break;
        }
        return made;
    }

private:
    const setup::ServiceServers& servers_;
    const std::vector<setup::DnsLookup>& lookups_;
    const std::vector<std::vector<ServerReply>>& replies_;
};

std::vector<LookupType> address_types(const HostQuestions& questions) {
    std::vector<LookupType> types;
    if (questions.v4) types.push_back(LookupType::a);
    if (questions.v6) types.push_back(LookupType::aaaa);
    return types;
}

Found failure(const Outcome& outcome) {
    return {!outcome.clear     ? Found::Kind::unknown
            : outcome.for_good ? Found::Kind::absent
                               : Found::Kind::fails,
            outcome.words};
}

/// Of these hosts, one of which is enough.
Found addresses(const HostQuestions& questions, const std::vector<std::string>& hosts, bool complete,
                const Library& library) {
    std::optional<Found> failed;
    for (const std::string& host : hosts)
        for (const LookupType type : address_types(questions)) {
            const Outcome outcome = library.ask(host, type);
            if (outcome.data) return {Found::Kind::hosts, {}};
            if (!outcome.answered && (!failed || failed->kind == Found::Kind::fails))
                failed = failure(outcome);
        }
    if (questions.other_sources)
        return {Found::Kind::unknown, "smtp_host_lookup names other sources than DNS"};
    if (!complete) return {Found::Kind::unknown, "not all mail hosts are known"};
    if (failed) return *failed;
    return {Found::Kind::absent, hosts.size() == 1 ? hosts.front() + " has no address"
                                                   : std::string("no mail host has an address")};
}

} // namespace

HostQuestions questions_for(const Live& live, std::string_view host, bool brackets,
                            const setup::Installed& postfix, const setup::Service& service) {
    HostQuestions made;
    made.domain = host;
    made.mx = !brackets;
    const std::string protocols = base::ascii_lower(postfix.written("inet_protocols").value_or("all"));
    const bool all = protocols.find("all") != std::string::npos;
    made.v4 = all || protocols.find("ipv4") != std::string::npos;
    made.v6 = all || protocols.find("ipv6") != std::string::npos;
    for (const MxHost& each : live.mx)
        if (made.hosts.size() < max_looked_up_as_postfix) made.hosts.push_back(each.host);
    made.all_hosts = live.mx_known && made.hosts.size() == live.mx.size();
    made.dnssec = base::ascii_lower(service.value("smtp_dns_support_level")) == "dnssec";
    made.other_sources =
        base::ascii_lower(service.value("smtp_host_lookup")).find("native") != std::string::npos;
    made.ignores_mx_errors = service.yes("ignore_mx_lookup_error");
    return made;
}

std::vector<setup::DnsLookup> lookups_of(const HostQuestions& questions) {
    std::vector<setup::DnsLookup> lookups;
    if (questions.mx) lookups.push_back({questions.domain, LookupType::mx, questions.dnssec});
    std::vector<std::string> names = questions.hosts;
    if (std::ranges::find(names, questions.domain) == names.end()) names.push_back(questions.domain);
    for (const std::string& name : names)
        for (const LookupType type : address_types(questions))
            lookups.push_back({name, type, questions.dnssec});
    return lookups;
}

Found found_by(const HostQuestions& questions, const setup::ServiceServers& servers,
               const std::vector<std::vector<ServerReply>>& replies) {
    const std::vector<setup::DnsLookup> lookups = lookups_of(questions);
    const Library library(servers, lookups, replies);
    if (!questions.mx) return addresses(questions, {questions.domain}, true, library);
    const Outcome mx = library.ask(questions.domain, LookupType::mx);
    if (!mx.answered && !questions.ignores_mx_errors) return failure(mx);
    if (!mx.data) {
        if (mx.no_name && !questions.other_sources)
            return {Found::Kind::absent, "DNS says that the domain does not exist"};
        return addresses(questions, {questions.domain}, true, library);
    }
    if (questions.all_hosts && questions.hosts.empty())
        return {Found::Kind::no_mail, "its MX record says that it takes no mail"};
    return addresses(questions, questions.hosts, questions.all_hosts, library);
}

Found look_for_hosts(setup::Host& host, const setup::Installed& postfix, const setup::Service& service,
                     const HostQuestions& questions) {
    if (service.effective.empty()) return {Found::Kind::unknown, "the settings of " + service.where()};
    if (base::ascii_lower(service.value("smtp_dns_support_level")) == "disabled" ||
        service.yes("disable_dns_lookups"))
        return {Found::Kind::unknown, "smtp_dns_support_level = disabled: Postfix asks no DNS itself"};
    const setup::ServiceServers servers = setup::servers_of(host, postfix, service);
    if (!servers.trouble.empty()) return {Found::Kind::unknown, base::printable(servers.trouble, 200)};
    const auto replies = host.ask_servers(servers.servers, lookups_of(questions));
    if (replies.empty())
        return {Found::Kind::unknown, servers.file + ": there was no time left to ask its name servers"};
    return found_by(questions, servers, replies);
}

} // namespace explain
