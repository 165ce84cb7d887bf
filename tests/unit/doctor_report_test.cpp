// Facts in, findings out: what doctor says about each state, and which fix it names.
#include "tool/doctor/ids.hpp"
#include "tool/doctor/report.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <functional>
#include <set>
#include <sstream>

namespace {

using namespace doctor;
using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

constexpr base::Instant now = std::chrono::sys_days{std::chrono::year{2027} / 5 / 1} + 12h;

/// One id of the plan's remarks; the plan's own tests have the others.
const std::string some_plan_id = "set-smtp-dns-support-level";

/// A host without any problem.
Facts healthy() {
    Facts facts;
    facts.config.file = "/etc/stsmapd/stsmapd.toml";
    facts.postfix.version = "3.7.11";
    facts.postfix.owner = "postfix";
    facts.postfix.plan.map = "socketmap:unix:stsmapd/socketmap:sts";
    facts.postfix.plan.in_force = true;
    facts.socket.contacts = {{facts.postfix.plan.map,
                              "",
                              {"postfix", "/var/spool/postfix"},
                              {setup::Reached::Kind::answers, "OK active", "", ""},
                              "/var/spool/postfix/stsmapd/socketmap",
                              "root:postfix 0660",
                              ""}};
    facts.daemon.answers = true;
    facts.daemon.version = facts.daemon.tool_version = "0.1.0";
    facts.daemon.dane = "active";
    facts.resolver.servers = {
        {"127.0.0.1:53", true, {dane::Validation::State::yes, "the root is answered with AD"}}};
    facts.resolver.source = "/etc/resolv.conf";
    facts.egress.policy_host = "mta-sts.gmail.com";
    facts.egress.fetched = true;
    facts.clock = {now, now, now - 1h, true, true};
    facts.ca = {"/etc/ssl/certs", "", 140};
    facts.state.folder = "/var/lib/stsmapd";
    facts.state.there = facts.state.is_folder = facts.state.may_look = facts.state.writable_by_owner = true;
    facts.state.owner = facts.state.file_owner = "_stsmapd";
    facts.state.daemon_user = "_stsmapd";
    facts.state.free_octets = 5'000'000'000;
    facts.state.counts_inodes = true;
    facts.state.free_inodes = 1000;
    facts.state.store = StateFacts::Store::good;
    facts.systemd.running = true;
    facts.systemd.units = {{"stsmapd.socket", "loaded", "active", "enabled", ""},
                           {"stsmapd.service", "loaded", "active", "enabled", ""}};
    return facts;
}

std::string text(const Findings& findings) {
    std::ostringstream out;
    print_text(findings, out);
    return out.str();
}

TEST(Report, FindsAHealthyHostWell) {
    const Findings findings = report(healthy());
    EXPECT_EQ(worst(findings), Verdict::ok) << text(findings);
    std::set<std::string> checks;
    for (const Finding& finding : findings) {
        checks.insert(finding.check);
        EXPECT_EQ(finding.fix, "") << finding.words;
    }
    EXPECT_EQ(checks, (std::set<std::string>{"ca", "clock", "config", "daemon", "egress", "postfix",
                                             "resolver", "socket", "state", "systemd"}));
}

/// One thing broken on a healthy host.
struct Break {
    const char* name;
    std::function<void(Facts&)> with;
    Verdict verdict;
    const char* check;
    const char* words; ///< in the finding's words
    const char* fix;   ///< in its fix
};

const Break breaks[] = {
    {"config", [](Facts& f) { f.config.problems = {"x.toml:1:1: no"}; }, Verdict::fail, "config",
     "x.toml:1:1: no", "--check-config"},
    {"config not to be read", [](Facts& f) { f.config.unseen = true; }, Verdict::warn, "config",
     "is not to be read by this user", "as root"},
    {"no Postfix", [](Facts& f) { f.postfix.trouble = "postconf is not installed"; }, Verdict::fail,
     "postfix", "postconf is not installed", "apt-get install postfix"},
    {"main.cf with a fault", [](Facts& f) { f.postfix.trouble = "postconf failed: unbalanced {"; },
     Verdict::fail, "postfix", "unbalanced {", "postconf's own words"},
    {"main.cf not to be read",
     [](Facts& f) {
         f.postfix.trouble = "postconf failed: open /etc/postfix/main.cf: Permission denied";
         f.postfix.unseen = true;
     },
     Verdict::warn, "postfix", "Permission denied", "as root"},
    {"map missing",
     [](Facts& f) {
         f.postfix.plan.in_force = false;
         f.postfix.plan.changes = {
             {"smtp_tls_policy_maps", std::nullopt, "socketmap:x", "why", true, some_plan_id}};
     },
     Verdict::fail, "postfix", "smtp_tls_policy_maps is not set", "stsmap postfix-setup --apply"},
    {"level",
     [](Facts& f) {
         f.postfix.plan.changes = {{"smtp_tls_security_level", "none", "may", "why", false, some_plan_id}};
     },
     Verdict::warn, "postfix", "smtp_tls_security_level = none, and should be: may", "postfix-setup"},
    {"CA file of Postfix",
     [](Facts& f) {
         f.postfix.plan.remarks = {{setup::Remark::Kind::refusal, "smtp_tls_CAfile", "/x.pem cannot be read",
                                    "ca-certificates", some_plan_id}};
     },
     Verdict::fail, "postfix", "/x.pem cannot be read", "ca-certificates"},
    {"a warning of the plan",
     [](Facts& f) {
         f.postfix.plan.remarks = {
             {setup::Remark::Kind::warning, "relayhost", "mail goes there", "elsewhere", some_plan_id}};
     },
     Verdict::warn, "postfix", "mail goes there", "elsewhere"},
    {"socket gone",
     [](Facts& f) {
         f.socket.contacts[0].reached = {setup::Reached::Kind::absent, "there is no such socket", "", ""};
         f.socket.contacts[0].mode = "";
     },
     Verdict::fail, "socket", "chrooted to /var/spool/postfix: there is no such socket",
     "systemctl enable --now"},
    {"socket elsewhere",
     [](Facts& f) {
         f.socket.contacts[0].reached = {setup::Reached::Kind::absent, "there is no such socket", "", ""};
         f.socket.contacts[0].instead = "socketmap:inet:127.0.0.1:8461";
     },
     Verdict::fail, "socket", "no such socket; stsmapd answers at socketmap:inet:127.0.0.1:8461",
     "Postfix asks socketmap:unix:stsmapd/socketmap:sts, the daemon listens at "
     "socketmap:inet:127.0.0.1:8461: "
     "stsmap postfix-setup --apply"},
    {"wrong group",
     [](Facts& f) {
         f.socket.contacts[0].reached = {setup::Reached::Kind::no_permission, "no permission", "", ""};
         f.socket.contacts[0].mode = "root:root 0660";
     },
     Verdict::fail, "socket", "is root:root 0660", "SocketGroup=postfix"},
    {"closed folder",
     [](Facts& f) {
         f.socket.contacts[0].reached = {
             setup::Reached::Kind::no_permission,
             "no permission: the folder /var/spool/postfix/stsmapd (root:root 0700)",
             "/var/spool/postfix/stsmapd", "root:root 0700"};
     },
     Verdict::fail, "socket", "the folder /var/spool/postfix/stsmapd",
     "chmod a+x /var/spool/postfix/stsmapd"},
    {"not approved",
     [](Facts& f) {
         f.socket.contacts[0].reached = {setup::Reached::Kind::not_approved,
                                         "proxy_read_maps does not list it", "", ""};
     },
     Verdict::fail, "socket", "proxy_read_maps", "proxy:"},
    {"silent",
     [](Facts& f) {
         f.socket.contacts[0].reached = {setup::Reached::Kind::silent, "no answer", "", ""};
     },
     Verdict::fail, "socket", "no answer", "systemctl"},
    {"a service of its own",
     [](Facts& f) {
         f.socket.contacts[0].services = "relay/unix";
         f.socket.contacts[0].reached = {setup::Reached::Kind::absent, "there is no such socket", "", ""};
     },
     Verdict::fail, "socket", "relay/unix asks socketmap:", "systemctl"},
    {"not root", [](Facts& f) { f.socket.contacts[0].way = {}; }, Verdict::warn, "socket", "was not checked",
     "as root"},
    {"not root and no permission",
     [](Facts& f) {
         f.socket.contacts[0].way = {};
         f.socket.contacts[0].reached = {setup::Reached::Kind::not_seen, "no permission", "", ""};
     },
     Verdict::warn, "socket", "no permission", "as root"},
    {"no address", [](Facts& f) { f.socket.contacts.clear(); }, Verdict::fail, "socket", "no address",
     "listen"},
    {"daemon down", [](Facts& f) { f.daemon.answers = false; }, Verdict::fail, "daemon", "defers all mail",
     "systemctl"},
    {"daemon not to be seen",
     [](Facts& f) {
         f.daemon.answers = false;
         f.daemon.unseen = true;
     },
     Verdict::warn, "daemon", "not to be seen by this user", "as root"},
    {"two daemons", [](Facts& f) { f.daemon.others = {"0.0.9 at tcp:127.0.0.1:8461"}; }, Verdict::warn,
     "daemon", "another stsmapd, 0.0.9 at tcp:127.0.0.1:8461, answers besides 0.1.0", "listen"},
    {"the daemon does not know that the resolver validates",
     [](Facts& f) { f.daemon.dane = "inactive: 127.0.0.1:53: the root is answered without AD"; },
     Verdict::fail, "daemon", "looks for no DANE until it is reloaded", "systemctl reload stsmapd"},
    {"old daemon", [](Facts& f) { f.daemon.version = "0.0.9"; }, Verdict::warn, "daemon",
     "stsmapd 0.0.9 runs", "restart"},
    {"very old daemon", [](Facts& f) { f.daemon.version.reset(); }, Verdict::warn, "daemon",
     "older than stsmap 0.1.0", "restart"},
    {"resolver dead",
     [](Facts& f) {
         f.resolver.servers[0].validation = {dane::Validation::State::unknown, "dns-timeout"};
     },
     Verdict::fail, "resolver", "dns-timeout", "/etc/resolv.conf"},
    {"not validating",
     [](Facts& f) {
         f.resolver.servers[0].validation = {dane::Validation::State::no, "no AD"};
     },
     Verdict::warn, "resolver", "does not validate", "unbound"},
    {"AD not trusted", [](Facts& f) { f.resolver.servers[0].trusted = false; }, Verdict::warn, "resolver",
     "is not believed", "trust-ad"},
    {"elsewhere and not validating",
     [](Facts& f) {
         f.resolver.servers[0].validation = {dane::Validation::State::no, "no AD"};
         f.resolver.servers[0].trusted = false;
     },
     Verdict::warn, "resolver", "does not validate", "unbound"},
    {"the second server is dead",
     [](Facts& f) {
         f.resolver.servers.push_back({"192.0.2.1:53", true, {dane::Validation::State::unknown, "silent"}});
     },
     Verdict::warn, "resolver", "192.0.2.1:53 (from /etc/resolv.conf): silent", "take it out"},
    {"validates now",
     [](Facts& f) { f.daemon.dane = "inactive: validates now; reload after stsmap postfix-setup"; },
     Verdict::fail, "daemon", "as it found at its start", "stsmap postfix-setup --apply --reload, and then"},
    {"offline",
     [](Facts& f) {
         f.egress.fetched = false;
         f.egress.reason = base::Reason::connect_timeout;
         f.egress.detail = "no connection";
     },
     Verdict::fail, "egress", "connect-timeout: no connection", "port 443"},
    {"proxy",
     [](Facts& f) {
         f.egress = {"mta-sts.gmail.com", true, true, false, base::Reason::proxy_failed, "status 403"};
     },
     Verdict::fail, "egress", "proxy-failed", "CONNECT"},
    {"no such policy host",
     [](Facts& f) {
         f.egress.fetched = false;
         f.egress.reason = base::Reason::host_unresolvable;
     },
     Verdict::warn, "egress", "has no address", "--domain"},
    {"a private address",
     [](Facts& f) {
         f.egress.fetched = false;
         f.egress.reason = base::Reason::host_refused_address;
     },
     Verdict::warn, "egress", "host-refused-address", "allow_private_addresses"},
    {"intercepted",
     [](Facts& f) {
         f.egress.fetched = false;
         f.egress.reason = base::Reason::cert_untrusted;
     },
     Verdict::fail, "egress", "not trusted", "ca_file"},
    {"expired",
     [](Facts& f) {
         f.egress.fetched = false;
         f.egress.reason = base::Reason::cert_expired;
     },
     Verdict::fail, "egress", "not in force", "clock"},
    {"no policy there",
     [](Facts& f) {
         f.egress.fetched = false;
         f.egress.reason = base::Reason::http_status;
         f.egress.detail = "status 404";
     },
     Verdict::warn, "egress", "http-status: status 404", "another domain"},
    {"clock before release",
     [](Facts& f) {
         f.clock = {base::Instant{}, {}, {}, false, false};
     },
     Verdict::fail, "clock", "1970-01-01T00:00:00Z cannot be right", "chrony"},
    {"clock behind", [](Facts& f) { f.clock.theirs = now + 10min; }, Verdict::warn, "clock", "600 s behind",
     "chrony"},
    {"clock with nothing to compare",
     [](Facts& f) {
         f.clock = {now, {}, {}, false, false};
     },
     Verdict::warn, "clock", "could not be compared", "chrony"},
    {"clock gone back",
     [](Facts& f) {
         f.clock = {now, {}, now + 72h, true, true};
     },
     Verdict::fail, "clock", "the clock has gone back", "chrony"},
    {"clock far ahead", [](Facts& f) { f.clock.theirs = now - 50h; }, Verdict::fail, "clock",
     "180000 s ahead of", "chrony"},
    {"CA file missing",
     [](Facts& f) {
         f.ca = {"/ca.pem", "cannot be read", 0};
     },
     Verdict::fail, "ca", "/ca.pem: cannot be read", "ca-certificates"},
    {"CA file empty",
     [](Facts& f) {
         f.ca = {"/ca.pem", "", 0};
     },
     Verdict::fail, "ca", "no CA certificate", "ca-certificates"},
    {"state missing", [](Facts& f) { f.state.there = false; }, Verdict::fail, "state", "does not exist",
     "install -d -o _stsmapd"},
    {"state is a file", [](Facts& f) { f.state.is_folder = false; }, Verdict::fail, "state", "not a folder",
     "state_dir"},
    {"no look", [](Facts& f) { f.state.may_look = false; }, Verdict::warn, "state", "no permission",
     "as root"},
    {"foreign folder", [](Facts& f) { f.state.owner = "nobody"; }, Verdict::fail, "state",
     "belongs to nobody, its stsmapd.sqlite to _stsmapd, and stsmapd runs as _stsmapd", "chown -R _stsmapd:"},
    {"foreign file",
     [](Facts& f) {
         f.state.daemon_user.reset();
         f.state.file_owner = "root";
     },
     Verdict::fail, "state", "its stsmapd.sqlite to root", "chown -R root:"},
    {"not writable", [](Facts& f) { f.state.writable_by_owner = false; }, Verdict::fail, "state",
     "cannot be written", "chmod"},
    {"read-only", [](Facts& f) { f.state.read_only = true; }, Verdict::fail, "state", "read-only", "mount"},
    {"disk full", [](Facts& f) { f.state.free_octets = 1000; }, Verdict::fail, "state", "is full",
     "make room"},
    {"no inodes", [](Facts& f) { f.state.free_inodes = 0; }, Verdict::fail, "state", "no inode", "make room"},
    {"disk nearly full", [](Facts& f) { f.state.free_octets = 100'000'000; }, Verdict::warn, "state",
     "100 MB", "make room"},
    {"damaged",
     [](Facts& f) {
         f.state.store = StateFacts::Store::damaged;
         f.state.store_words = "row 1 missing";
     },
     Verdict::fail, "state", "row 1 missing", "restart"},
    {"set aside", [](Facts& f) { f.state.set_aside = {"stsmapd.sqlite.damaged-20270101T000000Z"}; },
     Verdict::warn, "state", "stsmapd.sqlite.damaged-20270101T000000Z in /var/lib/stsmapd",
     "rm /var/lib/stsmapd/stsmapd.sqlite.damaged-*"},
    {"newer store", [](Facts& f) { f.state.store = StateFacts::Store::newer; }, Verdict::fail, "state",
     "stsmapd.sqlite", "newer stsmapd"},
    {"no time for the store", [](Facts& f) { f.state.store = StateFacts::Store::not_looked; }, Verdict::warn,
     "state", "not looked through", "again"},
    {"state trouble", [](Facts& f) { f.state.trouble = "Input/output error"; }, Verdict::fail, "state",
     "Input/output error", "disk"},
    {"unit failed", [](Facts& f) { f.systemd.units[1].active = "failed"; }, Verdict::fail, "systemd",
     "stsmapd.service is failed", "systemctl status"},
    {"service stopped",
     [](Facts& f) {
         f.systemd.units[1].active = "inactive";
         f.systemd.units[1].after = "active";
     },
     Verdict::warn, "systemd", "was not running when this began; the question to its socket has started it",
     "systemctl stop stsmapd.socket stsmapd.service"},
    {"service stopped, and not asked", [](Facts& f) { f.systemd.units[1].active = "inactive"; },
     Verdict::warn, "systemd", "the next question starts it", "systemctl status"},
    {"both stopped",
     [](Facts& f) {
         f.systemd.units[0].active = "inactive";
         f.systemd.units.pop_back();
     },
     Verdict::fail, "systemd", "stsmapd.socket is inactive", "systemctl start stsmapd.socket"},
    {"mail host not verified",
     [](Facts& f) {
         f.mx.domain = "a.example";
         f.mx.service = "smtp/unix";
         f.mx.level = f.mx.policy = "secure";
         f.mx.outcome = MxFacts::Outcome::encrypted;
         f.mx.words = "Untrusted TLS connection";
         f.mx.command = "posttls-finger a.example";
     },
     Verdict::fail, "mx", "a.example by smtp/unix (policy secure): Untrusted", "posttls-finger a.example"},
    {"mail host in clear",
     [](Facts& f) {
         f.mx.domain = "a.example";
         f.mx.level = "may";
         f.mx.outcome = MxFacts::Outcome::no_tls;
         f.mx.command = "posttls-finger a.example";
     },
     Verdict::warn, "mx", "level may of Postfix's own", "posttls-finger"},
    {"mail host not tried",
     [](Facts& f) {
         f.mx.domain = "a.example";
         f.mx.trouble = "posttls-finger is not installed";
     },
     Verdict::warn, "mx", "was not tried", "Postfix"},
    {"unit masked", [](Facts& f) { f.systemd.units[0].load = "masked"; }, Verdict::fail, "systemd", "masked",
     "unmask"},
    {"no unit", [](Facts& f) { f.systemd.units[0].load = "not-found"; }, Verdict::warn, "systemd",
     "not installed", "unit"},
    {"unit disabled", [](Facts& f) { f.systemd.units[0].file_state = "disabled"; }, Verdict::warn, "systemd",
     "not be started at boot", "systemctl enable stsmapd.socket"},
    {"systemd silent", [](Facts& f) { f.systemd.trouble = "took too long"; }, Verdict::warn, "systemd",
     "took too long", "systemctl"},
};

TEST(Report, NamesEachFaultAndItsFix) {
    for (const Break& each : breaks) {
        Facts facts = healthy();
        each.with(facts);
        const Findings findings = report(facts);
        EXPECT_EQ(worst(findings), each.verdict) << each.name << '\n' << text(findings);
        const auto found =
            std::ranges::find_if(findings, [](const Finding& f) { return f.verdict != Verdict::ok; });
        ASSERT_NE(found, findings.end()) << each.name;
        EXPECT_EQ(found->check, each.check) << each.name;
        for (const Finding& finding : findings)
            EXPECT_TRUE(std::ranges::binary_search(ids(), finding.id)) << each.name << ": " << finding.id;
        EXPECT_THAT(found->words, HasSubstr(each.words)) << each.name;
        EXPECT_THAT(found->fix, HasSubstr(each.fix)) << each.name;
        EXPECT_EQ(std::ranges::count_if(findings, [](const Finding& f) { return f.verdict != Verdict::ok; }),
                  1)
            << each.name << '\n'
            << text(findings);
    }
}

TEST(Report, FindsOtherSetUpsWell) {
    const std::pair<const char*, std::function<void(Facts&)>> table[] = {
        {"no configuration file", [](Facts& f) { f.config.there = false; }},
        {"no systemd", [](Facts& f) { f.systemd = {}; }},
        {"TCP",
         [](Facts& f) {
             f.socket.contacts[0].map = "socketmap:inet:127.0.0.1:8461:sts";
             f.socket.contacts[0].way = {};
             f.socket.contacts[0].file = "";
         }},
        {"dane off, no validation",
         [](Facts& f) {
             f.resolver.servers[0].validation.state = dane::Validation::State::no;
             f.resolver.dane_off = true;
         }},
        {"a second server that does not validate, or is not believed",
         [](Facts& f) {
             f.resolver.servers.push_back({"192.0.2.1:53", true, {dane::Validation::State::no, "no AD"}});
             f.resolver.servers.push_back({"127.0.0.11:53", false, {dane::Validation::State::yes, "AD"}});
         }},
        {"no Date", [](Facts& f) { f.clock.theirs.reset(); }},
        {"no Date and no certificate, but a time service",
         [](Facts& f) {
             f.clock.theirs.reset();
             f.clock.certificate_held = false;
         }},
        {"a mail host that is verified",
         [](Facts& f) {
             f.mx.domain = "a.example";
             f.mx.level = "secure";
             f.mx.outcome = MxFacts::Outcome::verified;
         }},
        {"a mail host that is encrypted, and need be no more",
         [](Facts& f) {
             f.mx.domain = "a.example";
             f.mx.level = "may";
             f.mx.outcome = MxFacts::Outcome::encrypted;
         }},
        {"DANE is off in the configuration",
         [](Facts& f) {
             f.daemon.dane = "inactive: dane = \"off\"";
             f.resolver.dane_off = true;
         }},
        {"a new host",
         [](Facts& f) {
             f.state.store = StateFacts::Store::none;
             f.state.file_owner = "";
         }},
        {"the store of a running daemon", [](Facts& f) { f.state.store = StateFacts::Store::in_use; }},
        {"the daemon runs as root",
         [](Facts& f) {
             f.state.owner = f.state.file_owner = "root";
             f.state.daemon_user = "root";
         }},
        {"a file system without inodes",
         [](Facts& f) {
             f.state.counts_inodes = false;
             f.state.free_inodes = 0;
         }},
        {"a note of the plan",
         [](Facts& f) {
             f.postfix.plan.remarks = {{setup::Remark::Kind::note, "x", "good to know", "", ""}};
         }},
    };
    for (const auto& [name, change] : table) {
        Facts facts = healthy();
        change(facts);
        EXPECT_EQ(worst(report(facts)), Verdict::ok) << name << '\n' << text(report(facts));
    }
}

TEST(Report, JudgesNoOtherDaemonWhenTheConfigurationIsBad) {
    Facts facts = healthy();
    facts.config.problems = {"x.toml:1:1: no", "x.toml:2:1: neither"};
    facts.daemon.answers = false;
    facts.mx.domain = "a.example";
    const Findings findings = report(facts);
    std::set<std::string> checks;
    for (const Finding& finding : findings) checks.insert(finding.check);
    EXPECT_EQ(checks, (std::set<std::string>{"config", "systemd"})) << text(findings);
    EXPECT_THAT(findings[0].words, HasSubstr("were not looked at"));
    EXPECT_EQ(findings[1].words, "x.toml:2:1: neither");
}

TEST(Report, GivesCommandsThatFitThePlace) {
    Facts facts = healthy();
    facts.daemon.answers = false;
    facts.state.may_look = false;
    facts.postfix.plan.in_force = false;
    facts.place.options = "--config /x.toml";
    facts.place.postfix_folder = "/etc/postfix-out";
    std::string fixes;
    for (const Finding& finding : report(facts)) fixes += finding.fix + '\n';
    EXPECT_EQ(fixes.substr(0, fixes.find('\n', 1)),
              "\nstsmap --config /x.toml postfix-setup -c /etc/postfix-out "
              "--apply --reload");
    EXPECT_THAT(fixes, HasSubstr("run stsmap --config /x.toml doctor -c /etc/postfix-out as root"));
    EXPECT_THAT(fixes, HasSubstr("systemctl enable --now stsmapd.socket"));
    facts.place.systemd = false;
    for (const Finding& finding : report(facts))
        EXPECT_THAT(finding.fix, Not(HasSubstr("systemctl"))) << finding.words;
}

TEST(Report, KeepsQuietOfWhatIsWell) {
    EXPECT_TRUE(troubles(report(healthy())).empty());
    Facts facts = healthy();
    facts.daemon.answers = false;
    const Findings some = troubles(report(facts));
    ASSERT_EQ(some.size(), 1U) << text(some);
    EXPECT_EQ(some[0].id, "daemon-silent");
}

TEST(Report, PrintsForPeopleAndPrograms) {
    const Findings findings = {{Verdict::ok, "config", "good", "", "config-good"},
                               {Verdict::fail, "daemon", "down \xff", "start it", "daemon-silent"}};
    EXPECT_EQ(text(findings), "ok    config    good\n"
                              "fail  daemon    down \xff\n"
                              "                fix: start it\n");
    std::ostringstream out;
    print_json(findings, "0.1.0", out);
    const auto json = nlohmann::json::parse(out.str());
    EXPECT_EQ(json["schema"], 1);
    EXPECT_EQ(json["verdict"], "fail");
    EXPECT_EQ(json["version"], "0.1.0");
    EXPECT_EQ(json["checks"].size(), 2U);
    EXPECT_EQ(json["checks"][1]["check"], "daemon");
    EXPECT_EQ(json["checks"][1]["id"], "daemon-silent");
    EXPECT_EQ(json["checks"][1]["fix"], "start it");
}

TEST(Report, SaysWhatTheDaemonSaysOfItsHealthAndWhoMayReadIt) {
    doctor::DaemonFacts facts;
    facts.answers = true;
    facts.version = facts.tool_version = "1";
    facts.dane = "active";
    facts.not_ready = "not ready;thread 2: nothing came within 2 s;";
    facts.web_open = {"tcp::9461"};
    const doctor::Findings found = doctor::troubles(doctor::judge(facts, doctor::ResolverFacts{}));
    ASSERT_EQ(found.size(), 2u);
    EXPECT_EQ(found[0].id, "daemon-not-ready");
    EXPECT_EQ(found[0].verdict, doctor::Verdict::fail);
    EXPECT_NE(found[0].words.find("thread 2"), std::string::npos);
    EXPECT_EQ(found[1].id, "web-open");
    EXPECT_EQ(found[1].verdict, doctor::Verdict::warn);
    EXPECT_NE(found[1].words.find("tcp::9461 has no password"), std::string::npos);
}

TEST(Report, KeepsQuietOfASharedCacheWhereThereIsNone) {
    doctor::FleetFacts facts;
    EXPECT_TRUE(doctor::judge(facts).empty());
    facts.asked = true;
    EXPECT_TRUE(doctor::judge(facts).empty());
}

TEST(Report, SaysWhetherTheSharedCacheIsUsed) {
    doctor::FleetFacts facts;
    facts.configured = true;
    const auto only = [&] {
        const doctor::Findings found = doctor::judge(facts);
        EXPECT_EQ(found.size(), 1u) << text(found);
        return found.empty() ? doctor::Finding{} : found.front();
    };
    EXPECT_EQ(only().id, "shared-not-asked");
    facts.asked = true;
    EXPECT_EQ(only().id, "shared-not-in-use");
    EXPECT_THAT(only().fix, HasSubstr("restart"));
    facts.in_use = true;
    facts.engine = "unix:/run/redis/redis-server.sock";
    EXPECT_EQ(only().words,
              "the engine of the shared cache, unix:/run/redis/redis-server.sock, cannot be used; this "
              "host looks for policies by itself meanwhile");
    facts.since = "2027-05-01T12:00:00Z";
    facts.trouble = "auth: user or password are wrong";
    EXPECT_EQ(only().id, "shared-off-now");
    EXPECT_EQ(only().verdict, doctor::Verdict::warn); // mail flows
    EXPECT_THAT(only().words,
                HasSubstr("cannot be used since 2027-05-01T12:00:00Z: auth: user or password are wrong"));
    facts.up = true;
    EXPECT_EQ(only().id, "shared-not-notified");
    facts.subscribed = true;
    EXPECT_EQ(only().id, "shared-works");
    EXPECT_EQ(only().verdict, doctor::Verdict::ok);
    facts.configured = false; // the file has changed since the start
    EXPECT_EQ(only().id, "shared-works");
    facts.other_clocks = {"a", "b", "c", "d"};
    EXPECT_EQ(only().id, "shared-other-clock");
    EXPECT_THAT(only().words, HasSubstr("a, b, c and 1 more are over five minutes ahead"));
    facts.other_clocks.clear();
    facts.hosts_trouble = "timeout";
    EXPECT_EQ(only().id, "shared-unknown-hosts");
    facts.hosts_trouble.clear();
    facts.refused = {"bad-seal (3)"};
    EXPECT_EQ(only().id, "shared-refuses");
    EXPECT_THAT(only().words, HasSubstr("bad-seal (3)"));
}

TEST(Report, NamesFilesOfTheSharedCacheThatAreRefused) {
    doctor::FleetFacts facts;
    facts.configured = facts.asked = facts.in_use = facts.up = facts.subscribed = true;
    facts.files_refused = {"shared.key_file: /k: others may use it (mode 0644)"};
    const doctor::Findings found = doctor::judge(facts);
    ASSERT_EQ(found.size(), 2u);
    EXPECT_EQ(found[0].id, "shared-file-refused");
    EXPECT_EQ(found[0].verdict, doctor::Verdict::warn);
    EXPECT_THAT(found[0].words, HasSubstr("mode 0644"));
    EXPECT_EQ(found[1].id, "shared-works");
    facts.asked = false;
    EXPECT_EQ(doctor::judge(facts).size(), 1u);
}

TEST(Report, SaysWhatAnAdministratorHasSwitchedOff) {
    doctor::DaemonFacts facts;
    facts.answers = true;
    facts.version = facts.tool_version = "1";
    facts.dane = "active";
    EXPECT_EQ(doctor::troubles(doctor::judge(facts, doctor::ResolverFacts{})).size(), 0u);
    facts.observes = true;
    facts.weakening = {{"a.example", "may", base::Instant{std::chrono::seconds{1801353600}}, false},
                       {".b.example", "off", std::nullopt, true}};
    facts.now = base::Instant{std::chrono::seconds{1801353600 - 3 * 86400}};
    const doctor::Findings found = doctor::troubles(doctor::judge(facts, doctor::ResolverFacts{}));
    ASSERT_EQ(found.size(), 3u);
    EXPECT_EQ(found[0].id, "daemon-observes");
    EXPECT_EQ(found[1].id, "override-weakens");
    EXPECT_EQ(found[1].verdict, doctor::Verdict::warn);
    EXPECT_NE(found[1].words.find("a.example (may, until 2027-01-31T00:00:00Z, in 3 days)"),
              std::string::npos);
    EXPECT_NE(found[1].fix.find("stsmap override remove a.example"), std::string::npos);
    EXPECT_NE(found[2].words.find(".b.example (off, without an end)"), std::string::npos);
    EXPECT_NE(found[2].fix.find("stands in the configuration"), std::string::npos);
    facts.weakening.assign(30, facts.weakening[0]);
    EXPECT_LE(doctor::judge(facts, doctor::ResolverFacts{}).size(), 12u);
    EXPECT_NE(doctor::judge(facts, doctor::ResolverFacts{}).back().words.find("there are 30 such overrides"),
              std::string::npos);
}

} // namespace
