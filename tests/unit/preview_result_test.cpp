// The table of stsmap preview, what is kept between runs, and the command around them.
#include "support/temp_folder.hpp"
#include "tool/preview/command.hpp"
#include "tool/preview/kept.hpp"
#include "tool/preview/reading.hpp"
#include "tool/preview/result.hpp"
#include "tool/tool.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace preview {
namespace {

using base::Instant;
using base::seconds;

const tool::Zone utc = [](Instant) { return seconds{0}; };
const Instant now = *tool::parse_time("2026-11-29T12:00:00Z");

Checked verdict(const std::string& domain, Kind kind, std::vector<std::string> hosts = {}) {
    Checked made;
    made.domain = domain;
    made.kind = kind;
    made.at = now;
    made.hosts = std::move(hosts);
    return made;
}

/// `count` messages to the domain over the host.
std::string mail(const std::string& domain, int count, const std::string& host,
                 const std::string& words = "status=sent (ok)") {
    static int number = 0;
    std::string text;
    for (int n = 0; n < count; ++n)
        text += "Nov 29 10:00:00 h postfix/smtp[7]: ID" + std::to_string(100000 + ++number) + ": to=<x@" +
                domain + ">, relay=" + host + "[192.0.2.1]:25, delay=1, dsn=2.0.0, " + words + "\n";
    return text;
}
const std::string log_text =
    mail("waits.example", 11, "mx.waits.example") + mail("fine.example", 80, "mx.fine.example") +
    mail("testing.example", 5, "mx.testing.example") + mail("dane.example", 2, "mx.dane.example") +
    mail("none.example", 1000, "mx.none.example") + mail("moved.example", 3, "smart.host.example") +
    mail("unknown.example", 1, "mx.unknown.example");
Verdicts verdicts() {
    Verdicts all;
    for (Checked& each :
         std::vector<Checked>{verdict("waits.example", Kind::waits, {"mx.waits.example"}),
                              verdict("fine.example", Kind::fine, {"mx.fine.example"}),
                              verdict("testing.example", Kind::testing, {"mx.testing.example"}),
                              verdict("dane.example", Kind::dane, {"mx.dane.example"}),
                              verdict("none.example", Kind::none, {"mx.other.example"}),
                              verdict("moved.example", Kind::fine, {"mx.moved.example"})}) {
        if (each.kind == Kind::waits) {
            each.words = "mx.waits.example: its certificate has another name";
            each.said = "Server certificate not verified";
            each.finding = "mx-certificate-name";
        }
        if (each.kind == Kind::testing) each.enforced = Kind::waits;
        const std::string domain = each.domain;
        all.emplace(domain, std::move(each));
    }
    return all;
}
Tally tally_of(const std::string& text) {
    Tally tally;
    Times times(now, utc);
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) read_line(line, times, tally);
    return tally;
}

TEST(PreviewResult, AddsUpInMessagesAndInDomains) {
    const Verdicts known = verdicts();
    const Result result = add_up(tally_of(log_text), known);
    const auto expect = [&result](Kind kind, std::uint64_t domains, std::uint64_t messages) {
        EXPECT_EQ(result.of(kind).domains, domains) << to_string(kind);
        EXPECT_EQ(result.of(kind).messages, messages) << to_string(kind);
    };
    expect(Kind::waits, 1, 11);
    expect(Kind::fine, 1, 80);
    expect(Kind::testing, 1, 5);
    expect(Kind::dane, 1, 2);
    expect(Kind::none, 1, 1000);
    expect(Kind::elsewhere, 1, 3);
    expect(Kind::unknown, 1, 1);
    EXPECT_EQ(result.all.domains, 7U);
    EXPECT_EQ(result.all.messages, 1102U);
    EXPECT_EQ(result.rows.front().sum.domain, "none.example");
}

