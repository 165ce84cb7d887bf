#include "base/text.hpp"

#include <gtest/gtest.h>

#include <string>

namespace {

using namespace std::string_literals;

TEST(Printable, ShowsPeerTextSafely) {
    const auto shows = [](const std::string& text, const std::string& want) {
        EXPECT_EQ(base::printable(text), want);
    };
    shows("", "");
    shows("plain text ~!", "plain text ~!");
    shows("a\nb", "a\\x0ab");       // no second log line
    shows("a\0b"s, "a\\x00b");      // NUL
    shows("\x1b[31m", "\\x1b[31m"); // no terminal control
    shows("\x7f", "\\x7f");         // DEL
    shows("é", "\\xc3\\xa9");       // octets, not characters
    shows("say \"x\"", "say \\\"x\\\"");
    shows("a\\b", "a\\\\b");
}

TEST(Printable, CutsBetweenPieces) {
    const auto shows = [](std::string_view text, std::size_t limit, std::string_view want) {
        EXPECT_EQ(base::printable(text, limit), want) << limit;
    };
    shows("abcdef", 6, "abcdef");
    shows("abcdefg", 6, "abc...");
    shows("abcdefg", 3, "...");
    shows("abcdefg", 2, "..");
    shows("abcdefg", 0, "");
    shows("", 0, "");
    shows("\n\n", 8, "\\x0a\\x0a");
    shows("\n\n", 7, "\\x0a..."); // never half an escape
    shows("\n\n", 6, "...");
    shows("a\n\n", 8, "a\\x0a...");
    EXPECT_EQ(base::printable(std::string(1000, 'x')).size(), 200u);
}

TEST(AsciiLower, TouchesAsciiOnly) {
    EXPECT_EQ(base::ascii_lower(std::string_view{"MX.Example-1_É[@`{"}), "mx.example-1_É[@`{");
    static_assert(base::ascii_lower('A') == 'a' && base::ascii_lower('Z') == 'z' &&
                  base::ascii_lower('[') == '[');
}

TEST(Iequals, ComparesAscii) {
    EXPECT_TRUE(base::iequals("", ""));
    EXPECT_TRUE(base::iequals("Text/PLAIN", "tEXT/plain"));
    EXPECT_FALSE(base::iequals("a", "ab"));
    EXPECT_FALSE(base::iequals("[", "{")); // these differ by 0x20, but are no letters
}

TEST(TrimWsp, TrimsSpaceAndTabOnly) {
    const auto trims = [](std::string_view text, std::string_view want) {
        EXPECT_EQ(base::trim_wsp(text), want);
    };
    trims("", "");
    trims(" \t ", "");
    trims("\t a b\t ", "a b");
    trims("a", "a");
    trims("\r\na\v", "\r\na\v"); // no other white space
    trims("\xc2\xa0"
          "a",
          "\xc2\xa0"
          "a"); // no-break space is none
}

TEST(ValidUtf8, FollowsRfc3629) {
    const auto good = [](std::string_view text) {
        EXPECT_TRUE(base::valid_utf8(text)) << base::printable(text);
    };
    const auto bad = [](std::string_view text) {
        EXPECT_FALSE(base::valid_utf8(text)) << base::printable(text);
    };
    good("");
    good("ascii");
    good(std::string_view{"a\0b", 3});
    good("\xc2\x80");         // U+0080
    good("\xdf\xbf");         // U+07FF
    good("\xe0\xa0\x80");     // U+0800
    good("\xed\x9f\xbf");     // U+D7FF
    good("\xee\x80\x80");     // U+E000
    good("\xef\xbf\xbf");     // U+FFFF
    good("\xf0\x90\x80\x80"); // U+10000
    good("\xf4\x8f\xbf\xbf"); // U+10FFFF
    bad("\x80");              // continuation alone
    bad("\xc3");              // cut
    bad("\xc3"
        "a");                // no continuation
    bad("\xe2\x82");         // cut
    bad("\xf0\x9f\x98");     // cut
    bad("\xc0\xaf");         // overlong '/'
    bad("\xc1\xbf");         // overlong
    bad("\xe0\x9f\xbf");     // overlong
    bad("\xf0\x8f\xbf\xbf"); // overlong
    bad("\xed\xa0\x80");     // surrogate
    bad("\xf4\x90\x80\x80"); // U+110000
    bad("\xf5\x80\x80\x80"); // never a first octet
    bad("\xff");
    bad("a\xe2\x82\xacz\xe2\x82z"); // good, then bad
}

} // namespace
