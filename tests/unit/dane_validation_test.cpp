// Is a trusted validating resolver in use?
#include "dane/validation.hpp"

#include <gtest/gtest.h>

namespace {

using base::Reason;
using dane::Result;
using State = dane::Validation::State;

dane::Result answer(dns::Worth worth, dns::Answer::Kind kind = dns::Answer::Kind::data) {
    dns::Answer a;
    a.kind = kind;
    a.worth = worth;
    return a;
}

TEST(DaneValidation, Table) {
    using dns::Worth;
    using Kind = dns::Answer::Kind;
    const auto failure = [](Reason reason) { return Result{base::unexpected(reason)}; };
    struct Row {
        Result from_signed;
        std::optional<Result> from_broken;
        State state;
        std::string why;
    };
    const Row rows[] = {
        {answer(Worth::secure), {}, State::yes, "the root is answered with AD"},
        {answer(Worth::insecure), {}, State::no, "the root, which is signed, is answered without AD"},
        {answer(Worth::indeterminate),
         {},
         State::unknown,
         "the root, which is signed, is answered without AD, but could not be asked for with DO"},
        {answer(Worth::secure, Kind::nodata),
         {},
         State::unknown,
         "the root, which is signed, is answered without its SOA, which proves nothing"},
        {answer(Worth::insecure, Kind::nodata),
         {},
         State::unknown,
         "the root, which is signed, is answered without its SOA, which proves nothing"},
        {answer(Worth::secure, Kind::nxdomain),
         {},
         State::unknown,
         "the root, which is signed, is answered without its SOA, which proves nothing"},
        {failure(Reason::dns_timeout),
         {},
         State::unknown,
         "the lookup for the root, which is signed, failed: dns-timeout"},
        {answer(Worth::secure), failure(Reason::dns_servfail), State::yes,
         "the root is answered with AD, b.example, whose signature is broken, is not"},
        {answer(Worth::secure), answer(Worth::insecure), State::no,
         "b.example, whose signature is broken, is answered"},
        {answer(Worth::secure), answer(Worth::secure), State::no,
         "b.example, whose signature is broken, is answered"},
        {answer(Worth::secure), failure(Reason::dns_timeout), State::unknown,
         "the lookup for b.example, whose signature is broken, failed: dns-timeout"},
        {answer(Worth::insecure), failure(Reason::dns_servfail), State::no,
         "the root, which is signed, is answered without AD"},
        {failure(Reason::dns_servfail), failure(Reason::dns_servfail), State::unknown,
         "the lookup for the root, which is signed, failed: dns-servfail"},
    };
    for (const Row& row : rows) {
        const auto verdict = dane::judge_validation("", row.from_signed, "b.example", row.from_broken);
        EXPECT_EQ(to_string(verdict.state), to_string(row.state)) << row.why;
        EXPECT_EQ(verdict.why, row.why);
    }
    EXPECT_EQ(dane::judge_validation("a.example", answer(Worth::secure)).why,
              "a.example is answered with AD");
}

TEST(DaneValidation, OfAllServersTogether) {
    // y, n, u: the server validates, does not, or unknown; in capitals when its AD bit is trusted.
    const auto together = [](std::string_view servers) {
        std::vector<dane::ServerFinding> findings;
        for (const char c : servers) {
            const char kind = static_cast<char>(c | 0x20);
            const State state = kind == 'y' ? State::yes : kind == 'n' ? State::no : State::unknown;
            findings.push_back({std::string{"server-"} + c, kind != c, {state, "why"}});
        }
        return dane::together(findings);
    };
    const std::pair<const char*, State> rows[] = {
        {"Y", State::yes},      {"N", State::no},   {"U", State::unknown}, {"y", State::no},
        {"u", State::no},       {"YN", State::yes}, {"NY", State::yes},    {"UN", State::unknown},
        {"NU", State::unknown}, {"UY", State::yes}, {"Nu", State::no},     {"yN", State::no},
        {"", State::unknown},
    };
    for (const auto& [servers, state] : rows)
        EXPECT_EQ(to_string(together(servers).state), to_string(state)) << servers;
    EXPECT_EQ(together("NY").why, "server-Y: why");
    EXPECT_EQ(together("yN").why, "server-y: its word is not believed (dns.trust_ad); server-N: why");
}

TEST(DaneValidation, WhatWasOffSinceTheStartWaitsForAReload) {
    dane::Activation activation;
    const auto take = [&activation](State state) {
        const dane::Validation counts = activation.take({state, "why"});
        return std::string{to_string(counts.state)} + " " + counts.why;
    };
    EXPECT_EQ(take(State::unknown), "unknown why");
    EXPECT_EQ(take(State::yes), "yes why") << "nobody knew at the start";
    EXPECT_EQ(take(State::no), "no why");
    EXPECT_EQ(take(State::unknown), "unknown why");
    EXPECT_EQ(take(State::yes), "yes why") << "it was on at the start";
    activation.begin();
    EXPECT_EQ(take(State::no), "no why");
    EXPECT_EQ(take(State::yes), "no validates now; reload after stsmap postfix-setup");
    EXPECT_EQ(take(State::unknown), "unknown why");
    EXPECT_EQ(take(State::yes), "no validates now; reload after stsmap postfix-setup");
    activation.begin();
    EXPECT_EQ(take(State::yes), "yes why");
}

} // namespace
