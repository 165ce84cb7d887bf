// TLSA records: reading RDATA, and which records a mail client can use.
#include "dane/tlsa.hpp"

#include <gtest/gtest.h>

#include <string>

namespace {

using dane::parse_tlsa;
using dane::Tlsa;

std::string rdata(int usage, int selector, int matching, std::size_t length) {
    return std::string{static_cast<char>(usage), static_cast<char>(selector), static_cast<char>(matching)} +
           std::string(length, 'x');
}

TEST(DaneTlsa, ReadsTheFields) {
    EXPECT_EQ(parse_tlsa(std::string_view{"\3\1\2\0\xff", 5}), (Tlsa{3, 1, 2, std::string{"\0\xff", 2}}));
    EXPECT_EQ(parse_tlsa("\xff\xfe\xfd"), (Tlsa{255, 254, 253, ""}));
    for (std::size_t n = 0; n < 3; ++n) EXPECT_FALSE(parse_tlsa(std::string(n, '\1'))) << n;
}

TEST(DaneTlsa, UsableByUsageSelectorMatchingAndLength) {
    struct Row {
        int usage, selector, matching;
        std::size_t length;
        bool usable;
    };
    const Row rows[] = {
        {3, 1, 1, 32, true},    {3, 0, 1, 32, true},    {2, 1, 1, 32, true},  {2, 0, 1, 32, true},
        {3, 1, 2, 64, true},    {2, 0, 2, 64, true},    {3, 1, 0, 91, true}, // a whole P-256 key
        {2, 0, 0, 1500, true},                                               // a whole certificate
        {3, 0, 0, 65532, true}, {3, 1, 0, 1, true},     {3, 1, 0, 0, false},  {2, 0, 0, 0, false},
        {3, 1, 1, 0, false},    {3, 1, 1, 31, false},   {3, 1, 1, 33, false}, {3, 1, 1, 64, false},
        {3, 1, 2, 32, false},   {3, 1, 2, 63, false},   {3, 1, 2, 65, false}, {3, 1, 2, 0, false},
        {0, 0, 1, 32, false},                           // PKIX-TA
        {1, 1, 1, 32, false},                           // PKIX-EE
        {4, 1, 1, 32, false},   {255, 1, 1, 32, false}, // PrivCert
        {3, 2, 1, 32, false},   {3, 255, 1, 32, false}, {3, 1, 3, 32, false}, {3, 1, 255, 64, false},
    };
    for (const Row& row : rows) {
        const auto record = parse_tlsa(rdata(row.usage, row.selector, row.matching, row.length));
        ASSERT_TRUE(record);
        EXPECT_EQ(usable(*record), row.usable)
            << row.usage << ' ' << row.selector << ' ' << row.matching << ' ' << row.length;
    }
}

TEST(DaneTlsa, NameOfTheRecords) {
    EXPECT_EQ(dane::tlsa_name("mx.example.com"), "_25._tcp.mx.example.com");
    EXPECT_EQ(dane::tlsa_name("mx.example.com", 587), "_587._tcp.mx.example.com");
    EXPECT_EQ(dane::tlsa_name("mx.example.com", 65535), "_65535._tcp.mx.example.com");
    EXPECT_EQ(dane::tlsa_name(std::string(243, 'a'), 587).size(), 253U);
    EXPECT_EQ(dane::tlsa_name(std::string(244, 'a'), 587), "");
    EXPECT_EQ(dane::tlsa_name(std::string(244, 'a')).size(), 253U);
    EXPECT_EQ(dane::tlsa_name(std::string(245, 'a')), "");
}

} // namespace
