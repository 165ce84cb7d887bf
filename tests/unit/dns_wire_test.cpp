// Messages that a stub may get: correct ones, odd ones, and malicious ones.
#include "dns/wire.hpp"

#include "dns/guard.hpp"
#include "support/dns_message.hpp"
#include "support/sanitized.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <iostream>

namespace {

using dns::Answer;
using dns::Type;
using dns::WireErrc;
using test::Message;
using test::Rr;
using namespace std::chrono_literals;

const dns::Question asked{0x1234, "_mta-sts.example.com", Type::txt};
const std::string q = asked.name;

Message reply(std::vector<Rr> answer = {}) { return test::reply_to(asked, std::move(answer)); }

dns::Decoded decoded(const Message& message) {
    auto out = dns::decode(message.bytes(), asked);
    EXPECT_TRUE(out) << (out ? 0 : static_cast<int>(out.error()));
    return out ? *out : dns::Decoded{};
}

WireErrc error_of(const dns::Bytes& bytes, const dns::Question& question = asked) {
    auto out = dns::decode(bytes, question);
    EXPECT_FALSE(out);
    return out ? WireErrc{-1} : out.error();
}

TEST(DnsEncode, SetsWhatAStubSets) {
    const auto query = dns::encode_query(asked);
    ASSERT_TRUE(query);
    Message wanted;
    wanted.id = asked.id;
    wanted.name = asked.name;
    wanted.qr = wanted.ra = false;
    EXPECT_EQ(*query, wanted.bytes());
    dns::QueryForm asking;
    asking.ad = true;
    wanted.ad = true;
    EXPECT_EQ(dns::encode_query(asked, asking), wanted.bytes());
}

TEST(DnsEncode, LeavesOutEdnsOrAsksForSignatures) {
    dns::QueryForm plain;
    plain.edns = false;
    const auto without = dns::encode_query(asked, plain);
    ASSERT_TRUE(without);
    EXPECT_EQ((*without)[11], 0); // no additional record
    dns::QueryForm with_do;
    with_do.dnssec_ok = true;
    const auto with = dns::encode_query(asked, with_do);
    ASSERT_TRUE(with);
    EXPECT_EQ((*with)[with->size() - 4], 0x80); // the DO bit, before the RDATA length
}

TEST(DnsEncode, RefusesWhatIsNoName) {
    const std::string label(63, 'a');
    const std::string longest = label + "." + label + "." + label + "." + std::string(61, 'b');
    for (const std::string& good : {std::string{}, std::string{"a"}, std::string{"_a.b-c.example"}, longest})
        EXPECT_TRUE(dns::encode_query({1, good, Type::a})) << good;
    for (const std::string& bad :
         {std::string{"."}, std::string{"a..b"}, std::string{".a"}, std::string{"a."}, label + "a.b",
          longest + "b", std::string{"a\\.b"}, std::string{"a\0b", 3}})
        EXPECT_FALSE(dns::encode_query({1, bad, Type::a})) << bad;
}

TEST(DnsDecode, JoinsTheStringsOfARecordAndKeepsRecordsApart) {
    Message m = reply({test::txt(q, "v=STSv1; id=1;", 120),
                       {q, test::rr::txt, 60, test::strings({"a", "", "b\"\\", "\xff"})}});
    m.ad = true;
    const auto out = decoded(m);
    EXPECT_EQ(out.rcode, 0U);
    EXPECT_EQ(out.answer.kind, Answer::Kind::data);
    EXPECT_EQ(out.answer.records, (std::vector<std::string>{"v=STSv1; id=1;", "ab\"\\\xff"}));
    EXPECT_EQ(out.answer.ttl, 60s);
    EXPECT_TRUE(out.ad);
    EXPECT_EQ(out.answer.canonical_name, q);
}

TEST(DnsDecode, TakesAddresses) {
    const dns::Question question{7, "mta-sts.example.com", Type::aaaa};
    dns::Bytes octets(16);
    octets[15] = 1;
    const auto out =
        dns::decode(test::reply_to(question, {{question.name, test::rr::aaaa, 5, octets}}).bytes(), question);
    ASSERT_TRUE(out);
    EXPECT_EQ(out->answer.records, (std::vector<std::string>{std::string(octets.begin(), octets.end())}));
    EXPECT_FALSE(out->ad);
}

TEST(DnsDecode, TakesMxHostsInLowerCaseAndUncompressed) {
    const dns::Question question{7, "example.com", Type::mx};
    Message m = test::reply_to(question, {test::mx("example.com", 10, "MX1.Example.COM", 60),
                                          test::mx("example.com", 0x1234, "mx2.example.net"),
                                          {"example.com", test::rr::mx, 300, {0, 0, 0}}});
    // "mx3" and a pointer to the name of the question.
    m.answer.push_back({"example.com", test::rr::mx, 300, {0, 30, 3, 'm', 'X', '3', 0xc0, 12}});
    const auto out = dns::decode(m.bytes(), question);
    ASSERT_TRUE(out);
    EXPECT_EQ(out->answer.ttl, 60s);
    std::vector<dns::Mx> read;
    for (const std::string& record : out->answer.records) {
        read.push_back(dns::parse_mx(record).value());
        EXPECT_EQ(dns::to_record(read.back()), record);
    }
    EXPECT_EQ(read,
              (std::vector<dns::Mx>{
                  {10, "mx1.example.com"}, {0x1234, "mx2.example.net"}, {0, ""}, {30, "mx3.example.com"}}));
    EXPECT_FALSE(dns::parse_mx(""));
    EXPECT_FALSE(dns::parse_mx("x"));
}

TEST(DnsDecode, EscapesOddMxHosts) {
    const dns::Question question{7, "example.com", Type::mx};
    const Rr odd{"example.com", test::rr::mx, 1, {0, 1, 3, 'a', '.', 0, 1, '\\', 0}};
    const auto out = dns::decode(test::reply_to(question, {odd}).bytes(), question);
    ASSERT_TRUE(out);
    EXPECT_EQ(dns::parse_mx(out->answer.records.at(0))->host, "a\\046\\000.\\092");
}

TEST(DnsDecode, TakesTlsaAsItIs) {
    const dns::Question question{7, "_25._tcp.mx.example.com", Type::tlsa};
    const Message m = test::reply_to(question, {{question.name, test::rr::tlsa, 60, {3, 1, 1, 0xff, 0, 'A'}},
                                                {question.name, test::rr::tlsa, 60, {3, 1, 0}}});
    const auto out = dns::decode(m.bytes(), question);
    ASSERT_TRUE(out);
    EXPECT_EQ(out->answer.records, (std::vector<std::string>{{"\3\1\1\xff\0A", 6}, {"\3\1\0", 3}}));
}

TEST(DnsDecode, TakesTheSoaOfTheRoot) {
    const dns::Question question{7, "", Type::soa};
    Message m = test::reply_to(question, {test::soa("", 60, 60)});
    m.ad = true;
    const auto out = dns::decode(m.bytes(), question);
    ASSERT_TRUE(out);
    EXPECT_EQ(out->answer.kind, Answer::Kind::data);
    EXPECT_EQ(out->answer.canonical_name, "");
    EXPECT_TRUE(out->ad);
    m.name = "a";
    EXPECT_EQ(error_of(m.bytes(), question), WireErrc::not_ours);
}

TEST(DnsDecode, TakesACname) {
    const dns::Question question{7, "a.example", Type::cname};
    const auto out =
        dns::decode(test::reply_to(question, {test::cname("a.example", "B.example")}).bytes(), question);
    ASSERT_TRUE(out);
    EXPECT_EQ(out->answer.kind, Answer::Kind::data);
    EXPECT_EQ(out->answer.canonical_name, "a.example");
    EXPECT_EQ(out->answer.records.size(), 1U);
}

TEST(DnsDecode, IgnoresCase) {
    Message m = reply({test::txt("_MTA-STS.Example.COM", "x")});
    m.name = "_Mta-Sts.eXample.com";
    const auto out = decoded(m);
    EXPECT_EQ(out.answer.kind, Answer::Kind::data);
    EXPECT_EQ(out.answer.canonical_name, q);
}

TEST(DnsDecode, FollowsCnamesInAnyOrder) {
    std::vector<Rr> records{test::cname(q, "A.example.net", 500),
                            test::cname("a.example.net", "b.example.net", 40),
                            test::txt("B.example.net", "one", 90), test::txt("b.example.net", "two", 80)};
    std::sort(records.begin(), records.end(), [](const Rr& x, const Rr& y) { return x.owner < y.owner; });
    do {
        const auto out = decoded(reply(records));
        EXPECT_EQ(out.answer.kind, Answer::Kind::data);
        EXPECT_EQ(out.answer.records.size(), 2U);
        EXPECT_EQ(out.answer.ttl, 40s);
        EXPECT_EQ(out.answer.canonical_name, "b.example.net");
    } while (std::next_permutation(records.begin(), records.end(),
                                   [](const Rr& x, const Rr& y) { return x.owner < y.owner; }));
}

TEST(DnsDecode, LeavesOutWhatIsNotOfTheChain) {
    const auto out = decoded(reply({test::txt("example.com", "foreign"),
                                    test::txt(q, "mine"),
                                    test::txt("x." + q, "foreign"),
                                    {q, test::rr::txt, 1, test::strings({"chaos"}), 3},
                                    {q, 46, 1, dns::Bytes(30)},
                                    test::cname("other.example", "example.com", 1)}));
    EXPECT_EQ(out.answer.records, (std::vector<std::string>{"mine"}));
    EXPECT_EQ(out.answer.ttl, 300s);
}

TEST(DnsDecode, LargeTtlIsZero) {
    EXPECT_EQ(decoded(reply({test::txt(q, "x", 0x7fffffff)})).answer.ttl, 2147483647s);
    EXPECT_EQ(decoded(reply({test::txt(q, "x", 0x80000000)})).answer.ttl, 0s);
}

TEST(DnsDecode, NegativeTtlIsFromTheSoaOfTheZone) {
    struct Row {
        std::vector<Rr> answer, authority;
        unsigned rcode;
        Answer::Kind kind;
        std::optional<std::chrono::seconds> ttl;
    };
    const auto none = std::optional<std::chrono::seconds>{};
    const Row rows[] = {
        {{}, {test::soa("example.com", 600, 300)}, 3, Answer::Kind::nxdomain, 300s},
        {{}, {test::soa("example.com", 200, 300)}, 3, Answer::Kind::nxdomain, 200s},
        {{}, {test::soa("Example.Com", 200, 300)}, 0, Answer::Kind::nodata, 200s},
        {{}, {test::soa(q, 200, 300)}, 0, Answer::Kind::nodata, 200s},  // the name is the zone
        {{}, {test::soa("", 200, 300)}, 0, Answer::Kind::nodata, 200s}, // the root's
        {{}, {test::soa("example.com", 200, 0xffffffff)}, 0, Answer::Kind::nodata, 0s},
        {{}, {test::soa("ample.com", 200, 300)}, 0, Answer::Kind::nodata, none}, // not above the name
        {{}, {test::soa("x." + q, 200, 300)}, 0, Answer::Kind::nodata, none},    // below it
        {{}, {}, 3, Answer::Kind::nxdomain, none},
        {{}, {}, 0, Answer::Kind::nodata, none},
        {{test::soa("example.com", 200, 300)},
         {},
         0,
         Answer::Kind::nodata,
         none}, // an SOA in the wrong section
        {{test::cname(q, "x.example.net", 50)},
         {test::soa("example.net", 200, 300)},
         3,
         Answer::Kind::nxdomain,
         50s},
        {{test::cname(q, "x.example.net", 500)},
         {test::soa("example.net", 200, 300)},
         0,
         Answer::Kind::nodata,
         200s},
        {{test::cname(q, "x.example.net", 50)},
         {test::soa("example.com", 200, 300)},
         0,
         Answer::Kind::nodata,
         none},
        {{test::cname(q, "x.example.net", 50)},
         {},
         0,
         Answer::Kind::nodata,
         none}, // the resolver stopped half-way
        {{test::cname(q, "x.example.net", 50)}, {}, 3, Answer::Kind::nxdomain, none},
    };
    for (const Row& row : rows) {
        Message m = reply(row.answer);
        m.authority = row.authority;
        m.rcode = row.rcode;
        const auto out = decoded(m);
        const auto line = std::to_string(&row - rows);
        EXPECT_EQ(out.answer.kind, row.kind) << line;
        EXPECT_EQ(out.answer.ttl, row.ttl) << line;
        EXPECT_EQ(out.answer.canonical_name,
                  row.answer.empty() || row.answer[0].type != test::rr::cname ? q : "x.example.net")
            << line;
        EXPECT_FALSE(out.referral) << line;
    }
}

TEST(DnsDecode, KnowsAReferral) {
    Message m = reply();
    m.authority = {{"com", test::rr::ns, 300, test::wire("a.gtld-servers.net")}};
    EXPECT_FALSE(decoded(m).referral); // it recursed
    m.ra = false;
    EXPECT_TRUE(decoded(m).referral);
    m.aa = true;
    EXPECT_FALSE(decoded(m).referral);
}

TEST(DnsDecode, ErrorsAndExtendedErrors) {
    for (unsigned rcode : {1U, 2U, 4U, 5U, 16U, 23U}) {
        Message m = reply();
        m.rcode = rcode;
        EXPECT_EQ(decoded(m).rcode, rcode);
    }
    Message m = reply();
    m.question = m.edns = false;
    m.rcode = 1; // FORMERR of a server that could not even read the question
    EXPECT_EQ(decoded(m).rcode, 1U);
    m.rcode = 2;
    EXPECT_EQ(decoded(m).rcode, 2U);
    for (const unsigned rcode : {0U, 3U}) { // an answer must have its question
        m.rcode = rcode;
        EXPECT_EQ(error_of(m.bytes()), WireErrc::malformed);
    }
}

TEST(DnsDecode, TruncatedNeedsNoMoreThanTheQuestion) {
    Message m = reply({test::txt(q, "x")});
    m.tc = true;
    auto bytes = m.bytes();
    bytes.resize(12 + q.size() + 2 + 4 + 5);
    const auto out = dns::decode(bytes, asked);
    ASSERT_TRUE(out);
    EXPECT_TRUE(out->truncated);
    EXPECT_TRUE(out->answer.records.empty());
}

TEST(DnsDecode, NotOurs) {
    std::vector<std::pair<const char*, Message>> rows;
    const auto row = [&rows](const char* why) -> Message& {
        rows.emplace_back(why, reply({test::txt(q, "x")}));
        return rows.back().second;
    };
    row("id").id = 0x1235;
    row("name").name = "_mta-sts.example.org";
    row("longer name").name = "a." + q;
    row("type").type = 1;
    Message& query = row("a query");
    query.qr = false;
    query.answer.clear();
    for (const auto& [why, message] : rows) EXPECT_EQ(error_of(message.bytes()), WireErrc::not_ours) << why;
    auto chaos = reply({test::txt(q, "x")}).bytes();
    chaos[12 + q.size() + 2 + 3] = 3; // the question's class
    EXPECT_EQ(error_of(chaos), WireErrc::not_ours);
    auto two = reply({test::txt(q, "x")}).bytes();
    two[5] = 2;
    EXPECT_EQ(error_of(two), WireErrc::not_ours);
}

TEST(DnsDecode, NobodyCanTellWhoseItIs) {
    const auto bytes = reply({test::txt(q, "x")}).bytes();
    for (const std::size_t n : {0U, 1U, 2U, 11U, 12U, 20U, 30U})
        EXPECT_EQ(error_of({bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(n)}),
                  WireErrc::unreadable)
            << n;
}

// We ignore what glibc's resolver ignores: a reply with the right id and question comes from the server.
TEST(DnsDecode, OddHeadersOfARightReply) {
    std::vector<std::pair<const char*, Message>> rows;
    const auto row = [&rows](const char* why) -> Message& {
        rows.emplace_back(why, reply({test::txt(q, "x")}));
        return rows.back().second;
    };
    row("no QR").qr = false;
    row("opcode").opcode = 5;
    row("no RA").ra = false;
    row("no RD").rd = false;
    row("AA").aa = true;
    row("no OPT").edns = false;
    for (const auto& [why, message] : rows)
        EXPECT_EQ(decoded(message).answer.records, std::vector<std::string>{"x"}) << why;
}

TEST(DnsDecode, OverTcpTheQuestionMayBeMissingAndTcMeansNothing) {
    Message m = reply({test::txt(q, "x")});
    m.question = false;
    EXPECT_EQ(error_of(m.bytes()), WireErrc::malformed);
    const auto without = dns::decode(m.bytes(), asked, true);
    ASSERT_TRUE(without);
    EXPECT_EQ(without->answer.records, std::vector<std::string>{"x"});
    m.question = m.tc = true;
    const auto cut = dns::decode(m.bytes(), asked, true);
    ASSERT_TRUE(cut);
    EXPECT_FALSE(cut->truncated);
    EXPECT_EQ(cut->answer.records, std::vector<std::string>{"x"});
    m.answer.clear(); // what is cut off proves no absence
    const auto empty = dns::decode(m.bytes(), asked, true);
    ASSERT_FALSE(empty);
    EXPECT_EQ(empty.error(), WireErrc::malformed);
}

TEST(DnsDecode, NoCutWithinTheAnswerAndAnyBehindIt) {
    Message m = reply({test::cname(q, "b.example.net"), test::txt("b.example.net", "x")});
    m.edns = false;
    const std::size_t answer_end = m.bytes().size();
    m.edns = true;
    m.authority = {test::soa("example.net", 1, 1)};
    const auto bytes = m.bytes();
    for (std::size_t n = 0; n < answer_end; ++n)
        EXPECT_FALSE(dns::decode(std::span{bytes}.first(n), asked)) << n;
    for (std::size_t n = answer_end; n <= bytes.size(); ++n) {
        const auto out = dns::decode(std::span{bytes}.first(n), asked);
        ASSERT_TRUE(out) << n;
        EXPECT_EQ(out->answer.records, std::vector<std::string>{"x"});
    }
    auto longer = bytes;
    longer.resize(longer.size() + 5000, 0xff);
    EXPECT_TRUE(dns::decode(longer, asked));
    // A denial without its SOA is not kept for long.
    m.answer.clear();
    auto denial = m.bytes();
    denial.resize(denial.size() - 30);
    const auto out = dns::decode(denial, asked);
    ASSERT_TRUE(out);
    EXPECT_EQ(out->answer.kind, Answer::Kind::nodata);
    EXPECT_FALSE(out->answer.ttl);
}

TEST(DnsDecode, ABrokenRecordIsLeftOutAndProvesNoAbsence) {
    const Rr broken{q, test::rr::txt, 1, {5, 'a'}}, alias{q, test::rr::cname, 1, {1, 'a'}};
    for (const Rr& bad : {broken, alias}) {
        EXPECT_EQ(decoded(reply({bad, test::txt(q, "x")})).answer.records, std::vector<std::string>{"x"});
        EXPECT_EQ(error_of(reply({bad}).bytes()), WireErrc::malformed);
    }
    Rr chaos = test::txt(q, "x");
    chaos.klass = 3;
    EXPECT_EQ(error_of(reply({chaos}).bytes()), WireErrc::malformed);
}

TEST(DnsDecode, ShortAndLongRdata) {
    const dns::Question a{1, "a.example", Type::a}, aaaa{1, "a.example", Type::aaaa},
        txt{1, "a.example", Type::txt};
    const auto refused = [](const dns::Question& question, std::uint16_t type, dns::Bytes rdata) {
        const auto m = test::reply_to(question, {{question.name, type, 1, std::move(rdata)}});
        return error_of(m.bytes(), question) == WireErrc::malformed;
    };
    for (std::size_t n : {0U, 3U, 5U, 16U}) EXPECT_TRUE(refused(a, test::rr::a, dns::Bytes(n))) << n;
    for (std::size_t n : {0U, 4U, 15U, 17U}) EXPECT_TRUE(refused(aaaa, test::rr::aaaa, dns::Bytes(n))) << n;
    const dns::Question mx{1, "a.example", Type::mx}, tlsa{1, "a.example", Type::tlsa};
    const dns::Bytes mx_rows[] = {
        {}, {0}, {0, 1}, {0, 1, 1}, {0, 1, 1, 'a'}, {0, 1, 0, 0}, {0, 1, 0xff, 0xff}};
    for (const dns::Bytes& row : mx_rows) EXPECT_TRUE(refused(mx, test::rr::mx, row)) << row.size();
    const auto itself = static_cast<std::uint8_t>(12 + 11 + 4 + 11 + 10 + 2); // where the host itself begins
    EXPECT_TRUE(refused(mx, test::rr::mx, {0, 1, 0xc0, itself}));
    for (std::size_t n : {0U, 1U, 2U}) EXPECT_TRUE(refused(tlsa, test::rr::tlsa, dns::Bytes(n))) << n;
    EXPECT_TRUE(refused(txt, test::rr::txt, {}));
    EXPECT_TRUE(refused(txt, test::rr::txt, {5, 'a'}));
    EXPECT_TRUE(refused(txt, test::rr::txt, {1, 'a', 1}));
    EXPECT_TRUE(refused(txt, test::rr::cname, {}));
    EXPECT_TRUE(refused(txt, test::rr::cname, {1, 'a'}));
    EXPECT_TRUE(refused(txt, test::rr::cname, {1, 'a', 0, 0}));
    const dns::Question soa{1, "a.example", Type::soa};
    EXPECT_TRUE(refused(soa, test::rr::soa, {0, 0}));
    EXPECT_TRUE(refused(soa, test::rr::soa, dns::Bytes(23)));
    // In the authority section nobody needs them.
    for (const std::uint16_t type : {test::rr::soa, test::rr::ns}) {
        Message m = reply({test::txt(q, "x")});
        m.authority = {{"example.com", type, 1, {0xff}}};
        EXPECT_EQ(decoded(m).answer.records.size(), 1U);
    }
}

TEST(DnsDecode, ForeignTypesAreNotParsed) {
    // An MX without a name would be malformed if it were read.
    const auto out = decoded(reply({{q, test::rr::mx, 1, {0}}, {q, test::rr::a, 1, {}}, test::txt(q, "x")}));
    EXPECT_EQ(out.answer.records, (std::vector<std::string>{"x"}));
}

TEST(DnsDecode, CompressionPointers) {
    // Each row replaces the owner of the only answer record; the question's name begins at octet 12.
    const auto with_owner = [](dns::Bytes owner) {
        Message m = reply();
        m.edns = false;
        auto bytes = m.bytes();
        bytes[7] = 1;
        bytes.insert(bytes.end(), owner.begin(), owner.end());
        const dns::Bytes rest{0, 16, 0, 1, 0, 0, 0, 9, 0, 2, 1, 'x'};
        bytes.insert(bytes.end(), rest.begin(), rest.end());
        return bytes;
    };
    const auto here = static_cast<std::uint8_t>(12 + q.size() + 2 + 4);
    const auto good = dns::decode(with_owner({0xc0, 12}), asked);
    ASSERT_TRUE(good);
    EXPECT_EQ(good->answer.records.size(), 1U);
    const auto parts = dns::decode(with_owner({8, '_', 'm', 't', 'a', '-', 's', 't', 's', 0xc0, 21}), asked);
    ASSERT_TRUE(parts);
    EXPECT_EQ(parts->answer.records.size(), 1U);
    // A forward pointer, which glibc accepts: the name is in the RDATA, in the second half of the record.
    Message forward = reply();
    forward.edns = false;
    auto ahead = forward.bytes();
    ahead[7] = 2;
    const auto behind = static_cast<std::uint8_t>(here + 2 + 10);
    ahead.insert(ahead.end(), {0xc0, behind, 0, 99, 0, 1, 0, 0, 0, 9, 0, 2, 0xc0, 12});
    ahead.insert(ahead.end(), {0xc0, behind, 0, 16, 0, 1, 0, 0, 0, 9, 0, 2, 1, 'x'});
    const auto jumped = dns::decode(ahead, asked);
    ASSERT_TRUE(jumped);
    EXPECT_EQ(jumped->answer.records, std::vector<std::string>{"x"});
    const std::pair<const char*, dns::Bytes> rows[] = {
        {"to itself", {0xc0, here}},      {"to its own label", {1, 'a', 0xc0, here}},
        {"beyond the end", {0xff, 0xff}}, {"a reserved label type", {0x41, 'a', 0}},
        {"another", {0x81, 'a', 0}},
    };
    for (const auto& [why, owner] : rows) EXPECT_EQ(error_of(with_owner(owner)), WireErrc::malformed) << why;
}

TEST(DnsDecode, TwoPointersThatLeadToEachOther) {
    Message m = reply();
    m.edns = false;
    auto bytes = m.bytes();
    const auto at = static_cast<std::uint8_t>(bytes.size());
    bytes[7] = 2;
    const dns::Bytes first{1, 'a', 0xc0, static_cast<std::uint8_t>(at + 14), 0, 16, 0, 1, 0, 0, 0, 9, 0, 0};
    const dns::Bytes second{1, 'b', 0xc0, at, 0, 16, 0, 1, 0, 0, 0, 9, 0, 0};
    bytes.insert(bytes.end(), first.begin(), first.end());
    bytes.insert(bytes.end(), second.begin(), second.end());
    EXPECT_EQ(error_of(bytes), WireErrc::malformed);
}

TEST(DnsDecode, ChainsOfPointersHaveAnEnd) {
    // One record full of pointers: the first points to the question's name, each other one to the pointer
    // before it. Then the answer, whose owner is a pointer to the last one.
    const auto with_chain = [](std::size_t pointers) {
        Message m = reply();
        m.edns = false;
        auto bytes = m.bytes();
        bytes[7] = 2;
        const auto add = [&](const dns::Bytes& more) { bytes.insert(bytes.end(), more.begin(), more.end()); };
        const auto add_u16 = [&](std::size_t n) {
            add({static_cast<std::uint8_t>(n >> 8), static_cast<std::uint8_t>(n)});
        };
        add({0, 0xff, 0, 0, 1, 0, 0, 0, 9});
        add_u16(2 * pointers);
        std::size_t last = 12;
        for (std::size_t i = 0; i < pointers; ++i) {
            const std::size_t here = bytes.size();
            add_u16(0xc000 | last);
            last = here;
        }
        add_u16(0xc000 | last);
        add({0, 16, 0, 1, 0, 0, 0, 9, 0, 2, 1, 'x'});
        return bytes;
    };
    const auto longest = dns::decode(with_chain(126), asked);
    ASSERT_TRUE(longest);
    EXPECT_EQ(longest->answer.records.size(), 1U);
    EXPECT_EQ(error_of(with_chain(127)), WireErrc::malformed);
    EXPECT_EQ(error_of(with_chain(4000)), WireErrc::malformed);
}

TEST(DnsDecode, NamesOverTheLimit) {
    std::string name;
    for (int i = 0; i < 127; ++i) name += "a.";
    name.pop_back(); // 253 characters, 255 octets
    EXPECT_TRUE(dns::decode(reply({test::txt(name, "x")}).bytes(), asked));
    EXPECT_EQ(error_of(reply({test::txt(name + "a", "x")}).bytes()), WireErrc::malformed);
    EXPECT_EQ(error_of(reply({test::txt(name + ".a", "x")}).bytes()), WireErrc::malformed);
    EXPECT_EQ(error_of(reply({test::cname(q, name + ".a")}).bytes()), WireErrc::malformed);
}

TEST(DnsDecode, ManyEmptyStrings) {
    Message m = reply({{q, test::rr::txt, 1, dns::Bytes(512)}});
    EXPECT_TRUE(dns::decode(m.bytes(), asked));
    m.answer = {{q, test::rr::txt, 1, dns::Bytes(513)}};
    EXPECT_EQ(error_of(m.bytes()), WireErrc::over_limit);
    m.answer = {{q, test::rr::txt, 1, dns::Bytes(65000)}};
    EXPECT_EQ(error_of(m.bytes()), WireErrc::over_limit);
    m.answer = {{q, test::rr::txt, 1, dns::Bytes(300)}, {"other.example", test::rr::txt, 1, dns::Bytes(300)}};
    EXPECT_EQ(error_of(m.bytes()), WireErrc::over_limit);
    // Types of the same form that were not asked for are copied as one field.
    m.answer = {{q, 99, 1, dns::Bytes(65000)}};
    EXPECT_TRUE(dns::decode(m.bytes(), asked));
}

TEST(DnsDecode, ManyRecords) {
    const dns::Question address{0x1234, "a.example", Type::a};
    Message m = test::reply_to(address);
    m.edns = false;
    const Rr a{"a.example", test::rr::a, 1, {192, 0, 2, 1}};
    m.answer.assign(dns::max_records, a);
    const auto most = dns::decode(m.bytes(), address);
    ASSERT_TRUE(most);
    EXPECT_EQ(most->answer.records.size(), dns::max_records);
    m.answer.push_back(a);
    EXPECT_EQ(error_of(m.bytes(), address), WireErrc::over_limit);
    // The part after the answer is read up to the same limit, and the rest is cut off: the SOA is no longer
    // found.
    m.answer.clear();
    m.authority.assign(dns::max_records - 1, a);
    m.authority.push_back(test::soa("example", 7, 7));
    const auto last = dns::decode(m.bytes(), address);
    ASSERT_TRUE(last);
    EXPECT_EQ(last->answer.ttl, 7s);
    m.authority.insert(m.authority.begin(), a);
    const auto beyond = dns::decode(m.bytes(), address);
    ASSERT_TRUE(beyond);
    EXPECT_FALSE(beyond->answer.ttl);
}

TEST(DnsDecode, OptAndSignaturesAnywhere) {
    const Rr opt{"", test::rr::opt, 0, {}, 1232};
    const auto taken = [](const Message& m) {
        return decoded(m).answer.records == std::vector<std::string>{"x"};
    };
    const Message good = reply({test::txt(q, "x")});
    Message two = good, misplaced = good, owned = good;
    two.additional = {opt, opt, opt};
    EXPECT_TRUE(taken(two));
    misplaced.edns = false;
    misplaced.answer.push_back(opt);
    misplaced.authority = {opt};
    EXPECT_TRUE(taken(misplaced));
    owned.edns = false;
    owned.additional = {opt};
    owned.additional[0].owner = "a";
    EXPECT_TRUE(taken(owned));
    // ldns would leak the second of two signatures.
    for (const std::uint16_t type : {test::rr::sig, test::rr::tkey, test::rr::tsig}) {
        Message m = good;
        m.additional.assign(3, {"", type, 0, dns::Bytes(16), 255});
        EXPECT_TRUE(taken(m)) << type;
    }
}

double cpu_ms() {
    timespec t{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return static_cast<double>(t.tv_sec) * 1e3 + static_cast<double>(t.tv_nsec) / 1e6;
}

// The most expensive messages of 64 KiB that the walk accepts. The real bound is a turn of the loop (2 ms in
// an optimised build); here it is a tenth of a second, which quadratic work would exceed by far.
TEST(DnsDecode, TheDearestMessages) {
    const dns::Question address{0x1234, "a.example", Type::a};
    std::vector<std::pair<const char*, dns::Bytes>> rows;
    std::string longest;
    for (int i = 0; i < 126; ++i) longest += "a.";
    longest += "b";
    Message names = test::reply_to(address); // long names, which ldns copies
    for (std::size_t n = 0; n < 90; ++n) names.answer.push_back(test::cname(longest, longest));
    names.answer.resize(120, test::cname(longest, longest));
    rows.emplace_back("long names", names.bytes());
    // A name with as many pointers as we follow, and hundreds of records that point to it.
    Message jumps = test::reply_to(address);
    jumps.edns = false;
    dns::Bytes chain = jumps.bytes();
    chain[7] = 1;
    chain.insert(chain.end(), {0, 0, 99, 0, 1, 0, 0, 0, 0, 2, 0});
    const std::size_t body = chain.size();
    chain.resize(body + 512, 0);
    for (std::size_t i = 0; i < 30; ++i) {
        const std::size_t here = body + 4 * i, next = here + 4;
        chain[here] = 1;
        chain[here + 1] = 'a';
        chain[here + 2] = static_cast<std::uint8_t>(0xc0 | next >> 8);
        chain[here + 3] = static_cast<std::uint8_t>(next);
    }
    // Some 8,000 pointers in all.
    for (unsigned i = 0; i < 125; ++i) {
        const auto high = static_cast<std::uint8_t>(0xc0 | body >> 8), low = static_cast<std::uint8_t>(body);
        chain.insert(chain.end(), {high, low, 0, 5, 0, 1, 0, 0, 0, 9, 0, 2, high, low});
    }
    chain[7] = 126;
    rows.emplace_back("pointers", chain);
    const dns::Bytes one(chain.end() - 14, chain.end());
    for (int i = 0; i < 10; ++i) chain.insert(chain.end(), one.begin(), one.end());
    chain[7] = 136;
    EXPECT_EQ(error_of(chain, address), WireErrc::malformed) << "and no more";
    for (const auto& [why, bytes] : rows) {
        ASSERT_LE(bytes.size(), dns::max_message) << why;
        const double before = cpu_ms();
        const auto out = dns::decode(bytes, address);
        const double took = cpu_ms() - before;
        EXPECT_TRUE(out) << why;
        EXPECT_LT(took, 100 * test::slowness) << why;
        std::cout << why << ": " << took << " ms\n";
    }
    const auto strings = reply({{q, test::rr::txt, 1, dns::Bytes(dns::max_txt_strings)}}).bytes();
    const double before = cpu_ms();
    EXPECT_TRUE(dns::decode(strings, asked));
    const double took = cpu_ms() - before;
    EXPECT_LT(took, 100 * test::slowness);
    std::cout << "empty strings: " << took << " ms\n";
}

TEST(DnsDecode, CnameLoopsAndLongChains) {
    EXPECT_EQ(error_of(reply({test::cname(q, q)}).bytes()), WireErrc::cname_loop);
    EXPECT_EQ(error_of(reply({test::cname(q, "a.b"), test::cname("a.b", q)}).bytes()), WireErrc::cname_loop);
    const auto chain = [](unsigned length) {
        std::vector<Rr> records;
        for (unsigned i = 0; i < length; ++i)
            records.push_back(test::cname(i == 0 ? q : "c" + std::to_string(i), "c" + std::to_string(i + 1)));
        records.push_back(test::txt("c" + std::to_string(length), "end"));
        return reply(std::move(records)).bytes();
    };
    EXPECT_TRUE(dns::decode(chain(dns::max_chain), asked));
    EXPECT_EQ(error_of(chain(dns::max_chain + 1)), WireErrc::cname_loop);
}

TEST(DnsDecode, OddCanonicalNamesAreEscaped) {
    Rr alias = test::cname(q, "");
    alias.rdata = {4, 'a', '.', 0, 0xff, 1, '\\', 0};
    EXPECT_EQ(decoded(reply({alias})).answer.canonical_name, "a\\046\\000\\255.\\092");
}

} // namespace
