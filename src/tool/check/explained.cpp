#include "tool/check/explained.hpp"

#include "tool/check/delivery.hpp"

#include <utility>

namespace check {
namespace {

/// That the domain takes no mail is known before anybody is connected to: what is returned was refused with 5xx.
std::string word(Outcome outcome) {
    return outcome == Outcome::no_mail ? "returned" : std::string(to_string(outcome));
}

} // namespace

explain::Smtp smtp_of(const Evidence& seen, const explain::Daemon& daemon, const explain::Postfix& postfix) {
    const bool tlsrpt = postfix.map.find("tlsrpt") != std::string::npos;
    const std::string reply = postfix.map.empty() ? "NOTFOUND " : tlsrpt ? daemon.tlsrpt : daemon.plain;
    const Need need = need_of(reply, postfix, daemon.domain);
    const std::vector<HostResult> hosts = host_results(seen.mx, need);
    Delivered delivered = deliver(hosts, need);
    explain::Smtp made;
    made.at = seen.at;
    made.outcome = word(delivered.outcome);
    if (delivered.outcome == Outcome::waits || delivered.outcome == Outcome::no_mail)
        made.deferred = std::move(delivered.deferred);
    made.words = hosts.empty()             ? "no mail host was found"
                 : seen.port_25_closed     ? "port 25 seems to be closed here"
                                           : std::move(delivered.words);
    for (const HostResult& host : hosts) made.hosts.push_back({host.host, word(host.outcome), host.words});
    return made;
}

} // namespace check
