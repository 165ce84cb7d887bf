#include "daemon/spare_descriptors.hpp"

#include <gtest/gtest.h>

#include <sys/resource.h>

#include <cstddef>
#include <filesystem>
#include <iterator>
#include <stdexcept>
#include <string>

namespace {

std::size_t open_files() {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {}));
}

TEST(SpareDescriptors, AreThereAndLeftAlone) {
    const std::size_t before = open_files();
    EXPECT_NO_THROW(app::require_spare_descriptors(app::descriptors_to_start));
    EXPECT_EQ(open_files(), before);
}

TEST(SpareDescriptors, WantIsToldInWords) {
    rlimit old{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &old), 0);
    const std::size_t before = open_files();
    rlimit few = old;
    few.rlim_cur = before + 3;
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
    std::string words;
    try {
        app::require_spare_descriptors(64);
    } catch (const std::runtime_error& error) {
        words = error.what();
    }
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &old), 0);
    EXPECT_NE(words.find("no room for 64 more open files (Too many open files)"), std::string::npos) << words;
    EXPECT_EQ(open_files(), before);
}

} // namespace
