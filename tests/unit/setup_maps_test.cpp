// The list of policy maps: its syntax, and which elements are ours.
#include "tool/setup/maps.hpp"

#include <gtest/gtest.h>

namespace {

using setup::MapKind;
using List = std::vector<std::string>;

const setup::OurPlaces places{
    {"unix:/var/spool/postfix/stsmapd/socketmap", "tcp:127.0.0.1:8461"}, "/var/spool/postfix", {}};

TEST(SplitMaps, TakesBlanksCommasAndBraces) {
    const std::pair<const char*, List> table[] = {
        {"", {}},
        {" , ,\t", {}},
        {"hash:/a", {"hash:/a"}},
        {"hash:/a hash:/b", {"hash:/a", "hash:/b"}},
        {"hash:/a,hash:/b,", {"hash:/a", "hash:/b"}},
        {"hash:/a,   hash:/b", {"hash:/a", "hash:/b"}},
        {"inline:{ a.example=encrypt, b.example = may } hash:/b",
         {"inline:{ a.example=encrypt, b.example = may }", "hash:/b"}},
        {"pipemap:{ hash:/a, { x y } } , hash:/b", {"pipemap:{ hash:/a, { x y } }", "hash:/b"}},
        {"$a, ${b?{c d}:{e}} hash:/f", {"$a", "${b?{c d}:{e}}", "hash:/f"}},
        {"} hash:/a", {"}", "hash:/a"}},
        {"inline:{ never closed, hash:/a", {"inline:{ never closed, hash:/a"}},
    };
    for (const auto& [value, list] : table) {
        EXPECT_EQ(setup::split_maps(value), list) << value;
        EXPECT_EQ(setup::split_maps(setup::join_maps(list)), list) << value;
    }
}

TEST(ParseSocketmap, TakesItApartAndPutsItTogether) {
    for (const char* text : {"socketmap:unix:stsmapd/socketmap:sts", "socketmap:inet:127.0.0.1:8461:postfix",
                             "socketmap:inet:[::1]:8461:sts-tlsrpt", "proxy:socketmap:unix:/a/b:sts"}) {
        const auto map = setup::parse_socketmap(text);
        ASSERT_TRUE(map) << text;
        EXPECT_EQ(to_string(*map), text);
    }
    EXPECT_EQ(setup::parse_socketmap("{socketmap:unix:a:b}")->place, "a");
    for (const char* text :
         {"", "hash:/a", "socketmap:", "socketmap:unix:", "socketmap:unix:a", "socketmap:tcp:a:b"})
        EXPECT_FALSE(setup::parse_socketmap(text)) << text;
}

TEST(KindOf, KnowsOursInEverySpelling) {
    const std::pair<const char*, MapKind> table[] = {
        {"socketmap:unix:stsmapd/socketmap:sts", MapKind::ours},
        {"socketmap:unix:stsmapd/socketmap:sts-tlsrpt", MapKind::ours},
        {"socketmap:unix:./stsmapd//socketmap:anything", MapKind::ours},
        {"socketmap:unix:/stsmapd/socketmap:sts", MapKind::ours},
        {"socketmap:unix:/var/spool/postfix/stsmapd/socketmap:sts", MapKind::ours},
        {"socketmap:unix:/var/spool/postfix/x/../stsmapd/socketmap:sts", MapKind::ours},
        {"proxy:socketmap:unix:/var/spool/postfix/stsmapd/socketmap:sts", MapKind::ours},
        {"socketmap:unix:/run/stsmapd/socketmap:sts", MapKind::ours},
        {"socketmap:inet:127.0.0.1:8461:sts", MapKind::ours},
        {"socketmap:inet:localhost:8461:sts-tlsrpt", MapKind::ours},
        {"socketmap:inet:LOCALHOST:8461:sts", MapKind::ours},
        {"socketmap:inet:127.0.0.1:8461:postfix", MapKind::other_sts},
        {"socketmap:unix:/run/postfix-mta-sts-resolver/daemon.sock:postfix", MapKind::other_sts},
        {"socketmap:inet:127.0.0.1:8642:QUERY", MapKind::other_sts},
        {"socketmap:inet:127.0.0.1:8642:QUERYwithTLSRPT", MapKind::other_sts},
        {"socketmap:unix:/run/postfix-tlspol/tlspol.sock:QUERY", MapKind::other_sts},
        {"socketmap:inet:127.0.0.1:8462:sts", MapKind::table},
        {"socketmap:inet:192.0.2.1:8461:sts", MapKind::table},
        {"socketmap:unix:other/socket:virtual", MapKind::table},
        {"hash:/etc/postfix/tls_policy", MapKind::table},
        {"inline:{ a.example=encrypt }", MapKind::table},
        {"$my_maps", MapKind::expansion},
        {"${a}socketmap", MapKind::expansion},
    };
    for (const auto& [element, kind] : table) EXPECT_EQ(setup::kind_of(element, places), kind) << element;
}

TEST(KindOf, BelievesTheDaemonThatWasAsked) {
    setup::OurPlaces asked = places;
    asked.answered = {"socketmap:inet:127.0.0.1:8461:postfix", "socketmap:inet:192.0.2.1:8461:QUERY"};
    EXPECT_EQ(setup::kind_of("socketmap:inet:127.0.0.1:8461:postfix", asked), MapKind::ours);
    EXPECT_EQ(setup::kind_of("socketmap:inet:192.0.2.1:8461:QUERY", asked), MapKind::ours);
}

TEST(KindOf, ListensEverywhere) {
    const setup::OurPlaces everywhere{{"tcp::8461"}, "/q", {}};
    for (const char* element : {"socketmap:inet:127.0.0.1:8461:sts", "socketmap:inet:[::1]:8461:sts",
                                "socketmap:inet:localhost:8461:sts", "socketmap:inet::8461:sts"})
        EXPECT_EQ(setup::kind_of(element, everywhere), MapKind::ours) << element;
    EXPECT_EQ(setup::kind_of("socketmap:inet:mail.example:8461:sts", everywhere), MapKind::table);
}

TEST(OtherDaemon, NamesIt) {
    EXPECT_EQ(setup::other_daemon("socketmap:inet:127.0.0.1:8461:postfix"), "postfix-mta-sts-resolver");
    EXPECT_EQ(setup::other_daemon("socketmap:inet:127.0.0.1:8642:QUERY"), "postfix-tlspol");
    EXPECT_EQ(setup::other_daemon("hash:/etc/mta-sts"), "");
    EXPECT_EQ(setup::other_daemon("socketmap:inet:127.0.0.1:9999:virtual"), "");
}

TEST(MapKeys, AreThoseOfSmtp) {
    EXPECT_EQ(setup::map_keys("a.b.example"), (std::vector<std::string>{"a.b.example", ".b.example", ".example"}));
    EXPECT_EQ(setup::map_keys("example"), (std::vector<std::string>{"example"}));
    EXPECT_EQ(setup::map_keys("[mx.a.example]"), (std::vector<std::string>{"[mx.a.example]"}));
    EXPECT_EQ(setup::map_keys("a.example:587"), (std::vector<std::string>{"a.example:587"}));
}

TEST(OurElement, IsRelativeWhereItCanBe) {
    const auto element = [](List listen, std::string queue = "/var/spool/postfix") {
        const auto map = setup::our_element({std::move(listen), std::move(queue), {}}, "sts");
        return map ? to_string(*map) : "none";
    };
    EXPECT_EQ(element({"unix:/var/spool/postfix/stsmapd/socketmap", "tcp:127.0.0.1:8461"}),
              "socketmap:unix:stsmapd/socketmap:sts");
    EXPECT_EQ(element({"tcp:127.0.0.1:8461", "unix:/var/spool/postfix/a//b"}), "socketmap:unix:a/b:sts");
    EXPECT_EQ(element({"unix:/run/stsmapd.sock", "tcp:127.0.0.1:8461"}), "socketmap:inet:127.0.0.1:8461:sts");
    EXPECT_EQ(element({"unix:/run/stsmapd.sock"}), "socketmap:unix:/run/stsmapd.sock:sts");
    EXPECT_EQ(element({"unix:/var/spool/postfix2/s"}), "socketmap:unix:/var/spool/postfix2/s:sts");
    EXPECT_EQ(element({"tcp::8461"}), "socketmap:inet:127.0.0.1:8461:sts");
    EXPECT_EQ(element({"tcp:[::1]:8461"}), "socketmap:inet:[::1]:8461:sts");
    EXPECT_EQ(element({"tcp:[::]:8461"}), "socketmap:inet:[::1]:8461:sts");
    EXPECT_EQ(element({"unix:/q/s"}, ""), "socketmap:unix:/q/s:sts");
    EXPECT_EQ(element({}), "none");
}

} // namespace
