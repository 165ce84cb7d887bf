// What main.cf needs, for common set-ups: postconf's output in, changes and remarks out.
#include "tool/setup/plan.hpp"
#include "tool/setup/routes.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <sstream>

namespace {

using setup::Plan;
using setup::Remark;
using setup::Surroundings;
using testing::HasSubstr;

const std::string services = "smtp unix - - y - - smtp\nrelay unix - - y - - smtp\n";

/// A Debian host with a running daemon; each test changes one thing.
struct Host {
    std::string version = "3.7.11";
    std::string main_cf;  ///< as printed by postconf -n
    std::string expanded; ///< as printed by postconf -x; replaces values of main_cf
    std::string master = services, overrides;
    std::vector<setup::Route> routes; ///< from tables
    std::vector<std::string> unread;
    std::map<std::string, std::string> dies; ///< what smtp(8) says, by service
    Surroundings around;
    setup::Wishes wishes;

    Host() {
        around.ours = {{"unix:/var/spool/postfix/stsmapd/socketmap", "tcp:127.0.0.1:8461"}, "", {}};
        around.daemon_answers = true;
        around.system_ca = "/etc/ssl/certs/ca-certificates.crt";
        around.dane = Surroundings::Dane::inactive;
    }
    explicit Host(std::string settings) : Host() { main_cf = std::move(settings); }

    /// The survey's result for this host; services have values of their own only by -o.
    setup::Installed installed() const {
        setup::Installed postfix;
        postfix.version_text = version;
        postfix.version = setup::parse_version(version).value();
        postfix.set = setup::parse_parameters(main_cf);
        postfix.effective = setup::parse_parameters("queue_directory = /var/spool/postfix\n"
                                                    "default_transport = smtp\nrelay_transport = relay\n"
                                                    "smtp_use_tls = no\n"
                                                    "relay_domains = example.com\n" +
                                                    main_cf + '\n' + expanded);
        for (setup::Service& service : setup::parse_services(master, overrides, false)) {
            if (!service.runs("smtp")) {
                postfix.others.push_back(service);
                continue;
            }
            service.effective = postfix.effective;
            for (const auto& [name, value] : service.overrides) service.effective[name] = value;
            const auto died = dies.find(service.where());
            if (died != dies.end()) service.trouble = died->second;
            postfix.services.push_back(std::move(service));
        }
        for (const setup::RouteSource& source : setup::route_sources(postfix))
            if (!setup::is_table(source)) postfix.routes.push_back(setup::parse_route(source, source.value));
        std::ranges::copy(routes, std::back_inserter(postfix.routes));
        postfix.unread = unread;
        setup::assign_uses(postfix);
        postfix.map_types = {"hash", "inline", "socketmap", "static", "texthash"};
        return postfix;
    }

