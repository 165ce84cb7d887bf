// What main.cf needs, for set-ups as they are found: postconf's output in, changes and remarks out.
#include "setup/plan.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

namespace {

using setup::Plan;
using setup::Remark;
using setup::Surroundings;
using testing::HasSubstr;

const std::string services = "smtp unix - - y - - smtp\nrelay unix - - y - - smtp\n";

/// A Debian host with a daemon running; a test changes what it is about.
struct Host {
    std::string version = "3.7.11";
    std::string main_cf;  ///< as postconf -n
    std::string expanded; ///< as postconf -x, over main_cf
    std::string master = services, overrides;
    Surroundings around;
    setup::Wishes wishes;

    Host() {
        around.ours = {{"unix:/var/spool/postfix/stsmapd/socketmap", "tcp:127.0.0.1:8461"}, "", {}};
        around.daemon_answers = true;
        around.system_ca = "/etc/ssl/certs/ca-certificates.crt";
        around.dane = Surroundings::Dane::inactive;
    }
    explicit Host(std::string settings) : Host() { main_cf = std::move(settings); }

    Plan plan() const {
        setup::Installed postfix;
        postfix.version_text = version;
        postfix.version = setup::parse_version(version).value();
        postfix.set = setup::parse_parameters(main_cf);
        postfix.effective =
            setup::parse_parameters("queue_directory = /var/spool/postfix\n" + main_cf + '\n' + expanded);
        postfix.services = setup::parse_services(master, overrides, false);
        Surroundings with = around;
        with.ours.queue_directory = postfix.value("queue_directory");
        return setup::make_plan(postfix, with, wishes);
    }
};

std::string changes(const Plan& plan) {
    std::string text;
    for (const setup::Change& change : plan.changes) text += change.name + " = " + change.after + '\n';
    return text;
}

std::string remarks(const Plan& plan, Remark::Kind kind) {
    std::string text;
    for (const Remark& remark : plan.remarks)
        if (remark.kind == kind) text += remark.about + ": " + remark.words + " | " + remark.fix + '\n';
    return text;
}
std::string refusals(const Plan& plan) { return remarks(plan, Remark::Kind::refusal); }
std::string warnings(const Plan& plan) { return remarks(plan, Remark::Kind::warning); }
std::string notes(const Plan& plan) { return remarks(plan, Remark::Kind::note); }

/// The value the list of maps would get, or "".
std::string maps_after(const Plan& plan) {
    for (const setup::Change& change : plan.changes)
        if (change.name == "smtp_tls_policy_maps") return change.after;
    return "";
}

const std::string ours = "socketmap:unix:stsmapd/socketmap:sts";
const std::string settled = "smtp_tls_policy_maps = " + ours +
                            "\nsmtp_tls_security_level = may\n"
                            "smtp_tls_CAfile = /ca.pem\n";

Host settled_host(const std::string& more = {}) {
    Host host(settled + more);
    host.around.configured_ca = {"/ca.pem", true, 100};
    return host;
}

TEST(Plan, SetsUpAFreshDebian) {
    const Plan plan = Host().plan();
    EXPECT_EQ(changes(plan), "smtp_tls_policy_maps = " + ours +
                                 "\nsmtp_tls_security_level = may\n"
                                 "smtp_tls_CAfile = /etc/ssl/certs/ca-certificates.crt\n");
    EXPECT_EQ(refusals(plan), "");
    EXPECT_FALSE(plan.in_force);
    EXPECT_EQ(plan.map, ours);
}

TEST(Plan, ChangesNothingThatIsSettled) {
    const Plan plan = settled_host().plan();
    EXPECT_EQ(changes(plan), "");
    EXPECT_EQ(refusals(plan), "");
    EXPECT_EQ(warnings(plan), "");
    EXPECT_TRUE(plan.in_force);
}

TEST(Plan, PicksTheDialectByVersion) {
    for (const char* version : {"3.4.0", "3.5.25", "3.7.11", "3.8.16", "3.9.10"}) {
        Host host;
        host.version = version;
        EXPECT_EQ(maps_after(host.plan()), ours) << version;
    }
    for (const char* version : {"3.10.0", "3.10.13", "3.11.2", "3.12-20260821", "4.0.0"}) {
        Host host;
        host.version = version;
        EXPECT_EQ(maps_after(host.plan()), ours + "-tlsrpt") << version;
    }
    Host old;
    old.version = "3.3.22";
    EXPECT_THAT(refusals(old.plan()), HasSubstr("servername="));
    EXPECT_EQ(changes(old.plan()), "");
}

TEST(Plan, PutsTheMapAtTheEnd) {
    const std::pair<std::string, std::string> table[] = {
        {"", ours},
        {"hash:/etc/postfix/tls_policy", "hash:/etc/postfix/tls_policy, " + ours},
        {"hash:/a hash:/b", "hash:/a, hash:/b, " + ours},
        {"hash:/a,hash:/b,", "hash:/a, hash:/b, " + ours},
        {"inline:{ a.example=encrypt, b.example=may }",
         "inline:{ a.example=encrypt, b.example=may }, " + ours},
        {"$my_maps, hash:/b", "$my_maps, hash:/b, " + ours},
        {"hash:/a\n    # not seen by postconf\n    hash:/b", "hash:/a, hash:/b, " + ours},
    };
    for (const auto& [before, after] : table) {
        // postconf itself leaves comments out of a value
        std::string value = before;
        if (const auto comment = value.find("    #"); comment != std::string::npos)
            value.erase(comment, value.find('\n', comment) + 1 - comment);
        EXPECT_EQ(maps_after(Host("smtp_tls_policy_maps = " + value).plan()), after) << before;
    }
}

TEST(Plan, NeverAddsItTwice) {
    for (const char* map :
         {"socketmap:unix:stsmapd/socketmap:sts", "socketmap:unix:/stsmapd/socketmap:sts",
          "socketmap:unix:/var/spool/postfix/stsmapd/socketmap:sts", "socketmap:inet:127.0.0.1:8461:sts",
          "proxy:socketmap:inet:localhost:8461:sts", "hash:/a, socketmap:unix:stsmapd/socketmap:other"}) {
        const Plan plan = Host(std::string("smtp_tls_policy_maps = ") + map).plan();
        EXPECT_EQ(maps_after(plan), "") << map;
        EXPECT_TRUE(plan.in_force) << map;
    }
    const Plan twice =
        Host("smtp_tls_policy_maps = " + ours + " hash:/a socketmap:inet:127.0.0.1:8461:sts").plan();
    EXPECT_EQ(maps_after(twice), ours + ", hash:/a");
}

TEST(Plan, CorrectsTheDialectInPlace) {
    Host upgraded("smtp_tls_policy_maps = " + ours + ", hash:/a");
    upgraded.version = "3.10.5";
    EXPECT_EQ(maps_after(upgraded.plan()), ours + "-tlsrpt, hash:/a");
    EXPECT_FALSE(upgraded.plan().in_force);
    Host early("smtp_tls_policy_maps = hash:/a socketmap:inet:127.0.0.1:8461:QUERYwithTLSRPT");
    early.around.ours.answered = {"socketmap:inet:127.0.0.1:8461:QUERYwithTLSRPT"};
    EXPECT_EQ(maps_after(early.plan()), "hash:/a, socketmap:inet:127.0.0.1:8461:sts");
    EXPECT_THAT(early.plan().changes.at(0).why, HasSubstr("defers"));
    // A daemon that is down for the moment is no reason to leave it wrong.
    early.around.daemon_answers = false;
    EXPECT_EQ(refusals(early.plan()), "");
}

TEST(Plan, SeesTheMapBehindAnotherParameter) {
    Host host("smtp_tls_policy_maps = $my_maps\nmy_maps = hash:/a, " + ours);
    host.expanded = "smtp_tls_policy_maps = hash:/a, " + ours + "\n";
    EXPECT_EQ(maps_after(host.plan()), "");
    EXPECT_TRUE(host.plan().in_force);
    host.version = "3.10.0";
    EXPECT_EQ(maps_after(host.plan()), "");
    EXPECT_THAT(refusals(host.plan()), HasSubstr("sts-tlsrpt where it is written"));
}

TEST(Plan, SaysWhatStandsBehindTheMap) {
    const Plan plan = Host("smtp_tls_policy_maps = " + ours + ", hash:/a").plan();
    EXPECT_EQ(maps_after(plan), "");
    EXPECT_THAT(warnings(plan), HasSubstr("hash:/a comes after stsmapd's map"));
}

TEST(Plan, DoesNotJoinAnotherDaemon) {
    for (const char* map : {"socketmap:inet:127.0.0.1:8461:postfix", "socketmap:inet:127.0.0.1:8642:QUERY",
                            "hash:/a, socketmap:unix:/run/postfix-tlspol/tlspol.sock:QUERY"}) {
        Host host(std::string("smtp_tls_policy_maps = ") + map);
        EXPECT_THAT(refusals(host.plan()), HasSubstr("--replace")) << map;
        EXPECT_EQ(maps_after(host.plan()), "") << map;
        host.wishes.replace_other_daemon = true;
        EXPECT_EQ(refusals(host.plan()), "") << map;
        EXPECT_THAT(maps_after(host.plan()), testing::EndsWith(ours)) << map;
        EXPECT_THAT(maps_after(host.plan()), testing::Not(HasSubstr("QUERY"))) << map;
    }
    Host between("smtp_tls_policy_maps = hash:/a socketmap:inet:127.0.0.1:8642:QUERY hash:/b");
    between.wishes.replace_other_daemon = true;
    EXPECT_EQ(maps_after(between.plan()), "hash:/a, " + ours + ", hash:/b");
    const Plan both = Host("smtp_tls_policy_maps = " + ours + " socketmap:inet:127.0.0.1:8642:QUERY").plan();
    EXPECT_THAT(warnings(both), HasSubstr("two MTA-STS daemons"));
}

TEST(Plan, RefusesWhatPostfixCouldNotReach) {
    Host host;
    host.around.ours.listen = {"unix:/run/stsmapd.sock"};
    EXPECT_THAT(refusals(host.plan()), HasSubstr("is not in it"));
    host.master = "smtp unix - - n - - smtp\n";
    EXPECT_EQ(maps_after(host.plan()), "socketmap:unix:/run/stsmapd.sock:sts");
    host.around.ours.listen = {"tcp:127.0.0.1:8461"};
    host.master = services;
    EXPECT_EQ(maps_after(host.plan()), "socketmap:inet:127.0.0.1:8461:sts");
    host.around.ours.listen = {};
    EXPECT_THAT(refusals(host.plan()), HasSubstr("lists no address"));
}

TEST(Plan, RefusesWithoutADaemon) {
    Host host;
    host.around.daemon_answers = false;
    host.around.daemon_trouble = "nobody there";
    EXPECT_THAT(refusals(host.plan()), HasSubstr("no stsmapd answers (nobody there)"));
    host.wishes.without_daemon = true;
    EXPECT_EQ(refusals(host.plan()), "");
    Host done = settled_host();
    done.around.daemon_answers = false;
    EXPECT_EQ(refusals(done.plan()), "") << "nothing is added";
}

TEST(Plan, NeverLowersTheLevel) {
    const std::pair<std::string, std::string> table[] = {
        {"", "may"},
        {"smtp_tls_security_level =", "may"},
        {"smtp_tls_security_level = none", "may"},
        {"smtp_tls_security_level = may", ""},
        {"smtp_tls_security_level = encrypt", ""},
        {"smtp_tls_security_level = dane\nsmtp_dns_support_level = dnssec", ""},
        {"smtp_use_tls = yes", ""},
        {"smtp_enforce_tls = yes\nsmtp_tls_enforce_peername = no", ""},
    };
    for (const auto& [settings, level] : table) {
        const Plan plan = Host(settings).plan();
        std::string after;
        for (const setup::Change& change : plan.changes)
            if (change.name == "smtp_tls_security_level") after = change.after;
        EXPECT_EQ(after, level) << settings;
        EXPECT_EQ(refusals(plan), "") << settings;
    }
    for (const std::string settings :
         {"smtp_tls_security_level = verify", "smtp_tls_security_level = secure",
          "smtp_tls_security_level = fingerprint", "smtp_tls_security_level = dane-only",
          "smtp_tls_security_level = Secure", "smtp_enforce_tls = yes\nsmtp_tls_enforce_peername = yes"}) {
        EXPECT_THAT(refusals(Host(settings).plan()), HasSubstr("authenticates every mail host")) << settings;
        EXPECT_THAT(changes(Host(settings).plan()), testing::Not(HasSubstr("security_level"))) << settings;
    }
    const Plan there = Host("smtp_tls_security_level = secure\nsmtp_tls_policy_maps = " + ours).plan();
    EXPECT_EQ(refusals(there), "");
    EXPECT_THAT(warnings(there), HasSubstr("authenticates every mail host"));
    EXPECT_THAT(warnings(Host("smtp_tls_security_level = dane").plan()), HasSubstr("the same as may"));
}

TEST(Plan, SeesToTrustAnchors) {
    Host folder("smtp_tls_CApath = /etc/ssl/certs");
    folder.around.ca_path_certificates = 140;
    EXPECT_THAT(changes(folder.plan()), testing::Not(HasSubstr("CAfile")));
    folder.around.ca_path_certificates = 0;
    EXPECT_THAT(changes(folder.plan()), HasSubstr("smtp_tls_CAfile = /etc/ssl"));
    EXPECT_THAT(folder.plan().changes.back().why, HasSubstr("chroot"));
    EXPECT_THAT(changes(Host("tls_append_default_CA = yes").plan()), testing::Not(HasSubstr("CAfile")));
    Host missing("smtp_tls_CAfile = /gone.pem");
    missing.around.configured_ca = {"/gone.pem", false, 0};
    EXPECT_THAT(refusals(missing.plan()), HasSubstr("/gone.pem cannot be read"));
    missing.around.configured_ca.readable = true;
    EXPECT_THAT(refusals(missing.plan()), HasSubstr("has no certificate"));
    Host bare;
    bare.around.system_ca = "";
    EXPECT_THAT(refusals(bare.plan()), HasSubstr("apt-get install ca-certificates"));
}

TEST(Plan, ExplainsDaneRatherThanForceIt) {
    using Dane = Surroundings::Dane;
    Host host = settled_host();
    host.around.dane = Dane::active;
    EXPECT_EQ(changes(host.plan()), "smtp_dns_support_level = dnssec\n");
    host.around.dane = Dane::inactive;
    host.around.dane_why = "no AD";
    EXPECT_EQ(changes(host.plan()), "");
    EXPECT_THAT(notes(host.plan()), HasSubstr("(no AD)"));
    host.around.dane = Dane::unknown;
    EXPECT_EQ(changes(host.plan()), "");
    EXPECT_THAT(notes(host.plan()), HasSubstr("is not known"));
    host.around.dane = Dane::off;
    EXPECT_EQ(changes(host.plan()) + notes(host.plan()), "");
    Host set = settled_host("smtp_dns_support_level = dnssec\n");
    set.around.dane = Dane::active;
    EXPECT_EQ(changes(set.plan()) + notes(set.plan()), "");
}

TEST(Plan, RefusesWhatAMapWouldBreak) {
    EXPECT_THAT(refusals(Host("smtp_tls_per_site = hash:/etc/postfix/tls_per_site").plan()),
                HasSubstr("ignores it as soon as"));
    EXPECT_EQ(refusals(Host("smtp_tls_per_site = hash:/x\nsmtp_tls_policy_maps = hash:/y").plan()), "");
    EXPECT_THAT(refusals(Host("smtp_tls_wrappermode = yes").plan()), HasSubstr("from the first byte"));
    Host link;
    link.around.main_cf_is_link = true;
    EXPECT_THAT(refusals(link.plan()), HasSubstr("symbolic link"));
}

TEST(Plan, SaysWhatElseMatters) {
    EXPECT_THAT(warnings(Host("relayhost = [relay.example]:587").plan()),
                HasSubstr("only that name is looked up"));
    EXPECT_THAT(notes(Host("smtp_tls_session_cache_database = btree:/x").plan()),
                HasSubstr("'smtp_tls_session_cache_database ='"));
    EXPECT_THAT(notes(Host("multi_instance_directories = /etc/postfix-out").plan()),
                HasSubstr("/etc/postfix-out"));
    EXPECT_THAT(warnings(Host("smtp_tls_enforce_sts_mx_patterns = no").plan()),
                HasSubstr("are not compared"));
    Host host = settled_host();
    host.overrides = "relay/unix/smtp_tls_policy_maps = hash:/other\n"
                     "smtp/unix/smtp_tls_policy_maps = " +
                     ours +
                     ", hash:/a\n"
                     "smtp/unix/syslog_name = x\n"
                     "relay/unix/smtp_tls_security_level = none\n";
    EXPECT_THAT(warnings(host.plan()),
                HasSubstr("service relay/unix has its own smtp_tls_policy_maps = hash:/other"));
    EXPECT_THAT(warnings(host.plan()), HasSubstr("postconf -P -X relay/unix/smtp_tls_policy_maps"));
    EXPECT_THAT(warnings(host.plan()), HasSubstr("smtp_tls_security_level = none"));
    EXPECT_THAT(warnings(host.plan()), testing::Not(HasSubstr("smtp/unix has its own")));
    Host absolute = settled_host();
    absolute.main_cf = "smtp_tls_policy_maps = proxy:socketmap:unix:/stsmapd/socketmap:sts\n";
    EXPECT_THAT(warnings(absolute.plan()), HasSubstr("proxymap(8)"));
    EXPECT_THAT(warnings(absolute.plan()), HasSubstr("absolute"));
}

/// What smtp(8) connects to is not what its question says: no verdict can be right.
TEST(Plan, RefusesDetoursWhileDaneIsActive) {
    struct Row {
        const char* what;
        std::string main_cf, overrides;
        std::string about; ///< of the refusal; "": there is none
        std::string words; ///< in it
    };
    const Row rows[] = {
        {"neither", "", "", "", ""},
        {"as it is by default", "smtp_tcp_port = smtp\nuse_srv_lookup =\n", "", "", ""},
        {"the same in digits", "smtp_tcp_port = 25\n", "", "", ""},
        {"another port", "smtp_tcp_port = 587\n", "", "smtp_tcp_port: ", "smtp_tcp_port = 587"},
        {"another service", "smtp_tcp_port = submission\n", "", "smtp_tcp_port: ", "= submission"},
        {"SRV", "use_srv_lookup = submission, submissions\n", "", "use_srv_lookup: ", "SRV records"},
        {"in master.cf", "", "relay/unix/smtp_tcp_port = 2525\n",
         "master.cf: ", "service relay/unix has its own smtp_tcp_port = 2525"},
        {"SRV in master.cf", "", "smtp/unix/use_srv_lookup = submission\n",
         "master.cf: ", "service smtp/unix has its own use_srv_lookup = submission"},
        {"in master.cf, of a service that does not ask", "",
         "relay/unix/smtp_tcp_port = 2525\nrelay/unix/smtp_tls_policy_maps =\n", "", ""},
        {"in master.cf, of a service that asks in its own way", "",
         "relay/unix/smtp_tcp_port = 2525\nrelay/unix/smtp_tls_policy_maps = hash:/a, " + ours + "\n",
         "master.cf: ", "relay/unix"},
        {"in main.cf, and set right in all of master.cf", "smtp_tcp_port = 587\n",
         "relay/unix/smtp_tcp_port = smtp\nsmtp/unix/smtp_tcp_port = 25\n", "", ""},
        {"in main.cf, and set right in a part of master.cf", "smtp_tcp_port = 587\n",
         "relay/unix/smtp_tcp_port = smtp\n", "smtp_tcp_port: ", "587"},
        {"in main.cf, and named in master.cf", "use_srv_lookup = submission\n",
         "relay/unix/use_srv_lookup =\nsmtp/unix/use_srv_lookup = $use_srv_lookup\n", "use_srv_lookup: ", ""},
    };
    for (const Row& row : rows) {
        Host host = settled_host("smtp_dns_support_level = dnssec\n" + row.main_cf);
        host.overrides = row.overrides;
        host.around.dane = Surroundings::Dane::active;
        const std::string refused = refusals(host.plan());
        if (row.about.empty()) {
            EXPECT_EQ(refused, "") << row.what;
        } else {
            EXPECT_TRUE(refused.starts_with(row.about)) << row.what << ": " << refused;
            EXPECT_THAT(refused, HasSubstr(row.words)) << row.what;
            EXPECT_EQ(std::ranges::count(refused, '\n'), 1) << row.what;
        }
        using Dane = Surroundings::Dane;
        for (const Dane dane : {Dane::inactive, Dane::unknown, Dane::off}) {
            host.around.dane = dane;
            EXPECT_EQ(refusals(host.plan()), "") << row.what;
            EXPECT_THAT(warnings(host.plan()), HasSubstr(row.about.empty() ? "" : row.words)) << row.what;
            EXPECT_EQ(warnings(host.plan()).find("cannot see") == std::string::npos, row.about.empty())
                << row.what;
        }
    }
}

} // namespace