TEST(PreviewResult, IsPrintedAsATable) {
    const Verdicts known = verdicts();
    Result result = add_up(
        tally_of(log_text +
                 "Nov 29 10:00:00 h postfix/local[7]: AAAAAA: to=<x@h>, relay=local, delay=1, dsn=2.0.0, "
                 "status=sent (ok)\n"),
        known);
    result.source = "/var/log/mail.log";
    std::ostringstream out;
    Look look;
    look.now = now;
    look.zone = utc;
    print_text(result, look, out);
    EXPECT_EQ(out.str(), R"(1,102 messages to 7 domains, 2026-11-29 10:00:00+00:00 to 2026-11-29
10:00:00+00:00
From /var/log/mail.log

                         domains    messages
fine                           1          80     7.3 %
would wait                     1          11    1.00 %
testing                        1           5    0.45 %
DANE                           1           2    0.18 %
no policy                      1       1,000    90.7 %
goes another way               1           3    0.27 %
could not find out             1           1    0.09 %
all                            7       1,102

Would wait:
  waits.example                  11 messages, last 2026-11-29 10:00:00+00:00
      mx.waits.example: its certificate has another name
      Postfix would say: Server certificate not verified

Could not find out:
  unknown.example                1 message, last 2026-11-29 10:00:00+00:00
      not looked at
Run it again: what is known is kept for a day. `stsmap check DOMAIN` shows all
that was seen.

Goes another way: to hosts that are no MX hosts of the domain now. If a relay or
a table of this host is the reason, its policy decides; if the domain has moved,
`stsmap check` says more:
  moved.example                  3 messages, last 2026-11-29 10:00:00+00:00
      went to smart.host.example

Testing, and would wait with mode enforce:
  testing.example                5 messages, last 2026-11-29 10:00:00+00:00

Left out, because MTA-STS has nothing to do with it:
           1  to mailboxes and programs of this host

Under enforcement mail to 1 of 7 domains would wait, 11 of 1,102 messages. About
1 domain nothing could be found out.
)");
}

TEST(PreviewResult, IsPrintedAsJson) {
    const Verdicts known = verdicts();
    const Result result = add_up(tally_of(log_text), known);
    const auto row = std::ranges::find(result.rows, Kind::waits, &Row::kind);
    ASSERT_NE(row, result.rows.end());
    EXPECT_EQ(
        row_json(result, *row).dump(),
        R"({"schema":1,"domain":"waits.example","verdict":"waits","messages":11,"sent":11,"first":"2026-11-29T10:00:00Z",)"
        R"("last":"2026-11-29T10:00:00Z","hosts":[{"host":"mx.waits.example","deliveries":11}],"checked_at":"2026-11-29T12:00:00Z",)"
        R"("said":"Server certificate not verified","words":"mx.waits.example: its certificate has another name",)"
        R"("finding":"mx-certificate-name","mx":["mx.waits.example"]})");
    const tool::Json summary = summary_json(result);
    EXPECT_EQ(summary["all"].dump(), R"({"domains":7,"messages":1102})");
    EXPECT_EQ(summary["verdicts"]["waits"].dump(), R"({"domains":1,"messages":11})");
    EXPECT_EQ(summary["lines"]["deliveries"], 1102);
    const Result daemon = add_up(std::vector<std::string>{"fine.example"}, known);
    EXPECT_EQ(
        row_json(daemon, daemon.rows[0]).dump(),
        R"({"schema":1,"domain":"fine.example","verdict":"fine","checked_at":"2026-11-29T12:00:00Z","mx":["mx.fine.example"]})");
    EXPECT_EQ(summary_json(daemon)["all"].dump(), R"({"domains":1})");
}

TEST(PreviewResult, ThePolicyOfTheNextHopDecidesWhereTheLogNamesIt) {
    Verdicts known;
    known.emplace("hop.example", verdict("hop.example", Kind::waits, {"mx.hop.example"}));
    const Result result = add_up(tally_of("Nov 29 10:00:00 h postfix/smtp[7]: TLSRPT: status=success, "
                                          "domain=hop.example, receiving_mx=m[192.0.2.1]\n" +
                                          mail("a.example", 1, "mx.other.example")),
                                 known);
    ASSERT_EQ(result.rows.size(), 1U);
    EXPECT_EQ(result.rows[0].sum.next_hop, "hop.example");
    EXPECT_EQ(result.rows[0].kind, Kind::waits);
}

