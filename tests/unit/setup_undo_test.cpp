// The record of --apply, and the way back.
#include "tool/setup/undo.hpp"

#include <gtest/gtest.h>

namespace {

using setup::Undo;
using setup::UndoRecord;
using Settings = std::vector<Undo::Setting>;

const std::string ours = "socketmap:unix:stsmapd/socketmap:sts";
const setup::OurPlaces places{{"unix:/q/stsmapd/socketmap"}, "/q", {}};

UndoRecord sample() {
    UndoRecord record;
    record.entries = {{"smtp_tls_policy_maps", "hash:/a", "hash:/a, " + ours},
                      {"smtp_tls_security_level", std::nullopt, "may"},
                      {"smtp_tls_CAfile", "", "/ca.pem"}};
    record.digest = "abc";
    record.has_copy = true;
    return record;
}

setup::Installed postfix(setup::Parameters set) {
    setup::Installed installed;
    installed.set = std::move(set);
    return installed;
}

setup::Installed as_applied() {
    return postfix({{"smtp_tls_policy_maps", "hash:/a, " + ours},
                    {"smtp_tls_security_level", "may"},
                    {"smtp_tls_CAfile", "/ca.pem"}});
}

TEST(UndoRecord, IsReadAsItWasWritten) {
    UndoRecord record = sample();
    EXPECT_EQ(setup::parse_record(setup::format_record(record)), record);
    record.has_copy = false;
    record.digest = "";
    EXPECT_EQ(setup::parse_record(setup::format_record(record)), record);
    EXPECT_EQ(setup::parse_record(setup::format_record({})), UndoRecord{});
}

TEST(UndoRecord, IsNotMadeOfAnything) {
    for (const char* text : {"", "# nothing\n", "set a = b\n", "stsmap-undo 2\n",
                             "stsmap-undo 1\nwas a = b\n", "stsmap-undo 1\nset a = b\nwas c = d\n",
                             "stsmap-undo 1\nset nothing\n", "stsmap-undo 1\nnonsense\n"})
        EXPECT_FALSE(setup::parse_record(text)) << text;
}

TEST(NextRecord, KeepsTheFirstWayBack) {
    const std::vector<setup::Change> first = {{"a", "1", "2", "", true}, {"b", std::nullopt, "3", "", true}};
    UndoRecord record = setup::next_record(std::nullopt, first, "before");
    EXPECT_TRUE(record.has_copy);
    EXPECT_EQ(record.entries, (std::vector<UndoRecord::Entry>{{"a", "1", "2"}, {"b", std::nullopt, "3"}}));
    record.digest = "after";
    const std::vector<setup::Change> second = {{"a", "2", "4", "", true}, {"c", "", "5", "", true}};
    const UndoRecord next = setup::next_record(record, second, "after");
    EXPECT_TRUE(next.has_copy);
    EXPECT_EQ(next.digest, "") << "known only when main.cf has been changed";
    EXPECT_EQ(next.entries,
              (std::vector<UndoRecord::Entry>{{"a", "1", "4"}, {"b", std::nullopt, "3"}, {"c", "", "5"}}));
    EXPECT_FALSE(setup::next_record(record, second, "edited by hand").has_copy);
}

TEST(PlanUndo, PutsTheCopyBackWhileNobodyElseTouchedTheFile) {
    const Undo undo = setup::plan_undo(sample(), as_applied(), places, "abc");
    EXPECT_TRUE(undo.restore_copy);
    EXPECT_EQ(undo.settings, Settings{});
}

TEST(PlanUndo, TakesValuesBackOneByOne) {
    const Undo undo = setup::plan_undo(sample(), as_applied(), places, "other");
    EXPECT_FALSE(undo.restore_copy);
    EXPECT_EQ(undo.settings, (Settings{{"smtp_tls_policy_maps", "hash:/a"},
                                       {"smtp_tls_security_level", std::nullopt},
                                       {"smtp_tls_CAfile", ""}}));
    UndoRecord without_copy = sample();
    without_copy.has_copy = false;
    EXPECT_EQ(setup::plan_undo(without_copy, as_applied(), places, "abc").settings, undo.settings);
}

TEST(PlanUndo, LeavesOthersChangesAlone) {
    setup::Installed changed = as_applied();
    changed.set["smtp_tls_policy_maps"] = "hash:/a, hash:/b, " + ours + ", hash:/c";
    changed.set["smtp_tls_security_level"] = "encrypt";
    changed.set["smtp_tls_CAfile"] = "";
    const Undo undo = setup::plan_undo(sample(), changed, places, "other");
    EXPECT_EQ(undo.settings, (Settings{{"smtp_tls_policy_maps", "hash:/a, hash:/b, hash:/c"}}));
    ASSERT_EQ(undo.remarks.size(), 1U);
    EXPECT_NE(undo.remarks[0].find("smtp_tls_security_level"), std::string::npos);
}

TEST(PlanUndo, WorksWithoutARecordForTheMap) {
    const Undo undo = setup::plan_undo(std::nullopt, as_applied(), places, "abc");
    EXPECT_FALSE(undo.restore_copy);
    EXPECT_EQ(undo.settings, (Settings{{"smtp_tls_policy_maps", "hash:/a"}}));
    const auto alone = postfix({{"smtp_tls_policy_maps", ours}});
    EXPECT_EQ(setup::plan_undo(std::nullopt, alone, places, "").settings,
              (Settings{{"smtp_tls_policy_maps", std::nullopt}}));
    const auto none = postfix({{"smtp_tls_policy_maps", "hash:/a"}});
    EXPECT_EQ(setup::plan_undo(std::nullopt, none, places, "").settings, Settings{});
    EXPECT_TRUE(setup::plan_undo(std::nullopt, none, places, "").remarks.empty());
}

TEST(CommandFor, CanBePasted) {
    EXPECT_EQ(setup::command_for("a", "b c", ""), "postconf -e 'a = b c'");
    EXPECT_EQ(setup::command_for("a", std::nullopt, ""), "postconf -X a");
    EXPECT_EQ(setup::command_for("a", "", "/etc/my postfix"), "postconf -c '/etc/my postfix' -e 'a = '");
    EXPECT_EQ(setup::command_for("a", "it's $b", ""), "postconf -e 'a = it'\\''s $b'");
}

} // namespace
