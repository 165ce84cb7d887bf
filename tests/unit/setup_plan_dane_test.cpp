// DNSSEC in the plan: smtp_dns_support_level, and the name servers that smtp(8) asks.
#include "tool/setup/plan_dane.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>

namespace {

using namespace setup;
using testing::HasSubstr;
using testing::Not;
using Dane = Surroundings::Dane;

const std::string ours = "socketmap:unix:stsmapd/socketmap:sts";

/// A Debian host with a chroot, whose own resolver answers; each test changes one thing.
struct Host {
    Installed postfix;
    Surroundings around;

    Host() {
        postfix.version_text = "3.7.11";
        postfix.version = {3, 7, 11};
        postfix.effective = {{"queue_directory", "/var/spool/postfix"},
                             {"dnssec_probe", "ns:."},
                             {"smtp_tls_policy_maps", ours}};
        for (const char* name : {"smtp", "relay"}) {
            Service service;
            service.name = name;
            service.type = "unix";
            service.chroot = true;
            service.program = "smtp";
            service.use = Use::default_route;
            service.effective = postfix.effective;
            postfix.services.push_back(service);
        }
        around.ours.listen = {"unix:/var/spool/postfix/stsmapd/socketmap"};
        around.ours.queue_directory = "/var/spool/postfix";
        around.dane = Dane::inactive;
        Resolvers view;
        view.file = "/var/spool/postfix/etc/resolv.conf";
        view.chroot = view.dnssec = true;
        view.services = {"smtp/unix", "relay/unix"};
        view.servers = {{"127.0.0.1:53", true, false, ""}};
        around.resolvers = {view};
    }
    Resolvers& view() { return around.resolvers[0]; }
    void set(const std::string& name, const std::string& value) {
        postfix.set[name] = postfix.effective[name] = value;
        for (Service& service : postfix.services)
            if (!service.overrides.contains(name)) service.effective[name] = value;
    }
    void override_in(std::size_t service, const std::string& name, const std::string& value) {
        postfix.services[service].overrides[name] = postfix.services[service].effective[name] = value;
    }
    [[nodiscard]] Plan plan() const {
        Plan plan;
        plan_dane(postfix, around, plan);
        return plan;
    }
};

std::string told(const Plan& plan) {
    std::string text;
    for (const Change& change : plan.changes) text += "change " + change.name + " = " + change.after + '\n';
    for (const Remark& remark : plan.remarks)
        text += (remark.kind == Remark::Kind::note      ? "note "
                 : remark.kind == Remark::Kind::warning ? "warning "
                                                        : "refusal ") +
                remark.id + ": " + remark.words + " | " + remark.fix + '\n';
    return text;
}

/// Only the ids.
std::string ids(const Plan& plan) {
    std::string text;
    for (const Change& change : plan.changes) text += change.id + ' ';
    for (const Remark& remark : plan.remarks) text += remark.id + ' ';
    return text;
}

TEST(PlanDane, PreparesPostfixWhileDaneIsNotActive) {
    for (const Dane dane : {Dane::active, Dane::inactive, Dane::unknown}) {
        Host host;
        host.around.dane = dane;
        host.view().servers[0].validates = true;
        const Plan plan = host.plan();
        EXPECT_EQ(ids(plan), "set-smtp-dns-support-level ") << told(plan);
        EXPECT_EQ(plan.changes.at(0).after, "dnssec");
        EXPECT_TRUE(plan.changes[0].needed);
    }
    Host off;
    off.around.dane = Dane::off;
    EXPECT_EQ(told(off.plan()), "");
}

TEST(PlanDane, SaysOfTheTwoWarnings) {
    Host host;
    EXPECT_EQ(ids(host.plan()), "set-smtp-dns-support-level dnssec-probe-warns ");
    EXPECT_THAT(told(host.plan()), HasSubstr("'dnssec_probe ="));
    host.set("smtp_dns_support_level", "dnssec");
    EXPECT_EQ(ids(host.plan()), "dnssec-probe-warns ");
    host.set("dnssec_probe", "");
    EXPECT_EQ(ids(host.plan()), "");
    Host old;
    old.postfix.version = {3, 5, 25};
    EXPECT_EQ(ids(old.plan()), "set-smtp-dns-support-level ");
}

TEST(PlanDane, IsDoneWhereAllIsSet) {
    for (const char* level : {"dnssec", "DNSSEC"}) {
        Host host;
        host.around.dane = Dane::active;
        host.view().servers[0].validates = true;
        host.set("smtp_dns_support_level", level);
        EXPECT_EQ(told(host.plan()), "");
    }
}

TEST(PlanDane, ProposesNothingThatAServerDoesNotAnswer) {
    Host host;
    host.view().servers.push_back({"192.0.2.1:53", false, false, "it answers SERVFAIL"});
    const Plan plan = host.plan();
    EXPECT_EQ(ids(plan), "resolver-fails-dnssec ") << told(plan);
    EXPECT_TRUE(plan.refused());
    EXPECT_THAT(told(plan), HasSubstr("192.0.2.1:53 (it answers SERVFAIL)"));
    EXPECT_THAT(told(plan), HasSubstr("dane = \"off\""));
    EXPECT_THAT(told(plan), Not(HasSubstr("127.0.0.1:53 (")));
    host.view().servers[0] = {"127.0.0.1:53", false, false, "no answer within 5000 ms"};
    EXPECT_EQ(ids(host.plan()), "resolver-fails-dnssec ");
    EXPECT_THAT(told(host.plan()), HasSubstr("defers all mail with that level"));
}

TEST(PlanDane, JudgesServersOfALevelThatIsSet) {
    Host host;
    host.set("smtp_dns_support_level", "dnssec");
    host.set("dnssec_probe", "");
    host.view().servers.push_back({"192.0.2.1:53", false, false, "it answers SERVFAIL"});
    EXPECT_EQ(ids(host.plan()), "resolver-fails-dnssec ");
    EXPECT_FALSE(host.plan().refused()) << "the first one answers: " << told(host.plan());
    host.view().servers[0].answers = false;
    EXPECT_TRUE(host.plan().refused());
    EXPECT_THAT(told(host.plan()), HasSubstr("defers all mail"));
    host.around.dane = Dane::off;
    EXPECT_THAT(told(host.plan()), HasSubstr("postconf -X smtp_dns_support_level"));
}

TEST(PlanDane, SaysWhatBecomesOfLookups) {
    const NameServer good{"192.0.2.1:53", true, true, "", false};
    const NameServer fails{"192.0.2.2:53", false, false, "SERVFAIL", false};
    const NameServer ends{"192.0.2.3:53", false, false, "FORMERR", true};
    struct Case {
        std::vector<NameServer> servers;
        bool rotate, refused;
        const char* words;
    };
    const std::vector<Case> cases{
        {{good, fails}, false, false, "has to go on to another server"},
        {{good, ends}, false, false, "has to go on to another server"},
        {{fails, good}, false, false, "has to go on to another server"},
        {{fails}, false, true, "defers all mail"},
        {{ends}, false, true, "returns all mail to its senders"},
        {{fails, ends}, false, true, "returns all mail to its senders"},
        {{ends, good}, false, true, "returns all mail to its senders"},
        {{good, fails}, true, false, "has to go on to another server"},
        {{good, ends}, true, true, "returns mail to its sender, and does not try again, whenever"},
        {{ends}, true, true, "returns all mail to its senders"},
    };
    for (const Case& each : cases) {
        Host host;
        host.set("smtp_dns_support_level", "dnssec");
        host.view().servers = each.servers;
        host.view().rotate = each.rotate;
        EXPECT_EQ(host.plan().refused(), each.refused) << each.words;
        EXPECT_THAT(told(host.plan()), HasSubstr(each.words));
    }
}

TEST(PlanDane, NoticesAChrootThatHasBeenLeftBehind) {
    Host host;
    host.view().difference = "it names 192.0.2.1, and the system's 127.0.0.1";
    for (const char* level : {"", "dnssec"}) {
        host.set("smtp_dns_support_level", level);
        for (const Dane dane : {Dane::active, Dane::inactive, Dane::unknown}) {
            host.around.dane = dane;
            EXPECT_EQ(ids(host.plan()), "resolv-conf-differs ") << told(host.plan());
            EXPECT_TRUE(host.plan().refused());
        }
    }
    EXPECT_THAT(told(host.plan()),
                HasSubstr("restart Postfix (a reload does not renew it): systemctl restart postfix"));
    host.around.systemd = false;
    EXPECT_THAT(told(host.plan()), HasSubstr("cp /etc/resolv.conf /var/spool/postfix/etc/resolv.conf"));
    host.around.dane = Dane::off;
    host.set("dnssec_probe", "");
    EXPECT_EQ(ids(host.plan()), "") << "nothing hangs on it, and its servers answer";
}

TEST(PlanDane, NoticesAResolverOfPostfixsOwnThatDoesNotValidate) {
    Host host;
    host.set("smtp_dns_support_level", "dnssec");
    host.around.dane = Dane::active;
    EXPECT_EQ(ids(host.plan()), "resolver-not-validating ") << told(host.plan());
    EXPECT_TRUE(host.plan().refused());
    host.view().servers = {{"127.0.0.1:53", true, true, ""}, {"192.0.2.1:53", true, false, ""}};
    EXPECT_EQ(ids(host.plan()), "") << "the second one is asked when the first is silent";
    host.view().rotate = true;
    EXPECT_EQ(ids(host.plan()), "resolver-not-validating ");
    host.view().rotate = false;
    std::swap(host.view().servers[0], host.view().servers[1]);
    EXPECT_EQ(ids(host.plan()), "resolver-not-validating ");
}

TEST(PlanDane, DoesNotChangeLookupsThatAreOff) {
    Host host;
    host.set("smtp_dns_support_level", "disabled");
    EXPECT_EQ(ids(host.plan()).substr(0, 13), "dns-disabled ") << told(host.plan());
    EXPECT_TRUE(host.plan().refused());
    EXPECT_TRUE(host.plan().changes.empty());
    Host old;
    old.set("disable_dns_lookups", "yes");
    EXPECT_EQ(ids(old.plan()).substr(0, 13), "dns-disabled ") << told(old.plan());
    old.around.dane = Dane::off;
    EXPECT_EQ(ids(old.plan()), "");
}

TEST(PlanDane, SeesServicesWithALevelOfTheirOwn) {
    Host host;
    host.view().servers[0].validates = true;
    host.set("smtp_dns_support_level", "dnssec");
    host.override_in(0, "smtp_dns_support_level", "enabled");
    EXPECT_EQ(ids(host.plan()), "dnssec-overridden ") << told(host.plan());
    EXPECT_TRUE(host.plan().refused());
    EXPECT_THAT(told(host.plan()), HasSubstr("postconf -P 'smtp/unix/smtp_dns_support_level=dnssec'"));
    host.override_in(0, "smtp_tls_policy_maps", "");
    EXPECT_EQ(ids(host.plan()), "") << "it does not ask stsmapd";
}

TEST(PlanDane, DoesNotGuessWhatItCannotRead) {
    Host host;
    host.set("smtp_dns_support_level", "dnssec");
    host.set("dnssec_probe", "");
    host.view() = {};
    host.view().file = "/var/spool/postfix/etc/resolv.conf";
    host.view().trouble = host.view().file + ": Permission denied";
    host.view().unseen = true;
    host.view().services = {"smtp/unix"};
    EXPECT_EQ(ids(host.plan()), "resolv-conf-unread ");
    EXPECT_FALSE(host.plan().refused());
    host.view().unseen = false;
    EXPECT_TRUE(host.plan().refused());
}

} // namespace
