// tool/setup/resolvers.hpp - the name servers that smtp(8) uses: which resolv.conf each service reads, how it
// differs from the system's, and what its servers answer.
//
// smtp(8) reads resolv.conf at its first lookup, within its chroot if it has one. When Postfix starts, Debian
// copies the system's file there; a reload does not. Without the file the C library asks 127.0.0.1.
#pragma once

#include "tool/setup/ask_servers.hpp"
#include "tool/setup/postconf.hpp"

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

namespace setup {

class Host;

struct NameServer {
    std::string address; ///< "127.0.0.1:53"
    bool answers = false;
    bool validates = false; ///< a name known to be signed came with AD
    std::string trouble;    ///< why it does not answer
    bool last_word = false; ///< it does not answer in a way that ends the lookup: LibcReply::last_word
    friend bool operator==(const NameServer&, const NameServer&) = default;
};

/// What services with the same resolv.conf have in common.
struct Resolvers {
    std::string file;                  ///< as seen from outside of the chroot
    bool chroot = false;               ///< it is within one
    bool there = true;                 ///< false: smtp(8) cannot read it and asks 127.0.0.1
    std::string trouble;               ///< why nothing is known; "": the other members are valid
    bool unseen = false;               ///< `trouble` is missing permission or time
    std::string difference;            ///< from the system's file, in words; "": none
    bool dnssec = false;               ///< asked as with smtp_dns_support_level = dnssec
    bool rotate = false;               ///< the servers take turns
    std::vector<NameServer> servers;   ///< in the order of asking
    std::vector<std::string> services; ///< "smtp/unix"
    friend bool operator==(const Resolvers&, const Resolvers&) = default;
};

/// How `theirs` (text of a resolv.conf) differs from `system`, as far as it matters for lookups of absolute
/// names: name servers and options, not comments, search lists or the time of the file. "" for no difference.
/// Pure.
[[nodiscard]] std::string difference(std::string_view theirs, std::string_view system);

struct ResolverQuestions {
    std::string signed_name; ///< as the option dns.signed_name; "" or "." is the root
    bool dnssec = true;      ///< also ask with EDNS and DO if smtp_dns_support_level is not dnssec
};

/// One for each resolv.conf that a delivering service reads. Asks each server for MX and A of the signed
/// name and of example.com, as the C library does. It must answer one of the two.
[[nodiscard]] std::vector<Resolvers> survey_resolvers(Host& host, const Installed& postfix,
                                                      const ResolverQuestions& questions);

/// What one service reads.
struct ServiceServers {
    std::string file;                 ///< as seen from outside of the chroot
    std::string trouble;              ///< why it is not known; "": the other members are valid
    std::vector<AskedServer> servers; ///< in the order of asking
    bool dnssec = false;              ///< asked as with smtp_dns_support_level = dnssec
    std::chrono::seconds patience{};  ///< how long the library waits for one server
};
[[nodiscard]] ServiceServers servers_of(Host& host, const Installed& postfix, const Service& service);

} // namespace setup
