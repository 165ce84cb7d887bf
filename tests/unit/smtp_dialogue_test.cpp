#include "smtp/dialogue.hpp"

#include <gtest/gtest.h>

namespace {

using smtp::Dialogue;
using smtp::Stage;
using smtp::Trouble;
using Want = Dialogue::Want;

constexpr const char* good_ehlo = "250-mx.test\r\n250-PIPELINING\r\n250 STARTTLS\r\n";

/// Feeds the answers, one after the other; what was said is kept.
struct Talk {
    Dialogue dialogue{"me.test"};
    std::string said;
    Talk& hear(std::string_view octets) {
        dialogue.received(octets);
        said += dialogue.to_send();
        return *this;
    }
    [[nodiscard]] std::string end() const {
        const smtp::Sighting& seen = dialogue.seen();
        return std::string(to_string(seen.stage)) + ' ' + std::string(to_string(seen.trouble));
    }
};

TEST(SmtpDialogue, GoesUpToTheHandshakeAndQuits) {
    Talk talk;
    EXPECT_EQ(talk.dialogue.want(), Want::octets);
    EXPECT_EQ(talk.dialogue.to_send(), "");
    talk.hear("220 mx.test ESMTP\r\n");
    EXPECT_EQ(talk.said, "EHLO me.test\r\n");
    talk.hear(good_ehlo);
    EXPECT_EQ(talk.said, "EHLO me.test\r\nSTARTTLS\r\n");
    talk.hear("220 go\r\n");
    EXPECT_EQ(talk.dialogue.want(), Want::tls);
    talk.dialogue.shaken();
    EXPECT_EQ(talk.dialogue.to_send(), "QUIT\r\n");
    EXPECT_TRUE(talk.dialogue.quitting());
    EXPECT_EQ(talk.dialogue.want(), Want::octets);
    talk.hear("221 bye\r\n");
    EXPECT_EQ(talk.dialogue.want(), Want::end);
    EXPECT_EQ(talk.end(), "done none");
    EXPECT_EQ(talk.dialogue.seen().banner, "220 mx.test ESMTP");
    EXPECT_EQ(talk.dialogue.seen().ehlo, (std::vector<std::string>{"mx.test", "PIPELINING", "STARTTLS"}));
    EXPECT_EQ(talk.dialogue.seen().helo_name, "me.test");
}

struct Row {
    const char* name;
    std::vector<std::string> answers;
    const char* end;
    const char* words;
    bool quits;
};

TEST(SmtpDialogue, EndsWhereTheServerDoesNotGoOn) {
    const std::string greets = "220 mx.test\r\n";
    const std::vector<Row> rows{
        {"4xx banner", {"421 4.7.0 too\r\n"}, "banner reply-4xx", "421 4.7.0 too", true},
        {"5xx banner", {"554-no\r\n554 never\r\n"}, "banner reply-5xx", "554-no 554 never", true},
        {"3xx banner", {"354 what\r\n"}, "banner reply-4xx", "354 what", true},
        {"4xx to EHLO", {greets, "421 later\r\n"}, "ehlo reply-4xx", "421 later", true},
        {"5xx to EHLO", {greets, "502 no\r\n", "250 mx\r\n"}, "starttls not-offered", "502 no", true},
        {"5xx to both", {greets, "502 no\r\n", "554 never\r\n"}, "ehlo reply-5xx", "554 never", true},
        {"4xx to both", {greets, "454 no\r\n", "451 later\r\n"}, "ehlo reply-4xx", "451 later", true},
        {"no STARTTLS", {greets, "250-mx\r\n250 SIZE\r\n"}, "starttls not-offered", "", true},
        {"it is a server's name", {greets, "250-STARTTLS\r\n250 SIZE\r\n"}, "starttls not-offered", "", true},
        {"of an unnamed one as well", {greets, "250-\r\n250 STARTTLS\r\n"}, "starttls not-offered", "", true},
        {"longer word", {greets, "250-mx\r\n250 STARTTLSX\r\n"}, "starttls not-offered", "", true},
        {"4xx to STARTTLS",
         {greets, good_ehlo, "454 not now\r\n"},
         "starttls reply-4xx",
         "454 not now",
         true},
        {"5xx to STARTTLS", {greets, good_ehlo, "554 no\r\n"}, "starttls reply-5xx", "554 no", true},
        {"injected",
         {greets, good_ehlo, "220 go\r\n250 evil\r\n"},
         "starttls injected",
         "250 evil\r\n",
         false},
        {"injected, one octet", {greets, good_ehlo, "220 go\r\n\x16"}, "starttls injected", "\x16", false},
        {"endless", {std::string(70000, 'x')}, "banner not-smtp", "a reply of more than 65536 octets", false},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.name);
        Talk talk;
        for (const std::string& answer : row.answers) talk.hear(answer);
        EXPECT_EQ(talk.end(), row.end);
        EXPECT_EQ(talk.dialogue.seen().words, row.words);
        EXPECT_EQ(talk.said.ends_with("QUIT\r\n"), row.quits);
        EXPECT_EQ(talk.dialogue.want(), row.quits ? Want::octets : Want::end);
        talk.dialogue.closed("gone");
        EXPECT_EQ(talk.dialogue.want(), Want::end);
        EXPECT_EQ(talk.end(), row.end); // the end of QUIT changes nothing
    }
}

