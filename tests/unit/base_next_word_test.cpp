#include "base/next_word.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace {

std::vector<std::string> words(std::string_view text, std::string_view blanks) {
    std::vector<std::string> all;
    for (auto word = base::next_word(text, blanks); !word.empty(); word = base::next_word(text, blanks))
        all.emplace_back(word);
    EXPECT_EQ(text, "");
    return all;
}

TEST(NextWord, TakesALineApart) {
    using All = std::vector<std::string>;
    EXPECT_EQ(words("", " \t"), All{});
    EXPECT_EQ(words(" \t ", " \t"), All{});
    EXPECT_EQ(words("a", " \t"), All{"a"});
    EXPECT_EQ(words("  a\tbc  d\r", " \t\r"), (All{"a", "bc", "d"}));
    EXPECT_EQ(words("a\rb", " \t"), All{"a\rb"});
}

TEST(NextWord, LeavesTheRestAsItIs) {
    std::string_view rest = " key value # more ";
    EXPECT_EQ(base::next_word(rest, " "), "key");
    EXPECT_EQ(rest, " value # more ");
}

} // namespace
