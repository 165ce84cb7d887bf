// events/about_mail.hpp - the table's entries on answers, policies and DANE. For events/table.cpp and render.
#pragma once

#include "events/about.hpp"

namespace events {

/// A domain's owner can cause these findings again and again: there is one line in an hour, a month and so on.
/// Each finding is remembered as a keyed hash (base/repeats.hpp).
inline constexpr std::size_t max_findings = 10'000;

template <>
struct About<Lookup> {
    using E = Lookup;
    static constexpr std::string_view levels = "info; debug for a key such as `.example.com`, which Postfix "
                                               "asks for after each NOTFOUND";
    static constexpr Level level(const E& e) noexcept { return e.is_parent ? Level::debug : Level::info; }
    static constexpr Words words{
        "lookup", Section::answers,
        "One line a question, when it is answered. The age is that of the policy used. The reason says why "
        "there is no policy, or why the last attempt to fetch the one in use again has failed. Where DNS or "
        "the policy host failed, detail says what was tried: each resolver, udp or tcp, the form of the "
        "question (edns, dnssec or plain) and what came of it; or the addresses and the status.",
        ""};
    static constexpr auto fields = std::tuple{
        field("domain", &E::domain),
        field("answer", &E::answer),
        field("source", &E::source),
        field("age", &E::age, Show::dash),
        field("took_ms", &E::took_ms),
        field("reason", &E::reason),
        field("next_hop", &E::next_hop, Show::unless_empty),
        field("why", &E::why, Show::unless_empty),
        field("would", &E::would, Show::unless_empty),
        field("detail", &E::detail, Show::unless_empty),
    };
    static constexpr auto hidden = std::tuple{&E::ended, &E::is_parent};
};

template <>
struct About<ServiceUnknown> : At<Level::warning> {
    using E = ServiceUnknown;
    static constexpr Words words{
        "service-unknown", Section::answers,
        "A next hop names a service whose port is not known, and no DANE is looked for. At most one line a "
        "minute and thread.",
        "Write the port as a number, or the name into /etc/services."};
    static constexpr auto fields = std::tuple{field("next_hop", &E::next_hop), field("service", &E::service),
                                              field("repeated", &E::repeated)};
    static constexpr Limit limit{std::chrono::minutes{1}, 1};
    static constexpr Text key(const E&) noexcept { return {}; }
};

template <>
struct About<LookupAborted> : At<Level::error> {
    using E = LookupAborted;
    static constexpr Words words{"lookup-aborted", Section::answers,
                                 "A lookup ended because memory ran out, and Postfix got TEMP. At most one "
                                 "line a minute.",
                                 "Give the daemon more memory."};
    static constexpr auto fields = std::tuple{field("domain", &E::domain), field("reason", &E::reason)};
    static constexpr Limit limit{std::chrono::minutes{1}, 1};
    static constexpr Text key(const E&) noexcept { return {}; }
};

template <>
struct About<PolicyLearnt> : At<Level::info> {
    using E = PolicyLearnt;
    static constexpr Words words{"policy-learnt", Section::policies,
                                 "A policy was fetched for a domain that had none, by this host or, with "
                                 "`source=shared`, by another host of the fleet.",
                                 ""};
    static constexpr auto fields =
        std::tuple{field("domain", &E::domain), field("mode", &E::mode),
                   field("mx", &E::mx),         field("max_age", &E::max_age),
                   field("id", &E::id),         field("source", &E::source, Show::unless_empty)};
    static constexpr Remember remember(const E&) noexcept { return Remember::yes; }
};

template <>
struct About<PolicyChanged> {
    using E = PolicyChanged;
    static constexpr std::string_view levels =
        "info; warning when it was of mode enforce and no longer is, or is withdrawn by a max_age of 0";
    static constexpr Level level(const E& e) noexcept { return e.weakened ? Level::warning : Level::info; }
    static constexpr Words words{
        "policy-changed", Section::policies, "A different policy has taken the place of an older one.",
        "On a warning, ask the domain when in doubt: mail to it is no longer protected."};
    static constexpr auto fields =
        std::tuple{field("domain", &E::domain),           field("mode", &E::mode),
                   field("mode_before", &E::mode_before), field("mx", &E::mx),
                   field("max_age", &E::max_age),         field("id", &E::id),
                   field("id_before", &E::id_before),     field("source", &E::source, Show::unless_empty)};
    static constexpr auto hidden = std::tuple{&E::weakened};
    static constexpr Remember remember(const E&) noexcept { return Remember::yes; }
};

template <>
struct About<PolicyRefreshed> : At<Level::info> {
    using E = PolicyRefreshed;
    static constexpr Words words{"policy-refreshed", Section::policies,
                                 "The same policy was fetched again, and counts from now.", ""};
    static constexpr auto fields =
        std::tuple{field("domain", &E::domain), field("mode", &E::mode), field("max_age", &E::max_age),
                   field("id", &E::id), field("source", &E::source, Show::unless_empty)};
    static constexpr Remember remember(const E&) noexcept { return Remember::among_others; }
};

template <>
struct About<PolicyFailed> {
    using E = PolicyFailed;
    static constexpr std::string_view levels = "info; warning when a policy of mode enforce is remembered, "
                                               "which stays in use until it expires, and it "
                                               "was not the resolver that failed";
    static Level level(const E& e) noexcept {
        return e.kept == "enforce" && !base::is_dns_failure(e.reason) ? Level::warning : Level::info;
    }
    static constexpr Words words{
        "policy-failed", Section::policies,
        "A policy could not be fetched, or is not valid; or the record of a domain whose policy is "
        "remembered is gone, not valid, or could not be looked up. What failed is in detail: the address and "
        "the status, the resolver and the form of the question, or the record. At most one line an hour, "
        "domain and level.",
        "Mostly it is the other side's mistake; many domains at once point to the network of this host, its "
        "resolvers, its proxy, or its certificates."};
    static constexpr auto fields = std::tuple{
        field("domain", &E::domain), field("reason", &E::reason),       field("detail", &E::detail),
        field("kept", &E::kept),     field("next_try_s", &E::next_try), field("repeated", &E::repeated)};
    static constexpr auto hidden = std::tuple{&E::has_policy};
    // Failures come every five minutes to one hour; one line an hour for a domain is enough. Each level has its
    // own limit, so a failed resolver (info) does not hold back the line that the record is gone.
    static constexpr Limit limit{std::chrono::hours{1}, max_findings};
    static constexpr Text key(const E& e) noexcept { return e.domain; }
    static constexpr Remember remember(const E& e) noexcept {
        return e.has_policy ? Remember::yes : Remember::no;
    }
};

template <>
struct About<PolicyRecordVanished> {
    using E = PolicyRecordVanished;
    static constexpr std::string_view levels = "info; warning when the policy is of mode enforce";
    static constexpr Level level(const E& e) noexcept {
        return e.mode == sts::Mode::enforce ? Level::warning : Level::info;
    }
    static constexpr Words words{
        "policy-record-vanished", Section::policies,
        "The TXT record of a domain whose policy is in use is gone, or there is none that can be used. The "
        "policy "
        "stays in use until it expires, and is still fetched daily. One line until the record is seen again.",
        "A domain that gives up MTA-STS sets its policy to mode none first; if it did not, its DNS may be "
        "broken, or somebody may be hiding the record. Ask another resolver, or the domain."};
    static constexpr auto fields =
        std::tuple{field("domain", &E::domain),         field("mode", &E::mode),
                   field("reason", &E::reason),         field("id", &E::id),
                   field("expires_at", &E::expires_at), field("detail", &E::detail, Show::unless_empty)};
    static constexpr Remember remember(const E&) noexcept { return Remember::yes; }
};

template <>
struct About<PolicyExpired> : At<Level::info> {
    using E = PolicyExpired;
    static constexpr Words words{"policy-expired", Section::policies,
                                 "A remembered policy expired, and is forgotten.", ""};
    static constexpr auto fields =
        std::tuple{field("domain", &E::domain), field("mode", &E::mode), field("fetched_at", &E::fetched_at),
                   field("reason", &E::reason)};
    static constexpr Remember remember(const E&) noexcept { return Remember::yes; }
};

template <>
struct About<PolicyEvicted> : At<Level::warning> {
    using E = PolicyEvicted;
    static constexpr Words words{"policy-evicted", Section::policies,
                                 "`cache.max_policies` is reached, and a policy made room for another.",
                                 "Raise the limit."};
    static constexpr auto fields = std::tuple{field("domain", &E::domain), field("for", &E::newcomer)};
    static constexpr Remember remember(const E&) noexcept { return Remember::yes; }
};

template <>
struct About<PolicyForgotten> {
    using E = PolicyForgotten;
    static constexpr std::string_view levels = "info; warning when it had an enforced policy";
    static constexpr Level level(const E& e) noexcept {
        return e.mode == "enforce" ? Level::warning : Level::info;
    }
    static constexpr Words words{
        "policy-forgotten", Section::policies,
        "An administrator had all that was known of a domain forgotten. Until its policy is fetched again, "
        "mail to it goes as if it had none.",
        "Make sure that it was meant."};
    static constexpr auto fields = std::tuple{field("domain", &E::domain), field("mode", &E::mode),
                                              field("uid", &E::uid), field("by", &E::by, Show::unless_empty)};
};

template <>
struct About<PoliciesImported> : At<Level::info> {
    using E = PoliciesImported;
    static constexpr Words words{"policies-imported", Section::policies,
                                 "An administrator had policies taken that another daemon had exported.", ""};
    static constexpr auto fields = std::tuple{field("policies", &E::policies), field("refused", &E::refused),
                                              field("uid", &E::uid), field("by", &E::by, Show::unless_empty)};
};

template <>
struct About<PolicyTooShort> : At<Level::warning> {
    using E = PolicyTooShort;
    static constexpr Words words{
        "policy-too-short", Section::policies,
        "A policy expires within the minute that has to pass between two fetches, and is missing for the "
        "rest of it. At most one line a month and domain.",
        "RFC 8461 recommends weeks; the domain has to change its policy."};
    static constexpr auto fields = std::tuple{field("domain", &E::domain), field("mode", &E::mode),
                                              field("max_age", &E::max_age), field("id", &E::id)};
    static constexpr Limit limit{std::chrono::days{30}, max_findings};
    static constexpr Text key(const E& e) noexcept { return e.domain; }
    static constexpr Remember remember(const E&) noexcept { return Remember::yes; }
};

template <>
struct About<PolicyAdmitsNoMx> : At<Level::warning> {
    using E = PolicyAdmitsNoMx;
    static constexpr Words words{
        "policy-admits-no-mx", Section::policies,
        "None of the domain's MX hosts is admitted by its enforced policy, so Postfix will defer mail to it. "
        "At most one line a month and finding. It is noticed only where the daemon looks for DANE.",
        "The domain has to change its policy; until then only an entry in a table before this map lets mail "
        "go out."};
    static constexpr auto fields =
        std::tuple{field("domain", &E::domain), field("id", &E::id), field("mx_hosts", &E::mx_hosts)};
    static constexpr auto hidden = std::tuple{&E::finding};
    static constexpr Limit limit{std::chrono::days{30}, max_findings};
    static constexpr Text key(const E& e) noexcept { return e.finding; }
    static constexpr Remember remember(const E&) noexcept { return Remember::yes; }
};

template <>
struct About<Dane> : At<Level::info> {
    using E = Dane;
    static constexpr Words words{"dane", Section::dane,
                                 "What the probes of the resolvers have shown, when that has changed.",
                                 "See the section on DANE."};
    static constexpr auto fields = std::tuple{field("active", &E::active), field("detail", &E::detail)};
};

template <>
struct About<DaneChanged> {
    using E = DaneChanged;
    static constexpr std::string_view levels =
        "info when the domain is now secured by DANE; warning when it no longer is";
    static constexpr Level level(const E& e) noexcept { return e.lost ? Level::warning : Level::info; }
    static constexpr Words words{"dane-changed", Section::dane, "Another verdict on a domain.",
                                 "A warning deserves a look: the domain, or its DNSSEC, has lost something."};
    static constexpr auto fields =
        std::tuple{field("domain", &E::domain), field("verdict", &E::verdict),
                   field("before", &E::before), field("detail", &E::detail),
                   field("ttl", &E::ttl),       field("next_hop", &E::next_hop, Show::unless_empty)};
    static constexpr auto hidden = std::tuple{&E::lost};
    static constexpr Remember remember(const E&) noexcept { return Remember::yes; }
};

template <>
struct About<DaneChecked> {
    using E = DaneChecked;
    static constexpr std::string_view levels = "debug; info for the first verdict on a domain";
    static constexpr Level level(const E& e) noexcept { return e.is_first ? Level::info : Level::debug; }
    static constexpr Words words{"dane-checked", Section::dane,
                                 "A verdict on a domain that was not secured by DANE and is not, or was and "
                                 "still is.",
                                 ""};
    static constexpr auto fields =
        std::tuple{field("domain", &E::domain), field("verdict", &E::verdict),
                   field("before", &E::before), field("detail", &E::detail),
                   field("ttl", &E::ttl),       field("next_hop", &E::next_hop, Show::unless_empty)};
    static constexpr auto hidden = std::tuple{&E::is_first};
    static constexpr Remember remember(const E&) noexcept { return Remember::yes; }
};

} // namespace events
