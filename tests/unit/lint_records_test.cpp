// What lint says of TXT records: tables of records, and agreement with the parsers for all vectors.
#include "tool/lint/tlsrpt_text.hpp"
#include "tool/lint/txt_text.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <fstream>

namespace {

using findings::Finding;
using Kinds = std::vector<std::string>;
using Records = std::vector<std::string>;

Kinds kinds_of(const std::vector<Finding>& all) {
    Kinds kinds;
    for (const Finding& one : all)
        kinds.push_back(
            (one.line > 0 ? std::to_string(one.line) + ":" + std::to_string(one.column) + " " : "") +
            std::string(one.row->id));
    return kinds;
}

/// Of the finding with this id.
std::string hint(const std::vector<Finding>& all, std::string_view id) {
    const auto found = std::ranges::find_if(all, [&](const Finding& one) { return one.row->id == id; });
    return found == all.end() ? "(no such finding)" : found->hint;
}

std::string words(const std::vector<Finding>& all, std::string_view id) {
    const auto found = std::ranges::find_if(all, [&](const Finding& one) { return one.row->id == id; });
    return found == all.end() ? "(no such finding)" : found->words;
}

TEST(LintTxt, NamesThePlaceOfEachFault) {
    struct Case {
        Records records;
        Kinds kinds;
    };
    const Case cases[] = {
        {{"v=STSv1; id=20240101;"}, {"txt-good"}},
        {{"v=STSv1;id=20240101T000000"}, {"txt-good"}},
        {{}, {"txt-missing"}},
        {{"v=spf1 -all"}, {"1:1 txt-other-records", "txt-missing"}},
        {{"v=spf1 -all", "v=STSv1; id=1"}, {"1:1 txt-other-records", "txt-good"}},
        {{"v=STSv1"}, {"1:1 txt-version"}},
        {{"v=STSv1 id=1"}, {"1:1 txt-version"}},
        {{"v=stsv1; id=1"}, {"1:1 txt-version"}},
        {{"\"v=STSv1; id=1\""}, {"1:1 txt-version"}},
        {{"id=1; v=STSv1;"}, {"1:1 txt-version"}},
        {{"v=STSv1; id=1", "v=STSv1; id=1"}, {"1:1 txt-multiple", "2:1 txt-multiple"}},
        {{"v=STSv1;"}, {"1:1 txt-id-missing"}},
        {{"v=STSv1; ID=1"}, {"1:10 txt-field-unknown", "1:1 txt-id-missing"}},
        {{"v=STSv1; id=2024-01-01;"}, {"1:13 txt-id-invalid"}},
        {{"v=STSv1; id=;"}, {"1:13 txt-id-invalid"}},
        {{"v=STSv1; id=123456789012345678901234567890123"}, {"1:13 txt-id-invalid"}},
        {{"v=STSv1; id = 1"}, {"1:10 txt-field-invalid"}},
        {{"v=STSv1; id:1"}, {"1:10 txt-field-invalid", "1:1 txt-id-missing"}},
        {{"v=STSv1;; id=1"}, {"1:9 txt-field-empty"}},
        {{"v=STSv1; id=1;;"}, {"1:15 txt-field-empty"}},
        {{"v=STSv1 ; id=1"}, {"1:8 txt-blank-before-semicolon", "txt-good"}},
        {{"v=STSv1; id=1 "}, {"1:14 txt-blanks-at-end", "txt-good"}},
        {{"v=STSv1; id=1; "}, {"txt-good"}},
        {{"v=STSv1; id=1; x=y"}, {"1:16 txt-field-unknown", "txt-good"}},
        {{"v=STSv1; id=1; x=y z"}, {"1:19 txt-field-invalid"}},
        {{"v=STSv1; id=1; id=2"}, {"1:16 txt-id-repeated", "txt-good"}},
    };
    for (const Case& one : cases) {
        const auto look = lint::txt_records(one.records);
        EXPECT_EQ(kinds_of(look.findings), one.kinds) << (one.records.empty() ? "" : one.records.front());
    }
}

TEST(LintTxt, SaysWhatWasMeant) {
    EXPECT_EQ(hint(lint::txt_text("v=STSv1; id=2026-11-28T20:35").findings, "txt-id-invalid"),
              "did you mean \"id=20261128T2035\"?");
    EXPECT_EQ(hint(lint::txt_text("v=STSv1; id = 7").findings, "txt-field-invalid"),
              "did you mean \"id=7\"?");
    EXPECT_EQ(hint(lint::txt_text("v=STSv1; id:7").findings, "txt-field-invalid"), "did you mean \"id=7\"?");
    EXPECT_EQ(hint(lint::txt_text("v=STSv1; ID=7").findings, "txt-id-missing"), "did you mean \"id=7\"?");
    EXPECT_EQ(hint(lint::txt_text("v=STSv1 id=7").findings, "txt-version"), "publish \"v=STSv1; id=7\"");
    EXPECT_EQ(words(lint::txt_text("v=STSv1 id=7").findings, "txt-version"),
              "v=STSv1 has no semicolon behind it");
    EXPECT_EQ(words(lint::txt_text(" v=STSv1; id=7").findings, "txt-version"),
              "a blank stands before v=STSv1");
    EXPECT_EQ(words(lint::txt_text("v=STSV1; id=7").findings, "txt-version"),
              "v=STSv1 is written in other letters: v=STSV1");
    EXPECT_EQ(words(lint::txt_text("").findings, "txt-version"), "it is empty");
}

/// A date in any form is a good id, as long as it has letters and digits alone.
TEST(LintTxt, TakesAnyFormOfDate) {
    for (const char* id :
         {"20240101", "20240101T000000", "20240101000000Z", "2024010112", "1704067200", "jan2024"})
        EXPECT_EQ(kinds_of(lint::txt_text("v=STSv1; id=" + std::string(id) + ";").findings),
                  Kinds{"txt-good"});
    for (const char* id : {"2024-01-01", "2024.01.01", "2024-01-01T00:00:00Z", "2024/01/01"})
        EXPECT_NE(hint(lint::txt_text("v=STSv1; id=" + std::string(id) + ";").findings, "txt-id-invalid"),
                  "");
}

TEST(LintTxt, ReadsTextInQuotesAsAZoneFileDoes) {
    EXPECT_EQ(lint::joined_strings(R"("v=STSv1; " "id=1")"), "v=STSv1; id=1");
    EXPECT_EQ(lint::joined_strings(R"( "a\"b\\c\052" )"), "a\"b\\c4");
    EXPECT_EQ(lint::joined_strings(R"(_mta-sts.example.com. 3600 IN TXT "v=STSv1; " "id=1")"),
              "v=STSv1; id=1");
    EXPECT_EQ(lint::joined_strings(R"(_mta-sts txt "a")"), "a");
    EXPECT_EQ(lint::joined_strings(R"(_mta-sts "a")"), std::nullopt);
    EXPECT_EQ(lint::joined_strings("a"), std::nullopt);
    EXPECT_EQ(lint::joined_strings(R"("a)"), std::nullopt);
    EXPECT_EQ(lint::joined_strings(R"("a" b)"), std::nullopt);
    EXPECT_EQ(lint::joined_strings(R"("\999")"), std::nullopt);
    EXPECT_EQ(kinds_of(lint::txt_text(R"("v=STSv1; " "id=1")").findings), (Kinds{"txt-good", "txt-quotes"}));
}

TEST(LintTlsrpt, NamesThePlaceOfEachFault) {
    struct Case {
        Records records;
        Kinds kinds;
    };
    const Case cases[] = {
        {{"v=TLSRPTv1; rua=mailto:a@example.com"}, {"tlsrpt-good"}},
        {{"v=TLSRPTv1;rua=https://example.com/x , mailto:a@example.com;"}, {"tlsrpt-good"}},
        {{}, {"tlsrpt-missing"}},
        {{"x"}, {"1:1 tlsrpt-other-records", "tlsrpt-missing"}},
        {{"v=TLSRPT1; rua=mailto:a@example.com"}, {"1:1 tlsrpt-version"}},
        {{"v=TLSRPTv1; rua=mailto:a@b", "v=TLSRPTv1; rua=mailto:a@b"},
         {"1:1 tlsrpt-multiple", "2:1 tlsrpt-multiple"}},
        {{"v=TLSRPTv1;"}, {"1:1 tlsrpt-rua-missing"}},
        {{"v=TLSRPTv1; RUA=mailto:a@b"}, {"1:13 tlsrpt-field-unknown", "1:1 tlsrpt-rua-missing"}},
        {{"v=TLSRPTv1; rua="}, {"1:17 tlsrpt-uri-invalid"}},
        {{"v=TLSRPTv1; rua=a@example.com"}, {"1:17 tlsrpt-uri-invalid"}},
        {{"v=TLSRPTv1; rua=mailto:a@b,"}, {"1:28 tlsrpt-uri-invalid"}},
        {{"v=TLSRPTv1; rua=mailto:a@b!10m"}, {"1:27 tlsrpt-uri-mark"}},
        {{"v=TLSRPTv1; rua=http://b/"}, {"1:17 tlsrpt-uri-unsupported", "1:1 tlsrpt-no-supported-uri"}},
        {{"v=TLSRPTv1; rua=ftp://b/,mailto:a@b"}, {"1:17 tlsrpt-uri-unsupported", "tlsrpt-good"}},
        {{"v=TLSRPTv1; rua=mailto:a@b; rua=mailto:c@d"}, {"1:29 tlsrpt-rua-repeated", "tlsrpt-good"}},
        {{"v=TLSRPTv1; rua=mailto:a@b; x=1"}, {"1:29 tlsrpt-field-unknown", "tlsrpt-good"}},
        {{"v=TLSRPTv1; rua=mailto:a@b; bad"}, {"1:29 tlsrpt-field-invalid"}},
        {{"v=TLSRPTv1;; rua=mailto:a@b"}, {"1:12 tlsrpt-field-empty"}},
        {{"v=TLSRPTv1 ;rua=mailto:a@b"}, {"1:11 tlsrpt-blank-before-semicolon", "tlsrpt-good"}},
        {{"v=TLSRPTv1;rua=mailto:a@b "}, {"1:26 tlsrpt-blanks-at-end", "tlsrpt-good"}},
    };
    for (const Case& one : cases) {
        const auto look = lint::tlsrpt_records(one.records);
        EXPECT_EQ(kinds_of(look.findings), one.kinds) << (one.records.empty() ? "" : one.records.front());
    }
}

TEST(LintTlsrpt, SaysWhatWasMeant) {
    const auto of = [](std::string_view rua) {
        return lint::tlsrpt_text("v=TLSRPTv1; rua=" + std::string(rua)).findings;
    };
    EXPECT_EQ(hint(of("a@example.com"), "tlsrpt-uri-invalid"), "did you mean \"mailto:a@example.com\"?");
    EXPECT_EQ(hint(of("mailto:<a@example.com>"), "tlsrpt-uri-invalid"),
              "did you mean \"mailto:a@example.com\"?");
    EXPECT_EQ(hint(of("http://example.com/r"), "tlsrpt-uri-unsupported"),
              "did you mean \"https://example.com/r\"?");
    EXPECT_EQ(hint(of("mailto:a@example.com!10m"), "tlsrpt-uri-mark"),
              "did you mean \"mailto:a@example.com\"?");
}

/// The records of a vector; those of the other outcomes are no matter of texts.
Records records_of(const nlohmann::json& vector) {
    Records records;
    for (const auto& rr : vector.at("input").at("rr")) {
        std::string joined;
        for (const auto& part : rr)
            if (part.is_string()) joined += part.get<std::string>();
        records.push_back(std::move(joined));
    }
    return records;
}

template <class Look>
void expect_agreement(const char* file, std::string_view kind, Look look_at) {
    std::ifstream in{std::string(STSMAPD_SOURCE_DIR "/tests/vectors/") + file};
    const auto document = nlohmann::json::parse(in);
    for (const auto& vector : document.at("vectors")) {
        SCOPED_TRACE(vector.at("id").get<std::string>());
        const Records records = records_of(vector);
        const auto [good, reason, all] = look_at(records);
        const auto has = [&found = all](std::string_view id) {
            return std::ranges::any_of(found, [id](const Finding& one) { return one.row->id == id; });
        };
        EXPECT_EQ(good, has(std::string(kind) + "-good"));
        EXPECT_EQ(good, !findings::any_error(all) && !has(std::string(kind) + "-missing"));
        EXPECT_EQ(reason == base::Reason::record_multiple, has(std::string(kind) + "-multiple"));
    }
}

using Seen = std::tuple<bool, base::Reason, std::vector<Finding>>;

TEST(LintTxt, AgreesWithTheParserOnAllVectors) {
    expect_agreement("txt_records.json", "txt", [](const Records& records) {
        const auto look = lint::txt_records(records);
        return Seen{look.id.has_value(), look.id ? base::Reason::none : look.id.error(), look.findings};
    });
}

TEST(LintTlsrpt, AgreesWithTheParserOnAllVectors) {
    expect_agreement("tlsrpt_records.json", "tlsrpt", [](const Records& records) {
        const auto look = lint::tlsrpt_records(records);
        return Seen{look.record.has_value(), look.record ? base::Reason::none : look.record.error(),
                    look.findings};
    });
}

} // namespace