TEST(PreviewKept, IsUsedAgainForADay) {
    Checked one = verdict("a.example", Kind::testing, {"mx.a.example"});
    one.mode = "testing";
    one.enforced = Kind::waits;
    one.words = R"(a word \x00 and a \" quote)";
    one.said = "said";
    one.finding = "mx-tls";
    const std::string line = kept_line(one, "3.7.11/sts").dump();
    EXPECT_EQ(read_kept(line, "3.7.11/sts", now), one);
    EXPECT_EQ(read_kept(line, "3.10.13/sts-tlsrpt", now), std::nullopt) << "by other eyes";
    EXPECT_EQ(read_kept(line, "3.7.11/sts", now + seconds{86399}), one);
    EXPECT_EQ(read_kept(line, "3.7.11/sts", now + seconds{86400}), std::nullopt) << "too old";
    EXPECT_EQ(read_kept(line, "3.7.11/sts", now - seconds{1}), std::nullopt) << "from the future";
    EXPECT_EQ(read_kept(kept_line(verdict("a.example", Kind::unknown), "p").dump(), "p", now), std::nullopt);
    one.enforced.reset();
    EXPECT_FALSE(may_be_kept(one)) << "what mode enforce would do is asked again";
    EXPECT_EQ(read_kept(kept_line(one, "p").dump(), "p", now), std::nullopt);
    for (const std::string bad :
         {"", "{}", "x", R"({"schema":1})",
          R"({"schema":2,"domain":"a","postfix":"p","at":"2026-11-29T12:00:00Z","verdict":"fine"})"})
        EXPECT_EQ(read_kept(bad, "p", now), std::nullopt) << bad;
    EXPECT_EQ(read_kept(line + std::string(max_kept_line, ' '), "3.7.11/sts", now), std::nullopt);
}

TEST(PreviewKept, SurvivesADamagedFile) {
    const test::TempFolder folder;
    const std::string path = folder / "a/b/preview.jsonl";
    {
        auto kept = Kept::open(path, "p", now, false);
        ASSERT_TRUE(kept) << kept.error();
        kept->add(verdict("a.example", Kind::fine));
        kept->add(verdict("b.example", Kind::waits));
    }
    std::ofstream(path, std::ios::app) << "{\"schema\":1,\"domain\":\"c.exa"; // as after a power failure
    auto kept = Kept::open(path, "p", now, false);
    ASSERT_TRUE(kept);
    EXPECT_EQ(kept->known().size(), 2U);
    EXPECT_TRUE(Kept::open(path, "p", now, true)->known().empty()) << "--fresh";
    EXPECT_FALSE(Kept::open("/proc/none/preview.jsonl", "p", now, false));
}

/// The command, over eyes that see what a table says.
class PreviewCommand : public testing::Test {
protected:
    void SetUp() override { ::setenv("XDG_CACHE_HOME", folder_.path().c_str(), 1); }
    void TearDown() override { ::unsetenv("XDG_CACHE_HOME"); }

    class TableEyes final : public Eyes {
    public:
        TableEyes(const Verdicts& known, std::vector<std::string>& asked) : known_(known), asked_(asked) {}
        std::string name() const override { return "3.7.11/sts"; }
        std::string relayhost() const override { return ""; }
        std::string trouble() const override { return ""; }
        base::Expected<bool, std::string> look(const Asked& asked) override {
            for (const std::string& domain : asked.domains) {
                asked_.push_back(domain);
                const auto found = known_.find(domain);
                if (found != known_.end()) asked.found(found->second);
            }
            return true;
        }

    private:
        const Verdicts& known_;
        std::vector<std::string>& asked_;
    };

    int run(std::vector<std::string> words, const std::string& input = "") {
        words.insert(words.begin(), "preview");
        std::istringstream in(input);
        std::ostringstream out, err;
        tool::World world{.in = in, .out = out, .err = err};
        world.now = [] { return now; };
        world.zone = utc;
        tool::Commands commands;
        commands.preview = [this](const tool::CommonOptions&, const EyesOptions&,
                                  const tool::World&) -> base::Expected<std::unique_ptr<Eyes>, std::string> {
            if (!trouble_.empty()) return base::unexpected(trouble_);
            return std::make_unique<TableEyes>(known_, asked_);
        };
        asked_.clear();
        const int status = tool::run_tool(words, world, commands);
        out_ = out.str();
        err_ = err.str();
        return status;
    }