TEST(SmtpDialogue, SaysQuitAlsoAfterAReplyOverALimit) {
    const std::string greets = "220 mx.test\r\n", endless(70000, 'x');
    std::string lines;
    for (std::size_t i = 0; i <= smtp::max_reply_lines; ++i) lines += "250-mx.test\r\n";
    const std::vector<Row> rows{
        {"EHLO", {greets, endless}, "ehlo not-smtp", "a reply of more than 65536 octets", true},
        {"lines to EHLO", {greets, lines}, "ehlo not-smtp", "a reply of more than 128 lines", true},
        {"HELO", {greets, "502 no\r\n", endless}, "ehlo not-smtp", "a reply of more than 65536 octets", true},
        {"STARTTLS",
         {greets, good_ehlo, endless},
         "starttls not-smtp",
         "a reply of more than 65536 octets",
         true},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.name);
        Talk talk;
        for (const std::string& answer : row.answers) talk.hear(answer);
        EXPECT_EQ(talk.end(), row.end);
        EXPECT_EQ(talk.dialogue.seen().words, row.words);
        EXPECT_TRUE(talk.said.ends_with("\r\nQUIT\r\n"));
        EXPECT_EQ(talk.dialogue.want(), Want::end) << "nothing more is read";
    }
    Talk quitting;
    quitting.hear(greets).hear(good_ehlo).hear("454 no\r\n").hear(endless);
    EXPECT_EQ(quitting.end(), "starttls reply-4xx");
    EXPECT_TRUE(quitting.said.ends_with("STARTTLS\r\nQUIT\r\n"));
}

TEST(SmtpDialogue, KnowsKeywordsAsPostfixDoes) {
    for (const char* ehlo : {"250-mx\r\n250 starttls\r\n", "250-mx\r\n250-STARTTLS \r\n250 X\r\n",
                             "250-mx\r\n250   STARTTLS\r\n", "250-mx\n250 STARTTLS=x\n",
                             "250-\r\n250-mx\r\n250 STARTTLS\r\n", "garbage\r\n250-mx\r\n250 STARTTLS\r\n"}) {
        Talk talk;
        talk.hear("220 x\r\n").hear(ehlo);
        EXPECT_TRUE(talk.said.ends_with("STARTTLS\r\n")) << ehlo;
    }
}

TEST(SmtpDialogue, TellsSilenceFromClosingFromOtherProtocols) {
    Talk silent;
    silent.dialogue.timed_out();
    EXPECT_EQ(silent.end(), "banner timeout");
    EXPECT_EQ(silent.dialogue.to_send(), ""); // nobody has greeted

    Talk later;
    later.hear("220 x\r\n");
    later.dialogue.timed_out();
    EXPECT_EQ(later.end(), "ehlo timeout");
    EXPECT_EQ(later.dialogue.to_send(), "QUIT\r\n");
    EXPECT_EQ(later.dialogue.want(), Want::end);

    Talk gone;
    gone.hear("220 x\r\n").hear(good_ehlo);
    gone.dialogue.closed("the server closed the connection");
    EXPECT_EQ(gone.end(), "starttls closed");
    EXPECT_EQ(gone.dialogue.seen().words, "the server closed the connection");

    Talk web;
    web.hear("HTTP/1.1 400 Bad Request\r\n");
    web.dialogue.closed("");
    EXPECT_EQ(web.end(), "banner not-smtp");
    EXPECT_EQ(web.dialogue.seen().words, "HTTP/1.1 400 Bad Request");

    Talk half;
    half.hear("SSH-2.0-x");
    half.dialogue.timed_out();
    EXPECT_EQ(half.end(), "banner not-smtp");
}

TEST(SmtpDialogue, KeepsTheReasonOfAFailedHandshake) {
    Talk talk;
    talk.hear("220 x\r\n").hear(good_ehlo).hear("220 go\r\n");
    talk.dialogue.not_shaken(Trouble::tls_version, "unsupported protocol");
    EXPECT_EQ(talk.end(), "tls tls-version");
    EXPECT_EQ(talk.dialogue.seen().words, "unsupported protocol");
    EXPECT_EQ(talk.dialogue.want(), Want::end);
    EXPECT_EQ(talk.dialogue.to_send(), "");
}

TEST(SmtpDialogue, AnAlertAfterTheHandshakeIsAFailedOne) {
    Talk talk;
    talk.hear("220 x\r\n").hear(good_ehlo).hear("220 go\r\n");
    talk.dialogue.shaken();
    EXPECT_EQ(talk.dialogue.to_send(), "QUIT\r\n");
    talk.dialogue.not_shaken(Trouble::tls_handshake, "certificate required");
    EXPECT_EQ(talk.end(), "tls tls-handshake");
    EXPECT_EQ(talk.dialogue.want(), Want::end);
}

TEST(SmtpDialogue, CutsWhatItKeeps) {
    Talk talk;
    talk.hear("220 " + std::string(3000, 'b') + "\r\n");
    talk.hear("250-" + std::string(3000, 'n') + "\r\n250 " + std::string(3000, 'k') + "\r\n");
    EXPECT_EQ(talk.dialogue.seen().banner.size(), smtp::max_kept_text);
    EXPECT_EQ(talk.dialogue.seen().ehlo.at(1).size(), smtp::max_kept_text);
}

TEST(SmtpSighting, WordsAreReadBack) {
    for (const Stage stage :
         {Stage::connect, Stage::banner, Stage::ehlo, Stage::starttls, Stage::tls, Stage::done})
        EXPECT_EQ(smtp::parse_stage(to_string(stage)), stage);
    for (int each = 0; each <= static_cast<int>(Trouble::tls_handshake); ++each) {
        const auto trouble = static_cast<Trouble>(each);
        EXPECT_FALSE(to_string(trouble).empty());
        EXPECT_EQ(smtp::parse_trouble(to_string(trouble)), trouble);
    }
    EXPECT_FALSE(smtp::parse_stage("x"));
    EXPECT_FALSE(smtp::parse_trouble(""));
}

} // namespace
