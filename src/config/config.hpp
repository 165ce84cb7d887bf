// config/config.hpp - the daemon's settings as values. Built once, then only read.
//
// The member initialisers are the defaults, and only they. Names, ranges and help are in the option table
// (config/options.cpp); a value that went through it is within its range. The names are those of
// stsmapd.toml.
#pragma once

#include "base/log_port.hpp"
#include "base/nat64.hpp"
#include "config/listen_address.hpp"
#include "config/values.hpp"
#include "decision/override.hpp"

#include <chrono>
#include <string>
#include <vector>

namespace config {

enum class Mode { enforce, observe }; ///< observe: everything is looked up, Postfix gets no opinion
enum class Dane { automatic, off };   ///< automatic: on where a trusted validating resolver is in use
enum class TrustAd {
    automatic,
    yes,
    no
}; ///< automatic: loopback servers, or `options trust-ad` in resolv.conf
enum class LogFormat { text, json };
enum class LogTarget { standard_error, syslog };

struct Log {
    base::Level level = base::Level::info;
    LogFormat format = LogFormat::text;
    LogTarget target = LogTarget::standard_error;
    friend bool operator==(const Log&, const Log&) = default;
};

/// Who may connect to unix listeners.
struct Socket {
    FileMode mode{0660};
    std::string owner;             ///< empty: whoever runs the daemon
    std::string group = "postfix"; ///< empty: the group of whoever runs the daemon
    friend bool operator==(const Socket&, const Socket&) = default;
};

/// The socket of the administration.
struct Control {
    std::string socket = "/run/stsmapd/control"; ///< empty: none
    FileMode mode{0660};
    std::string group; ///< empty: the group of whoever runs the daemon
    friend bool operator==(const Control&, const Control&) = default;
};

/// The web listener: metrics, health and the status page.
struct Web {
    std::vector<ListenAddress> listen; ///< empty: none
    FileMode mode{0660};               ///< of unix sockets
    std::string group;                 ///< of unix sockets; empty: the group of whoever runs the daemon
    std::vector<std::string> hosts;    ///< admitted in Host, besides those of this host; in lower case
    bool show_domains = false;
    friend bool operator==(const Web&, const Web&) = default;
};

/// Limits on a daemon's clients.
struct Limits {
    unsigned max_connections = 4096;
    seconds idle{100};
    unsigned max_request = 10000; ///< octets; Postfix's own limit
    friend bool operator==(const Limits&, const Limits&) = default;
};

struct Dns {
    std::vector<net::Endpoint> servers; ///< empty: those of /etc/resolv.conf
    TrustAd trust_ad = TrustAd::automatic;
    seconds timeout{8};            ///< a whole question
    seconds try_timeout{2};        ///< one server, one try
    std::string signed_name = "."; ///< its SOA tells whether the resolver validates
    std::string broken_name;       ///< "": none
    friend bool operator==(const Dns&, const Dns&) = default;
};

struct Fetch {
    std::string ca_file; ///< empty: the system's
    bool allow_private_addresses = false;
    std::vector<base::Nat64Prefix> nat64_prefixes; ///< empty: found out from the resolver
    net::Proxy proxy;
    seconds timeout{60};          ///< RFC 8461 section 3.3
    unsigned max_concurrent = 64; ///< fetches whose hosts answer; 16 times as many may hang at the same time
    unsigned max_per_address = 8;
    friend bool operator==(const Fetch&, const Fetch&) = default;
};

struct Cache {
    unsigned max_policies = 1'000'000;
    unsigned max_absences = 200'000;
    seconds forget_unasked_after{30 * 86400};
    friend bool operator==(const Cache&, const Cache&) = default;
};

struct State {
    seconds keep_observed{90 * 86400};
    friend bool operator==(const State&, const State&) = default;
};

/// The cache that the hosts of a fleet share.
struct Shared {
    EngineAddress engine; ///< this or `sentinels`; neither: no shared cache
    std::vector<EngineAddress> sentinels;
    std::string primary = "mymaster"; ///< as the Sentinels know it
    EngineAddress replica;            ///< reads go there; none: to the engine
    bool read_replicas = false;       ///< reads go to replicas that the Sentinels name
    bool read_only = false;           ///< nothing is written
    unsigned database = 0;
    std::string user; ///< "": the engine's default user
    std::string password_file, sentinel_user, sentinel_password_file;
    std::string tls_ca_file; ///< "": the system's
    std::string tls_name;    ///< "": the host that is connected to
    std::string tls_certificate_file, tls_key_file;
    milliseconds timeout{50};
    std::string key_file;
    std::string prefix = "stsmapd";
    bool hide_domains = false;
    std::string host; ///< "": the system's name
    /// Whether there is one.
    [[nodiscard]] bool on() const noexcept { return engine || !sentinels.empty(); }
    friend bool operator==(const Shared&, const Shared&) = default;
};

struct Config {
    std::vector<ListenAddress> listen{
        {ListenAddress::Kind::unix_socket, "/var/spool/postfix/stsmapd/socketmap", {}, 0},
        {ListenAddress::Kind::tcp, {}, net::loopback, 8461},
    };
    std::string state_dir = "/var/lib/stsmapd";
    seconds deadline{10};
    unsigned threads = 1;
    Mode mode = Mode::enforce;
    Dane dane = Dane::automatic;
    bool strict_testing = false; ///< treat mode testing as enforce
    Log log;
    Socket socket;
    Control control;
    Web web;
    Limits limits;
    Dns dns;
    Fetch fetch;
    Cache cache;
    State state;
    Shared shared;
    std::vector<decision::Override> overrides; ///< in the file's order, each domain once
    friend bool operator==(const Config&, const Config&) = default;
};

} // namespace config