    test::TempFolder folder_;
    Verdicts known_ = verdicts();
    std::vector<std::string> asked_;
    std::string out_, err_, trouble_;
};

TEST_F(PreviewCommand, ReadsAsksAndPrints) {
    EXPECT_EQ(run({"-"}, log_text), 1) << "some mail would wait";
    EXPECT_EQ(err_, "");
    EXPECT_NE(out_.find("Under enforcement mail to 1 of 7 domains would wait, 11 of 1,102 messages."),
              std::string::npos)
        << out_;
    EXPECT_EQ(asked_.size(), 7U);
    EXPECT_EQ(run({"-"}, log_text), 1);
    EXPECT_EQ(asked_, std::vector<std::string>{"unknown.example"})
        << "the others were looked at a moment ago";
    EXPECT_EQ(run({"--fresh", "-"}, log_text), 1);
    EXPECT_EQ(asked_.size(), 7U);
}

TEST_F(PreviewCommand, ItsStatusSaysWhatWouldBecomeOfTheMail) {
    EXPECT_EQ(run({"-"}, mail("fine.example", 1, "mx.fine.example")), 0);
    EXPECT_EQ(run({"-"}, mail("unknown.example", 1, "mx.unknown.example")), 3);
    EXPECT_EQ(run({"--no-check", "-"}, mail("unknown.example", 1, "mx.unknown.example")), 0);
    EXPECT_EQ(run({"-"}, ""), 0) << "no mail";
    EXPECT_EQ(run({folder_ / "none"}), 3);
    EXPECT_NE(err_.find("cannot read"), std::string::npos);
    EXPECT_EQ(run({"--since", "yesterday", "-"}), 2);
    EXPECT_EQ(run({"--journal", "-"}), 2);
    EXPECT_EQ(run({"--directory", "/x"}), 2);
    EXPECT_EQ(run({"--postfix", "x", "-"}), 2);
    trouble_ = "no resolver";
    EXPECT_EQ(run({"-"}, log_text), 3);
    EXPECT_EQ(err_, "stsmap: no resolver\n");
}

TEST_F(PreviewCommand, LooksOnlyAtWhatIsYoungEnough) {
    const std::string old = "Nov 20 10:00:00 h postfix/smtp[7]: OLDOLD: to=<x@old.example>, "
                            "relay=m[192.0.2.1]:25, delay=1, dsn=2.0.0, status=sent (ok)\n";
    run({"--since", "2d", "--json", "-"}, old + mail("fine.example", 1, "mx.fine.example"));
    EXPECT_EQ(asked_, std::vector<std::string>{"fine.example"});
    EXPECT_NE(out_.find("\"earlier\":1"), std::string::npos) << out_;
    run({"-"}, old + mail("fine.example", 1, "mx.fine.example"));
    EXPECT_EQ(asked_, std::vector<std::string>{"old.example"}) << "what is named is read in full";
}

TEST_F(PreviewCommand, ReadsRotatedFilesInTheirOrder) {
    std::ofstream(folder_ / "mail.log.1") << mail("fine.example", 2, "mx.fine.example");
    std::ofstream(folder_ / "mail.log") << mail("fine.example", 3, "mx.fine.example");
    EXPECT_EQ(run({"--json", folder_ / "mail.log", folder_ / "mail.log.1", folder_ / "mail.log"}), 0);
    EXPECT_NE(out_.find("\"source\":\"" + (folder_ / "mail.log.1") + ", "), std::string::npos) << out_;
    EXPECT_NE(out_.find("\"all\":{\"domains\":1,\"messages\":5}"), std::string::npos) << out_;
}

TEST_F(PreviewCommand, WithoutChecksItPrintsWhatTheLogSays) {
    EXPECT_EQ(run({"--no-check", "-"}, log_text), 0);
    EXPECT_TRUE(asked_.empty());
    EXPECT_EQ(out_.find("would wait"), std::string::npos) << out_;
    EXPECT_NE(out_.find("to mx.none.example"), std::string::npos) << out_;
}

} // namespace
} // namespace preview
