#include "events/table.hpp"

#include "base/mdoc.hpp"
#include "events/about_daemon.hpp"
#include "events/about_dns.hpp"
#include "events/about_fleet.hpp"
#include "events/about_mail.hpp"
#include "events/about_overrides.hpp"

#include <array>
#include <cctype>
#include <utility>

namespace events {

namespace {

template <class E>
constexpr auto names = std::apply([](const auto&... m) { return std::array{m.name...}; }, About<E>::fields);

template <class E>
constexpr Entry entry_of() {
    return {About<E>::words.name,    About<E>::words.section, About<E>::levels,
            About<E>::words.meaning, About<E>::words.advice,  names<E>};
}

template <std::size_t... I>
constexpr std::array<Entry, kinds> entries_of(std::index_sequence<I...>) {
    return {entry_of<std::variant_alternative_t<I, Event>>()...};
}
constexpr std::array<Entry, kinds> entries = entries_of(std::make_index_sequence<kinds>());

constexpr std::array meanings{
    FieldMeaning{"action", "what the override says: off, observe, may, encrypt, secure or dane-only"},
    FieldMeaning{"active", "whether DANE is looked for: active, inactive or not known yet"},
    FieldMeaning{"address", "the address of a listening socket; where a policy came from"},
    FieldMeaning{"after_s", "how long it had failed, in seconds"},
    FieldMeaning{"age", "seconds since the policy was fetched, - without one"},
    FieldMeaning{"answer",
                 "what Postfix got: secure, dane-only, notfound or temp; may or encrypt by an override"},
    FieldMeaning{"because", "why once more: truncated, no-edns or a reason"},
    FieldMeaning{"before", "the verdict before"},
    FieldMeaning{"by",
                 "who is behind it, as SUDO_USER says, which nobody verifies; of an override with the uid"},
    FieldMeaning{"caught_up", "how many changes had waited"},
    FieldMeaning{"certificate_ends", "when the certificate ends, in seconds since 1970"},
    FieldMeaning{"changed", "the options that have another value now"},
    FieldMeaning{"closed", "connections closed to make room since the last such line"},
    FieldMeaning{"code", "the error code of SQLite or the system"},
    FieldMeaning{"compared", "policies of this host that were compared with the engine"},
    FieldMeaning{"configured", "how many stand in the configuration"},
    FieldMeaning{"connections", "how many clients are connected"},
    FieldMeaning{"detail", "what was found or tried, in words"},
    FieldMeaning{"domain", "the policy domain, or the key where it holds none"},
    FieldMeaning{"domains", "some of the domains"},
    FieldMeaning{"engine", "where the engine of the shared cache is"},
    FieldMeaning{"error", "what the system or the library says"},
    FieldMeaning{"expired", "policies that had expired meanwhile"},
    FieldMeaning{"expires_at", "when the policy expires, in seconds since 1970"},
    FieldMeaning{"fetched_at", "when the policy was fetched, in seconds since 1970"},
    FieldMeaning{"file", "the file of the store, or beside it"},
    FieldMeaning{"first_problem", "what was wrong with the first of them"},
    FieldMeaning{"for", "the domain that got the place"},
    FieldMeaning{"form", "how it was asked: udp or tcp, +edns or +dnssec where it was"},
    FieldMeaning{"held_back", "such lines not written since the last one"},
    FieldMeaning{"hides", "what Postfix would get without the override, as far as it is known"},
    FieldMeaning{"host", "the policy host, or the host that a request to the web listener was for"},
    FieldMeaning{"id", "the id of the TXT record"},
    FieldMeaning{"id_before", "the id of the policy before"},
    FieldMeaning{"issuer", "who issued the certificate"},
    FieldMeaning{"kept", "what stays in use"},
    FieldMeaning{"key", "what the value is called in the engine"},
    FieldMeaning{"keys", "how many there are"},
    FieldMeaning{"limit", "what is used up: max_connections or file descriptors"},
    FieldMeaning{"log_moved_to", "where the log of the old file is"},
    FieldMeaning{"lost", "how many lines were dropped"},
    FieldMeaning{"max_age", "the max_age of the policy, in seconds"},
    FieldMeaning{"mode", "the mode of the policy"},
    FieldMeaning{"mode_before", "the mode of the policy before"},
    FieldMeaning{"moved_to", "where the damaged file is"},
    FieldMeaning{"mx", "how many mx patterns the policy has"},
    FieldMeaning{"mx_hosts", "the MX hosts"},
    FieldMeaning{"needs_restart", "the options that wait for a restart"},
    FieldMeaning{"newer", "policies that were newer in the engine"},
    FieldMeaning{"next_hop", "the next hop as asked, where it has brackets, or a port other than 25"},
    FieldMeaning{"next_try_s", "seconds until the next attempt at the earliest"},
    FieldMeaning{"note", "why the override is there, as whoever added it says"},
    FieldMeaning{"octets", "the length of the policy"},
    FieldMeaning{"operation", "what was asked for, such as forget-domain"},
    FieldMeaning{"override", "the domain or suffix of the override"},
    FieldMeaning{"peer", "the client"},
    FieldMeaning{"policies", "how many policies are remembered"},
    FieldMeaning{"problem", "what is wrong, in words"},
    FieldMeaning{"pushed", "policies that the engine did not have, or older"},
    FieldMeaning{"question", "the name that was asked for"},
    FieldMeaning{"reason", "one of the reasons below, none where nothing failed"},
    FieldMeaning{"refill", "1 when the file was still to get everything in memory"},
    FieldMeaning{"refused", "lines that were not taken"},
    FieldMeaning{"repeated", "such lines not written since the last one about it"},
    FieldMeaning{"rows", "how many policies"},
    FieldMeaning{"run_time", "how many were added at run time"},
    FieldMeaning{"salvaged", "how many policies could be saved"},
    FieldMeaning{"sealing", "the id of the key that seals"},
    FieldMeaning{"server", "the resolver"},
    FieldMeaning{"servers", "the resolvers, in the order of asking"},
    FieldMeaning{"service", "the name of the service"},
    FieldMeaning{"signal", "the number of the signal"},
    FieldMeaning{
        "source",
        "where the answer came from: memory, network, or key when the key alone says that there is "
        "no policy; where a policy came from: shared when another host of the fleet fetched it; where an "
        "override came from: run-time or configuration"},
    FieldMeaning{"tls", "the version of TLS"},
    FieldMeaning{"took_ms", "how long it took, in milliseconds"},
    FieldMeaning{"transport", "udp or tcp"},
    FieldMeaning{"trouble", "the kind of trouble, as in SHARED CACHE"},
    FieldMeaning{"ttl", "how long the verdict holds, in seconds"},
    FieldMeaning{"uid", "the user id of the client"},
    FieldMeaning{"unreadable", "policies that could not be read"},
    FieldMeaning{"until", "when the override ends, in UTC"},
    FieldMeaning{"unwritten", "changes that were not written"},
    FieldMeaning{"validates", "yes, no or unknown"},
    FieldMeaning{"verdict", "dane-only, sts or unknown"},
    FieldMeaning{"version", "the version of the daemon"},
    FieldMeaning{"weakening", "how many may give less than DANE or an enforced policy would"},
    FieldMeaning{"weakens", "whether it may do so: yes or no"},
    FieldMeaning{"why", "the rule behind an answer that is not simply that of the policy: dane, override, "
                        "observe, overload, loading (the store is still being read) or deadline"},
    FieldMeaning{"without", "what the resolver does not answer: edns, or dnssec and edns"},
    FieldMeaning{"would", "what Postfix would have got without the override, or without observing"},
};

std::string_view title(Section section) {
    switch (section) {
    case Section::answers: return "Answers";
    case Section::policies: return "Policies";
    case Section::overrides: return "Overrides and observing";
    case Section::dane: return "DANE";
    case Section::dns: return "DNS";
    case Section::connections: return "Connections";
    case Section::control: return "The control socket and the web listener";
    case Section::store: return "The store";
    case Section::fleet: return "The shared cache of a fleet";
    case Section::daemon: return "The daemon";
    case Section::steps: break;
    }
    return "Steps";
}

void append_entry(std::string& out, const Entry& entry) {
    out.append(".It Ic ").append(entry.name).append("\n");
    base::append_mdoc(out, "(" + std::string{entry.levels} + ")");
    base::append_mdoc(out, entry.meaning);
    out += "Fields:\n.Ar ";
    for (std::size_t i = 0; i < entry.fields.size(); ++i)
        out.append(i == 0 ? "" : " , ").append(entry.fields[i]);
    out += " .\n";
    if (!entry.advice.empty()) base::append_mdoc(out, entry.advice);
}

} // namespace

const Entry& entry(Id kind) { return entries.at(static_cast<std::size_t>(kind)); }

std::span<const FieldMeaning> field_meanings() { return meanings; }

std::string man_events() {
    std::string out;
    const Entry* before = nullptr;
    for (const Entry& entry : entries) {
        if (before == nullptr || before->section != entry.section) {
            if (before != nullptr) out += ".El\n";
            out.append(".Ss ").append(title(entry.section)).append("\n");
            if (entry.section == Section::steps)
                out += "What level debug adds, and first verdicts on DANE:\n";
            out += ".Bl -tag -width Ds\n";
        }
        append_entry(out, entry);
        before = &entry;
    }
    out += ".El\n.Ss Fields\n.Bl -tag -width needs_restart -compact\n";
    for (const FieldMeaning& field : meanings) {
        out.append(".It Ar ").append(field.name).append("\n");
        base::append_mdoc(out, field.meaning);
    }
    return out + ".El\n";
}

} // namespace events
