// tool/explain/host_look.hpp - whether smtp(8) finds a domain's mail hosts by the name servers that it asks itself.
//
// They may be others than the daemon's (tool/setup/resolvers.hpp), and are asked as the C library asks them.
#pragma once

#include "tool/explain/evidence.hpp"
#include "tool/setup/host.hpp"
#include "tool/setup/resolvers.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace explain {

/// Of how many mail hosts the addresses are looked up.
inline constexpr std::size_t max_looked_up_as_postfix = 5;

/// What is asked, and what the answers mean.
struct HostQuestions {
    std::string domain;             ///< or the host in brackets
    bool mx = true;                 ///< false: in brackets
    bool v4 = true, v6 = true;      ///< inet_protocols
    std::vector<std::string> hosts; ///< that MX records name, as far as known here
    bool all_hosts = false;         ///< `hosts` is complete
    bool dnssec = false;
    bool other_sources = false;     ///< smtp_host_lookup: addresses may also be in /etc/hosts and the like
    bool ignores_mx_errors = false; ///< ignore_mx_lookup_error
};
/// From what DNS shows to us, and the settings of the service. Pure.
[[nodiscard]] HostQuestions questions_for(const Live& live, std::string_view host, bool brackets,
                                          const setup::Installed& postfix, const setup::Service& service);

[[nodiscard]] std::vector<setup::DnsLookup> lookups_of(const HostQuestions& questions);

/// `replies`: one row for each server, to lookups_of(). Pure.
[[nodiscard]] Found found_by(const HostQuestions& questions, const setup::ServiceServers& servers,
                             const std::vector<std::vector<setup::ServerReply>>& replies);

/// Blocking, within the host's limits.
[[nodiscard]] Found look_for_hosts(setup::Host& host, const setup::Installed& postfix,
                                   const setup::Service& service, const HostQuestions& questions);

} // namespace explain
