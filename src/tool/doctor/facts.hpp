// tool/doctor/facts.hpp - what `stsmap doctor` found out, as plain values. Pure.
//
// Probes fill them in, tool/doctor/report judges them. A fact that could not be found out is said to be missing,
// with words why; it is never guessed.
#pragma once

#include "base/clock.hpp"
#include "base/reason.hpp"
#include "dane/validation.hpp"
#include "tool/setup/plan.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace doctor {

/// Where all this runs, for commands that can be pasted here.
struct PlaceFacts {
    std::string options;        ///< of stsmap before the command: "--config FILE", quoted; ""
    std::string postfix_folder; ///< of -c or MAIL_CONFIG, quoted; ""
    bool systemd = true;
};

struct ConfigFacts {
    std::string file;
    bool there = true;                 ///< false: the defaults are in force
    bool unseen = false;               ///< we may not read it
    std::vector<std::string> problems; ///< as the daemon's own loader words them
};

struct PostfixFacts {
    std::string trouble; ///< why it cannot be asked; "": the rest holds
    bool unseen = false; ///< that is for want of permission
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
    bool unseen = false;                ///< nobody answers, and there is a place that we may not ask at
    std::optional<std::string> version; ///< nullopt: it does not know the question, and so is older than it
    std::string tool_version;
    std::string dane; ///< what it says of itself, "active" or "inactive: why"
    /// Other versions that answer at an address of ours, each with "at ADDRESS".
    std::vector<std::string> others;
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
    /// When something of stsmapd's was written; later than now, the clock has gone back.
    std::optional<base::Instant> written;
    bool certificate_held = false; ///< a policy host's certificate was in force by our clock
    bool synchronised = false;     ///< the kernel says that somebody keeps it right
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
    std::vector<std::string> set_aside;   ///< names of damaged files that were, sorted
    std::optional<base::Instant> written; ///< when the store's file was, last
};

struct SystemdFacts {
    bool running = false;
    std::string trouble;
    struct Unit {
        std::string name, load, active, file_state; ///< LoadState, ActiveState, UnitFileState
        std::string after; ///< ActiveState once the daemon had been asked; "": not looked at again
    };
    std::vector<Unit> units;
};

/// What Postfix's own posttls-finger found at a domain's mail host.
struct MxFacts {
    std::string domain;  ///< "": not asked for
    std::string service; ///< whose settings were taken: "smtp/unix"
    std::string trouble; ///< why nothing was found out, "": the rest holds
    std::string policy;  ///< as a map answered; "": none did
    std::string level;   ///< the policy's, or the service's own
    std::string command; ///< as it was run
    enum class Outcome {
        not_looked_up, ///< no mail host, or none with an address
        not_connected, ///< no mail host could be connected
        no_tls,        ///< it offers no STARTTLS, or TLS failed
        encrypted,     ///< over TLS, not authenticated as the level wants
        verified,      ///< authenticated
        foreign_host,  ///< authenticated, but its name is none of the policy's
        no_dane,       ///< there is no TLSA record to authenticate it by
        map_failed,    ///< a map could not be asked: the mail is deferred
    } outcome = Outcome::not_looked_up;
    std::string words; ///< posttls-finger's own, the line that tells
};

struct Facts {
    PlaceFacts place;
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
    MxFacts mx;
};

} // namespace doctor
