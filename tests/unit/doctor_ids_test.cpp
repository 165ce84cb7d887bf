// The ids of findings: each one is used somewhere, and is in the manual.
#include "tool/doctor/ids.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <string>

namespace {

std::string content(const std::filesystem::path& file) {
    std::ifstream in(file);
    std::stringstream text;
    text << in.rdbuf();
    return text.str();
}

TEST(Ids, AreSortedAndSingleWordsInKebabCase) {
    const auto& ids = doctor::ids();
    EXPECT_TRUE(std::ranges::is_sorted(ids));
    EXPECT_EQ(std::ranges::adjacent_find(ids), ids.end());
    for (const std::string_view id : ids) {
        EXPECT_EQ(id.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-"), std::string_view::npos)
            << id;
        EXPECT_FALSE(id.empty() || id.starts_with('-') || id.ends_with('-')) << id;
    }
}

TEST(Ids, AreAllUsed) {
    std::string sources;
    for (const char* folder : {"tool/doctor", "tool/setup"})
        for (const auto& each :
             std::filesystem::directory_iterator(std::string(STSMAPD_SOURCE_DIR "/src/") + folder))
            if (const std::string name = each.path().filename().string();
                name.ends_with(".cpp") && name.find("ids") == std::string::npos)
                sources += content(each.path());
    for (const std::string_view id : doctor::ids())
        EXPECT_NE(sources.find('"' + std::string(id) + '"'), std::string::npos) << id << " is never told";
}

TEST(Ids, AreTheManuals) {
    std::istringstream manual(content(STSMAPD_SOURCE_DIR "/man/stsmap.1"));
    std::string line;
    while (std::getline(manual, line) && line != ".Ss Findings of doctor") {
    }
    ASSERT_TRUE(manual) << "the list of findings is gone";
    std::multiset<std::string> listed;
    while (std::getline(manual, line) && !line.starts_with(".Ss") && !line.starts_with(".Sh"))
        if (line.starts_with(".It Cm ")) listed.insert(line.substr(7));
    const auto& ids = doctor::ids();
    EXPECT_EQ(listed, std::multiset<std::string>(ids.begin(), ids.end()));
}

} // namespace
