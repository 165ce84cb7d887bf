// What a fleet shares: its format, what is taken and what is refused, which of two is preferred.
#include "cache/valkey/value.hpp"
#include "support/valkey_sample.hpp"

#include <gtest/gtest.h>

#include <array>
#include <functional>
#include <set>

namespace {

using namespace std::chrono_literals;
using test::fetched_then;
using valkey::Key;
using valkey::KeyRing;
using valkey::Naming;
using valkey::Opened;
using valkey::Refusal;
using valkey::Value;

const KeyRing ring = test::key_ring();
constexpr valkey::Time now = fetched_then + 1h;
constexpr Naming both[]{Naming::plain, Naming::hidden};

std::string sealed(const Value& value, Naming naming = Naming::plain, const Key& key = ring.sealing()) {
    return seal(value, key, naming, test::fixed_nonce());
}

/// As a host that asks for the domain.
base::Expected<Opened, Refusal> opened(std::string_view octets, Naming naming = Naming::plain,
                                       std::string_view domain = "example.com", valkey::Time at = now) {
    return open(octets, name_of(base::Domain::parse(domain).value(), ring.sealing(), naming), ring, at);
}

/// "taken", or why not.
std::string verdict(const base::Expected<Opened, Refusal>& result) {
    return std::string{result ? "taken" : to_string(result.error())};
}

/// Content of any form under a right seal, as a member of the fleet with a fault could write it.
std::string with_seal(std::string_view content, Naming naming = Naming::plain,
                      std::string_view name = "example.com") {
    return test::with_seal(content, naming, name, ring.sealing());
}

std::string content(std::string_view domain, std::string_view id, std::string_view fetched,
                    std::string_view host, std::string_view text = test::sample_text) {
    std::string all;
    all.append("domain: ").append(domain).append("\nid: ").append(id).append("\nfetched: ").append(fetched);
    return all.append("\nhost: ").append(host).append("\n\n").append(text);
}

TEST(ValkeyValue, OpensAsItWasSealed) {
    for (const Naming naming : both) {
        for (const char* domain : {"example.com", "xn--bcher-kva.test", "a_b.example"}) {
            Value value = test::sample_value(domain);
            const auto result = opened(sealed(value, naming), naming, domain);
            ASSERT_TRUE(result) << to_string(result.error());
            EXPECT_EQ(result->value, value);
            EXPECT_EQ(result->policy, sts::parse_policy(value.text).value());
        }
    }
}

TEST(ValkeyValue, KeepsTheTextOctetByOctet) {
    for (const char* text : {"version: STSv1\r\nmode: none\r\nmax_age: 604800\r\n",
                             "version: STSv1\nmode: none\nmax_age: 604800",
                             "\xef\xbb\xbfversion: STSv1\nmode: none\nmax_age: 604800\n\n\n",
                             "version: STSv1\nmode: none\nmax_age: 604800\nx: \xc3\xa4\n"}) {
        for (const Naming naming : both) {
            Value value = test::sample_value();
            value.text = text;
            const auto result = opened(sealed(value, naming), naming);
            ASSERT_TRUE(result) << to_string(result.error());
            EXPECT_EQ(result->value.text, text);
        }
    }
}

TEST(ValkeyValue, AnIdMayBeUnknown) {
    Value value = test::sample_value();
    value.id.clear();
    const auto result = opened(sealed(value));
    ASSERT_TRUE(result);
    EXPECT_EQ(result->value.id, "");
}

TEST(ValkeyValue, HidesWhatTellsTheDomain) {
    const std::string octets = sealed(test::sample_value(), Naming::hidden);
    for (const char* word : {"example", "mail1", "STSv1", "20260101", "domain"})
        EXPECT_EQ(octets.find(word), std::string::npos) << word;
}

TEST(ValkeyValue, FormsAreNotTakenForEachOther) {
    EXPECT_EQ(verdict(opened(sealed(test::sample_value(), Naming::hidden), Naming::plain)), "bad-seal");
    EXPECT_EQ(verdict(opened(sealed(test::sample_value(), Naming::plain), Naming::hidden)), "bad-seal");
    // Not even sealed for the other name.
    const std::string name =
        name_of(base::Domain::parse("example.com").value(), ring.sealing(), Naming::hidden);
    const std::string plain =
        with_seal(content("example.com", "1", "1796000000123", "h"), Naming::plain, name);
    EXPECT_EQ(verdict(open(plain, name, ring, now)), "garbage");
}

TEST(ValkeyValue, MovedToAnotherDomainItIsRefused) {
    for (const Naming naming : both)
        EXPECT_EQ(verdict(opened(sealed(test::sample_value("other.example"), naming), naming)), "bad-seal");
}

TEST(ValkeyValue, SealedForOneDomainAndSayingAnotherItIsRefused) {
    const std::string other = content("other.example", "1", "1796000000123", "h");
    EXPECT_EQ(verdict(opened(with_seal(other))), "other-domain");
    const std::string name =
        name_of(base::Domain::parse("example.com").value(), ring.sealing(), Naming::hidden);
    EXPECT_EQ(verdict(open(with_seal(other, Naming::hidden, name), name, ring, now)), "other-domain");
}

TEST(ValkeyValue, ForgedItIsRefused) {
    // Without the key: another's, none, that of another use, one of the text alone.
    const KeyRing strangers = test::key_ring("k1 " + std::string(64, 'a'));
    EXPECT_EQ(verdict(opened(sealed(test::sample_value(), Naming::plain, strangers.sealing()))), "bad-seal");
    const std::string good = sealed(test::sample_value());
    const std::string rest = good.substr(good.find('\n'));
    EXPECT_EQ(verdict(opened("stsmapd1 k1 " + std::string(43, 'A') + rest)), "bad-seal");
    EXPECT_EQ(verdict(opened("stsmapd1 k1 " +
                             valkey::base64url(keyed_hash(ring.sealing().name, rest.substr(1))) + rest)),
              "bad-seal");
    EXPECT_EQ(verdict(opened("stsmapd1 k1 " +
                             valkey::base64url(keyed_hash(ring.sealing().seal, rest.substr(1))) + rest)),
              "bad-seal");
    // The seal of one value over the content of another: a longer life, another host, a later time.
    for (const auto& [from, to] : {std::pair{"604800", "704800"},
                                   {"mail.example.com", "evil.example.com"},
                                   {"1796000000123", "1796000000124"},
                                   {"20260101000000", "20260101000001"},
                                   {"mail1.", "mail2."},
                                   {"enforce", "testing"}}) {
        std::string changed = good;
        changed.replace(changed.find(from), std::string_view{from}.size(), to);
        EXPECT_EQ(verdict(opened(changed)), "bad-seal") << to;
    }
    EXPECT_EQ(verdict(opened(good + "\n")), "bad-seal");
}

TEST(ValkeyValue, TruncatedAtAnyOctetItIsRefused) {
    for (const Naming naming : both) {
        const std::string good = sealed(test::sample_value(), naming);
        const std::size_t line = good.find('\n');
        for (std::size_t at = 0; at < good.size(); ++at)
            EXPECT_EQ(verdict(opened(std::string_view{good}.substr(0, at), naming)),
                      at <= line ? "garbage" : "bad-seal")
                << "cut at " << at;
    }
}

TEST(ValkeyValue, WithOneBitFlippedAtAnyOctetItIsRefused) {
    for (const Naming naming : both) {
        const std::string good = sealed(test::sample_value(), naming);
        std::set<std::string> seen;
        for (std::size_t at = 0; at < good.size(); ++at) {
            for (int bit = 0; bit < 8; ++bit) {
                std::string flipped = good;
                flipped[at] = static_cast<char>(flipped[at] ^ (1 << bit));
                const std::string found = verdict(opened(flipped, naming));
                EXPECT_NE(found, "taken") << "bit " << bit << " of octet " << at;
                if (at > good.find('\n')) {
                    EXPECT_EQ(found, "bad-seal") << at;
                }
                seen.insert(found);
            }
        }
        EXPECT_EQ(seen, (std::set<std::string>{"bad-seal", "garbage", "unknown-key", "unknown-version"}));
    }
}

TEST(ValkeyValue, TheFirstLineSaysVersionAndKey) {
    const std::string mac(43, 'A');
    const std::pair<std::string, const char*> cases[] = {
        {"stsmapd1 k1 " + mac + "\n", "bad-seal"},
        {"stsmapd1 k2 " + mac + "\n", "unknown-key"},
        {"stsmapd1 K1 " + mac + "\n", "unknown-key"},
        {"stsmapd1 " + std::string(32, 'k') + " " + mac + "\nx", "unknown-key"},
        {"stsmapd1 " + std::string(33, 'k') + " " + mac + "\nx", "garbage"},
        {"stsmapd1 k/1 " + mac + "\n", "garbage"},
        {"stsmapd1  " + mac + "\n", "garbage"},
        {"stsmapd1 k1  " + mac + "\n", "garbage"},
        {"stsmapd1 k1 " + mac + "=\n", "garbage"},
        {"stsmapd1 k1 " + mac.substr(1) + "\n", "garbage"},
        {"stsmapd1 k1 " + mac.substr(1) + "+\n", "garbage"},
        {"stsmapd1 k1 " + mac + "\r\n", "garbage"},
        {"stsmapd1 k1 " + mac, "garbage"},
        {"stsmapd2 ", "unknown-version"},
        {"stsmapd2 whatever it may be\x01", "unknown-version"},
        {"stsmapd10 k1 " + mac + "\n", "unknown-version"},
        {"stsmapd01 k1 " + mac + "\n", "unknown-version"},
        {"stsmapd2", "garbage"},
        {"stsmapd k1 " + mac + "\n", "garbage"},
        {"stsmapd1x k1 " + mac + "\n", "garbage"},
        {"stsmapd-1 k1 " + mac + "\n", "garbage"},
        {"stsmapd" + std::string(200, '1') + " ", "garbage"},
        {"STSMAPD1 k1 " + mac + "\n", "garbage"},
        {" stsmapd1 k1 " + mac + "\n", "garbage"},
        {"", "garbage"},
        {"OK", "garbage"},
        {std::string(1 << 20, '\0'), "garbage"},
    };
    for (const auto& [octets, expected] : cases)
        EXPECT_EQ(verdict(opened(octets)), expected) << octets.substr(0, 99);
}

TEST(ValkeyValue, UnderARightSealTheContentHasOneForm) {
    const std::string t = "1796000000123";
    ASSERT_EQ(verdict(opened(with_seal(content("example.com", "1", t, "h")))), "taken");
    const std::pair<std::string, const char*> cases[] = {
        {"", "garbage"},
        {"\n", "garbage"},
        {content("example.com", "1", t, "h", ""), "garbage"},
        {content("Example.com", "1", t, "h"), "garbage"},
        {content("example.com.", "1", t, "h"), "garbage"},
        {content("example com", "1", t, "h"), "garbage"},
        {content("", "1", t, "h"), "garbage"},
        {content("example.com", std::string(33, '1'), t, "h"), "garbage"},
        {content("example.com", "a-b", t, "h"), "garbage"},
        {content("example.com", " 1", t, "h"), "garbage"},
        {content("example.com", "1", "", "h"), "garbage"},
        {content("example.com", "1", "999", "h"), "garbage"},
        {content("example.com", "1", "-1", "h"), "garbage"},
        {content("example.com", "1", "+1796000000123", "h"), "garbage"},
        {content("example.com", "1", "01796000000123", "h"), "garbage"},
        {content("example.com", "1", "1796000000123 ", "h"), "garbage"},
        {content("example.com", "1", "253402300800000", "h"), "garbage"},
        {content("example.com", "1", "99999999999999999999", "h"), "garbage"},
        {content("example.com", "1", t, ""), "garbage"},
        {content("example.com", "1", t, "a b"), "garbage"},
        {content("example.com", "1", t, std::string(254, 'h')), "garbage"},
        {"id: 1\n" + content("example.com", "1", t, "h"), "garbage"},
        {content("example.com", "1", t, "h\nvia: tls1.3"), "garbage"},
        {content("example.com", "1", t, "h").substr(0, 50), "garbage"},
        {content("example.com", "1", t, "h", "no policy"), "no-policy"},
        {content("example.com", "1", t, "h", "version: STSv1\nmode: enforce\nmax_age: 86400\n"), "no-policy"},
        {content("example.com", "1", t, "h", std::string(sts::max_policy_size + 1, 'x')), "too-large"},
        {content("example.com", "1", t, "h", std::string(valkey::max_value, 'x')), "too-large"},
    };
    for (const auto& [body, expected] : cases)
        EXPECT_EQ(verdict(opened(with_seal(body))), expected) << body.substr(0, 99);
}

TEST(ValkeyValue, SizesAreExact) {
    Value value = test::sample_value();
    value.id = std::string(32, 'i');
    value.host = std::string(253, 'h');
    value.text += "x: " + std::string(sts::max_policy_size - value.text.size() - 3, 'x');
    ASSERT_EQ(value.text.size(), sts::max_policy_size);
    for (const Naming naming : both) {
        const std::string octets = sealed(value, naming);
        EXPECT_LE(octets.size(), valkey::max_value);
        EXPECT_EQ(verdict(opened(octets, naming)), "taken");
    }
    value.text += "x";
    EXPECT_FALSE(is_sound(value));
    // Of another key or version, whatever its size: it stays theirs.
    EXPECT_EQ(
        verdict(opened("stsmapd1 k9 " + std::string(43, 'A') + "\n" + std::string(valkey::max_value, 'x'))),
        "unknown-key");
    EXPECT_EQ(verdict(opened("stsmapd2 " + std::string(valkey::max_value, 'x'))), "unknown-version");
}

TEST(ValkeyValue, OnlySoundOnesAreSealed) {
    const auto with = [](const std::function<void(Value&)>& change) {
        Value value = test::sample_value();
        change(value);
        return is_sound(value);
    };
    EXPECT_TRUE(with([](Value&) {}));
    EXPECT_FALSE(with([](Value& v) { v.text.clear(); }));
    EXPECT_FALSE(with([](Value& v) { v.id = "not an id"; }));
    EXPECT_FALSE(with([](Value& v) { v.host = "a\nb"; }));
    EXPECT_FALSE(with([](Value& v) { v.host.clear(); }));
    EXPECT_FALSE(with([](Value& v) { v.fetched = {}; }));
    EXPECT_TRUE(with([](Value& v) { v.fetched = valkey::Time{1s}; }));
    EXPECT_FALSE(with([](Value& v) { v.fetched = valkey::Time{253'402'300'800s}; }));
    EXPECT_FALSE(with([](Value& v) {
        const std::string label(63, 'a');
        v.domain =
            base::Domain::parse(label + "." + label + "." + label + "." + std::string(53, 'a')).value();
    }));
}

TEST(ValkeyValue, TimesAreExact) {
    const std::string octets = sealed(test::sample_value());
    const auto at = [&](valkey::Time time) {
        return verdict(opened(octets, Naming::plain, "example.com", time));
    };
    EXPECT_EQ(at(fetched_then), "taken");
    EXPECT_EQ(at(fetched_then - 5min), "taken");
    EXPECT_EQ(at(fetched_then - 5min - 1ms), "from-future");
    EXPECT_EQ(at({}), "from-future");
    EXPECT_EQ(at(fetched_then + 604800s - 1ms), "taken");
    EXPECT_EQ(at(fetched_then + 604800s), "expired");
    EXPECT_EQ(
        expires_at(test::sample_value(), sts::parse_policy(test::sample_text).value()).time_since_epoch(),
        1'796'604'800'123ms);
}

TEST(ValkeyValue, ALifeOfZeroIsOver) {
    Value value = test::sample_value();
    value.text = "version: STSv1\nmode: none\nmax_age: 0\n";
    EXPECT_EQ(verdict(opened(sealed(value), Naming::plain, "example.com", fetched_then)), "expired");
    EXPECT_EQ(verdict(opened(sealed(value), Naming::plain, "example.com", fetched_then - 1min)), "taken");
}

TEST(ValkeyValue, AnOlderOneReplayedIsAuthenticButNotNewer) {
    Value older = test::sample_value(), current = test::sample_value();
    current.fetched += 24h;
    const auto replayed = opened(sealed(older), Naming::plain, "example.com", current.fetched + 1h);
    ASSERT_TRUE(replayed);
    EXPECT_FALSE(newer(replayed->value, current));
    EXPECT_TRUE(newer(current, replayed->value));
    EXPECT_TRUE(should_write(current, replayed)) << "and is replaced by whoever knows better";
}

TEST(ValkeyValue, NewerIsTheSameOrderForAll) {
    const auto of = [](valkey::Time fetched, std::string_view text, std::string_view id) {
        Value value = test::sample_value();
        value.fetched = fetched;
        value.text = text;
        value.id = id;
        return value;
    };
    // From the oldest to the newest.
    const Value ordered[] = {
        of(fetched_then - 1s, "z", "9"), of(fetched_then, "a", "2"),      of(fetched_then, "b", "1"),
        of(fetched_then, "b", "2"),      of(fetched_then + 1s, "a", "1"),
    };
    for (std::size_t i = 0; i < std::size(ordered); ++i)
        for (std::size_t j = 0; j < std::size(ordered); ++j)
            EXPECT_EQ(newer(ordered[i], ordered[j]), i > j) << i << j;

    // Hosts keep whole seconds: what was taken and is offered again is not older than what it was taken from.
    const Value taken = of(std::chrono::floor<std::chrono::seconds>(fetched_then), "a", "2");
    EXPECT_FALSE(newer(ordered[1], taken) || newer(taken, ordered[1]));
    // Who fetched it does not count.
    Value other = ordered[1];
    other.host = "zzz";
    EXPECT_FALSE(newer(other, ordered[1]) || newer(ordered[1], other));
}

TEST(ValkeyValue, WhatMayBeOverwritten) {
    const std::pair<Refusal, bool> cases[] = {
        {Refusal::too_large, true},    {Refusal::garbage, true},  {Refusal::unknown_version, false},
        {Refusal::unknown_key, false}, {Refusal::bad_seal, true}, {Refusal::other_domain, true},
        {Refusal::from_future, true},  {Refusal::expired, true},  {Refusal::no_policy, true},
    };
    static_assert(std::size(cases) == valkey::refusals);
    std::set<std::string_view> names;
    for (const auto& [refusal, may] : cases) {
        EXPECT_EQ(may_overwrite(refusal), may) << to_string(refusal);
        EXPECT_EQ(should_write(test::sample_value(), base::unexpected(refusal)), may) << to_string(refusal);
        names.insert(to_string(refusal));
    }
    EXPECT_EQ(names.size(), valkey::refusals);
    EXPECT_FALSE(should_write(test::sample_value(), opened(sealed(test::sample_value())))) << "its own";
}

} // namespace
