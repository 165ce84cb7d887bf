// What postconf prints, read.
#include "tool/setup/postconf.hpp"

#include <gtest/gtest.h>

namespace {

using setup::Version;

TEST(ParseVersion, ReadsReleasesAndSnapshots) {
    const std::pair<const char*, std::optional<Version>> table[] = {
        {"3.7.11", Version{3, 7, 11}},
        {"3.4.0", Version{3, 4, 0}},
        {"3.10.0-RC1", Version{3, 10, 0}},
        {"3.12-20260821", Version{3, 12, 0}},
        {"3.10", Version{3, 10, 0}},
        {"3.5.6-nonprod-1", Version{3, 5, 6}},
        {"", std::nullopt},
        {"3", std::nullopt},
        {"3.", std::nullopt},
        {"x.1", std::nullopt},
        {"3.7 ", std::nullopt},
        {"-3.7", std::nullopt},
        {"3.99999999999999", std::nullopt},
        {"3.7.1.2", std::nullopt},
    };
    for (const auto& [text, version] : table) EXPECT_EQ(setup::parse_version(text), version) << text;
    EXPECT_LT((Version{3, 9, 12}), (Version{3, 10, 0}));
}

TEST(ParseParameters, ReadsOneAndSeveralLines) {
    const auto parameters = setup::parse_parameters("relayhost =\n"
                                                    "smtp_tls_policy_maps = hash:/a,  hash:/b\n"
                                                    "mynetworks = 127.0.0.0/8\n"
                                                    "    [::1]/128\n"
                                                    "\t[fe80::]/10\n"
                                                    "empty =\n"
                                                    "    later\n"
                                                    "# a comment = no\n"
                                                    "    not the comment's\n"
                                                    "no equals sign\n"
                                                    " = nameless\n"
                                                    "tight=a = b");
    EXPECT_EQ(parameters, (setup::Parameters{{"relayhost", ""},
                                             {"smtp_tls_policy_maps", "hash:/a,  hash:/b"},
                                             {"mynetworks", "127.0.0.0/8 [::1]/128 [fe80::]/10"},
                                             {"empty", "later"},
                                             {"tight", "a = b"}}));
}

TEST(ParseServices, ReadsEveryLine) {
    const std::string services =
        "smtp       inet  n       -       y       -       -       smtpd\n"
        "smtp       unix  -       -       y       -       -       smtp\n"
        "relay      unix  -       n       n       -       -       smtp -o x=y\n"
        "slow       unix  -       y       -       -       2       /usr/lib/postfix/sbin/smtp\n"
        "maildrop   unix  -       n       n       -       -       pipe flags=DRXhu user=v\n"
        "\nhalf a line\n";
    const std::string overrides = "relay/unix/syslog_name = postfix/$service_name\n"
                                  "relay/unix/smtp_tls_policy_maps = hash:/x hash:/y\n"
                                  "smtp/inet/smtpd_tls_security_level = may\n"
                                  "slow/unix/smtp_tls_security_level=none\n"
                                  "slow/unix/smtp_tls_security_level=may\n";
    const auto found = setup::parse_services(services, overrides, false);
    ASSERT_EQ(found.size(), 5U);
    EXPECT_EQ(found[0].overrides.size(), 1U);
    EXPECT_FALSE(found[0].runs("smtp"));
    EXPECT_EQ(found[1].where(), "smtp/unix");
    EXPECT_TRUE(found[1].chroot);
    EXPECT_TRUE(found[1].unprivileged);
    EXPECT_TRUE(found[1].overrides.empty());
    EXPECT_FALSE(found[2].chroot);
    EXPECT_FALSE(found[2].unprivileged);
    EXPECT_EQ(found[2].overrides, (setup::Parameters{{"syslog_name", "postfix/$service_name"},
                                                     {"smtp_tls_policy_maps", "hash:/x hash:/y"}}));
    EXPECT_TRUE(found[3].runs("smtp"));
    EXPECT_TRUE(found[3].unprivileged);
    EXPECT_FALSE(found[3].chroot);
    EXPECT_EQ(found[3].overrides, (setup::Parameters{{"smtp_tls_security_level", "may"}}))
        << "the last one counts";
    EXPECT_EQ(found[4].program, "pipe");
    EXPECT_TRUE(setup::parse_services(services, overrides, true)[3].chroot);
    EXPECT_FALSE(setup::parse_services(services, overrides, true)[2].chroot);
}

} // namespace
