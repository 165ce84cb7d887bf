// events/event.hpp - what happens, as values: one struct for each event, with all that is known about it. Pure.
//
// The code that notices something makes the event and passes it to an events::Sink (events/sink.hpp); it does
// not need to know what is done with it. Names, levels and meanings are in the table (events/table.hpp).
// Texts are views and must live until emit() returns. They are raw octets, some of them from peers: the log
// cuts them and makes them printable. The table entry says which members are fields of the log line, and
// which are left out when they are "" or nullopt.
#pragma once

#include "base/clock.hpp"
#include "base/reason.hpp"
#include "sts/policy.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <type_traits>
#include <variant>

namespace events {

using Text = std::string_view;

// ---- answers

struct Lookup {
    Text domain;                      ///< the policy domain, or the key as asked when it names none
    Text answer;                      ///< secure, dane-only, notfound, temp, may or encrypt
    Text source;                      ///< memory, network or key
    std::optional<base::seconds> age; ///< of the policy used
    double took_ms = 0;
    base::Reason reason = base::Reason::none;
    Text why = {};          ///< the rule behind an answer that is not a plain hit
    Text would = {};        ///< the answer without the override, or without observing, when that is another
    Text next_hop = {};     ///< the key as asked, when it is not of the usual form
    Text detail = {};       ///< what was tried, when it failed
    base::Steady ended{};   ///< when it was answered
    bool is_parent = false; ///< a parent domain: Postfix asks for each of them after a NOTFOUND
};
struct ServiceUnknown {
    Text next_hop, service;
    std::uint64_t repeated = 0;
};
struct LookupAborted {
    Text domain, reason;
};

// ---- policies

struct PolicyLearnt {
    Text domain;
    sts::Mode mode{};
    std::size_t mx = 0;
    base::seconds max_age{};
    Text id;
    Text source = {}; ///< shared: another host of the fleet fetched it; "" this one did
};
struct PolicyChanged {
    Text domain;
    sts::Mode mode{}, mode_before{};
    std::size_t mx = 0;
    base::seconds max_age{};
    Text id, id_before;
    bool weakened = false; ///< changed from enforce to testing or none, or withdrawn by a max_age of 0
    Text source = {};      ///< as in PolicyLearnt
};
struct PolicyRefreshed {
    Text domain;
    sts::Mode mode{};
    base::seconds max_age{};
    Text id;
    Text source = {}; ///< as in PolicyLearnt
};
struct PolicyFailed {
    Text domain;
    base::Reason reason{};
    Text detail;
    Text kept; ///< "enforce": a policy of this mode stays in use; else "no enforce policy"
    base::seconds next_try{};
    std::uint64_t repeated = 0;
    bool has_policy = false; ///< of any mode
};
/// The record of a domain with a policy in use; once until it is seen again.
struct PolicyRecordVanished {
    Text domain;
    sts::Mode mode{};
    base::Reason reason{};
    Text detail; ///< the records that cannot be used; "" there are none
    Text id;     ///< of the record that led to the policy
    base::Instant expires_at{};
};
struct PolicyExpired {
    Text domain;
    sts::Mode mode{};
    base::Instant fetched_at{};
    base::Reason reason{};
};
struct PolicyEvicted {
    Text domain, newcomer;
};
/// An administrator had it forgotten.
struct PolicyForgotten {
    Text domain, mode; ///< mode: of the policy; "-": there was none, or an expired one
    std::int64_t uid = 0;
    Text by; ///< who says to be behind the uid; not verified
};
/// An administrator had policies of another daemon taken.
struct PoliciesImported {
    std::size_t policies = 0, refused = 0;
    std::int64_t uid = 0;
    Text by;
};
struct PolicyTooShort {
    Text domain;
    sts::Mode mode{};
    base::seconds max_age{};
    Text id;
};
struct PolicyAdmitsNoMx {
    Text domain, id, mx_hosts;
    Text finding; ///< the domain, the id and all the hosts: key of the limit on repeated lines
};

// ---- overrides and observing

/// `weakens` is "yes" or "no".
struct OverrideAdded {
    Text domain, action, weakens;
    Text until; ///< in UTC
    Text by, hides, note;
};
struct OverrideRemoved {
    Text domain, action, weakens, by;
};
struct OverrideExpired {
    Text domain, action, weakens;
    Text source; ///< run-time or configuration
    Text note;
};
struct OverrideWeakens {
    Text domain;
    Text entry; ///< the override's own domain or suffix
    Text answer, would;
    std::uint64_t repeated = 0;
};
struct OverridesInUse {
    std::size_t configured = 0, run_time = 0, weakening = 0;
    Text domains;
};
struct Observing {
    Text detail;
};

// ---- DANE

struct Dane {
    Text active, detail;
};
/// The values are dane-only, sts and unknown.
struct DaneChanged {
    Text domain, verdict, before, detail;
    base::seconds ttl{};
    Text next_hop = {};
    bool lost = false; ///< the domain was secured by DANE and no longer is
};
struct DaneChecked {
    Text domain, verdict, before, detail;
    base::seconds ttl{};
    Text next_hop = {};
    bool is_first = false; ///< the first verdict on it
};

// ---- DNS and HTTPS

struct DnsServers {
    Text servers;
};
struct DnsServerJudged {
    Text server, validates, detail;
};
struct DnsServerForm {
    Text server, without;
};
struct DnsServerSilent {
    Text server;
    base::Reason reason{};
    Text question, form;
};
struct DnsServerBack {
    Text server;
};
struct DnsNoSocket {
    Text error;
};
struct DnsFailed {
    Text error;
};
struct DnsRetry {
    Text server, question, because;
};
struct DnsTryFailed {
    Text server, transport, question;
    base::Reason reason{};
    Text form;
};
struct Fetch {
    Text host;
    std::optional<std::size_t> octets; ///< of the policy, if one was fetched
    std::optional<base::Reason> reason;
    Text detail;
    std::int64_t took_ms = 0;
};
/// How a valid policy came. From another host of the fleet only `address` is known: its name.
struct PolicySource {
    Text domain, address, tls, issuer;
    base::Instant certificate_ends{}; ///< the epoch: not known
};

// ---- connections

struct Listening {
    Text address;
};
struct NotListening {
    Text address, detail;
};
struct ConnectionsFull {
    std::size_t connections = 0;
    Text address, limit;
    std::size_t closed = 0, held_back = 0;
};
struct AcceptFailed {
    Text address, problem;
    std::size_t connections = 0, held_back = 0;
};
struct ProtocolViolation {
    Text peer, problem;
    std::size_t held_back = 0;
};

// ---- the administration

struct ControlListening {
    Text address;
};
struct ControlNotListening {
    Text address, detail;
};
struct ControlChange {
    Text operation, domain;
    std::uint32_t uid = 0;
    Text by;
};
struct ControlRefused {
    Text operation;
    std::uint32_t uid = 0;
    Text by;
    std::uint64_t repeated = 0;
};
struct ControlFull {
    std::size_t connections = 0;
    std::uint32_t uid = 0;
    std::uint64_t repeated = 0;
};
struct WebListening {
    Text address;
};
struct WebNotListening {
    Text address, detail;
};
struct WebHostRefused {
    Text host;
    std::uint64_t repeated = 0;
};
struct WebFull {
    std::size_t connections = 0;
    std::uint64_t repeated = 0;
};

// ---- the store

struct StoreLoaded {
    std::size_t policies = 0, expired = 0, unreadable = 0;
};
struct StoreFailed {
    Text file, problem;
    std::int64_t code = 0;
};
struct StoreRecovered {
    Text file;
    std::size_t caught_up = 0;
    base::seconds after{};
};
struct StoreRead {
    Text file;
    std::size_t rows = 0;
};
struct StoreDamaged {
    Text file, problem, moved_to;
    std::optional<std::size_t> salvaged; ///< at the start
};
struct StoreMoved {
    Text file, problem, log_moved_to;
};
struct StoreChanged {
    Text file, problem;
};
struct StoreRefilled {
    Text file;
    std::size_t rows = 0;
};
struct StoreRowsSkipped {
    Text file;
    std::size_t rows = 0;
    Text first_problem;
};
struct StoreRowRefused {
    Text domain, problem;
};
struct StoreEmpty {
    Text file, problem;
};
struct StoreUnlocked {
    Text file, problem;
};
struct StoreIncomplete {
    Text file;
    std::size_t unwritten = 0;
    bool refill = false;
};
struct StoreStillFailing {
    Text problem;
};

// ---- the shared cache of a fleet

struct FleetUp {
    Text engine, detail;
};
struct FleetDown {
    Text engine;
    Text trouble; ///< a word of a closed set, as in metrics
    Text detail;
    std::uint64_t repeated = 0;
};
struct FleetUnusable {
    Text detail;
};
struct FleetKeys {
    std::size_t keys = 0;
    Text sealing; ///< the id of the first
};
struct FleetCompared {
    std::uint64_t compared = 0, newer = 0, pushed = 0, unreadable = 0;
    Text detail; ///< why it did not come to its end; "": it did
};
struct FleetValueRefused {
    Text key;     ///< in the engine
    Text problem; ///< a word of a closed set
    std::uint64_t repeated = 0;
};

// ---- the daemon

struct Ready {
    Text version;
    std::size_t policies = 0;
};
struct CannotStart {
    Text detail;
};
struct RunningAsRoot {
    Text detail;
};
struct MemoryShort {
    Text detail;
};
struct MemoryBack {
    Text detail;
};
struct Reload {
    Text changed, needs_restart;
};
struct ReloadFailed {
    Text detail, kept;
};
struct Stopping {
    std::int64_t signal = 0;
};
struct Stopped {
    std::size_t policies = 0;
};
struct LogOverrun {
    std::size_t lost = 0;
};

/// All of them, in the order of the manual.
using Event =
    std::variant<Lookup, ServiceUnknown, LookupAborted, PolicyLearnt, PolicyChanged, PolicyRefreshed,
                 PolicyFailed, PolicyRecordVanished, PolicyExpired, PolicyEvicted, PolicyForgotten,
                 PoliciesImported, PolicyTooShort, PolicyAdmitsNoMx, OverrideAdded, OverrideRemoved,
                 OverrideExpired, OverrideWeakens, OverridesInUse, Observing, Dane, DaneChanged, DnsServers,
                 DnsServerJudged, DnsServerForm, DnsServerSilent, DnsServerBack, DnsNoSocket, DnsFailed,
                 Listening, NotListening, ConnectionsFull, AcceptFailed, ProtocolViolation, ControlListening,
                 ControlNotListening, ControlChange, ControlRefused, ControlFull, WebListening,
                 WebNotListening, WebHostRefused, WebFull, StoreLoaded, StoreFailed, StoreRecovered,
                 StoreRead, StoreDamaged, StoreMoved, StoreChanged, StoreRefilled, StoreRowsSkipped,
                 StoreRowRefused, StoreEmpty, StoreUnlocked, StoreIncomplete, FleetUp, FleetDown,
                 FleetUnusable, FleetKeys, FleetCompared, FleetValueRefused, Ready, CannotStart,
                 RunningAsRoot, MemoryShort, MemoryBack, Reload, ReloadFailed, Stopping, Stopped, LogOverrun,
                 DaneChecked, DnsRetry, DnsTryFailed, Fetch, PolicySource, StoreStillFailing>;

/// Which event: its index in the list above, less than `kinds`.
enum class Id : std::uint8_t {};
inline constexpr std::size_t kinds = std::variant_size_v<Event>;

template <class E, std::size_t I = 0>
[[nodiscard]] consteval Id id_of() {
    if constexpr (std::is_same_v<E, std::variant_alternative_t<I, Event>>)
        return static_cast<Id>(I);
    else
        return id_of<E, I + 1>();
}
[[nodiscard]] inline Id id(const Event& event) noexcept { return static_cast<Id>(event.index()); }

} // namespace events
