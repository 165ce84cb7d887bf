// Where an stsmapd may be found, and how Postfix's processes reach it.
#include "tool/setup/contacts.hpp"

#include <gtest/gtest.h>

namespace {

using setup::Way;
using List = std::vector<std::string>;

const std::string queue = "/var/spool/postfix";

setup::Service service(const std::string& name, bool chroot, const std::string& maps,
                       bool unprivileged = true) {
    setup::Service made;
    made.name = name;
    made.type = "unix";
    made.program = "smtp";
    made.chroot = chroot;
    made.unprivileged = unprivileged;
    made.effective = {{"smtp_tls_policy_maps", maps}};
    return made;
}

setup::Installed postfix(std::vector<setup::Service> services) {
    setup::Installed installed;
    installed.effective = {
        {"queue_directory", queue}, {"mail_owner", "postfix"}, {"smtp_tls_policy_maps", "hash:/a, b:c"}};
    installed.services = std::move(services);
    return installed;
}

TEST(ListsOf, GroupServicesByTheirList) {
    const auto installed =
        postfix({service("smtp", true, "hash:/a, b:c"), service("relay", false, "hash:/a, b:c"),
                 service("own", true, "static:may"), service("more", true, "hash:/a, b:c"),
                 service("root", false, "static:may", false)});
    const auto lists = lists_of(installed, true);
    ASSERT_EQ(lists.size(), 2U);
    EXPECT_TRUE(lists[0].main_cf);
    EXPECT_EQ(lists[0].elements, (List{"hash:/a", "b:c"}));
    EXPECT_EQ(lists[0].services, (List{"smtp/unix", "relay/unix", "more/unix"}));
    EXPECT_EQ(lists[0].ways, (std::vector<Way>{{"postfix", queue}, {"postfix", ""}}));
    EXPECT_FALSE(lists[1].main_cf);
    EXPECT_EQ(lists[1].services, (List{"own/unix", "root/unix"}));
    EXPECT_EQ(lists[1].ways, (std::vector<Way>{{"postfix", queue}, {"root", ""}}));
    for (const auto& list : lists_of(installed, false))
        EXPECT_EQ(list.ways, std::vector<Way>{Way{}}) << "only as ourselves";
    EXPECT_EQ(lists_of(postfix({}), true)[0].ways, (std::vector<Way>{{"postfix", ""}}));
}

TEST(WaysTo, AreThoseOfProxymapBehindIt) {
    setup::Installed installed = postfix({service("smtp", true, "hash:/a, b:c")});
    installed.others = {service("proxymap", false, "")};
    setup::Contacts contacts;
    contacts.root = true;
    contacts.proxymap = proxymap_way(installed, true);
    const auto list = lists_of(installed, true)[0];
    const auto ways = [&](const char* element) {
        return ways_to(*setup::parse_socketmap(element), list, contacts);
    };
    EXPECT_EQ(ways("socketmap:unix:s:sts"), (std::vector<Way>{{"postfix", queue}}));
    EXPECT_EQ(ways("proxy:socketmap:unix:s:sts"), (std::vector<Way>{{"postfix", ""}}));
    installed.others[0].chroot = true;
    installed.others[0].unprivileged = false;
    EXPECT_EQ(proxymap_way(installed, true), (Way{"root", queue}));
    EXPECT_EQ(proxymap_way(installed, false), Way{});
    EXPECT_EQ(proxymap_way(postfix({}), true), (Way{"postfix", ""}));
}

TEST(IsApproved, GoesByProxyReadMaps) {
    setup::Installed installed = postfix({});
    EXPECT_TRUE(is_approved("proxy:hash:/a", installed)) << "not known";
    installed.effective["proxy_read_maps"] = "hash:/b proxy:proxy:hash:/a, proxy:socketmap:unix:x:sts";
    EXPECT_TRUE(is_approved("proxy:hash:/a", installed));
    EXPECT_TRUE(is_approved("proxy:socketmap:unix:x:sts", installed));
    EXPECT_FALSE(is_approved("proxy:hash:/b", installed)) << "listed without proxy:";
    EXPECT_FALSE(is_approved("proxy:socketmap:unix:x:sts-tlsrpt", installed));
}

TEST(AddressFor, IsAsTheProcessSeesIt) {
    struct Row {
        const char *element, *chroot, *inside, *outside;
    };
    const Row rows[] = {
        {"socketmap:unix:stsmapd/socketmap:sts", "", "unix:/var/spool/postfix/stsmapd/socketmap",
         "unix:/var/spool/postfix/stsmapd/socketmap"},
        {"socketmap:unix:stsmapd/socketmap:sts", "/var/spool/postfix", "unix:/stsmapd/socketmap",
         "unix:/var/spool/postfix/stsmapd/socketmap"},
        {"socketmap:unix:/run/s:sts", "", "unix:/run/s", "unix:/run/s"},
        {"socketmap:unix:/run/s:sts", "/var/spool/postfix", "unix:/run/s", "unix:/var/spool/postfix/run/s"},
        {"socketmap:inet:127.0.0.1:8461:sts", "/var/spool/postfix", "inet:127.0.0.1:8461",
         "inet:127.0.0.1:8461"},
    };
    for (const Row& row : rows) {
        const auto map = *setup::parse_socketmap(row.element);
        EXPECT_EQ(address_for(map, {"postfix", row.chroot}, queue), row.inside) << row.element;
        EXPECT_EQ(address_outside(map, {"postfix", row.chroot}, queue), row.outside) << row.element;
    }
}

TEST(PlaceOf, IsTheSameForAllNames) {
    const auto place = [](const char* element) { return place_of(*setup::parse_socketmap(element)); };
    EXPECT_EQ(place("socketmap:unix:stsmapd/socketmap:sts"),
              place("socketmap:unix:./stsmapd//socketmap:other"));
    EXPECT_NE(place("socketmap:unix:stsmapd/socketmap:sts"),
              place("proxy:socketmap:unix:stsmapd/socketmap:sts"));
    EXPECT_NE(place("socketmap:unix:stsmapd/socketmap:sts"), place("socketmap:unix:/stsmapd/socketmap:sts"));
}

TEST(ParseUnitListeners, ReadsWhatSystemctlShows) {
    EXPECT_EQ(setup::parse_unit_listeners("LoadState=loaded\n"
                                          "Listen=/var/spool/postfix/stsmapd/socketmap (Stream)\n"
                                          "Listen=/var/spool/postfix-out/stsmapd/socketmap (Stream)\n"
                                          "Listen=127.0.0.1:8461 (Stream)\nListen=/run/x (Datagram)\n"),
              (List{"unix:/var/spool/postfix/stsmapd/socketmap",
                    "unix:/var/spool/postfix-out/stsmapd/socketmap", "tcp:127.0.0.1:8461"}));
    // With --value.
    EXPECT_EQ(setup::parse_unit_listeners("Listen=/a (Stream)\n/b (Stream)\n"), (List{"unix:/a", "unix:/b"}));
    EXPECT_EQ(setup::parse_unit_listeners("Listen=\nLoadState=not-found\n"), List{});
}

TEST(ParseUnixListeners, TakesOursBelowTheQueueDirectory) {
    const std::string text =
        "Num       RefCount Protocol Flags    Type St Inode Path\n"
        "0000: 00000002 00000000 00010000 0001 01 1 /var/spool/postfix/stsmapd/socketmap\n"
        "0000: 00000002 00000000 00010000 0001 01 2 /var/spool/postfix/private/smtp\n"
        "0000: 00000002 00000000 00010000 0001 01 3 /var/spool/postfix-out/stsmapd/socketmap\n"
        "0000: 00000003 00000000 00000000 0001 03 4 /var/spool/postfix/stsmapd/connected\n"
        "0000: 00000002 00000000 00010000 0001 01 5 /var/spool/postfix/a b/socketmap\n"
        "0000: 00000002 00000000 00010000 0001 01 6\n"
        "0000: 00000002 00000000 00010000 0001 01 7 /var/spool/postfix/stsmapd/socketmap\nshort\n";
    EXPECT_EQ(setup::parse_unix_listeners(text, queue),
              (List{"/var/spool/postfix/stsmapd/socketmap", "/var/spool/postfix/a b/socketmap"}));
    EXPECT_EQ(setup::parse_unix_listeners("", queue), List{});
}

TEST(CandidatesOf, TakeTheQueueDirectoryFirst) {
    List places;
    for (const auto& map :
         setup::candidates_of({"tcp:127.0.0.1:8461", "unix:/run/stsmapd.sock", "unix:/var/spool/postfix/x/s",
                               "unix:/var/spool/postfix/x/s", "tcp::8461",
                               "unix:/var/spool/postfix/stsmapd/socketmap", "nonsense"},
                              queue))
        places.push_back(place_of(map));
    EXPECT_EQ(places, (List{"socketmap:unix:x/s:", "socketmap:unix:stsmapd/socketmap:",
                            "socketmap:inet:127.0.0.1:8461:", "socketmap:unix:/run/stsmapd.sock:"}));
}

} // namespace
