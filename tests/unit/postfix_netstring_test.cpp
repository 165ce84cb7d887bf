#include "postfix/netstring.hpp"

#include "support/allocated.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace {

using postfix::FrameErrc;
using postfix::NetstringReader;
using namespace std::string_literals;

/// Takes out all complete frames.
std::vector<std::string> take(NetstringReader& reader) {
    std::vector<std::string> out;
    while (auto next = reader.next()) {
        EXPECT_TRUE(*next) << postfix::to_string(next->error());
        if (!*next) break;
        out.emplace_back(**next);
    }
    return out;
}

using Frames = std::vector<std::string>;

void good(std::string_view wire, const Frames& want, std::size_t left = 0) {
    NetstringReader reader{100};
    reader.feed(wire);
    EXPECT_EQ(take(reader), want) << wire;
    EXPECT_EQ(reader.buffered(), left) << wire;
}

void bad(std::string_view wire, FrameErrc want) {
    NetstringReader reader{100};
    reader.feed(wire);
    for (int again = 0; again < 3; ++again) {
        const auto next = reader.next();
        ASSERT_TRUE(next) << wire;
        ASSERT_FALSE(*next) << wire << " gave " << **next;
        EXPECT_EQ(next->error(), want) << wire;
        EXPECT_EQ(reader.buffered(), 0u);
        reader.feed("3:abc,"); // an error stays, and input is no longer kept
    }
}

TEST(NetstringReader, CopiesWhatWasLentWhenTold) {
    NetstringReader reader{100};
    std::string wire = "3:abc,5:de";
    reader.lend(wire);
    EXPECT_EQ(reader.next()->value(), "abc");
    EXPECT_EQ(reader.buffered(), 4u);
    EXPECT_FALSE(reader.next());
    reader.keep();
    wire.assign(wire.size(), 'x'); // the lender may use it again
    EXPECT_FALSE(reader.next());
    wire = "fgh,1:i,2";
    reader.lend(wire);
    EXPECT_EQ(reader.next()->value(), "defgh");
    EXPECT_EQ(reader.next()->value(), "i");
    EXPECT_EQ(reader.buffered(), 1u);
    wire.assign(wire.size(), 'x');
    reader.feed(":kl,");
    EXPECT_EQ(reader.next()->value(), "kl");
    EXPECT_EQ(reader.buffered(), 0u);
}

TEST(Frame, CanBeMadeAroundAPayload) {
    for (const std::size_t size : {0u, 1u, 9u, 10u, 99999u}) {
        std::string text(postfix::frame_head, 'x');
        text.append(size, 'p');
        EXPECT_EQ(postfix::frame_in_place(text), std::to_string(size) + ":" + std::string(size, 'p') + ",");
    }
}

TEST(Netstring, ReadsFrames) {
    good("3:abc,", {"abc"});
    good("0:,", {""});
    good("3:abc,2:de,", {"abc", "de"});
    good("0003:abc,", {"abc"}); // leading zeros: Postfix takes them
    good("00:,", {""});
    good("5:a,b:c,", {"a,b:c"}); // the payload is opaque
    good("3:a\0b,"s, {"a\0b"s});
    good("100:" + std::string(100, 'x') + ",", {std::string(100, 'x')});
    good("", {});
    good("3", {}, 1);
    good("3:ab", {}, 4);
    good("3:abc", {}, 5);
    good("3:abc,2", {"abc"}, 1);
    good("00000000000000000003:abc,", {"abc"}); // 20 digits
}

TEST(Netstring, RefusesEverythingElse) {
    bad("a", FrameErrc::not_a_digit);
    bad(":", FrameErrc::not_a_digit); // no length
    bad("-1:a,", FrameErrc::not_a_digit);
    bad("+1:a,", FrameErrc::not_a_digit);
    bad(" 1:a,", FrameErrc::not_a_digit);
    bad("1 :a,", FrameErrc::not_a_digit);
    bad("\n", FrameErrc::not_a_digit);
    bad("GET / HTTP/1.1\r\n", FrameErrc::not_a_digit);
    bad("3:abcd", FrameErrc::no_comma); // at once, the rest is not waited for
    bad("3:abc\n", FrameErrc::no_comma);
    bad("0:a", FrameErrc::no_comma);
    bad("101:", FrameErrc::too_long);                       // one over the bound
    bad("101", FrameErrc::too_long);                        // before the colon is there
    bad("18446744073709551617:", FrameErrc::too_long);      // 2^64 + 1 does not wrap to 1
    bad("000000000000000000003:abc,", FrameErrc::too_long); // 21 digits
    bad(std::string(1000000, '0'), FrameErrc::too_long);
}

