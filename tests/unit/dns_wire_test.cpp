// Messages a stub may meet: honest ones, odd ones, and ones made to hurt.
#include "dns/wire.hpp"

#include "dns/guard.hpp"
#include "support/dns_message.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>

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
    wanted.ad = true;
    EXPECT_EQ(*query, wanted.bytes());
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
    EXPECT_EQ(error_of(m.bytes()), WireErrc::not_ours);
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
    row("a query").qr = false;
    row("opcode").opcode = 5;
    row("no question").question = false;
    for (const auto& [why, message] : rows) EXPECT_EQ(error_of(message.bytes()), WireErrc::not_ours) << why;
}

TEST(DnsDecode, EveryCutIsAnError) {
    Message m = reply({test::cname(q, "b.example.net"), test::txt("b.example.net", "x")});
    m.authority = {test::soa("example.net", 1, 1)};
    const auto bytes = m.bytes();
    ASSERT_TRUE(dns::decode(bytes, asked));
    for (std::size_t n = 0; n < bytes.size(); ++n)
        EXPECT_FALSE(dns::decode(std::span{bytes}.first(n), asked)) << n;
    auto longer = bytes;
    longer.push_back(0);
    EXPECT_EQ(error_of(longer), WireErrc::malformed);
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
        {}, {0}, {0, 1}, {0, 1, 1}, {0, 1, 1, 'a'}, {0, 1, 0, 0}, {0, 1, 0xc0, 2}, {0, 1, 0xff, 0xff}};
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
    EXPECT_TRUE(refused(txt, test::rr::soa, {0, 0}));
    EXPECT_TRUE(refused(txt, test::rr::soa, dns::Bytes(23)));
    EXPECT_TRUE(refused(txt, test::rr::ns, {}));
}

TEST(DnsDecode, ForeignTypesAreNotParsed) {
    // An MX without a name would be malformed, were it read.
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
    const std::pair<const char*, dns::Bytes> rows[] = {
        {"to itself", {0xc0, here}},
        {"forward", {0xc0, static_cast<std::uint8_t>(here + 4)}},
        {"to its own label", {1, 'a', 0xc0, here}},
        {"into the header", {0xc0, 2}},
        {"beyond the end", {0xff, 0xff}},
        {"a reserved label type", {0x41, 'a', 0}},
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

TEST(DnsDecode, NamesOverTheLimit) {
    std::string name;
    for (int i = 0; i < 127; ++i) name += "a.";
    name.pop_back(); // 253 characters, 255 octets
    EXPECT_TRUE(dns::decode(reply({test::txt(name, "x")}).bytes(), asked));
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
    Message m = reply();
    m.edns = false;
    m.answer.assign(512, test::txt("a", "x"));
    EXPECT_TRUE(dns::decode(m.bytes(), asked));
    m.additional = {test::txt("a", "x")};
    EXPECT_EQ(error_of(m.bytes()), WireErrc::over_limit);
}

TEST(DnsDecode, OptAndSignatures) {
    const Rr opt{"", test::rr::opt, 0, {}, 1232};
    const auto refused = [](Message m) { return error_of(m.bytes()) == WireErrc::malformed; };
    Message two = reply(), misplaced = reply(), owned = reply();
    two.additional = {opt};
    EXPECT_TRUE(refused(two));
    misplaced.edns = false;
    misplaced.answer = {opt};
    EXPECT_TRUE(refused(misplaced));
    owned.edns = false;
    owned.additional = {opt};
    owned.additional[0].owner = "a";
    EXPECT_TRUE(refused(owned));
    for (const std::uint16_t type : {test::rr::sig, test::rr::tkey, test::rr::tsig}) {
        Message m = reply();
        m.additional = {{"", type, 0, dns::Bytes(16), 255}};
        EXPECT_TRUE(refused(m)) << type;
    }
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
