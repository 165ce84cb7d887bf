// Log files: their order, packed ones, and their lines.
#include "support/temp_folder.hpp"
#include "tool/preview/log_files.hpp"
#include "tool/preview/times.hpp"

#include <gtest/gtest.h>

#include <zlib.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace preview {
namespace {

using base::Instant;
using base::seconds;

void write(const std::string& path, const std::string& content) {
    std::ofstream(path, std::ios::binary) << content;
}
void write_packed(const std::string& path, const std::string& content, const char* mode = "wb") {
    const gzFile file = ::gzopen(path.c_str(), mode);
    ASSERT_NE(file, nullptr);
    ASSERT_EQ(::gzwrite(file, content.data(), static_cast<unsigned>(content.size())),
              static_cast<int>(content.size()));
    ::gzclose(file);
}
std::vector<std::string> lines_of(Octets& octets) {
    LineReader reader(octets);
    std::vector<std::string> lines;
    while (const auto line = reader.next()) lines.emplace_back(*line);
    return lines;
}
std::vector<std::string> lines_of(const std::string& path) {
    const auto octets = open_log(path);
    EXPECT_TRUE(octets) << (octets ? "" : octets.error());
    auto lines = octets ? lines_of(**octets) : std::vector<std::string>{};
    EXPECT_EQ(octets ? (*octets)->problem() : "", "");
    return lines;
}
std::vector<std::string> names(const std::vector<LogFile>& files) {
    std::vector<std::string> made;
    for (const LogFile& file : files) made.push_back(file.path);
    return made;
}
LogFile made(const std::string& path, int changed, std::uint64_t inode = 0) {
    LogFile file;
    file.path = path;
    file.changed = Instant{seconds{changed}};
    file.inode = inode;
    return file;
}
using Names = std::vector<std::string>;

TEST(PreviewLogFiles, AreOrderedByTheirRotation) {
    EXPECT_EQ(names(in_order({made("mail.log", 9), made("mail.log.1", 9), made("mail.log.10.gz", 9),
                              made("mail.log.2.gz", 9)})),
              (Names{"mail.log.10.gz", "mail.log.2.gz", "mail.log.1", "mail.log"}));
    EXPECT_EQ(
        names(in_order({made("maillog", 1), made("maillog-20261108.gz", 5), made("maillog-20261101", 9)})),
        (Names{"maillog-20261101", "maillog-20261108.gz", "maillog"}));
    // Logs of two hosts: one after the other, the older one first.
    EXPECT_EQ(names(in_order({made("b/mail.log", 3), made("a/mail.log", 7), made("a/mail.log.1", 5),
                              made("b/mail.log.1", 2)})),
              (Names{"b/mail.log.1", "b/mail.log", "a/mail.log.1", "a/mail.log"}));
    EXPECT_EQ(names(in_order({made("x", 1, 77), made("./x", 1, 77)})), (Names{"x"}));
    EXPECT_EQ(rotated_name("host-7/mail.log").log, "host-7/mail.log");
    EXPECT_FALSE(rotated_name("mail.log.1x").rotated);
    EXPECT_FALSE(rotated_name("mail.12345678901234567890").rotated);
}

TEST(PreviewLogFiles, AreFoundWhereDebianHasThem) {
    const test::TempFolder folder;
    EXPECT_TRUE(default_files(folder.path().string()).empty());
    write(folder / "mail.log", "x\n");
    write(folder / "mail.log.1", "x\n");
    write_packed(folder / "mail.log.2.gz", "x\n");
    write(folder / "mail.log.3.gz", "");
    write(folder / "mail.err", "x\n");
    write(folder / "mail.info", "x\n");
    std::filesystem::create_directory(folder / "mail.log.4");
    EXPECT_EQ(names(default_files(folder.path().string())),
              (Names{folder / "mail.log.2.gz", folder / "mail.log.1", folder / "mail.log"}));
    EXPECT_FALSE(look_at_file(folder.path().string()));
    EXPECT_FALSE(look_at_file(folder / "none"));
}

TEST(PreviewLogFiles, AreReadLineByLine) {
    const test::TempFolder folder;
    const std::string path = folder / "log";
    write(path, "one\n\ntwo\r\nthree");
    EXPECT_EQ(lines_of(path), (Names{"one", "", "two\r", "three"}));
    write(path, "");
    EXPECT_EQ(lines_of(path), Names{});
    write(path, "\n");
    EXPECT_EQ(lines_of(path), Names{""});
}

TEST(PreviewLogFiles, AreUnpacked) {
    const test::TempFolder folder;
    const std::string path = folder / "log.gz";
    std::string text;
    Names want;
    for (int n = 0; n < 100'000; ++n) {
        want.push_back("line " + std::to_string(n));
        text += want.back() + '\n';
    }
    write_packed(path, text);
    EXPECT_EQ(lines_of(path), want);
    // Members one behind the other, as logrotate never and people often make them; then zeros of a tape or a crash.
    write_packed(path, "more\n", "ab");
    write_packed(path, "and more", "ab");
    std::ofstream(path, std::ios::binary | std::ios::app) << std::string(600, '\0');
    want.insert(want.end(), {"more", "and more"});
    EXPECT_EQ(lines_of(path), want);
    // The name does not matter.
    write_packed(folder / "plain", "x\n");
    EXPECT_EQ(lines_of(folder / "plain"), Names{"x"});
    write_packed(path, "");
    EXPECT_EQ(lines_of(path), Names{});
}

TEST(PreviewLogFiles, DamagedOrCutArchivesGiveWhatTheyHave) {
    const test::TempFolder folder;
    const std::string path = folder / "log.gz";
    std::string text;
    for (int n = 0; n < 200'000; ++n) text += "line " + std::to_string(n * 7919 % 100'003) + '\n';
    write_packed(path, text);
    std::ifstream in(path, std::ios::binary);
    std::stringstream octets;
    octets << in.rdbuf();
    const std::string packed = octets.str();
    write(path, packed.substr(0, packed.size() / 2));
    auto cut = open_log(path);
    ASSERT_TRUE(cut);
    EXPECT_GT(lines_of(**cut).size(), 1000U);
    EXPECT_NE((*cut)->problem().find("ends too early"), std::string::npos) << (*cut)->problem();
    std::string wrong = packed;
    for (std::size_t i = packed.size() / 2; i < packed.size() / 2 + 64; ++i)
        wrong[i] = static_cast<char>(wrong[i] ^ 0x5a);
    write(path, wrong);
    auto damaged = open_log(path);
    ASSERT_TRUE(damaged);
    EXPECT_GT(lines_of(**damaged).size(), 1000U);
    EXPECT_NE((*damaged)->problem().find("damaged"), std::string::npos) << (*damaged)->problem();
}

TEST(PreviewLogFiles, OtherArchivesAreNotMistakenForLogs) {
    const test::TempFolder folder;
    write(folder / "log.xz", std::string("\xfd"
                                         "7zXZ\0",
                                         6));
    const auto octets = open_log(folder / "log.xz");
    ASSERT_FALSE(octets);
    EXPECT_NE(octets.error().find("xzcat FILE | stsmap preview -"), std::string::npos);
    EXPECT_FALSE(open_log(folder / "none"));
}

TEST(PreviewLogFiles, StandardInputIsReadTheSameWay) {
    std::istringstream in("one\ntwo");
    const auto octets = open_log(in);
    ASSERT_TRUE(octets);
    EXPECT_EQ(lines_of(**octets), (Names{"one", "two"}));
}

TEST(PreviewLogFiles, LinesThatAreTooLongAreCut) {
    const test::TempFolder folder;
    const std::string path = folder / "log";
    constexpr std::size_t most = LineReader::max_line;
    write(path, std::string(most - 1, 'a') + '\n' + std::string(5 * most + 17, 'b') + "\nend\n" +
                    std::string(most, 'c') + '\n' + std::string(most + 1, 'd'));
    const auto octets = open_log(path);
    ASSERT_TRUE(octets);
    LineReader reader(**octets, 1);
    std::vector<std::size_t> sizes;
    std::string fronts;
    while (const auto line = reader.next()) {
        sizes.push_back(line->size());
        fronts += line->front();
    }
    EXPECT_EQ(sizes, (std::vector<std::size_t>{most - 1, most, 3, most, most}));
    EXPECT_EQ(fronts, "abecd");
    EXPECT_EQ(reader.cut(), 3U);
}

TEST(PreviewLogFiles, TheirMonthsShowTheirYears) {
    const test::TempFolder folder;
    const std::string path = folder / "mail.log";
    std::string text;
    constexpr const char* month_names[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                           "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    for (int year = 0; year < 3; ++year)
        for (const char* const name : month_names)
            for (int n = 0; n < 500; ++n)
                text += std::string(name) + " 10 10:00:00 h postfix/smtp[1]: some text of a usual length\n";
    write(path, text);
    EXPECT_EQ(years(months_of(*look_at_file(path))), 2);
    write(path, "2026-11-28T20:35:20Z h x/y[1]: z\n");
    EXPECT_TRUE(months_of(*look_at_file(path)).empty());
    write(path, "Nov 28 20:35:20 h x/y[1]: z\nDec  1 20:35:20 h x/y[1]: z\n");
    EXPECT_EQ(months_of(*look_at_file(path)), (std::vector<unsigned>{11, 12}));
}

} // namespace
} // namespace preview
