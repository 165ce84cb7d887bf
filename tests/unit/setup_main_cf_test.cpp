// The lines of main.cf, and every document that shows them.
#include "tool/setup/main_cf.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

namespace {

constexpr setup::Version debian_12{3, 7, 11}, debian_13{3, 10, 4};

std::string read(const std::string& file) {
    std::ifstream in{STSMAPD_SOURCE_DIR "/" + file};
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
}

/// The lines as a block of a document, each after `indent`.
std::string block(const setup::Version& version, std::string_view indent) {
    std::istringstream lines{setup::main_cf_lines(version, std::string{setup::packaged_socket})};
    std::string text;
    for (std::string line; std::getline(lines, line);) text.append(indent).append(line).append("\n");
    return text;
}

std::size_t count(const std::string& text, std::string_view part) {
    std::size_t found = 0;
    for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
    return found;
}

TEST(MainCf, LinesDependOnTheVersionAndThePlace) {
    EXPECT_EQ(setup::main_cf_lines(debian_12, std::string{setup::packaged_socket}),
              "smtp_tls_policy_maps = socketmap:unix:stsmapd/socketmap:sts\n"
              "smtp_tls_security_level = may\n"
              "smtp_tls_CAfile = /etc/ssl/certs/ca-certificates.crt\n"
              "smtp_dns_support_level = dnssec\n");
    EXPECT_TRUE(setup::main_cf_lines({3, 9, 9}, "tcp:127.0.0.1:8462")
                    .starts_with("smtp_tls_policy_maps = socketmap:inet:127.0.0.1:8462:sts\n"));
    EXPECT_TRUE(setup::main_cf_lines({3, 10, 0}, "unix:/run/x")
                    .starts_with("smtp_tls_policy_maps = socketmap:unix:/run/x:sts-tlsrpt\n"));
}

TEST(MainCf, EveryDocumentShowsTheSameLines) {
    // README.md has the lines once, and names the word that differs for older versions.
    const std::string readme = read("README.md");
    EXPECT_EQ(count(readme, block(debian_12, "    ")), 0u);
    EXPECT_EQ(count(readme, block(debian_13, "    ")), 1u);
    EXPECT_EQ(count(readme, "the first line ends in `:sts` instead of `:sts-tlsrpt`"), 1u);
    std::string older = block(debian_13, "    ");
    const std::size_t end = older.find('\n');
    ASSERT_TRUE(older.substr(0, end).ends_with(":sts-tlsrpt"));
    older.replace(end - std::string_view{":sts-tlsrpt"}.size(), std::string_view{":sts-tlsrpt"}.size(),
                  ":sts");
    EXPECT_EQ(older, block(debian_12, "    "));
    const std::string debian = read("packaging/debian/stsmapd.README.Debian");
    EXPECT_EQ(count(debian, block(debian_12, "    ")), 1u);
    EXPECT_EQ(count(debian, block(debian_13, "    ")), 1u);
    const std::string manual = read("man/stsmapd-postfix.7");
    EXPECT_EQ(count(manual, block(debian_12, "")), 1u);
    EXPECT_EQ(count(manual, block(debian_13, "")), 1u);
}

TEST(MainCf, NoDocumentHasLinesOfItsOwn) {
    // Outside the blocks, "smtp_tls_policy_maps = " may only occur to show something else.
    for (const char* file : {"README.md", "packaging/debian/stsmapd.README.Debian"}) {
        std::string text = read(file);
        std::size_t blocks = 0;
        for (const setup::Version& version : {debian_12, debian_13}) {
            const std::string lines = block(version, "    ");
            const std::size_t at = text.find(lines);
            if (at == std::string::npos) continue;
            text.erase(at, lines.size());
            ++blocks;
        }
        EXPECT_GE(blocks, 1u) << file;
        EXPECT_EQ(count(text, "\n    smtp_tls_policy_maps ="), 0u) << file;
        EXPECT_EQ(count(text, "\n    smtp_tls_CAfile ="), 0u) << file;
    }
}

} // namespace