TEST(Netstring, BoundsNothingButTheGivenMaximum) {
    NetstringReader zero{0};
    zero.feed("0:,1");
    EXPECT_EQ(**zero.next(), "");
    EXPECT_EQ(zero.next()->error(), FrameErrc::too_long);
    NetstringReader huge{static_cast<std::size_t>(-1)};
    huge.feed("18446744073709551615:");
    EXPECT_EQ(huge.next(), std::nullopt);
    NetstringReader wraps{static_cast<std::size_t>(-1)};
    wraps.feed("18446744073709551616:");
    EXPECT_EQ(wraps.next()->error(), FrameErrc::too_long);
}

TEST(Netstring, MayBeCutAnywhere) {
    const std::string wire = "15:sts example.com,0:,003:a:b,12:sts [mx]:25,,4:,,,,,";
    const Frames want = {"sts example.com", "", "a:b", "sts [mx]:25,", ",,,,"};
    for (std::size_t first = 0; first <= wire.size(); ++first)
        for (std::size_t second = first; second <= wire.size(); ++second) {
            NetstringReader reader{100};
            Frames got;
            const std::string_view rest{wire};
            for (std::string_view part :
                 {rest.substr(0, first), rest.substr(first, second - first), rest.substr(second)}) {
                reader.feed(part);
                for (std::string& frame : take(reader)) got.push_back(std::move(frame));
            }
            ASSERT_EQ(got, want) << "cut at " << first << " and " << second;
            ASSERT_EQ(reader.buffered(), 0u);
        }
    NetstringReader reader{100}; // and everywhere at once
    Frames got;
    for (char c : wire) {
        reader.feed({&c, 1});
        for (std::string& frame : take(reader)) got.push_back(std::move(frame));
    }
    EXPECT_EQ(got, want);
}

TEST(Netstring, ViewsLiveUntilTheNextFeed) {
    NetstringReader reader{100};
    reader.feed("3:abc,2:de,1:f,");
    const auto a = reader.next(), b = reader.next(), c = reader.next();
    EXPECT_EQ(**a, "abc");
    EXPECT_EQ(**b, "de");
    EXPECT_EQ(**c, "f");
}

TEST(Netstring, StaysSmallHoweverMuchPasses) {
    NetstringReader reader{10000};
    const std::string wire = postfix::frame(std::string(10000, 'x'));
    std::size_t frames = 0;
    for (int i = 0; i < 2000; ++i) { // 20 MB, in pieces that never end where a frame ends
        for (std::string_view rest = wire; !rest.empty();
             rest.remove_prefix(std::min<std::size_t>(rest.size(), 777))) {
            reader.feed(rest.substr(0, 777));
            frames += take(reader).size();
            ASSERT_LE(reader.buffered(), wire.size());
        }
    }
    EXPECT_EQ(frames, 2000u);
}

TEST(Netstring, KeepsLittleBetweenRequests) {
    const std::string wire = postfix::frame(std::string(9000, 'x'));
    NetstringReader reader{10000};
    const std::size_t before = test::allocated();
    reader.feed(std::string_view{wire}.substr(0, 8000));
    EXPECT_FALSE(reader.next());
    if (test::allocated() < before + 8000) GTEST_SKIP() << "another allocator";
    reader.feed(std::string_view{wire}.substr(8000));
    const auto whole = reader.next();
    ASSERT_TRUE(whole && *whole);
    EXPECT_EQ((*whole)->size(), 9000u);
    reader.keep();
    EXPECT_LT(test::allocated(), before + 5000);
}

TEST(Netstring, FramesPayloads) {
    EXPECT_EQ(postfix::frame(""), "0:,");
    EXPECT_EQ(postfix::frame("NOTFOUND "), "9:NOTFOUND ,");
    EXPECT_EQ(postfix::frame("a\0,"s), "3:a\0,,"s);
    EXPECT_EQ(postfix::frame(std::string(100000, 'x')).substr(0, 8), "100000:x");
    for (FrameErrc e : {FrameErrc::not_a_digit, FrameErrc::too_long, FrameErrc::no_comma})
        EXPECT_FALSE(postfix::to_string(e).empty());
}

} // namespace
