// Mistyped words and what they mean.
#include "base/spelling.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <utility>

namespace {

TEST(Spelling, DistanceCountsLetters) {
    EXPECT_EQ(base::edit_distance("", ""), 0u);
    EXPECT_EQ(base::edit_distance("doctor", "doctor"), 0u);
    EXPECT_EQ(base::edit_distance("docter", "doctor"), 1u);
    EXPECT_EQ(base::edit_distance("dotcor", "doctor"), 2u);
    EXPECT_EQ(base::edit_distance("", "abc"), 3u);
    EXPECT_EQ(base::edit_distance("abc", ""), 3u);
}

TEST(Spelling, TheNearestWordIsMeant) {
    constexpr std::array<std::string_view, 3> known{"query", "postfix-setup", "doctor"};
    const std::pair<std::string, std::string_view> rows[] = {
        {"docter", "doctor"},
        {"qurey", "query"},
        {"postfix_setup", "postfix-setup"},
        {"setup", "postfix-setup"},
        {"post", "postfix-setup"},
        {"postfix", "postfix-setup"},
        {"q", ""},
        {"doc", "doctor"},
        {"", ""},
        {"something-else", ""},
        {"querys", "query"},
        {"Doctor", "doctor"},
        {std::string(101, 'd'), ""},
        {"doctor.example.com", ""},
    };
    for (const auto& [mistyped, want] : rows) EXPECT_EQ(base::nearest(mistyped, known), want) << mistyped;
    constexpr std::array<std::string_view, 2> alike{"list", "lint"};
    EXPECT_EQ(base::nearest("listt", alike), "list");
    constexpr std::array<std::string_view, 2> same_start{"reports-read", "reports-send"};
    EXPECT_EQ(base::nearest("rep", same_start), "") << "part of two";
}

} // namespace
