// Postfix's settings after a change, compared with the intended ones.
#include "tool/setup/read_back.hpp"

#include <gtest/gtest.h>

namespace {

using Lines = std::vector<std::string>;
using Settings = std::vector<setup::Undo::Setting>;

const setup::Parameters before = {{"myhostname", "mail.example"}, {"smtp_tls_policy_maps", "hash:/a"}};

TEST(Differences, AreNoneWhenAllIsAsMeant) {
    EXPECT_EQ(setup::differences(before, {}, before), Lines{});
    const Settings settings = {{"smtp_tls_policy_maps", "hash:/a, x"}, {"smtp_tls_security_level", "may"}};
    EXPECT_EQ(setup::differences(before, settings,
                                 {{"myhostname", "mail.example"},
                                  {"smtp_tls_policy_maps", "hash:/a, x"},
                                  {"smtp_tls_security_level", "may"}}),
              Lines{});
    EXPECT_EQ(
        setup::differences(before, {{"myhostname", std::nullopt}}, {{"smtp_tls_policy_maps", "hash:/a"}}),
        Lines{});
}

TEST(Differences, LeaveTheFolderOutOfIt) {
    // postconf -c prints the folder that it was given, as if main.cf had it.
    EXPECT_EQ(setup::differences({{"config_directory", "/etc/postfix"}}, {},
                                 {{"config_directory", "/etc/postfix/x"}}),
              Lines{});
    EXPECT_EQ(setup::differences({}, {}, {{"config_directory", "/etc/postfix/x"}}), Lines{});
}

TEST(Differences, NameWhatIsNotAsMeantAndWhatElseChanged) {
    // The result of Postfix 3.7 for a last line without a line end.
    const Settings settings = {{"smtp_tls_security_level", "may"}};
    EXPECT_EQ(
        setup::differences(before, settings,
                           {{"myhostname", "mail.example"},
                            {"smtp_tls_policy_maps", "hash:/asmtp_tls_security_level = may"}}),
        (Lines{"smtp_tls_policy_maps is \"hash:/asmtp_tls_security_level = may\" and should be \"hash:/a\"",
               "smtp_tls_security_level is not set and should be \"may\""}));
    EXPECT_EQ(setup::differences(before, {{"myhostname", std::nullopt}}, before),
              Lines{"myhostname is \"mail.example\" and should be not set"});
    EXPECT_EQ(setup::differences({}, {}, {{"a", ""}}), Lines{"a is \"\" and should be not set"});
}

TEST(Completed, EndsTheLastLine) {
    EXPECT_EQ(setup::completed(""), "");
    EXPECT_EQ(setup::completed("a = b"), "a = b\n");
    EXPECT_EQ(setup::completed("a = b\n"), "a = b\n");
    EXPECT_EQ(setup::completed("a = b\n# comment"), "a = b\n# comment\n");
}

} // namespace
