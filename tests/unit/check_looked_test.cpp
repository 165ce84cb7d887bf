// DNS answers as evidence, and the resolver that asks once.
#include "support/fake_resolver.hpp"
#include "tool/check/asked_once.hpp"
#include "tool/check/looked.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

namespace {

namespace asio = boost::asio;
using base::Reason;
using dns::Type;

dns::Answer mx_answer(const std::vector<dns::Mx>& hosts) {
    dns::Answer answer;
    answer.kind = hosts.empty() ? dns::Answer::Kind::nodata : dns::Answer::Kind::data;
    for (const dns::Mx& host : hosts) answer.records.push_back(dns::to_record(host));
    return answer;
}

TEST(CheckLooked, AnAnswer) {
    dns::Answer answer;
    answer.kind = dns::Answer::Kind::data;
    answer.ttl = base::seconds{300};
    answer.worth = dns::Worth::secure;
    answer.canonical_name = "other.test";
    const check::Looked made = check::looked("a.test", Type::aaaa, answer);
    EXPECT_EQ(made, (check::Looked{"a.test", "AAAA", "", "", "data", dns::Worth::secure, "other.test", 300}));
}

TEST(CheckLooked, AFailureHasItsReasonAndNoKind) {
    const check::Looked made =
        check::looked("a.test", Type::txt, dns::failed(Reason::dns_servfail, "127.0.0.1"));
    EXPECT_EQ(made.reason, "dns-servfail");
    EXPECT_EQ(made.detail, "127.0.0.1");
    EXPECT_EQ(made.kind, "");
}

TEST(CheckLooked, MailHostsByPreferenceEachOnce) {
    const auto made = check::mail_hosts("a.test", mx_answer({{20, "b"}, {10, "z"}, {10, "a"}, {30, "z"}}));
    ASSERT_EQ(made.hosts.size(), 3U);
    EXPECT_EQ(made.hosts[0].host, "z");
    EXPECT_EQ(made.hosts[0].preference, 10);
    EXPECT_EQ(made.hosts[1].host, "a");
    EXPECT_EQ(made.hosts[2].host, "b");
    EXPECT_FALSE(made.null_mx);
}

TEST(CheckLooked, WithoutMxRecordTheDomainIsTheMailHost) {
    const auto made = check::mail_hosts("a.test", mx_answer({}));
    ASSERT_EQ(made.hosts.size(), 1U);
    EXPECT_EQ(made.hosts[0].host, "a.test");
}

TEST(CheckLooked, ANullMxADomainThatDoesNotExistAndAFailureHaveNone) {
    EXPECT_TRUE(check::mail_hosts("a.test", mx_answer({{0, ""}})).null_mx);
    EXPECT_TRUE(check::mail_hosts("a.test", mx_answer({{0, ""}})).hosts.empty());
    EXPECT_FALSE(check::mail_hosts("a.test", mx_answer({{0, ""}, {10, "a"}})).null_mx);
    dns::Answer none;
    none.kind = dns::Answer::Kind::nxdomain;
    EXPECT_TRUE(check::mail_hosts("a.test", none).hosts.empty());
    EXPECT_TRUE(check::mail_hosts("a.test", dns::failed(Reason::dns_timeout)).hosts.empty());
}

TEST(CheckLooked, StrangersMailHostsAndRecordsAreBounded) {
    std::vector<dns::Mx> many;
    for (std::uint16_t i = 0; i < 200; ++i) many.push_back({i, "mx" + std::to_string(i)});
    for (const std::size_t count : {21U, 100U, 101U}) {
        const auto made = check::mail_hosts(
            "a.test", mx_answer({many.begin(), many.begin() + static_cast<std::ptrdiff_t>(count)}));
        EXPECT_EQ(made.hosts.size(), std::min(count, check::max_mx));
        EXPECT_EQ(made.more, count > check::max_mx) << count;
    }
    many.resize(100);
    many.push_back({500, "mx7"});
    EXPECT_FALSE(check::mail_hosts("a.test", mx_answer(many)).more) << "a host that is there already";
    dns::Answer txt;
    txt.kind = dns::Answer::Kind::data;
    txt.records.assign(200, std::string(10'000, 'x'));
    const check::TxtLook look = check::txt_looked("a.test", txt);
    EXPECT_EQ(look.records.size(), check::max_txt_records);
    EXPECT_EQ(look.records[0].size(), check::max_txt_octets);
}

TEST(CheckLooked, AddressesAreIPv6First) {
    dns::Answer a, aaaa;
    a.records = {std::string("\xc0\0\2\1", 4), std::string("\xc0\0\2\1", 4), "x"};
    aaaa.records = {std::string("\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\1", 16)};
    std::vector<std::string> texts;
    for (const net::IpAddress& address : check::addresses_of(aaaa, a)) texts.push_back(to_string(address));
    EXPECT_EQ(texts, (std::vector<std::string>{"2001:db8::1", "192.0.2.1"}));
}

class AskedOnceTest : public testing::Test {
protected:
    void ask(check::AskedOnce& resolver, const std::string& name, Type type = Type::a) {
        asio::co_spawn(context_, keep(&resolver, name, type), asio::detached);
    }
    asio::awaitable<void> keep(check::AskedOnce* resolver, std::string name, Type type) {
        dns::Result result = co_await resolver->resolve(name, type, dns::Purpose::dane);
        results_.push_back(std::move(result));
    }
    void run() {
        context_.restart();
        context_.run();
    }
    asio::io_context context_;
    test::FakeResolver below_;
    std::vector<dns::Result> results_;
};

TEST_F(AskedOnceTest, TheSameQuestionIsAskedOnce) {
    check::AskedOnce once(context_.get_executor(), below_);
    below_.address("a.test", Type::a, {std::string("\xc0\0\2\1", 4)});
    below_.hold(Type::a);
    for (int i = 0; i < 3; ++i) ask(once, "a.test"); // while the first is under way
    context_.poll();
    below_.release();
    run();
    ask(once, "a.test"); // and later
    run();
    ask(once, "a.test", Type::aaaa);
    run();
    EXPECT_EQ(below_.asked.size(), 2U);
    ASSERT_EQ(results_.size(), 5U);
    for (int i = 0; i < 4; ++i) EXPECT_EQ(results_[static_cast<std::size_t>(i)]->records.size(), 1U);
}

TEST_F(AskedOnceTest, AFailureIsKeptLikeAnAnswer) {
    check::AskedOnce once(context_.get_executor(), below_);
    below_.fail("a.test", Type::a, Reason::dns_timeout);
    ask(once, "a.test");
    ask(once, "a.test");
    run();
    EXPECT_EQ(below_.asked.size(), 1U);
    ASSERT_EQ(results_.size(), 2U);
    EXPECT_EQ(results_[1].error().reason, Reason::dns_timeout);
}

TEST_F(AskedOnceTest, TheOldestGoFirstWhenTheyTakeTooMuchRoom) {
    check::AskedOnce once(context_.get_executor(), below_, 20'000);
    for (int i = 0; i < 100; ++i) {
        const std::string name = std::to_string(i) + ".test";
        below_.txt(name, {std::string(1000, 'x')});
        ask(once, name, Type::txt);
        run();
    }
    ask(once, "99.test", Type::txt);
    run();
    EXPECT_EQ(once.asked(), 100U) << "the newest is there";
    ask(once, "0.test", Type::txt);
    run();
    EXPECT_EQ(once.asked(), 101U) << "the oldest is not";
}

} // namespace
