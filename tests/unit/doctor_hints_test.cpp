// Commands within texts, completed for the shell into which they are pasted.
#include "tool/doctor/hints.hpp"

#include <gtest/gtest.h>

#include <utility>

namespace {

using doctor::fitting;
using doctor::PlaceFacts;

TEST(Hints, AreLeftAloneWhereNothingWasGiven) {
    for (const char* fix : {"", "stsmap postfix-setup --apply --reload", "systemctl restart stsmapd.service",
                            "postconf -e 'x = y'; postfix reload"})
        EXPECT_EQ(fitting(fix, PlaceFacts{}), fix);
}

TEST(Hints, KeepThePostfixFolder) {
    const PlaceFacts place{"", "/etc/postfix-out", true};
    const std::pair<const char*, const char*> table[] = {
        {"stsmap postfix-setup --apply", "stsmap postfix-setup -c /etc/postfix-out --apply"},
        {"stsmap postfix-setup", "stsmap postfix-setup -c /etc/postfix-out"},
        {"stsmap postfix-setup, then postfix reload",
         "stsmap postfix-setup -c /etc/postfix-out, then postfix -c /etc/postfix-out reload"},
        {"run stsmap doctor as root", "run stsmap doctor -c /etc/postfix-out as root"},
        {"postconf -X smtp_tcp_port; postconf -P -X relay/unix/smtp_tcp_port",
         "postconf -c /etc/postfix-out -X smtp_tcp_port; postconf -c /etc/postfix-out -P -X "
         "relay/unix/smtp_tcp_port"},
        {"postconf -c /etc/postfix-out -e 'a = b'", "postconf -c /etc/postfix-out -e 'a = b'"},
        {"stsmap postfix-setup -c /etc/postfix-out --undo",
         "stsmap postfix-setup -c /etc/postfix-out --undo"},
        {"(postmap -q x y)", "(postmap -c /etc/postfix-out -q x y)"},
        {"postconf's own words", "postconf's own words"},
        {"apt-get install postfix", "apt-get install postfix"},
    };
    for (const auto& [fix, fits] : table) EXPECT_EQ(fitting(fix, place), fits);
}

TEST(Hints, KeepTheToolsOptions) {
    const PlaceFacts file{"--config /x.toml", "", true};
    EXPECT_EQ(fitting("stsmap postfix-setup --apply", file), "stsmap --config /x.toml postfix-setup --apply");
    EXPECT_EQ(fitting("stsmapd --check-config looks again", file),
              "stsmapd --config /x.toml --check-config looks again");
    EXPECT_EQ(fitting("stsmap --config /x.toml doctor", file), "stsmap --config /x.toml doctor");
    const PlaceFacts both{"--socket unix:/s", "/p", true};
    EXPECT_EQ(fitting("stsmap doctor", both), "stsmap --socket unix:/s doctor -c /p");
    EXPECT_EQ(fitting("stsmapd --check-config", both), "stsmapd --check-config");
}

TEST(Hints, NameNoSystemctlWhereSystemdDoesNotRun) {
    const PlaceFacts place{"", "/p", false};
    const std::pair<const char*, const char*> table[] = {
        {"systemctl enable --now stsmapd.socket stsmapd.service", "start stsmapd"},
        {"systemctl restart stsmapd.service sets it aside", "stop stsmapd, and start it again sets it aside"},
        {"x, and then systemctl reload stsmapd.service", "x, and then kill -HUP $(pidof stsmapd)"},
        {"systemctl restart postfix", "postfix -c /p stop; postfix -c /p start"},
        {"systemctl unmask stsmapd.socket",
         "without systemd, have whoever starts the services do: unmask stsmapd.socket"},
    };
    for (const auto& [fix, fits] : table) EXPECT_EQ(fitting(fix, place), fits);
}

} // namespace
