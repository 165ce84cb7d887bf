// What `stsmap metrics --textfile` writes, and how.
#include "tool/control/texts.hpp"
#include "tool/control/whole_file.hpp"

#include "support/temp_folder.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include <sys/stat.h>
#include <unistd.h>

namespace {

namespace fs = std::filesystem;

std::string content(const std::string& path) {
    std::ifstream in(path);
    return {std::istreambuf_iterator<char>(in), {}};
}

std::ptrdiff_t files_in(const fs::path& folder) {
    return std::distance(fs::directory_iterator(folder), fs::directory_iterator());
}

TEST(WholeFile, IsReplacedAsAWholeWithItsMode) {
    const test::TempFolder folder;
    const std::string path = folder / "stsmapd.prom";
    const mode_t before = ::umask(0077);
    for (const std::string& text : {std::string("a 1\n"), std::string(1'000'000, 'x'), std::string()}) {
        const auto done = tool::replace_file(path, text);
        ASSERT_TRUE(done) << done.error();
        EXPECT_EQ(content(path), text);
        struct stat found {};
        ASSERT_EQ(::stat(path.c_str(), &found), 0);
        EXPECT_EQ(found.st_mode & 07777, 0644u);
        EXPECT_EQ(files_in(folder.path()), 1) << "nothing is left beside it";
    }
    ::umask(before);
    // Who has the old one open still reads it: it is another file.
    std::ifstream held(path);
    ASSERT_TRUE(tool::replace_file(path, "new\n"));
    EXPECT_EQ(std::string(std::istreambuf_iterator<char>(held), {}), "");
}

TEST(WholeFile, AFailureChangesNothing) {
    const test::TempFolder folder;
    EXPECT_FALSE(tool::replace_file(folder / "none/stsmapd.prom", "x"));
    EXPECT_FALSE(tool::replace_file(folder.path().string() + "/", "x"));
    const std::string taken = folder / "taken.prom";
    fs::create_directories(taken);
    const auto refused = tool::replace_file(taken, "x");
    ASSERT_FALSE(refused);
    EXPECT_TRUE(refused.error().starts_with(taken + ": ")) << refused.error();
    EXPECT_EQ(files_in(folder.path()), 1) << "nothing is left beside it";
    EXPECT_FALSE(tool::replace_file("/proc/none.prom", "x"));
}

TEST(OwnFamilies, LeaveOutThoseOfTheProcess) {
    EXPECT_EQ(tool::own_families("# HELP stsmapd_a A.\n# TYPE stsmapd_a counter\nstsmapd_a{b=\"process_c\"} 1\n"
                                 "# HELP process_threads T.\n# TYPE process_threads gauge\nprocess_threads 3\n"
                                 "# HELP stsmapd_z Z.\nstsmapd_z 2"),
              "# HELP stsmapd_a A.\n# TYPE stsmapd_a counter\nstsmapd_a{b=\"process_c\"} 1\n# HELP stsmapd_z Z.\n"
              "stsmapd_z 2\n");
    EXPECT_EQ(tool::own_families(""), "");
    EXPECT_EQ(tool::own_families("\n\n# EOF\n"), "");
}

} // namespace
