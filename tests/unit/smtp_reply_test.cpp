#include "smtp/reply.hpp"

#include <gtest/gtest.h>

namespace {

using smtp::Reply;
using smtp::ReplyReader;
using State = ReplyReader::State;

/// All replies in the octets, whichever pieces they come in.
std::vector<Reply> replies_of(std::string_view octets, std::size_t piece) {
    ReplyReader reader;
    std::vector<Reply> found;
    while (!octets.empty()) {
        std::string_view part = octets.substr(0, piece);
        octets.remove_prefix(part.size());
        while (!part.empty() && reader.feed(part) == State::whole) found.push_back(reader.reply());
    }
    return found;
}

TEST(SmtpReply, HasOneLineOrMany) {
    const std::string octets = "220 mx.test ESMTP\r\n250-mx.test\r\n250-SIZE 1000\r\n250 STARTTLS\r\n221\r\n";
    for (const std::size_t piece : {1U, 2U, 7U, 1000U}) {
        const auto found = replies_of(octets, piece);
        ASSERT_EQ(found.size(), 3U) << piece;
        EXPECT_EQ(found[0], (Reply{220, {"220 mx.test ESMTP"}}));
        EXPECT_EQ(found[1].words(), "250-mx.test 250-SIZE 1000 250 STARTTLS");
        EXPECT_EQ(found[1].text(1), "SIZE 1000");
        EXPECT_EQ(found[2], (Reply{221, {"221"}}));
        EXPECT_EQ(found[2].text(0), "");
    }
}

TEST(SmtpReply, MayEndItsLinesWithLfAlone) {
    const auto found = replies_of("220-a\n220 b\n", 3);
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].lines, (std::vector<std::string>{"220-a", "220 b"}));
}

TEST(SmtpReply, KeepsLinesInAnotherFormAndGoesOn) {
    const auto found = replies_of("hello\r\n2x0 no\r\n2200 no\r\n220_no\r\n\r\n220 yes\r\n", 100);
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].code, 220);
    EXPECT_EQ(found[0].lines.size(), 6U);
    EXPECT_EQ(found[0].text(0), "hello");
}

TEST(SmtpReply, TellsWhatIsNoReply) {
    ReplyReader reader;
    std::string_view octets = "220-fine so far\r\nHTTP/1.1 400 Bad Request\r\n\r\n";
    EXPECT_EQ(reader.feed(octets), State::more);
    EXPECT_EQ(reader.stray(), "HTTP/1.1 400 Bad Request");
    ReplyReader other;
    octets = "SSH-2.0-x";
    EXPECT_EQ(other.feed(octets), State::more);
    EXPECT_EQ(other.stray(), "SSH-2.0-x");
    ReplyReader slow;
    octets = "220-one\r\n220 tw";
    EXPECT_EQ(slow.feed(octets), State::more);
    EXPECT_EQ(slow.stray(), "");
    ReplyReader silent;
    EXPECT_EQ(silent.stray(), "");
}

TEST(SmtpReply, DropsTheRestOfALongLine) {
    const std::string octets = "220 " + std::string(10000, 'x') + "\r\n";
    const auto found = replies_of(octets, 999);
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].lines[0].size(), smtp::max_reply_line);
    EXPECT_EQ(found[0].code, 220);
}

TEST(SmtpReply, HasLimits) {
    ReplyReader lines;
    std::string many;
    for (std::size_t i = 0; i < smtp::max_reply_lines + 5; ++i) many += "220-\n";
    std::string_view octets = many;
    EXPECT_EQ(lines.feed(octets), State::bad);
    EXPECT_EQ(lines.trouble(), "a reply of more than 128 lines");
    EXPECT_EQ(lines.feed(octets), State::bad);

    ReplyReader endless;
    const std::string piece(1000, 'x');
    State state = State::more;
    std::size_t sent = 0;
    for (; state == State::more && sent < 1000; ++sent) {
        octets = piece;
        state = endless.feed(octets);
    }
    EXPECT_EQ(state, State::bad);
    EXPECT_EQ(sent, 66U);
    EXPECT_EQ(endless.trouble(), "a reply of more than 65536 octets");
}

} // namespace
