// The daemon's manual has every reason of the vocabulary.
#include "base/reason.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>
#include <string>

namespace {

TEST(DaemonManual, NamesEveryReasonOnce) {
    std::ifstream in{STSMAPD_SOURCE_DIR "/man/stsmapd.8"};
    ASSERT_TRUE(in);
    std::string line;
    while (std::getline(in, line) && line != "The reasons are:") {
    }
    ASSERT_TRUE(in) << "the list of reasons is gone";
    std::multiset<std::string> words;
    while (std::getline(in, line) && !line.starts_with(".Sh")) {
        std::istringstream split{line};
        for (std::string word; split >> word;) words.insert(word);
    }
    std::size_t reasons = 0;
    for (int i = 1; i < 256; ++i) { // 0 is none: no failure
        const std::string name{to_string(static_cast<base::Reason>(i))};
        if (name == "unknown") continue;
        ++reasons;
        EXPECT_EQ(words.count(name), 1u) << name;
    }
    EXPECT_GE(reasons, 38u);
}

} // namespace