    Plan plan() const {
        const setup::Installed postfix = installed();
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

/// The new value of the list of maps, or "".
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
    host.around.ca_files["/ca.pem"] = {"/ca.pem", true, 100, 100};
    return host;
}

TEST(Plan, SetsUpAFreshDebian) {
    const Plan plan = Host().plan();
    EXPECT_EQ(changes(plan), "smtp_tls_policy_maps = " + ours +
                                 "\nsmtp_tls_security_level = may\n"
                                 "smtp_tls_CAfile = /etc/ssl/certs/ca-certificates.crt\n"
                                 "smtp_dns_support_level = dnssec\n");
    EXPECT_EQ(refusals(plan), "");
    EXPECT_FALSE(plan.in_force);
    EXPECT_EQ(plan.map, ours);
}

TEST(Plan, ChangesNothingThatIsSettled) {
    const Plan plan = settled_host("smtp_dns_support_level = dnssec\n").plan();
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
    // It is corrected even if the daemon is down at the moment.
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
    Host dane("smtp_tls_security_level = dane");
    EXPECT_EQ(warnings(dane.plan()), "") << "smtp_dns_support_level is set as well";
    dane.around.dane = Surroundings::Dane::off;
    EXPECT_THAT(warnings(dane.plan()), HasSubstr("the same as may"));
}

TEST(Plan, SeesToTrustAnchors) {
    Host folder("smtp_tls_CApath = /etc/ssl/certs");
    const std::string within = "/var/spool/postfix/etc/ssl/certs";
    folder.around.ca_folders[within] = 140;
    EXPECT_THAT(changes(folder.plan()), testing::Not(HasSubstr("CAfile")));
    folder.around.ca_folders[within] = 0;
    EXPECT_THAT(changes(folder.plan()), HasSubstr("smtp_tls_CAfile = /etc/ssl"));
    EXPECT_THAT(folder.plan().changes.at(2).why, HasSubstr("chroot"));
    Host append("tls_append_default_CA = yes");
    append.around.default_ca_folder = "/usr/lib/ssl/certs";
    append.around.ca_folders["/usr/lib/ssl/certs"] = 140; // which cannot be reached in the chroot
    EXPECT_THAT(changes(append.plan()), HasSubstr("smtp_tls_CAfile = /etc/ssl"));
    append.around.ca_folders["/var/spool/postfix/usr/lib/ssl/certs"] = 140;
    EXPECT_THAT(changes(append.plan()), testing::Not(HasSubstr("CAfile")));
    Host missing("smtp_tls_CAfile = /gone.pem");
    missing.around.ca_files["/gone.pem"] = {"/gone.pem", false, 0, 0};
    EXPECT_THAT(refusals(missing.plan()), HasSubstr("/gone.pem cannot be read"));
    missing.around.ca_files["/gone.pem"].readable = true;
    EXPECT_THAT(refusals(missing.plan()), HasSubstr("has no certificate"));
    Host bare;
    bare.around.system_ca = "";
    EXPECT_THAT(refusals(bare.plan()), HasSubstr("apt-get install ca-certificates"));
}

/// tests/unit/setup_plan_dane_test.cpp has the rest.
TEST(Plan, PreparesForDane) {
    using Dane = Surroundings::Dane;
    Host host = settled_host();
    for (const Dane dane : {Dane::active, Dane::inactive, Dane::unknown}) {
        host.around.dane = dane;
        EXPECT_EQ(changes(host.plan()), "smtp_dns_support_level = dnssec\n");
    }
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

/// A setting with which smtp(8) does no DANE at all.
TEST(Plan, RefusesWhatRulesDaneOut) {
    const std::pair<std::string, std::string> table[] = {
        {"smtp_host_lookup = dns", ""},
        {"smtp_host_lookup = dns, native", ""},
        {"smtp_host_lookup = native dns", ""},
        {"smtp_host_lookup = native", "host-lookup-without-dns"},
        {"ignore_mx_lookup_error = no", ""},
        {"ignore_mx_lookup_error = yes", "mx-errors-ignored"},
        {"ignore_mx_lookup_error = YES", "mx-errors-ignored"},
        {"smtp_dns_resolver_options =", ""},
        {"smtp_dns_resolver_options = res_defnames", "resolver-search"},
        {"smtp_dns_resolver_options = res_dnsrch res_defnames", "resolver-search"},
    };
    using Dane = Surroundings::Dane;
    for (const auto& [setting, id] : table) {
        for (const bool own : {false, true}) {
            Host host = settled_host("smtp_dns_support_level = dnssec\n" + (own ? "" : setting + '\n'));
            if (own) host.overrides = "smtp/unix/" + setting + '\n';
            for (const Dane dane : {Dane::active, Dane::inactive, Dane::unknown, Dane::off}) {
                host.around.dane = dane;
                const Plan plan = host.plan();
                std::string found;
                for (const Remark& remark : plan.remarks)
                    if (remark.kind == (dane == Dane::active ? Remark::Kind::refusal : Remark::Kind::warning))
                        found += remark.id;
                EXPECT_EQ(found, dane == Dane::off ? "" : id) << setting << own;
                if (id.empty() || dane != Dane::active) continue;
                const std::string name = setting.substr(0, setting.find(' '));
                EXPECT_THAT(refusals(plan),
                            HasSubstr(own ? "postconf -P -X smtp/unix/" + name : "postconf -X " + name));
            }
        }
    }
}

/// A list of maps, or a level, of a service's own.
TEST(Plan, JudgesEachService) {
    struct Row {
        const char* what;
        std::string overrides;
        Remark::Kind kind;
        std::string id; ///< "": nothing is said
        std::string words, fix;
    };
    using Kind = Remark::Kind;
    const Row rows[] = {
        {"no list", "smtp/unix/smtp_tls_policy_maps =\n", Kind::refusal, "service-without-map",
         "service smtp/unix has its own smtp_tls_policy_maps = (empty), so it does not ask stsmapd",
         "postconf -c /etc/postfix-out -P -X smtp/unix/smtp_tls_policy_maps"},
        {"another list", "relay/unix/smtp_tls_policy_maps = hash:/other\n", Kind::refusal,
         "service-without-map", "service relay/unix has its own smtp_tls_policy_maps = hash:/other",
         "-P -X relay/unix/smtp_tls_policy_maps"},
        {"no list, nothing goes there", "slow/unix/smtp_tls_policy_maps =\n", Kind::warning,
         "service-without-map", "no mail for other domains goes through it now", "slow/unix"},
        {"ours is in it", "smtp/unix/smtp_tls_policy_maps = hash:/a, " + ours + '\n', Kind::note, "", "", ""},
        {"ours, for another version", "smtp/unix/smtp_tls_policy_maps = hash:/a, " + ours + "-tlsrpt\n",
         Kind::refusal, "service-map-form", "does not know the attributes",
         "-P 'smtp/unix/smtp_tls_policy_maps=hash:/a," + ours + "'"},
        {"no list, dane-only",
         "smtp/unix/smtp_tls_policy_maps =\nsmtp/unix/smtp_tls_security_level = dane-only\n", Kind::note,
         "service-stricter", "service smtp/unix does not use MTA-STS, by its own stricter rule", ""},
        {"no list, Secure", "smtp/unix/smtp_tls_policy_maps =\nsmtp/unix/smtp_tls_security_level = Secure\n",
         Kind::note, "service-stricter", "smtp_tls_security_level = Secure", ""},
        {"no list, fingerprint",
         "smtp/unix/smtp_tls_policy_maps = hash:/x\nsmtp/unix/smtp_tls_security_level = fingerprint\n",
         Kind::note, "service-stricter", "fingerprint", ""},
        {"no list, verify by an old parameter",
         "smtp/unix/smtp_tls_policy_maps =\nsmtp/unix/smtp_tls_security_level =\nsmtp/unix/smtp_enforce_tls "
         "= yes\n",
         Kind::note, "service-stricter", "smtp_enforce_tls = yes", ""},
        {"no list, encrypt",
         "smtp/unix/smtp_tls_policy_maps =\nsmtp/unix/smtp_tls_security_level = encrypt\n", Kind::refusal,
         "service-without-map", "obeys no policy", ""},
        {"a stricter level", "smtp/unix/smtp_tls_security_level = dane-only\n", Kind::warning,
         "level-stricter",
         "service smtp/unix has its own smtp_tls_security_level = dane-only, which authenticates every mail "
         "host",
         "postconf -c /etc/postfix-out -P 'smtp/unix/smtp_tls_policy_maps='"},
        {"no TLS", "relay/unix/smtp_tls_security_level = none\n", Kind::warning, "level-none",
         "service relay/unix has its own smtp_tls_security_level = none",
         "-P -X relay/unix/smtp_tls_security_level"},
        {"a level as good as main.cf's", "relay/unix/smtp_tls_security_level = encrypt\n", Kind::note,
         "service-override",
         "service relay/unix has its own smtp_tls_security_level = encrypt, which postconf -c "
         "/etc/postfix-out -P -X "
         "relay/unix/smtp_tls_security_level takes out",
         ""},
        {"a name in the log", "relay/unix/syslog_name = postfix/relay\n", Kind::note, "", "", ""},
    };
    for (const Row& row : rows) {
        Host host = settled_host("smtp_dns_support_level = dnssec\n");
        host.master += "slow unix - - y - 1 smtp\n";
        host.overrides = row.overrides;
        setup::Installed postfix = host.installed();
        postfix.folder = "/etc/postfix-out";
        host.around.ours.queue_directory = "/var/spool/postfix";
        const Plan plan = setup::make_plan(postfix, host.around);
        std::vector<Remark> said; // without the list of harmless ones
        for (const Remark& remark : plan.remarks)
            if (remark.about == "master.cf" && (remark.id != "service-override" || row.id == remark.id))
                said.push_back(remark);
        ASSERT_EQ(said.size(), row.id.empty() ? 0U : 1U) << row.what << refusals(plan) << warnings(plan);
        if (row.id.empty()) continue;
        EXPECT_EQ(said[0].id, row.id) << row.what;
        EXPECT_EQ(said[0].kind, row.kind) << row.what;
        EXPECT_THAT(said[0].words, HasSubstr(row.words)) << row.what;
        EXPECT_THAT(said[0].fix, HasSubstr(row.fix)) << row.what;
    }
    Host helpless = settled_host();
    helpless.around.dane = Surroundings::Dane::off;
    helpless.overrides = "smtp/unix/smtp_tls_policy_maps =\nsmtp/unix/smtp_tls_security_level = dane-only\n";
    EXPECT_THAT(refusals(helpless.plan()),
                HasSubstr("without smtp_dns_support_level = dnssec defers all mail"));
    Host before; // the map is not set yet: it would weaken the service
    before.overrides = "smtp/unix/smtp_tls_security_level = secure\n";
    EXPECT_THAT(refusals(before.plan()), HasSubstr("postconf -P 'smtp/unix/smtp_tls_policy_maps='"));
    Host none_of_it; // a service's own list without the map, even if main.cf's list is also empty now
    none_of_it.overrides = "smtp/unix/smtp_tls_policy_maps =\n";
    EXPECT_THAT(refusals(none_of_it.plan()),
                HasSubstr("service smtp/unix has its own smtp_tls_policy_maps = (empty)"));
    before.overrides += "smtp/unix/smtp_tls_policy_maps =\n";
    EXPECT_EQ(refusals(before.plan()), "");
    EXPECT_THAT(maps_after(before.plan()), ours);
    Host none = settled_host();
    none.master = "smtp inet n - y - - smtpd\nlmtp unix - - y - - lmtp\n";
    EXPECT_THAT(refusals(none.plan()), HasSubstr("no service of master.cf delivers mail over SMTP"));
}

/// main.cf's value is judged once, however many services use it.
TEST(Plan, SaysOnceWhatServicesShare) {
    Host host = settled_host("smtp_tls_mandatory_ciphers = hihg\n");
    host.master += "a unix - - y - - smtp\nb unix - - n - - smtp\n";
    EXPECT_EQ(refusals(host.plan()),
              "smtp_tls_mandatory_ciphers: smtp_tls_mandatory_ciphers = hihg: Postfix does not know this "
              "value, and "
              "defers all mail | one of: high, medium, low, export, null; or Postfix's default: postconf -X "
              "smtp_tls_mandatory_ciphers\n");
    host.overrides =
        "smtp/unix/smtp_tls_mandatory_ciphers = high\nrelay/unix/smtp_tls_mandatory_ciphers = high\n";
    EXPECT_EQ(refusals(host.plan()), "") << "nobody who has mail takes it";
    EXPECT_THAT(warnings(host.plan()), HasSubstr("hihg"));
}

/// Values with which smtp(8) ends or cannot work. tests/e2e/test_values.py asks smtp(8) itself.
TEST(Plan, KnowsWhatPostfixKnows) {
    const std::pair<std::string, std::string> table[] = {
        {"smtp_tls_security_level = mya", "level-unknown"},
        {"smtp_tls_security_level = half-dane", "level-unknown"},
        {"smtp_tls_security_level = May", ""},
        {"smtp_dns_support_level = dnsec", "value-unknown"},
        {"smtp_dns_support_level = DNSSEC", ""},
        {"smtp_dns_support_level =", ""},
        {"smtp_host_lookup = dns,nativ", "value-unknown"},
        {"smtp_host_lookup = native, dns", ""},
        {"smtp_dns_resolver_options = res_defname", "value-unknown"},
        {"smtp_address_preference = ipv5", "value-unknown"},
        {"smtp_tls_mandatory_ciphers = hihg", "value-unknown"},
        {"smtp_tls_mandatory_ciphers = HIGH", ""},
        {"smtp_tls_ciphers = strong", "value-unknown"},
        {"smtp_tls_mandatory_protocols = >=TLSv1.2", ""},
        {"smtp_tls_mandatory_protocols = >=0x0303", ""},
        {"smtp_tls_mandatory_protocols = !SSLv2, !SSLv3, !TLSv1:!TLSv1.1", ""},
        {"smtp_tls_mandatory_protocols = TLSv1.2", ""},
        {"smtp_tls_mandatory_protocols =", ""},
        {"smtp_tls_mandatory_protocols = TLSv1.4", "value-unknown"},
        {"smtp_tls_mandatory_protocols = >=TLS1.2", "value-unknown"},
        {"smtp_tls_mandatory_protocols = TLSv1", "protocols-too-old"},
        {"smtp_tls_mandatory_protocols = <=TLSv1.1", "protocols-too-old"},
        {"smtp_tls_mandatory_protocols = !TLSv1.2, !TLSv1.3", "protocols-too-old"},
        {"smtp_tls_protocols = TLSv1.1", ""},
        {"smtp_tls_protocols = TLSv9", "value-unknown"},
        {"smtp_tls_connection_reuse = maybe", "value-unknown"},
        {"smtp_tls_connection_reuse = NO", ""},
        {"smtp_use_tls =", "value-unknown"},
        {"smtp_tls_dane_insecure_mx_policy = none", "value-unknown"},
    };
    for (const auto& [setting, id] : table) {
        Host host = settled_host(setting + '\n');
        const Plan plan = host.plan();
        EXPECT_EQ(plan.refused(), !id.empty()) << setting << refusals(plan);
        for (const Remark& remark : plan.remarks) {
            if (remark.kind == Remark::Kind::refusal) {
                EXPECT_EQ(remark.id, id) << setting;
            }
        }
        // The same as an -o of a service: only that service must be corrected.
        Host own = settled_host();
        own.around.dane = Surroundings::Dane::off; // otherwise its own DNS level would be a second finding
        own.overrides = "relay/unix/" + setting + '\n';
        const std::string name = setting.substr(0, setting.find(' '));
        if (id.empty()) {
            EXPECT_EQ(refusals(own.plan()), "") << setting;
        } else {
            EXPECT_THAT(refusals(own.plan()), HasSubstr("service relay/unix has its own " + name)) << setting;
            EXPECT_THAT(refusals(own.plan()), HasSubstr("postconf -P -X relay/unix/" + name)) << setting;
        }
    }
    Host type = settled_host();
    type.main_cf =
        "smtp_tls_policy_maps = mysql:/etc/postfix/m.cf, " + ours + "\nsmtp_tls_CAfile = /ca.pem\n";
    EXPECT_THAT(refusals(type.plan()), HasSubstr("no tables of type mysql"));
}

TEST(Plan, MissesTlsproxy) {
    Host host = settled_host("smtp_tls_connection_reuse = yes\n");
    EXPECT_THAT(refusals(host.plan()), HasSubstr("master.cf has no service tlsproxy/unix"));
    host.master += "tlsproxy unix - - y - 0 tlsproxy\n";
    EXPECT_EQ(refusals(host.plan()), "");
    host.overrides = "smtp/unix/tlsproxy_service_name = other\n";
    EXPECT_THAT(refusals(host.plan()), HasSubstr("has no service other/unix"));
}

/// What smtp(8) itself says is reported once, and not at all if another remark already says it.
TEST(Plan, PassesOnWhatSmtpSays) {
    Host host = settled_host("smtp_connect_timeout = 30sek\n");
    host.dies = {{"smtp/unix", "bad time value: 30sek"}, {"relay/unix", "bad time value: 30sek"}};
    EXPECT_EQ(
        refusals(host.plan()),
        "master.cf: smtp(8) cannot work with the settings of smtp/unix, relay/unix: bad time value: 30sek | "
        "correct the setting that is named there, in main.cf or among the service's -o in master.cf\n");
    Host known = settled_host("smtp_tls_security_level = mya\n");
    known.dies = {{"smtp/unix", "Invalid TLS level \"mya\""}};
    EXPECT_EQ(std::ranges::count(refusals(known.plan()), '\n'), 1);
    Host unused = settled_host();
    unused.master += "slow unix - - y - 1 smtp\n";
    unused.dies = {{"slow/unix", "bad"}};
    EXPECT_EQ(refusals(unused.plan()), "");
    EXPECT_THAT(warnings(unused.plan()), HasSubstr("settings of slow/unix: bad"));
}

TEST(Plan, JudgesTrustAnchors) {
    const auto with = [](std::size_t certificates, std::size_t of_system) {
        Host host = settled_host();
        host.around.system_roots = 140;
        host.around.ca_files["/ca.pem"] = {"/ca.pem", true, certificates, of_system};
        return warnings(host.plan()) + refusals(host.plan());
    };
    EXPECT_EQ(with(140, 140), "");
    EXPECT_EQ(with(150, 126), "") << "nine of ten";
    EXPECT_THAT(with(150, 125),
                HasSubstr("smtp_tls_CAfile = /ca.pem lacks more than a tenth of the system's 140"));
    EXPECT_THAT(with(1, 0), HasSubstr("postconf -e 'smtp_tls_CAfile = /etc/ssl/certs/ca-certificates.crt'"));
    Host anchors = settled_host("smtp_tls_trust_anchor_file = /anchor.pem\n");
    EXPECT_THAT(refusals(anchors.plan()), HasSubstr("trusts nothing but what is in it"));
    EXPECT_THAT(refusals(anchors.plan()), HasSubstr("postconf -X smtp_tls_trust_anchor_file"));
    Host own = settled_host();
    own.overrides =
        "smtp/unix/smtp_tls_trust_anchor_file = /anchor.pem\nrelay/unix/smtp_tls_CAfile = /none.pem\n";
    own.around.ca_files["/none.pem"] = {"/none.pem", false, 0, 0};
    EXPECT_THAT(refusals(own.plan()), HasSubstr("postconf -P -X smtp/unix/smtp_tls_trust_anchor_file"));
    EXPECT_THAT(
        refusals(own.plan()),
        HasSubstr("service relay/unix has its own smtp_tls_CAfile = /none.pem, which cannot be read"));
}

TEST(Plan, SaysWhereMailGoes) {
    Host host = settled_host("smtp_fallback_relay = [backup.example]\ntransport_maps = hash:/t, mysql:/m\n"
                             "sender_dependent_relayhost_maps = hash:/r\n");
    host.routes = {{"transport_maps", "smtp", "[a.example]"},
                   {"transport_maps", "lmtp", "unix:/x"},
                   {"transport_maps", "relay", ""},
                   {"sender_dependent_relayhost_maps", "", "[b.example]:587"}};
    host.unread = {"transport_maps = mysql:/m"};
    EXPECT_THAT(warnings(host.plan()), HasSubstr("goes there without the domain's policy"));
    EXPECT_THAT(warnings(host.plan()), HasSubstr("postconf -X smtp_fallback_relay"));
    EXPECT_THAT(notes(host.plan()),
                HasSubstr("transport_maps: mail for some domains goes to [a.example], and only "
                          "that name is looked up, not the recipient's domain; mail for some "
                          "domains goes through relay/unix"));
    EXPECT_THAT(notes(host.plan()), HasSubstr("mysql:/m cannot be read here"));
    EXPECT_THAT(notes(host.plan()), HasSubstr("sender_dependent_relayhost_maps: mail of some senders goes to "
                                              "[b.example]:587"));
    EXPECT_THAT(refusals(settled_host("default_transport = smpt\n").plan()),
                HasSubstr("master.cf has no service smpt/unix"));
    Host other = settled_host("default_transport = error:no mail from here\n");
    other.master += "error unix - - y - - error\n";
    EXPECT_THAT(warnings(other.plan()), HasSubstr("by error(8), which does not ask stsmapd"));
    EXPECT_THAT(warnings(settled_host("default_transport = smtp:[relay.example]\n").plan()),
                HasSubstr("all mail goes to [relay.example]"));
}

TEST(Plan, EveryIdIsKnown) {
    const auto& ids = setup::plan_ids();
    EXPECT_TRUE(std::ranges::is_sorted(ids));
    EXPECT_EQ(std::ranges::adjacent_find(ids), ids.end());
    const auto known = [&ids](const std::string& id) { return std::ranges::binary_search(ids, id); };
    Host host("smtp_tls_policy_maps = hash:/a\nrelayhost = [r]\nsmtp_tls_session_cache_database = btree:/x\n"
              "smtp_tls_per_site = hash:/x\nsmtp_tls_wrappermode = yes\nsmtp_tcp_port = 587\n"
              "smtp_tls_trust_anchor_file = /x\nmulti_instance_directories = /y\n");
    host.around.daemon_answers = false;
    host.around.main_cf_is_link = true;
    host.around.dane = Surroundings::Dane::off;
    const Plan plan = host.plan();
    EXPECT_GE(plan.remarks.size(), 8U);
    for (const Remark& remark : plan.remarks)
        EXPECT_TRUE(known(remark.id)) << remark.id << ": " << remark.words;
    for (const setup::Change& change : plan.changes) EXPECT_TRUE(known(change.id)) << change.name;
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
    Host absolute = settled_host();
    absolute.main_cf = "smtp_tls_policy_maps = proxy:socketmap:unix:/stsmapd/socketmap:sts\n";
    EXPECT_THAT(warnings(absolute.plan()), HasSubstr("proxymap(8)"));
    EXPECT_THAT(warnings(absolute.plan()), HasSubstr("absolute"));
}

std::string detours(Plan plan, Remark::Kind kind) {
    std::erase_if(plan.remarks, [](const Remark& remark) { return !remark.id.starts_with("detour"); });
    return remarks(plan, kind);
}

/// smtp(8) connects to another place than its question names: no answer can be right.
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
         "relay/unix/use_srv_lookup =\nsmtp/unix/syslog_name = x\n", "use_srv_lookup: ", ""},
    };
    for (const Row& row : rows) {
        Host host = settled_host("smtp_dns_support_level = dnssec\n" + row.main_cf);
        host.overrides = row.overrides;
        host.around.dane = Surroundings::Dane::active;
        const std::string refused = detours(host.plan(), Remark::Kind::refusal);
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
            EXPECT_EQ(detours(host.plan(), Remark::Kind::refusal), "") << row.what;
            EXPECT_THAT(detours(host.plan(), Remark::Kind::warning),
                        HasSubstr(row.about.empty() ? "" : row.words))
                << row.what;
            EXPECT_EQ(detours(host.plan(), Remark::Kind::warning).find("cannot see") == std::string::npos,
                      row.about.empty())
                << row.what;
        }
    }
}

} // namespace
