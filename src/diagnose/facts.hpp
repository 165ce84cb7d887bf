// diagnose/facts.hpp - what `stsmap doctor` found out, as plain values. Pure.
//
// Probes fill them in, diagnose/report judges them. A fact that could not be found out is said to be missing,
// with words why; it is never guessed.
#pragma once

#include "base/clock.hpp"
#include "base/reason.hpp"
#include "dane/validation.hpp"
#include "setup/plan.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace diagnose {

struct ConfigFacts {
    std::string file;
    bool there = true;                 ///< false: the defaults are in force
    std::vector<std::string> problems; ///< as the daemon's own loader words them
};

struct PostfixFacts {
    std::string trouble; ///< why it cannot be asked; "": the rest holds
    std::string version;
    std::string owner; ///< mail_owner: who smtp(8) runs as
    setup::Plan plan;
};

/// One attempt to ask the daemon.
struct Contact {
    std::string map;      ///< as in main.cf or master.cf, or the address asked
    std::string services; ///< "relay/unix" of those with a list of maps of their own; "" for main.cf's
    setup::Way way;       ///< as whom, and where
    setup::Reached reached;
    std::string file;    ///< the unix socket as seen from outside; "" for TCP
    std::string mode;    ///< "root:postfix 0660"; "" when it cannot be looked at
    std::string instead; ///< where an stsmapd answers that way, when it does not here; "": nowhere
};
struct SocketFacts {
    std::vector<Contact> contacts;
};

struct DaemonFacts {
    bool answers = false;
    std::optional<std::string> version; ///< nullopt: it does not know the question, and so is older than it
    std::string tool_version;
    std::string dane; ///< what it says of itself, "active" or "inactive: why"
};

struct ResolverFacts {
    std::vector<dane::ServerFinding> servers; ///< in the order of asking
    std::string source;                       ///< "/etc/resolv.conf", or "dns.servers"
    bool dane_off = false;
};

struct EgressFacts {
    std::string policy_host;
    bool default_domain = true;
    bool proxy = false;
    bool fetched = false;
    base::Reason reason{}; ///< why not
    std::string detail;
};

struct ClockFacts {
    base::Instant now{};
    std::optional<base::Instant> theirs; ///< a policy host's Date
};

struct CaFacts {
    std::string source; ///< a file, or "the system's"
    std::string trouble;
    std::size_t certificates = 0;
};

struct StateFacts {
    std::string folder;
    std::string trouble; ///< why it cannot be looked into; "": the rest holds
    bool there = false, is_folder = false, may_look = false;
    std::string owner;                      ///< a name, or a number
    std::optional<std::string> daemon_user; ///< who must be able to write; nullopt: not known
    bool writable_by_owner = false;
    bool read_only = false; ///< the file system
    std::uint64_t free_octets = 0;
    std::uint64_t free_inodes = 0; ///< 0 with free octets: the file system does not count them
    bool counts_inodes = false;
    std::string file_owner; ///< of the store's file; "": there is none yet
    enum class Store {
        none, ///< no file yet
        good,
        in_use,     ///< by the daemon, which looks after it itself
        not_looked, ///< no permission, or no time
        damaged,
        newer, ///< of a newer stsmapd
    } store = Store::none;
    std::string store_words;
    std::uint64_t store_octets = 0;
};

struct SystemdFacts {
    bool running = false;
    std::string trouble;
    struct Unit {
        std::string name, load, active, file_state; ///< LoadState, ActiveState, UnitFileState
    };
    std::vector<Unit> units;
};

struct Facts {
    ConfigFacts config;
    PostfixFacts postfix;
    SocketFacts socket;
    DaemonFacts daemon;
    ResolverFacts resolver;
    EgressFacts egress;
    ClockFacts clock;
    CaFacts ca;
    StateFacts state;
    SystemdFacts systemd;
};

} // namespace diagnose
