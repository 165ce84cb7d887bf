#include "smtp/protocols.hpp"

#include <gtest/gtest.h>

namespace {

using smtp::parse_protocols;
using smtp::Protocols;

TEST(SmtpProtocols, AreReadAsPostfixReadsThem) {
    EXPECT_EQ(parse_protocols(""), Protocols{});
    EXPECT_EQ(parse_protocols(">=TLSv1"), (Protocols{0x0301, 0}));
    EXPECT_EQ(parse_protocols(">=TLSv1.2, <=TLSv1.3"), (Protocols{0x0303, 0x0304}));
    EXPECT_EQ(parse_protocols(">=0303"), (Protocols{0x0303, 0}));
    EXPECT_EQ(parse_protocols("<=0x0303"), (Protocols{0, 0x0303}));
    EXPECT_EQ(parse_protocols(">=None"), Protocols{});
    EXPECT_EQ(parse_protocols("!SSLv2, !SSLv3"), (Protocols{0, 0, false}));
    EXPECT_EQ(parse_protocols("!SSLv2,!SSLv3,!TLSv1,!TLSv1.1"), (Protocols{0, 0, false, false, false}));
    EXPECT_EQ(parse_protocols("TLSv1.2"), (Protocols{0, 0, false, false, false, true, false}));
    EXPECT_EQ(parse_protocols("tlsv1.2:TLSV1.3"), (Protocols{0, 0, false, false, false, true, true}));
    EXPECT_EQ(parse_protocols("TLSv1.2 TLSv1.3 !TLSv1.3"),
              (Protocols{0, 0, false, false, false, true, false}));
}

TEST(SmtpProtocols, RefusesWhatPostfixRefuses) {
    for (const char* list : {"TLSv1.4", ">=", ">=TLSv9", ">= TLSv1.2", "!", "<=zz", ">=SSLv2x"})
        EXPECT_FALSE(parse_protocols(list)) << list;
}

} // namespace
