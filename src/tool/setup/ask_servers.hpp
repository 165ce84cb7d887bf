// tool/setup/ask_servers.hpp - asks name servers as the C library does for smtp(8), each server by itself.
//
// Blocking, within the limit: all questions at once, each sent a second time after a third of it. Nothing is
// remembered.
#pragma once

#include "base/net/address.hpp"
#include "tool/setup/libc_dns.hpp"

#include <chrono>
#include <string>
#include <vector>

namespace setup {

struct AskedServer {
    net::Endpoint server;
    bool tcp = false; ///< "options use-vc": never over UDP
    friend bool operator==(const AskedServer&, const AskedServer&) = default;
};

struct ServerReply {
    bool answered = false; ///< as far as the library is concerned
    bool data = false;     ///< with records
    bool ad = false;
    std::string trouble;    ///< why it did not answer, for people
    bool no_name = false;   ///< answered: NXDOMAIN
    bool last_word = false; ///< not answered: LibcReply::last_word
    bool late = false;      ///< not answered: it said nothing within the limit
    friend bool operator==(const ServerReply&, const ServerReply&) = default;
};

/// One row for each server, in it one reply for each lookup.
[[nodiscard]] std::vector<std::vector<ServerReply>> ask_servers(const std::vector<AskedServer>& servers,
                                                                const std::vector<DnsLookup>& lookups,
                                                                std::chrono::milliseconds limit);

} // namespace setup
