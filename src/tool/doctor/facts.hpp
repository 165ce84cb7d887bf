// tool/doctor/facts.hpp - what `stsmap doctor` found out, as plain values. Pure.
//
// Probes fill them in, tool/doctor/report judges them. A fact that could not be found out is marked as missing,
// with the reason; it is never guessed.
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

/// The options and folders in use, so that commands in fixes can be pasted.
struct PlaceFacts {
    std::string options;        ///< of stsmap before the command: "--config FILE", quoted; ""
    std::string postfix_folder; ///< of -c or MAIL_CONFIG, quoted; ""
    bool systemd = true;
};

struct ConfigFacts {
    std::string file;
    bool there = true;                 ///< false: the defaults are used
    bool unseen = false;               ///< we have no permission to read it
    std::vector<std::string> problems; ///< the messages of the daemon's own loader
};

struct PostfixFacts {
    std::string trouble; ///< why it cannot be asked; "": the other members are valid
    bool unseen = false; ///< `trouble` is a missing permission
    std::string version;
    std::string owner; ///< mail_owner: the user that smtp(8) runs as
    setup::Plan plan;
};

/// One attempt to ask the daemon.
struct Contact {
    std::string map;      ///< as in main.cf or master.cf, or the address asked
    std::string services; ///< "relay/unix": services with their own list of maps; "" for main.cf's
    setup::Way way;       ///< as which user, in which chroot
    setup::Reached reached;
    std::string file;    ///< the unix socket as seen from outside; "" for TCP
    std::string mode;    ///< "root:postfix 0660"; "" when it cannot be read
    std::string instead; ///< if it does not answer here: where an stsmapd answers that way; "": nowhere
};
struct SocketFacts {
    std::vector<Contact> contacts;
};

/// An override that may give less than DANE or an enforced policy would, and has not ended.
struct WeakeningFacts {
    std::string domain, action;
    std::optional<base::Instant> until; ///< none: it never ends
    bool configured = false;
};

struct DaemonFacts {
    bool answers = false;
    bool unseen = false;                ///< nobody answers, and we have no permission to ask at some place
    std::optional<std::string> version; ///< nullopt: it is too old to know the question
    std::string tool_version;
    std::string dane; ///< its own answer, "active" or "inactive: why"
    /// Other versions that answer at one of our addresses, each with "at ADDRESS".
    std::vector<std::string> others;
    bool observes = false;                 ///< Postfix gets no opinion from it
    std::vector<WeakeningFacts> weakening; ///< printable
    base::Instant now{};                   ///< when they were looked at
    std::string
        not_ready; ///< what its /ready says is wrong, printable; "": nothing, or it could not be asked
    std::vector<std::string> web_open; ///< addresses of the web listener that other hosts can reach
};

/// The shared cache of a fleet.
struct FleetFacts {
    bool configured = false;                ///< in the file
    std::vector<std::string> files_refused; ///< each with the reason, as the daemon would say it; printable
    bool asked = false;                     ///< the daemon told; else what follows is not known
    bool in_use = false;                    ///< it has one
    std::string engine, since, trouble;     ///< printable
    bool up = false, subscribed = false;
    std::string hosts_trouble;        ///< why the hosts of the fleet are not known; printable
    std::vector<std::string> refused; ///< "bad-seal (3)": values that were refused since the start; printable
    std::vector<std::string> other_clocks; ///< hosts whose clocks are over five minutes ahead; printable
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
    base::Reason reason{}; ///< why there is none
    std::string detail;
};

struct ClockFacts {
    base::Instant now{};
    std::optional<base::Instant> theirs; ///< a policy host's Date
    /// When a file of stsmapd was written. If this is later than now, the clock was set back.
    std::optional<base::Instant> written;
    bool certificate_held = false; ///< a policy host's certificate was valid by our clock
    bool synchronised = false;     ///< the kernel says that a time service keeps it right
};

struct CaFacts {
    std::string source; ///< a file, or "the system's"
    std::string trouble;
    std::size_t certificates = 0;
};

struct StateFacts {
    std::string folder;
    std::string trouble; ///< why it cannot be read; "": the other members are valid
    bool there = false, is_folder = false, may_look = false;
    std::string owner;                      ///< a name, or a number
    std::optional<std::string> daemon_user; ///< the user that must be able to write; nullopt: not known
    bool writable_by_owner = false;
    bool read_only = false; ///< the file system
    std::uint64_t free_octets = 0;
    std::uint64_t free_inodes = 0; ///< 0 with free octets: the file system does not count them
    bool counts_inodes = false;
    std::string file_owner; ///< of the store's file; "": there is none yet
    enum class Store {
        none, ///< no file yet
        good,
        in_use,     ///< by the daemon, which checks it itself
        not_looked, ///< not checked: no permission, or no time
        damaged,
        newer, ///< of a newer stsmapd
    } store = Store::none;
    std::string store_words;
    std::uint64_t store_octets = 0;
    std::vector<std::string> set_aside;   ///< names of damaged files that were renamed, sorted
    std::optional<base::Instant> written; ///< when the store's file was last written
};

struct SystemdFacts {
    bool running = false;
    std::string trouble;
    struct Unit {
        std::string name, load, active, file_state; ///< LoadState, ActiveState, UnitFileState
        std::string after; ///< ActiveState after the daemon was asked; "": not read again
    };
    std::vector<Unit> units;
};

/// What Postfix's posttls-finger found at a domain's mail host.
struct MxFacts {
    std::string domain;  ///< "": not asked for
    std::string service; ///< whose settings were used: "smtp/unix"
    std::string trouble; ///< why nothing was found out; "": the other members are valid
    std::string policy;  ///< as a map answered; "": none did
    std::string level;   ///< of the policy, or else of the service
    std::string command; ///< as it was run
    enum class Outcome {
        not_looked_up, ///< no mail host, or none with an address
        not_connected, ///< no mail host could be connected
        no_tls,        ///< it offers no STARTTLS, or TLS failed
        encrypted,     ///< over TLS, not authenticated as the level wants
        verified,      ///< authenticated
        foreign_host,  ///< authenticated, but the policy does not have its name
        no_dane,       ///< there is no TLSA record to authenticate it with
        map_failed,    ///< a map could not be asked: the mail is deferred
    } outcome = Outcome::not_looked_up;
    std::string words; ///< the line of posttls-finger's output that shows it
};

struct Facts {
    PlaceFacts place;
    ConfigFacts config;
    PostfixFacts postfix;
    SocketFacts socket;
    DaemonFacts daemon;
    FleetFacts fleet;
    ResolverFacts resolver;
    EgressFacts egress;
    ClockFacts clock;
    CaFacts ca;
    StateFacts state;
    SystemdFacts systemd;
    MxFacts mx;
};

} // namespace doctor
