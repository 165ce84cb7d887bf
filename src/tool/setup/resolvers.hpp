// tool/setup/resolvers.hpp - the name servers that smtp(8) uses: which resolv.conf each service reads, in what it
// differs from the system's, and what its servers answer.
//
// smtp(8) reads resolv.conf at its first lookup, within its chroot where it has one. Debian's start of
// Postfix copies the system's file there; a reload does not. Without the file the C library asks 127.0.0.1.
#pragma once

#include "tool/setup/ask_servers.hpp"
#include "tool/setup/postconf.hpp"

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
    friend bool operator==(const NameServer&, const NameServer&) = default;
};

/// What services with the same resolv.conf have.
struct Resolvers {
    std::string file;                  ///< as seen from outside of the chroot
    bool chroot = false;               ///< it is within one
    bool there = true;                 ///< false, or not to be read by smtp(8): 127.0.0.1 is asked
    std::string trouble;               ///< why nothing is known; "": the rest holds
    bool unseen = false;               ///< that is for want of permission or time
    std::string difference;            ///< from the system's file, in words; "": none
    bool dnssec = false;               ///< asked as with smtp_dns_support_level = dnssec
    bool rotate = false;               ///< the servers take turns
    std::vector<NameServer> servers;   ///< in the order of asking
    std::vector<std::string> services; ///< "smtp/unix"
    friend bool operator==(const Resolvers&, const Resolvers&) = default;
};

/// In what `theirs` (text of a resolv.conf) differs from `system`, as far as it matters to who looks up whole
/// names: name servers and options, not comments, search lists or the time of the file. "" when in nothing.
/// Pure.
[[nodiscard]] std::string difference(std::string_view theirs, std::string_view system);

struct ResolverQuestions {
    std::string signed_name; ///< as the option dns.signed_name; "" or "." is the root
    bool dnssec = true;      ///< with EDNS and DO, though smtp_dns_support_level does not say so
};

/// One for each resolv.conf that a delivering service reads. Asks each server for MX and A of the signed
/// name and of example.com, as the C library does: one of the two has to be answered.
[[nodiscard]] std::vector<Resolvers> survey_resolvers(Host& host, const Installed& postfix,
                                                      const ResolverQuestions& questions);

} // namespace setup
