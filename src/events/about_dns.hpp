// events/about_dns.hpp - the table's entries on DNS and HTTPS. For events/table.cpp and render.
#pragma once

#include "events/about.hpp"

namespace events {

template <>
struct About<DnsServers> : At<Level::info> {
    using E = DnsServers;
    static constexpr Words words{"dns-servers", Section::dns,
                                 "The resolvers in use: at the first question, and when they have changed.",
                                 ""};
    static constexpr auto fields = std::tuple{field("servers", &E::servers)};
};

template <>
struct About<DnsServerJudged> : At<Level::info> {
    using E = DnsServerJudged;
    static constexpr Words words{"dns-server-judged", Section::dns,
                                 "Whether a resolver validates, when that is new.", ""};
    static constexpr auto fields = std::tuple{field("server", &E::server), field("validates", &E::validates),
                                              field("detail", &E::detail)};
};

template <>
struct About<DnsServerForm> : At<Level::info> {
    using E = DnsServerForm;
    static constexpr Words words{
        "dns-server-form", Section::dns,
        "A resolver has twice answered only a lower form of a question, which is asked first for ten "
        "minutes.",
        "The resolver needs a repair: without dnssec it proves nothing to DANE but what it says to be "
        "validated."};
    static constexpr auto fields = std::tuple{field("server", &E::server), field("without", &E::without)};
};

template <>
struct About<DnsServerSilent> : At<Level::warning> {
    using E = DnsServerSilent;
    static constexpr Words words{"dns-server-silent", Section::dns,
                                 "A resolver gives no answers and is asked after the others for a while.",
                                 "Look after it."};
    static constexpr auto fields = std::tuple{field("server", &E::server), field("reason", &E::reason),
                                              field("question", &E::question), field("form", &E::form)};
};

template <>
struct About<DnsServerBack> : At<Level::info> {
    using E = DnsServerBack;
    static constexpr Words words{"dns-server-back", Section::dns, "It answers again.", ""};
    static constexpr auto fields = std::tuple{field("server", &E::server)};
};

template <>
struct About<DnsNoSocket> : At<Level::error> {
    using E = DnsNoSocket;
    static constexpr Words words{"dns-no-socket", Section::dns, "No socket could be opened for a question.",
                                 "Raise the limit on open files, or look at the sandbox of the unit."};
    static constexpr auto fields = std::tuple{field("error", &E::error)};
};

template <>
struct About<DnsFailed> : At<Level::error> {
    using E = DnsFailed;
    static constexpr Words words{"dns-failed", Section::dns, "A question ended in a fault of the daemon.",
                                 "Report it."};
    static constexpr auto fields = std::tuple{field("error", &E::error)};
};

template <>
struct About<DnsRetry> : At<Level::debug> {
    using E = DnsRetry;
    static constexpr Words words{"dns-retry", Section::steps,
                                 "The same resolver is asked once more, in another form or over TCP.", ""};
    static constexpr auto fields = std::tuple{field("server", &E::server), field("question", &E::question),
                                              field("because", &E::because)};
};

template <>
struct About<DnsTryFailed> : At<Level::debug> {
    using E = DnsTryFailed;
    static constexpr Words words{"dns-try-failed", Section::steps, "A resolver gave no answer to one try.",
                                 ""};
    static constexpr auto fields =
        std::tuple{field("server", &E::server), field("transport", &E::transport),
                   field("question", &E::question), field("reason", &E::reason), field("form", &E::form)};
};

template <>
struct About<Fetch> : At<Level::debug> {
    using E = Fetch;
    static constexpr Words words{"fetch", Section::steps,
                                 "A policy was fetched, with its octets, or was not, with the reason.", ""};
    static constexpr auto fields =
        std::tuple{field("host", &E::host), field("octets", &E::octets, Show::unless_empty),
                   field("reason", &E::reason, Show::unless_empty),
                   field("detail", &E::detail, Show::unless_empty), field("took_ms", &E::took_ms)};
};

template <>
struct About<PolicySource> : At<Level::debug> {
    using E = PolicySource;
    static constexpr Words words{"policy-source", Section::steps,
                                 "Where a valid policy came from, and under which certificate.", ""};
    static constexpr auto fields =
        std::tuple{field("domain", &E::domain), field("address", &E::address), field("tls", &E::tls),
                   field("issuer", &E::issuer), field("certificate_ends", &E::certificate_ends)};
};

} // namespace events
