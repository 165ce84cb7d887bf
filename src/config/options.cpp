#include "config/options.hpp"

#include "config/convert.hpp"

namespace config {

namespace {

/// Ties a table row to a member of Config: `at` takes a Config, const or not, and returns the member.
template <class At>
Option row(std::string_view path, Type type, Reload reload, At at, std::string_view help) {
    Option option;
    option.path = path;
    option.type = type;
    option.reload = reload;
    option.help = help;
    option.read = [at](const Config& c) { return to_value(at(c)); };
    return option;
}

/// A text or list; `check` is a further check of a text, beyond its type.
template <class At>
Option text_row(std::string_view path, Type type, Reload reload, std::string_view form, At at,
                std::string_view help, TextCheck check = nullptr) {
    Option option = row(path, type, reload, at, help);
    option.form = form;
    option.assign = [at, check](Config& c, const Value& v) { return from_value(v, at(c), check); };
    return option;
}

template <class At>
Option flag_row(std::string_view path, Reload reload, At at, std::string_view help) {
    Option option = row(path, Type::boolean, reload, at, help);
    option.assign = [at](Config& c, const Value& v) { return from_value(v, at(c)); };
    return option;
}

/// An integer or a time, from `min` to `max`.
template <class At>
Option bounded_row(std::string_view path, Type type, Reload reload, std::int64_t min, std::int64_t max, At at,
                   std::string_view help) {
    Option option = row(path, type, reload, at, help);
    option.min = min;
    option.max = max;
    option.assign = [at, min, max](Config& c, const Value& v) { return from_value(v, at(c), min, max); };
    return option;
}

template <class At>
Option choice_row(std::string_view path, Reload reload, At at, std::string_view help) {
    Option option = row(path, Type::choice, reload, at, help);
    const Config defaults; // g++ 12 does not survive a temporary here
    for (const auto& name : names_of(at(defaults))) option.choices.push_back(name.first);
    option.assign = [at](Config& c, const Value& v) { return from_value(v, at(c)); };
    return option;
}

constexpr std::int64_t minute = 60; // in seconds, as the two below
constexpr std::int64_t hour = 3600;
constexpr std::int64_t day = 86400;

std::vector<Option> make_options() {
    using enum Type;
    constexpr Reload live = Reload::live;
    constexpr Reload restart = Reload::restart;
    return {
        text_row(
            "listen", list, restart, "addresses", [](auto& c) -> auto& { return c.listen; },
            "Where Postfix may ask.\n"
            "\"unix:/path\" is a unix socket, \"tcp:127.0.0.1:8461\" and \"tcp:[::1]:8461\" are TCP "
            "addresses,\n"
            "\"tcp::8461\" is every address of the host, IPv6 and IPv4.\n"
            "Sockets inherited from systemd replace the default; entries written here are opened "
            "as well.\n"
            "So where stsmapd.socket is in use, its unix socket is all there is, and removing the # adds "
            "TCP."),
        text_row(
            "state_dir", text, restart, "directory", [](auto& c) -> auto& { return c.state_dir; },
            "The directory of the policy store, stsmapd.sqlite, and of what is kept apart from it, "
            "state.db.\n"
            "It must exist and be writable for the daemon.",
            absolute_path),
        bounded_row(
            "deadline", duration, live, 1, 90, [](auto& c) -> auto& { return c.deadline; },
            "An answer never takes longer than this.\n"
            "When it is over and nothing is known of the domain, Postfix gets NOTFOUND;\n"
            "the search goes on and serves the next delivery.\n"
            "Postfix itself gives up after 100 seconds."),
        bounded_row(
            "threads", integer, restart, 1, 64, [](auto& c) -> auto& { return c.threads; },
            "Threads that answer Postfix.\n"
            "One is enough for most hosts: known domains are answered from memory."),
        choice_row(
            "mode", live, [](auto& c) -> auto& { return c.mode; },
            "\"observe\" looks everything up and stores it, and tells Postfix nothing (NOTFOUND);\n"
            "the usual answers are counted: stsmap observed.\n"
            "Changing to \"enforce\" needs no new learning.\n"
            "For a single domain: [[override]] with action \"observe\"."),
        choice_row(
            "dane", live, [](auto& c) -> auto& { return c.dane; },
            "\"auto\" answers dane-only for a domain with an enforced policy whose MX hosts are all secured "
            "by DANE,\n"
            "where a trusted validating resolver is in use; without one it does nothing.\n"
            "\"off\" never looks: a policy then overrides DANE, which RFC 8461 section 2 forbids."),
        flag_row(
            "strict_testing", live, [](auto& c) -> auto& { return c.strict_testing; },
            "Treat policies of mode testing like those of mode enforce.\n"
            "Their domains have asked for reports, not for refused deliveries, so expect deferred mail."),

        choice_row(
            "log.level", live, [](auto& c) -> auto& { return c.log.level; },
            "The lowest level that is written.\n"
            "Every lookup writes one line of level info."),
        choice_row(
            "log.format", live, [](auto& c) -> auto& { return c.log.format; },
            "The form of a line: \"text\" is \"event: key=value ...\", \"json\" is one object a line."),
        choice_row(
            "log.target", live, [](auto& c) -> auto& { return c.log.target; },
            "Where lines go: standard error, which systemd keeps in the journal, or syslog with facility "
            "mail."),

        text_row(
            "socket.mode", text, restart, "octal digits", [](auto& c) -> auto& { return c.socket.mode; },
            "The mode of unix sockets.\n"
            "Postfix connects as user postfix."),
        text_row(
            "socket.owner", text, restart, "user", [](auto& c) -> auto& { return c.socket.owner; },
            "The owner of unix sockets.\n"
            "Empty means the user that runs the daemon."),
        text_row(
            "socket.group", text, restart, "group", [](auto& c) -> auto& { return c.socket.group; },
            "The group of unix sockets.\n"
            "Empty means the group that runs the daemon.\n"
            "The daemon must be a member of the group, or root."),

        text_row(
            "control.socket", text, restart, "file", [](auto& c) -> auto& { return c.control.socket; },
            "The unix socket for stsmap and curl: who may connect may read, root and the user that runs the "
            "daemon "
            "may change.\n"
            "Sockets inherited from systemd under the name \"control\" replace the default.\n"
            "Empty means none.",
            absolute_path_or_empty),
        text_row(
            "control.mode", text, restart, "octal digits", [](auto& c) -> auto& { return c.control.mode; },
            "The mode of the control socket."),
        text_row(
            "control.group", text, restart, "group", [](auto& c) -> auto& { return c.control.group; },
            "The group of the control socket.\n"
            "Empty means the group that runs the daemon.\n"
            "The daemon must be a member of the group, or root."),

        text_row(
            "web.listen", list, restart, "addresses", [](auto& c) -> auto& { return c.web.listen; },
            "Where metrics, health and the status page are served over HTTP, such as \"tcp:127.0.0.1:9461\" "
            "or\n"
            "\"unix:/run/stsmapd/web\": /metrics, /healthy, /ready, /status.json and /.\n"
            "Nothing can be changed there.\n"
            "There is no password: whoever can connect may read.\n"
            "An address that other hosts can reach needs web.hosts.\n"
            "Sockets inherited from systemd under the name \"web\" are served as well.\n"
            "An empty list means none."),
        text_row(
            "web.mode", text, restart, "octal digits", [](auto& c) -> auto& { return c.web.mode; },
            "The mode of unix sockets of web.listen."),
        text_row(
            "web.group", text, restart, "group", [](auto& c) -> auto& { return c.web.group; },
            "The group of unix sockets of web.listen.\n"
            "Empty means the group that runs the daemon.\n"
            "The daemon must be a member of the group, or root."),
        text_row(
            "web.hosts", list, live, "hosts", [](auto& c) -> auto& { return c.web.hosts; },
            "The hosts that the web listener may be asked as, such as \"mx1.example.com\", besides "
            "localhost, "
            "127.0.0.1 and\n"
            "[::1]: as the field Host of a request has them, with any port.\n"
            "A request for another host is refused with status 421: a stranger's page may have sent it "
            "through a browser."),
        flag_row(
            "web.show_domains", live, [](auto& c) -> auto& { return c.web.show_domains; },
            "Show names of domains, policy hosts and overrides over the web listener.\n"
            "They tell whoever may connect where mail of this host goes."),

        bounded_row(
            "limits.max_connections", integer, live, 1, 1'000'000,
            [](auto& c) -> auto& { return c.limits.max_connections; },
            "Clients that may be connected at once.\n"
            "Postfix keeps up to 100 connections a service open, most of them silent."),
        bounded_row(
            "limits.idle", duration, live, 1, day, [](auto& c) -> auto& { return c.limits.idle; },
            "A connection that stays silent this long is closed.\n"
            "Postfix connects again without a trace in the mail."),
        bounded_row(
            "limits.max_request", integer, live, 512, 1'000'000,
            [](auto& c) -> auto& { return c.limits.max_request; },
            "The longest request in bytes; a client that sends a longer one is disconnected.\n"
            "Postfix sends at most 10000."),

        text_row(
            "dns.servers", list, live, "addresses", [](auto& c) -> auto& { return c.dns.servers; },
            "The resolvers to ask, such as \"127.0.0.1\", \"127.0.0.1:5300\" or \"[::1]:53\".\n"
            "An empty list means those of /etc/resolv.conf, which is read again when it changes."),
        choice_row(
            "dns.trust_ad", live, [](auto& c) -> auto& { return c.dns.trust_ad; },
            "Whether to believe a resolver that says it has validated an answer with DNSSEC.\n"
            "\"auto\" believes resolvers on a loopback address, and those of a resolv.conf with option "
            "trust-ad;\nthat of systemd (127.0.0.53) only with this option, and that of Docker (127.0.0.11) "
            "never.\nA resolver must also have shown that it validates."),
        bounded_row(
            "dns.timeout", duration, live, 1, minute, [](auto& c) -> auto& { return c.dns.timeout; },
            "A DNS question fails when no resolver has answered after this long, all tries together."),
        bounded_row(
            "dns.try_timeout", duration, live, 1, minute / 2,
            [](auto& c) -> auto& { return c.dns.try_timeout; },
            "How long one resolver may take before the next one is asked.\n"
            "It must not be longer than dns.timeout."),
        text_row(
            "dns.signed_name", text, live, "domain name", [](auto& c) -> auto& { return c.dns.signed_name; },
            "A name signed with DNSSEC, whose SOA record each resolver is asked for:\n"
            "an answer without the AD bit means that the resolver does not validate, and is not asked about "
            "DANE.\n"
            "The root zone is \".\".",
            domain_name),
        text_row(
            "dns.broken_name", text, live, "domain name", [](auto& c) -> auto& { return c.dns.broken_name; },
            "A name whose signatures are wrong on purpose: a resolver that answers for it does not "
            "validate.\n"
            "Empty means that none is asked for.",
            domain_name_or_empty),

        text_row(
            "fetch.ca_file", text, live, "file", [](auto& c) -> auto& { return c.fetch.ca_file; },
            "The certificates, in PEM form, that may vouch for a policy host.\n"
            "Empty means those of the system.",
            absolute_path_or_empty),
        flag_row(
            "fetch.allow_private_addresses", live,
            [](auto& c) -> auto& { return c.fetch.allow_private_addresses; },
            "Connect to policy hosts on private, loopback and link-local addresses too.\n"
            "Anybody on the Internet can make the daemon connect to such an address by sending mail, so "
            "leave "
            "this off\n"
            "where policies come from strangers."),
        text_row(
            "fetch.nat64_prefixes", list, live, "prefixes",
            [](auto& c) -> auto& { return c.fetch.nat64_prefixes; },
            "The NAT64 prefixes of this network, such as \"64:ff9b:1::/96\".\n"
            "A policy host's address within one is judged by the IPv4 address that it holds.\n"
            "An empty list means that the resolver is asked for them when an address could lie in one.\n"
            "64:ff9b::/96 is always known."),
        text_row(
            "fetch.proxy", text, live, "http://host:port", [](auto& c) -> auto& { return c.fetch.proxy; },
            "An HTTP proxy to fetch policies through, with CONNECT.\n"
            "Empty means a direct connection."),
        bounded_row(
            "fetch.timeout", duration, live, 1, 5 * minute, [](auto& c) -> auto& { return c.fetch.timeout; },
            "A fetch of a policy fails after this long, from the address lookup to the last byte.\n"
            "It runs in the background: no delivery waits longer than deadline."),
        bounded_row(
            "fetch.max_concurrent", integer, live, 1, 4096,
            [](auto& c) -> auto& { return c.fetch.max_concurrent; },
            "Policies that may be fetched at once from hosts that answer.\n"
            "A fetch that has waited for its host for 0.3 seconds no longer counts, up to 16 times as many."),
        bounded_row(
            "fetch.max_per_address", integer, live, 1, 4096,
            [](auto& c) -> auto& { return c.fetch.max_per_address; },
            "Policies that may be fetched at once from one address, which may host thousands of domains.\n"
            "Connections without an octet for a second do not count, up to 32 in all."),

        bounded_row(
            "cache.max_policies", integer, live, 1, 100'000'000,
            [](auto& c) -> auto& { return c.cache.max_policies; },
            "Policies that are remembered.\n"
            "Beyond that expired ones go first, and unexpired ones of mode enforce last."),
        bounded_row(
            "cache.max_absences", integer, live, 1, 100'000'000,
            [](auto& c) -> auto& { return c.cache.max_absences; },
            "Domains without a policy that are remembered, in a table of their own."),
        bounded_row(
            "cache.forget_unasked_after", duration, live, hour, 3650 * day,
            [](auto& c) -> auto& { return c.cache.forget_unasked_after; },
            "The policy of a domain nobody asked for during this time is no longer fetched every day.\n"
            "It stays in use until it expires."),

        bounded_row(
            "state.keep_observed", duration, live, hour, 3650 * day,
            [](auto& c) -> auto& { return c.state.keep_observed; },
            "How long after the last lookup the sums of a domain that is only observed are kept."),

        text_row(
            "shared.engine", text, restart, "address", [](auto& c) -> auto& { return c.shared.engine; },
            "Where Valkey, or Redis 6.2 or newer, is: \"unix:/path\", \"tcp:host:port\" or "
            "\"tls:host:port\".\n"
            "The port is 6379 when it is left out.\n"
            "Hosts that ask the same engine with the same key learn from each other.\n"
            "Names of hosts are looked up in /etc/hosts and then in DNS, without a search list.\n"
            "Empty means that there is no shared cache, unless there are shared.sentinels.\n"
            "Without shared.key_file there is none either."),
        text_row(
            "shared.sentinels", list, restart, "addresses",
            [](auto& c) -> auto& { return c.shared.sentinels; },
            "The Sentinels that know where the engine is, such as \"tcp:sentinel1.example.net\", instead of "
            "shared.engine.\n"
            "The port is 26379 when it is left out.\n"
            "With \"tls:\" the engine is talked to over TLS as well."),
        text_row(
            "shared.primary", text, restart, "name", [](auto& c) -> auto& { return c.shared.primary; },
            "What the Sentinels call the primary.", engine_name),
        text_row(
            "shared.replica", text, restart, "address", [](auto& c) -> auto& { return c.shared.replica; },
            "A replica to read from while it is up, in the forms of shared.engine.\n"
            "Empty means that all reads go to the engine."),
        flag_row(
            "shared.read_replicas", restart, [](auto& c) -> auto& { return c.shared.read_replicas; },
            "Read from a replica that the Sentinels name."),
        flag_row(
            "shared.read_only", restart, [](auto& c) -> auto& { return c.shared.read_only; },
            "Write nothing: this host learns from others, and they nothing from it.\n"
            "The engine may then be a replica."),
        bounded_row(
            "shared.database", integer, restart, 0, 1024, [](auto& c) -> auto& { return c.shared.database; },
            "The number of the database in the engine."),
        text_row(
            "shared.user", text, restart, "user", [](auto& c) -> auto& { return c.shared.user; },
            "The user to log in as, of the engine's ACL.\n"
            "Empty means its default user."),
        text_row(
            "shared.password_file", text, restart, "file",
            [](auto& c) -> auto& { return c.shared.password_file; },
            "The file that has the password and nothing else but a line end.\n"
            "It must not be readable for others.\n"
            "A credential of systemd is /run/credentials/stsmapd.service/NAME.\n"
            "Empty means that none is sent.",
            absolute_path_or_empty),
        text_row(
            "shared.sentinel_user", text, restart, "user",
            [](auto& c) -> auto& { return c.shared.sentinel_user; },
            "The user to log in as at the Sentinels.\n"
            "Empty means their default user."),
        text_row(
            "shared.sentinel_password_file", text, restart, "file",
            [](auto& c) -> auto& { return c.shared.sentinel_password_file; },
            "The same as shared.password_file, for the Sentinels.", absolute_path_or_empty),
        text_row(
            "shared.tls_ca_file", text, restart, "file",
            [](auto& c) -> auto& { return c.shared.tls_ca_file; },
            "The certificates, in PEM form, that may vouch for the engine and the Sentinels.\n"
            "Empty means those of the system.",
            absolute_path_or_empty),
        text_row(
            "shared.tls_name", text, restart, "host", [](auto& c) -> auto& { return c.shared.tls_name; },
            "The name or address that must be in their certificates.\n"
            "Empty means the host that is connected to; Sentinels mostly name the engine by its address.",
            host_name_or_address_or_empty),
        text_row(
            "shared.tls_certificate_file", text, restart, "file",
            [](auto& c) -> auto& { return c.shared.tls_certificate_file; },
            "The certificate of this host as a client, in PEM form, with its chain.\n"
            "Empty means none.",
            absolute_path_or_empty),
        text_row(
            "shared.tls_key_file", text, restart, "file",
            [](auto& c) -> auto& { return c.shared.tls_key_file; },
            "The key of shared.tls_certificate_file, in PEM form, without a passphrase.\n"
            "It must not be readable for others.",
            absolute_path_or_empty),
        bounded_row(
            "shared.timeout", short_duration, restart, 5, 1000,
            [](auto& c) -> auto& { return c.shared.timeout; },
            "How long the engine may take for an answer that a search waits for.\n"
            "When it is over the search goes on as without a shared cache.\n"
            "After three of them the engine is left alone for a while."),
        text_row(
            "shared.key_file", text, restart, "file", [](auto& c) -> auto& { return c.shared.key_file; },
            "The keys of the fleet, in lines \"ID KEY\", the same on all its hosts; for example "
            "/etc/stsmapd/fleet.keys.\n"
            "The first key seals what this host shares, all are accepted.\n"
            "It must not be readable for others: who has the key can make this host believe policies.\n"
            "\"openssl rand -hex 32\" makes a key.\n"
            "What is in the file is read again with a reload.",
            absolute_path_or_empty),
        text_row(
            "shared.prefix", text, restart, "text", [](auto& c) -> auto& { return c.shared.prefix; },
            "How keys in the engine begin; another one for each fleet that has the same engine.", key_prefix),
        flag_row(
            "shared.hide_domains", restart, [](auto& c) -> auto& { return c.shared.hide_domains; },
            "Hide from the engine which domains are known: names are hashed with the key, policies "
            "encrypted.\n"
            "All hosts of a fleet must have the same setting."),
        text_row(
            "shared.host", text, restart, "host", [](auto& c) -> auto& { return c.shared.host; },
            "What this host calls itself in the fleet, each host differently.\n"
            "Empty means the name of the system.",
            host_name_or_empty),
    };
}

} // namespace

std::string Option::range() const {
    switch (type) {
    case Type::integer: return "from " + std::to_string(min) + " to " + std::to_string(max);
    case Type::duration:
        return "from " + format_duration(seconds{min}) + " to " + format_duration(seconds{max});
    case Type::short_duration:
        return "from " + format_short_duration(milliseconds{min}) + " to " +
               format_short_duration(milliseconds{max});
    case Type::boolean: return "true or false";
    case Type::choice: {
        std::string text;
        for (std::size_t i = 0; i < choices.size(); ++i) {
            if (i > 0) text += i + 1 == choices.size() ? " or " : ", ";
            text += choices[i];
        }
        return text;
    }
    case Type::text:
    case Type::list: break;
    }
    return {};
}

const std::vector<Option>& options() {
    static const std::vector<Option> table = make_options();
    return table;
}

const std::vector<Section>& sections() {
    static const std::vector<Section> table{
        {"log", "The log: what is written, and where to."},
        {"socket", "Who may connect to the unix sockets of listen."},
        {"control", "The socket of stsmap, over which an administrator asks and changes."},
        {"web", "Metrics, health and the status page over HTTP. Off unless it has an address."},
        {"limits", "What the daemon takes from its clients."},
        {"dns", "How domain names are looked up."},
        {"fetch", "How policies are fetched."},
        {"cache", "How much is remembered, and how long."},
        {"state", "What is remembered of the past, in state.db."},
        {"shared",
         "The cache that the hosts of a fleet share, in Valkey or Redis. Off unless it has an engine."},
    };
    return table;
}

Changes changed(const Config& before, const Config& after) {
    Changes changes;
    for (const Option& option : options()) {
        if (option.read(before) == option.read(after)) continue;
        (option.reload == Reload::live ? changes.live : changes.restart).push_back(option.path);
    }
    if (before.overrides != after.overrides) changes.live.push_back("override");
    return changes;
}

} // namespace config
