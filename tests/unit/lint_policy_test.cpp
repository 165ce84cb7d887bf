// What lint says of policies: a table of texts, and agreement with the parser for all vectors.
#include "tool/lint/policy_text.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <fstream>

namespace {

using findings::Finding;

std::string base64_text(std::string_view text) {
    static constexpr std::string_view alphabet =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string out;
    unsigned held = 0;
    int bits = 0;
    for (const char c : text) {
        if (c == '=') break;
        held = (held << 6 | static_cast<unsigned>(alphabet.find(c))) & 0xffffff;
        if ((bits += 6) >= 8) {
            bits -= 8;
            out.push_back(static_cast<char>(held >> bits & 0xff));
        }
    }
    return out;
}

/// "line:column id" of every finding but those about line ends and of the good policy; words and hint on wish.
std::vector<std::string> kinds(std::string_view body) {
    std::vector<std::string> all;
    for (const Finding& one : lint::policy_text(body).findings) {
        if (one.row->severity == findings::Severity::fine) continue;
        all.push_back(
            (one.line > 0 ? std::to_string(one.line) + ":" + std::to_string(one.column) + " " : "") +
            std::string(one.row->id));
    }
    return all;
}

const Finding* find(const std::vector<Finding>& all, std::string_view id) {
    const auto found = std::ranges::find_if(all, [&](const Finding& one) { return one.row->id == id; });
    return found == all.end() ? nullptr : &*found;
}

std::string hint(std::string_view body, std::string_view id) {
    const auto all = lint::policy_text(body).findings;
    const Finding* const one = find(all, id);
    return one == nullptr ? "(no such finding)" : one->hint;
}

std::string words(std::string_view body, std::string_view id) {
    const auto all = lint::policy_text(body).findings;
    const Finding* const one = find(all, id);
    return one == nullptr ? "(no such finding)" : one->words;
}

using Kinds = std::vector<std::string>;
constexpr std::string_view head = "version: STSv1\nmode: enforce\nmax_age: 604800\n";

std::string with(std::string_view rest) { return std::string(head) + std::string(rest); }

TEST(LintPolicy, FindsNothingInAGoodOne) {
    const std::string body = with("mx: mail.example.com\n");
    EXPECT_EQ(kinds(body), Kinds{});
    const auto look = lint::policy_text(body);
    EXPECT_TRUE(look.usable);
    EXPECT_NE(find(look.findings, "policy-lf"), nullptr);
    EXPECT_EQ(words(body, "policy-good"), "the policy is valid: mode enforce, max_age 604800, 1 mx");
}

TEST(LintPolicy, SaysThatHarmlessFormsAreFine) {
    const auto crlf =
        lint::policy_text("version: STSv1\r\nmode: enforce\r\nmax_age: 604800\r\nmx: a.example\r\n");
    EXPECT_NE(find(crlf.findings, "policy-crlf"), nullptr);
    EXPECT_EQ(find(crlf.findings, "policy-lf"), nullptr);
    const auto open = lint::policy_text(with("mx: a.example"));
    EXPECT_NE(find(open.findings, "policy-no-final-line-end"), nullptr);
    EXPECT_TRUE(crlf.usable && open.usable);
    EXPECT_EQ(kinds("version: STSv1\r\nmode: enforce\nmax_age: 604800\nmx: a.example\n"),
              Kinds{"policy-mixed-line-ends"});
}

TEST(LintPolicy, NamesThePlaceOfEachFault) {
    struct Case {
        std::string body;
        Kinds kinds;
    };
    const Case cases[] = {
        {"", {"policy-empty"}},
        {"\n \n", {"1:0 policy-blank-line", "2:0 policy-blank-line", "policy-empty"}},
        {"<!DOCTYPE html>\n<html>\n", {"1:1 policy-html"}},
        {"\n\n  <?xml version: 1?>", {"1:1 policy-html"}},
        {"v=STSv1; id=20240101", {"1:1 policy-is-record"}},
        {std::string("\xff\xfev\0e\0", 6), {"policy-utf16"}},
        {"version: STSv1\nmode: test\nmax_age: 604800\nmx: a.example\n", {"2:7 policy-mode-unknown"}},
        {"version: STSv1\nmode: testing\nmax_age: 604800\nmx: a.example\n", {"2:7 policy-mode-testing"}},
        {"version: STSv1\nmode: none\nmax_age: 60\n", {"2:7 policy-mode-none"}},
        {"version: STSv1\nmode: none\nmax_age: 60\nmx: ???\n",
         {"2:7 policy-mode-none", "4:1 policy-mx-unused"}},
        {"mode: enforce\nmax_age: 604800\nmx: a.example\n", {"policy-version-missing"}},
        {"version: STSv2\nmode: enforce\nmax_age: 604800\nmx: a.example\n", {"1:10 policy-version-unknown"}},
        {"version: STSv1\nmode:\nmax_age: 604800\nmx: a.example\n", {"2:6 policy-mode-unknown"}},
        {"version: STSv1\nmode:enforce\nmax_age: 0\nmx: a.example\n", {"3:10 policy-max-age-zero"}},
        {"version: STSv1\nmode:enforce\nmax_age: 86399\nmx: a.example\n", {"3:10 policy-max-age-short"}},
        {"version: STSv1\nmode:enforce\nmax_age: 86400\nmx: a.example\n", {"3:10 policy-max-age-low"}},
        {"version: STSv1\nmode:enforce\nmax_age: 604799\nmx: a.example\n", {"3:10 policy-max-age-low"}},
        {"version: STSv1\nmode:enforce\nmax_age: 31557601\nmx: a.example\n", {"3:10 policy-max-age-capped"}},
        {"version: STSv1\nmode:enforce\nmax_age: 12345678901\nmx: a.example\n",
         {"3:10 policy-max-age-invalid"}},
        {"version: STSv1\nmode:enforce\nmx: a.example\n", {"policy-max-age-missing"}},
        {with(""), {"policy-mx-missing"}},
        {with("nmx: mail.example.com\n"), {"4:1 policy-key-misspelt", "policy-mx-missing"}},
        {with("mx: a.example\nnmx: mail.example.com\n"), {"5:1 policy-key-misspelt"}},
        {with("mx: a.example\ncomment: hello\n"), {"5:1 policy-key-unknown"}},
        {with("mx: a.example\nx: hello\n"), {"5:1 policy-key-unknown"}},
        {with("mx: a.example.\n"), {"4:5 policy-mx-final-dot"}},
        {with("mx: 192.0.2.1\n"), {"4:5 policy-mx-only-addresses"}},
        {with("mx: a.example\nmx: 192.0.2.1\n"), {"5:5 policy-mx-address"}},
        {with("mx: mail\n"), {"4:5 policy-mx-single-label"}},
        {with("mx: *.com\n"), {"4:5 policy-mx-wide"}},
        {with("mx: *.example.com\n"), {"4:5 policy-mx-wildcard"}},
        {with("mx: a.example\nmx: b.example\nmx: A.example\n"), {"6:5 policy-mx-repeated"}},
        {with("mx: a.example\nmx:\n"), {"5:4 policy-mx-invalid"}},
        {with("mx: a.example\nmx: a_b.example\n"), {"5:5 policy-mx-invalid"}},
        {with("mx: a.example\n\n"), {"5:0 policy-blank-line"}},
        {with("mx : a.example\n"), {"4:1 policy-blanks-before"}},
        {with(" mx: a.example\n"), {"4:2 policy-blanks-before"}},
        {with("mx: a.example\nmode: testing\n"), {"5:1 policy-repeated-field"}},
        {"\xef\xbb\xbf" + with("mx: a.example\n"), {"1:1 policy-bom"}},
        {with("mx: a.example\n# all of them\n"), {"5:1 policy-no-colon"}},
        {with("mx: a.example\n: x\n"), {"5:1 policy-no-key"}},
        {with("mx: a.example\ny: \xff\n"), {"5:1 policy-not-utf8"}},
        {with("mx: a.example\nab\x01: x\n"), {"5:3 policy-control-octet"}},
        {with("mx: a.example\r\r\n"),
         {"4:14 policy-control-octet", "policy-mixed-line-ends", "policy-mx-missing"}},
        {"version: STSv1;\nmode: \"enforce\"\nmax_age: 7d\nmx: a.example\n",
         {"1:10 policy-version-unknown", "2:7 policy-mode-unknown", "3:10 policy-max-age-invalid"}},
        {"mode=enforce\nversion: STSv1\nmax_age: 604800\nmx: a.example\n", {"1:1 policy-no-colon"}},
        {"Version: STSv1\nmode: enforce\nmax_age: 604800\nmx: a.example\n",
         {"1:1 policy-key-misspelt", "policy-version-missing"}},
    };
    for (const Case& one : cases) {
        EXPECT_EQ(kinds(one.body), one.kinds) << one.body;
        const auto look = lint::policy_text(one.body);
        EXPECT_EQ(look.usable, !findings::any_error(look.findings)) << one.body;
    }
}

TEST(LintPolicy, SaysWhatWasMeant) {
    struct Case {
        std::string body, id, hint;
    };
    const auto mode = [](std::string_view value) {
        return "version: STSv1\nmode: " + std::string(value) + "\nmax_age: 604800\nmx: a.example\n";
    };
    const auto age = [](std::string_view value) {
        return "version: STSv1\nmode: enforce\nmax_age: " + std::string(value) + "\nmx: a.example\n";
    };
    const auto mx = [](std::string_view value) { return with("mx: " + std::string(value) + "\n"); };
    const Case cases[] = {
        {mode("test"), "policy-mode-unknown", "did you mean \"mode: testing\"?"},
        {mode("enforced"), "policy-mode-unknown", "did you mean \"mode: enforce\"?"},
        {mode("Enforce"), "policy-mode-unknown", "did you mean \"mode: enforce\"?"},
        {mode("'testing';"), "policy-mode-unknown", "did you mean \"mode: testing\"?"},
        {mode("report"), "policy-mode-unknown", "did you mean \"mode: testing\"?"},
        {mode("purple"), "policy-mode-unknown", ""},
        {age("604,800"), "policy-max-age-invalid", "did you mean \"max_age: 604800\"?"},
        {age("\"86400\""), "policy-max-age-invalid", "did you mean \"max_age: 86400\"?"},
        {age("1 week"), "policy-max-age-invalid", "did you mean \"max_age: 604800\"?"},
        {age("30d"), "policy-max-age-invalid", "did you mean \"max_age: 2592000\"?"},
        {age("86400 # one day"), "policy-max-age-invalid", "did you mean \"max_age: 86400\"?"},
        {age("-1"), "policy-max-age-invalid", ""},
        {age("99999999999999999999d"), "policy-max-age-invalid", ""},
        {mx("10 mail.example.com"), "policy-mx-invalid", "did you mean \"mx: mail.example.com\"?"},
        {mx("mail.example.com:25"), "policy-mx-invalid", "did you mean \"mx: mail.example.com\"?"},
        {mx("\"mail.example.com\""), "policy-mx-invalid", "did you mean \"mx: mail.example.com\"?"},
        {mx("<mail.example.com>"), "policy-mx-invalid", "did you mean \"mx: mail.example.com\"?"},
        {mx("https://mail.example.com/"), "policy-mx-invalid", "did you mean \"mx: mail.example.com\"?"},
        {mx(".example.com"), "policy-mx-invalid", "did you mean \"mx: *.example.com\"?"},
        {mx("mx*.example.com"), "policy-mx-invalid", "did you mean \"mx: *.example.com\"?"},
        {mx("b\xc3\xbc"
            "cher.example"),
         "policy-mx-invalid", "did you mean \"mx: xn--bcher-kva.example\"?"},
        {mx("a.example, b.example"), "policy-mx-invalid",
         "one name on each line: \"mx: a.example\", \"mx: b.example\""},
        {mx("*"), "policy-mx-invalid", ""},
        {mx("2001:db8::1"), "policy-mx-invalid", ""},
        {with("nmx: mail.example.com\n"), "policy-key-misspelt", "did you mean \"mx: mail.example.com\"?"},
        {with("mx: a.example\nmax-age: 7\n"), "policy-key-misspelt", "did you mean \"max_age: 7\"?"},
        {"mode enforce\n", "policy-no-colon", "did you mean \"mode: enforce\"?"},
        {"mx = mail.example.com\n", "policy-no-colon", "did you mean \"mx: mail.example.com\"?"},
    };
    for (const Case& one : cases) EXPECT_EQ(hint(one.body, one.id), one.hint) << one.body;
    EXPECT_EQ(words(with("nmx: mail.example.com\n"), "policy-mx-missing"),
              "line 4 has \"nmx\": keys are written exactly so: mx");
}

/// What publishing guides bring about, as far as the text shows it.
TEST(LintPolicy, KnowsTheSituationsOfGuides) {
    EXPECT_EQ(kinds("version: STSv1\nmode: test\nmx: mail.example.com\nmax_age: 86400"),
              (Kinds{"2:7 policy-mode-unknown", "4:10 policy-max-age-low"}));
    EXPECT_EQ(
        kinds("version: STSv1\nmode: enforce\nmx: example-com.mail.protection.outlook.com\n"
              "mx: example-com.mail.protection.outlook.com\nmx: *.j-v1.mx.microsoft\nmax_age: 604800\n"),
        (Kinds{"4:5 policy-mx-repeated", "5:5 policy-mx-wildcard"}));
}

/// A stranger's text makes no long list.
TEST(LintPolicy, CountsWhatIsThereVeryOften) {
    std::string body = with("mx: a.example\n");
    for (int i = 0; i < 5000; ++i) body += "\n";
    const auto all = lint::policy_text(body).findings;
    EXPECT_EQ(
        std::ranges::count_if(all, [](const Finding& one) { return one.row->id == "policy-blank-line"; }),
        10);
    EXPECT_EQ(all[9].words, "a line is blank; so are 4990 more");
    EXPECT_LE(all.size(), 20u);
}

/// Twice the octets take about twice the time, for texts that cost most.
TEST(LintPolicy, TakesTimeInProportionToTheOctets) {
    const auto now = [] { // of the processor, not of the wall: other work beside it does not count
        timespec time{};
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
        return std::chrono::seconds{time.tv_sec} + std::chrono::nanoseconds{time.tv_nsec};
    };
    for (const std::string_view line : {"mx: a.example\n", "nmx: a b c d e f\n", "mode enforce\n", "\xff\n",
                                        "modee: x\n", "mx: a b c d e f\n"}) {
        const auto time_of = [&](std::size_t octets) {
            std::string body;
            while (body.size() < octets) body += line;
            auto least = std::chrono::nanoseconds::max();
            for (int i = 0; i < 5; ++i) {
                const auto begin = now();
                (void)lint::policy_text(body);
                least = std::min(least, now() - begin);
            }
            return least;
        };
        const auto small = time_of(16384), large = time_of(4 * 16384);
        EXPECT_LT(large, 12 * small + std::chrono::milliseconds(20)) << line;
    }
}

TEST(LintPolicy, KnowsTheLimitOfTheSize) {
    std::string body = with("mx: a.example\nx: ");
    body += std::string(sts::max_policy_size - body.size(), 'x');
    EXPECT_TRUE(lint::policy_text(body).usable);
    body += 'x';
    const auto look = lint::policy_text(body);
    EXPECT_FALSE(look.usable);
    ASSERT_NE(find(look.findings, "policy-too-large"), nullptr);
    EXPECT_EQ(find(look.findings, "policy-good"), nullptr);
}

TEST(LintPolicy, CutsQuotes) {
    const auto look = lint::policy_text(with("mx: " + std::string(1000, '!') + "\n"));
    const Finding* const one = find(look.findings, "policy-mx-invalid");
    ASSERT_NE(one, nullptr);
    EXPECT_EQ(one->quote.size(), findings::max_quote);
}

/// An error if and only if the parser refuses the text.
TEST(LintPolicy, AgreesWithTheParserOnAllVectors) {
    std::ifstream in{STSMAPD_SOURCE_DIR "/tests/vectors/policies.json"};
    const auto file = nlohmann::json::parse(in);
    std::size_t seen = 0;
    for (const auto& vector : file.at("vectors")) {
        const std::string body = base64_text(vector.at("body_b64").get<std::string>());
        const auto look = lint::policy_text(body);
        EXPECT_EQ(look.parsed.has_value() && body.size() <= sts::max_policy_size, look.usable);
        EXPECT_EQ(look.usable, !findings::any_error(look.findings)) << vector.at("id");
        EXPECT_EQ(look.usable, find(look.findings, "policy-good") != nullptr);
        ++seen;
    }
    EXPECT_GE(seen, 100u);
}

} // namespace
