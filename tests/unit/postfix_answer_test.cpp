#include "postfix/answer.hpp"

#include "support/failing_memory.hpp"
#include "support/postfix_syntax.hpp"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

namespace {

using base::Reason;
using postfix::Dialect;
using test::Postfix;

std::string text_with(const std::string& mx_lines, const std::string& more = "") {
    return "version: STSv1\nmode: enforce\n" + mx_lines + "max_age: 604800\n" + more;
}

/// The reply to the policy of example.com with this text.
std::string answer(std::string text, Dialect dialect) {
    auto policy = std::make_shared<sts::PolicyText>();
    auto parsed = sts::parse_policy(text);
    EXPECT_TRUE(parsed) << parsed.error().problem << " in " << text.substr(0, 200);
    policy->text = std::move(text);
    if (parsed) policy->policy = std::move(*parsed);
    return postfix::answer(decision::Enforce{"example.com", policy.get()}, dialect);
}

std::string plain(const std::string& text) { return answer(text, Dialect::plain); }
std::string tlsrpt(const std::string& text) { return answer(text, Dialect::tlsrpt); }

/// The TLSRPT form, read as Postfix does.
test::TlsPolicy read(const std::string& text) {
    const auto got = test::read_reply(tlsrpt(text), Postfix::v3_10);
    EXPECT_TRUE(got) << got.error() << " in " << tlsrpt(text).substr(0, 300);
    return got ? got->policy : test::TlsPolicy{};
}

using List = std::vector<std::string>;

TEST(Answer, PlainForm) {
    EXPECT_EQ(plain(text_with("mx: mail.example.com\nmx: *.example.net\nmx: backup.example.com\n")),
              "OK secure match=mail.example.com:.example.net:backup.example.com servername=hostname");
    EXPECT_EQ(
        plain(text_with("mx: b.example\nmx: A.Example.\nmx: b.example\n")), // order kept, once, no final dot
        "OK secure match=b.example:a.example servername=hostname");
}

TEST(Answer, TlsrptForm) {
    EXPECT_EQ(tlsrpt(text_with("mx: mx1.a.example\nmx: *.b.example\n")),
              "OK secure match=mx1.a.example:.b.example servername=hostname policy_type=sts "
              "policy_domain=example.com mx_host_pattern=mx1.a.example mx_host_pattern=*.b.example "
              "{ policy_string = version: STSv1 } { policy_string = mode: enforce } "
              "{ policy_string = mx: mx1.a.example } { policy_string = mx: *.b.example } "
              "{ policy_string = max_age: 604800 }");
}

TEST(Answer, OtherDecisions) {
    for (Dialect dialect : {Dialect::plain, Dialect::tlsrpt}) {
        EXPECT_EQ(postfix::answer(decision::NoOpinion{}, dialect), "NOTFOUND "); // the space counts
        EXPECT_EQ(postfix::answer(decision::NoOpinion{Reason::http_status}, dialect), "NOTFOUND ");
        EXPECT_EQ(postfix::answer(decision::TryLater{Reason::overloaded, "store unreadable"}, dialect),
                  "TEMP store unreadable");
        EXPECT_EQ(postfix::answer(decision::TryLater{Reason::shutting_down, ""}, dialect),
                  "TEMP shutting-down");
    }
    EXPECT_EQ(postfix::perm("not a \nnetstring"), "PERM not a \\x0anetstring");
    EXPECT_EQ(postfix::temp(std::string(1000, 'x')).size(), 5 + 200u);
    EXPECT_EQ(postfix::perm(std::string(1000, '\xff')).size(), 5 + 199u); // no half escape
}

TEST(Answer, OfAnOverride) {
    decision::Override by;
    by.match = {{"mx.example.com", false}, {"example.net", true}};
    for (const Dialect dialect : {Dialect::plain, Dialect::tlsrpt}) {
        EXPECT_EQ(postfix::answer(decision::May{}, dialect), "OK may");
        EXPECT_EQ(postfix::answer(decision::Encrypt{}, dialect), "OK encrypt");
        EXPECT_EQ(postfix::answer(decision::Secure{&by}, dialect),
                  "OK secure match=mx.example.com:.example.net servername=hostname");
    }
}

TEST(Answer, WritesOnlyUsableNames) {
    const auto match = [](const std::string& mx_lines, const List& want) {
        EXPECT_EQ(read(text_with(mx_lines)).match, want) << mx_lines;
    };
    match("mx: a.example\nmx: 192.0.2.1\n", {"a.example"}); // addresses make OpenSSL check an IP
    match("mx: a.example\nmx: hostname\nmx: NextHop\nmx: dot-nexthop\n", {"a.example"}); // strategies
    match("mx: *.hostname\n", {".hostname"}); // a name like any other
    match("mx: mailhost\n", {"mailhost"});
    match("mx: *.com\n", {".com"});
    match("mx: xn--bcher-kva.example\n", {"xn--bcher-kva.example"});
    match("mx: nexthop\n", {"no-usable-mx.invalid"}); // enforced, but no host can match
    match("mx: hostname\nmx: 192.0.2.1\n", {"no-usable-mx.invalid"});
}

TEST(Answer, TrustsNoPolicyObject) {
    // Names that parse_policy would never accept are left out, too.
    for (const char* name :
         {"",    ".",  "a.", ".a",   "a..b", "A.example", "a b",      "a:b", "a,b",       "{a}",
          "a=b", "-a", "a-", "a.-b", "a-.b", "a_b",       "\xc3\xa9", "a\n", "192.0.2.1", "HOSTNAME"}) {
        auto policy = std::make_shared<sts::PolicyText>();
        policy->policy.mode = sts::Mode::enforce;
        policy->policy.mx = {{name, false}, {"good.example", false}};
        const decision::Answer e = decision::Enforce{"example.com", policy.get()};
        EXPECT_EQ(postfix::answer(e, Dialect::plain), "OK secure match=good.example servername=hostname")
            << name;
    }
}

TEST(Answer, QuotesOnlyHarmlessLines) {
    const auto strings = [](const std::string& more, const List& want) {
        const auto got = read(text_with("mx: a.example\n", more)).policy_string;
        ASSERT_GE(got.size(), 4u);
        EXPECT_EQ(List(got.begin() + 4, got.end()), want) << more;
    };
    strings("", {});
    strings("\n \n", {});                              // no empty strings
    strings("x: a, b = c; d\r\n", {"x: a, b = c; d"}); // without the line end
    strings("comment: }\n", {});
    strings("comment: {\n", {});
    strings("comment: {a}\ny: z\n", {"y: z"});
    strings("x: café\n", {"x: café"});
    strings(" x:\ty\t\n", {"x: y"}); // HTAB becomes a space
    strings("x: policy_failure=validation-failure match=evil.example\n",
            {"x: policy_failure=validation-failure match=evil.example"}); // quoted, so harmless
    strings("x: # y\n", {"x: # y"});
}

TEST(Answer, AlwaysHasOnePolicyString) {
    // Postfix 3.10.0 to 3.10.5 crashes without one.
    auto policy = std::make_shared<sts::PolicyText>();
    policy->text = "version: {}\n\xff\n\n";
    policy->policy = {sts::Mode::enforce, {}, {{"a.example", false}}};
    const decision::Answer e = decision::Enforce{"example.com", policy.get()};
    EXPECT_EQ(postfix::answer(e, Dialect::tlsrpt),
              "OK secure match=a.example servername=hostname policy_type=sts policy_domain=example.com "
              "mx_host_pattern=a.example { policy_string = version: STSv1 }");
}

/// `count` mx lines of `size` octets each, and `padding` octets of one more field.
std::string big(int count, std::size_t size, std::size_t padding = 0) {
    std::string mx;
    for (int i = 0; i < count; ++i) {
        std::string name = "m" + std::to_string(100000 + i);
        name.append(size - name.size(), 'x');
        mx += "mx: " + name + "\n";
    }
    return text_with(mx, padding ? "pad: " + std::string(padding, 'p') + "\n" : "");
}

TEST(Answer, StaysUnderTheLimit) {
    struct Row {
        int count;
        std::size_t size, padding; // number of mx lines, size of each name, size of another line
        bool attributes, mx_strings, pad_string;
    };
    const Row rows[] = {
        {100, 40, 100, true, true, true},
        {1000, 40, 100, true, false, true},   // 41,000 + 57,000, and no room for the mx lines
        {1000, 40, 5000, true, false, false}, // nor for the long field: only the version
        {1500, 40, 0, false, false, false},   // nor for mx_host_pattern: plain form
        {1, 40, 60000, true, true, true},
    };
    for (const Row& row : rows) {
        const std::string text = big(row.count, row.size, row.padding), reply = tlsrpt(text);
        SCOPED_TRACE(row.count);
        EXPECT_LE(reply.size(), postfix::max_reply);
        EXPECT_EQ(reply.starts_with(plain(text)), true); // match= is never cut
        const test::TlsPolicy got = read(text);
        EXPECT_EQ(got.match.size(), static_cast<std::size_t>(row.count));
        EXPECT_EQ(got.policy_type.empty(), !row.attributes);
        EXPECT_EQ(got.mx_host_pattern.size(), row.attributes ? got.match.size() : 0);
        std::size_t mx = 0, pad = 0, version = 0;
        for (const std::string& line : got.policy_string) {
            mx += line.starts_with("mx:");
            pad += line.starts_with("pad:");
            version += line == "version: STSv1";
        }
        EXPECT_EQ(mx, row.mx_strings ? got.match.size() : 0);
        EXPECT_EQ(pad, row.pad_string ? 1u : 0u);
        EXPECT_EQ(version, row.attributes ? 1u : 0u);
    }
}

TEST(Answer, WhatFollowsMatchIsLeftOutWhereThereIsNoRoomForIt) {
    // No fetched policy makes a match= of this length; the limit still holds.
    for (std::size_t size = postfix::max_reply - 250; size <= postfix::max_reply; ++size) {
        auto policy = std::make_shared<sts::PolicyText>();
        policy->text = "version: STSv1\n";
        const std::size_t rest = std::string_view{"OK secure match= servername=hostname"}.size();
        policy->policy = {sts::Mode::enforce, {}, {{std::string(size - rest, 'x'), false}}};
        const decision::Answer e = decision::Enforce{"example.com", policy.get()};
        const std::string match = postfix::answer(e, Dialect::plain);
        ASSERT_EQ(match.size(), size);
        ASSERT_EQ(postfix::answer(e, Dialect::tlsrpt), match) << size;
    }
}

TEST(Answer, UsesTheLimitToTheLastOctet) {
    // One octet more of padding at a time: the reply grows to exactly the limit, then loses its mx lines.
    const std::size_t base = tlsrpt(big(600, 40, 1)).size();
    ASSERT_LT(base, postfix::max_reply);
    const std::size_t fits = postfix::max_reply - base + 1;
    EXPECT_EQ(tlsrpt(big(600, 40, fits)).size(), postfix::max_reply);
    EXPECT_EQ(read(big(600, 40, fits)).policy_string.size(), 604u);
    EXPECT_EQ(read(big(600, 40, fits + 1)).policy_string.size(), 4u);
}

TEST(Answer, LargestPolicyKeepsAllItsMx) {
    for (std::size_t size : {7u, 20u, 63u}) {
        const int count = static_cast<int>((sts::max_policy_size - 60) / (size + 5));
        const std::string text = big(count, size);
        ASSERT_LE(text.size(), sts::max_policy_size);
        for (Dialect dialect : {Dialect::plain, Dialect::tlsrpt}) {
            const auto got = test::read_reply(answer(text, dialect), Postfix::v3_10);
            ASSERT_TRUE(got) << got.error();
            EXPECT_EQ(got->policy.match.size(), static_cast<std::size_t>(count));
        }
    }
    // A policy of this size is never fetched. match= is never cut, so the answer is TEMP.
    EXPECT_EQ(plain(big(3000, 60)).substr(0, 5), "TEMP ");
}

TEST(Answer, IsTheSameForTheSame) {
    const std::string text = big(50, 30, 10);
    EXPECT_EQ(tlsrpt(text), tlsrpt(text));
}

TEST(Answer, OfOnePolicyFitsEveryDomainAndDialect) {
    for (const std::size_t hosts : {1u, 2u, 60u, 1000u}) {
        std::string text = "version: STSv1\nmode: enforce\nmax_age: 86400\n";
        for (std::size_t i = 0; i < hosts; ++i) text += "mx: mx" + std::to_string(i) + ".example.net\n";
        const sts::PolicyText policy{text, sts::parse_policy(text).value()};
        for (const std::string_view name : {"a.example", "b.example", "a.example"}) {
            for (const Dialect dialect : {Dialect::tlsrpt, Dialect::plain}) {
                const std::string first = postfix::answer(decision::Enforce{name, &policy}, dialect);
                EXPECT_EQ(first.find(name) != std::string::npos, dialect == Dialect::tlsrpt);
                std::string appended = "before ";
                postfix::append_answer(decision::Enforce{name, &policy}, dialect, appended);
                EXPECT_EQ(appended, "before " + first);
            }
        }
    }
}

TEST(Answer, TakesNoMemoryButTheReplys) {
    std::string text = text_with("mx: mx1.a.example\nmx: *.b.example\nmx: hostname\n", "brace: {\n");
    for (int i = 0; i < 100; ++i) text += "mx: a-long-name-of-a-host-" + std::to_string(i) + ".c.example\n";
    const sts::PolicyText policy{text, sts::parse_policy(text).value()};
    const sts::PolicyText none{"version: STSv1\n",
                               {sts::Mode::enforce, base::seconds{1}, {{"hostname", false}}}};
    std::string reply;
    reply.reserve(2 * postfix::max_reply);
    test::FailingMemory memory;
    memory.fail(1);
    std::thread{[&] {
        for (const sts::PolicyText* one : {&policy, &none})
            for (const Dialect dialect : {Dialect::plain, Dialect::tlsrpt}) {
                reply.clear();
                postfix::append_answer(decision::Enforce{"example.com", one}, dialect, reply);
            }
        reply.clear();
        postfix::append_answer(decision::DaneOnly{}, Dialect::plain, reply);
        postfix::append_answer(decision::NoOpinion{}, Dialect::plain, reply);
    }}.join();
    EXPECT_EQ(memory.failed(), 0u);
    EXPECT_EQ(reply, "OK dane-onlyNOTFOUND ");
}

} // namespace
