// `stsmap check`: from what was found out to output and exit status.
#include "support/temp_folder.hpp"
#include "tool/check/command_line.hpp"
#include "tool/check/store.hpp"
#include "tool/tool.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

namespace {

using base::Instant;
using base::seconds;

/// A run of the tool whose collector is `collect`.
struct Ran {
    int status = 0;
    std::string out, err;
};
Ran run(const check::Collect& collect, const std::vector<std::string>& arguments, const std::string& input = {}) {
    tool::Commands commands;
    commands.check = collect;
    std::istringstream in(input);
    std::ostringstream out, err;
    tool::World world{.in = in, .out = out, .err = err};
    world.now = [] { return Instant{seconds{1795984520}}; };
    world.zone = [](Instant) { return seconds{0}; };
    const int status = tool::run_tool(arguments, world, commands);
    return {status, out.str(), err.str()};
}

/// Finds that DNS says there is no policy (and no mail server): nothing waits.
check::Evidence nothing_there(const check::Target& target) {
    check::Evidence made;
    made.domain = target.domain.name();
    made.asked = target.asked;
    made.at = Instant{seconds{1795984520}};
    made.sts.looked = {"_mta-sts." + made.domain, "TXT", "", "", "nxdomain", dns::Worth::insecure, "", 60};
    made.mx_looked = check::Looked{made.domain, "MX", "", "", "data", dns::Worth::insecure, "", 60};
    made.mx.emplace_back();
    made.mx[0].host = "mx." + made.domain;
    made.mx[0].a = {"mx." + made.domain, "A", "", "", "data", dns::Worth::insecure, "", 60};
    made.mx[0].aaaa = {"mx." + made.domain, "AAAA", "", "", "nodata", dns::Worth::insecure, "", 60};
    made.mx[0].addresses = {{"192.0.2.1", {}, "no-smtp", ""}};
    made.smtp = false;
    made.postfix.version_text = "3.10.13";
    made.postfix.version = {3, 10, 13};
    made.postfix.map = "sts-tlsrpt";
    return made;
}
check::Collect all_found() {
    return [](const tool::CommonOptions&, const check::Wanted& wanted,
              const tool::World&) -> base::Expected<bool, std::string> {
        for (const check::Target& target : wanted.targets) wanted.found(nothing_there(target));
        return true;
    };
}

std::vector<std::string> domains_of(const std::string& lines) {
    std::vector<std::string> all;
    std::istringstream in(lines);
    for (std::string line; std::getline(in, line);) all.push_back(nlohmann::json::parse(line)["domain"]);
    return all;
}

TEST(CheckCommand, PrintsALineForEachDomainOnce) {
    const Ran ran = run(all_found(), {"check", "--json", "B.test", "-", "b.test."}, "a.test\n# no\nb.test\n");
    EXPECT_EQ(ran.status, 0) << ran.err;
    EXPECT_EQ(domains_of(ran.out), (std::vector<std::string>{"b.test", "a.test"}));
}

TEST(CheckCommand, GivesTheOptionsOn) {
    check::Wanted given;
    const check::Collect keep = [&given](const tool::CommonOptions&, const check::Wanted& wanted, const tool::World&) {
        given = wanted;
        return base::Expected<bool, std::string>(true);
    };
    (void)run(keep, {"check", "a.test"});
    EXPECT_TRUE(given.smtp);
    EXPECT_FALSE(given.every_address);
    EXPECT_EQ(given.a_minute, 60U);
    (void)run(keep, {"check", "--every-address", "--rate", "7", "-c", "/x", "--service", "out", "a.test"});
    EXPECT_TRUE(given.every_address);
    EXPECT_EQ(given.a_minute, 7U);
    EXPECT_EQ(given.postfix_directory, "/x");
    EXPECT_EQ(given.service, "out");
    (void)run(keep, {"check", "--no-smtp", "a.test"});
    EXPECT_FALSE(given.smtp);
}

TEST(CheckCommand, AStoppedRunAndAWrongConfigurationHaveTheirStatus) {
    const check::Collect stopped = [](const tool::CommonOptions&, const check::Wanted& wanted, const tool::World&) {
        wanted.found(nothing_there(wanted.targets[0]));
        return base::Expected<bool, std::string>(false);
    };
    const Ran ran = run(stopped, {"check", "--json", "a.test", "b.test"});
    EXPECT_EQ(ran.status, 3);
    EXPECT_EQ(ran.err, "stsmap: stopped after 1 domain of 2\n");
    EXPECT_EQ(domains_of(ran.out), std::vector<std::string>{"a.test"});
    const check::Collect wrong = [](const tool::CommonOptions&, const check::Wanted&, const tool::World&) {
        return base::Expected<bool, std::string>(base::unexpected(std::string("no such file")));
    };
    EXPECT_EQ(run(wrong, {"check", "a.test"}).status, 2);
    EXPECT_EQ(run(wrong, {"check", "a.test"}).err, "stsmap: no such file\n");
}

TEST(CheckCommand, ALineThatIsNoDomainIsLeftOutAndAnArgumentIsNot) {
    const Ran listed = run(all_found(), {"check", "--json", "-"}, "a.test\n!\n");
    EXPECT_EQ(listed.status, 3);
    EXPECT_EQ(domains_of(listed.out), std::vector<std::string>{"a.test"});
    EXPECT_EQ(run(all_found(), {"check", "--json", "a.test", "!"}).status, 2);
    EXPECT_EQ(run(all_found(), {"check", "--json", "a.test", "!"}).out, "");
}

TEST(CheckCommand, WhatIsSavedIsPrintedAgain) {
    const test::TempFolder folder;
    const std::string kept = folder / "kept";
    const Ran first = run(all_found(), {"check", "--json", "--save", kept, "b.test", "a.test"});
    EXPECT_EQ(first.status, 0) << first.err;
    const Ran again = run({[](const tool::CommonOptions&, const check::Wanted&, const tool::World&) {
                              ADD_FAILURE() << "looked at the world";
                              return base::Expected<bool, std::string>(true);
                          }},
                          {"check", "--json", "--from", kept});
    EXPECT_EQ(again.status, 0) << again.err;
    EXPECT_EQ(domains_of(again.out), (std::vector<std::string>{"a.test", "b.test"})) << "in order";
    EXPECT_EQ(again.out.size(), first.out.size());
    EXPECT_NE(run(all_found(), {"check", "--from", kept}).out, "") << "for people, too";
}

TEST(CheckCommand, ProgressSaysHowFarItIs) {
    check::Progress progress;
    progress.domains = 1000;
    EXPECT_EQ(check::progress_text(progress), "0 of 1,000 domains");
    progress.done = 12;
    progress.connected = 1;
    progress.waiting = 5;
    EXPECT_EQ(check::progress_text(progress), "12 of 1,000 domains, 1 connection, 5 hosts to come");
}

TEST(CheckCommand, ATargetIsADomain) {
    EXPECT_EQ(check::parse_target("B\xc3\xbc" "cher.Example.")->domain.name(), "xn--bcher-kva.example");
    EXPECT_EQ(check::parse_target("192.0.2.1").error(), "\"192.0.2.1\" is an address, not a domain");
    EXPECT_EQ(check::parse_target("a b").error(), "\"a b\" is not a domain");
    std::string longest;
    while (longest.size() < 244) longest += "aaaaaaaaa.";
    longest.resize(245);
    longest.back() = 'a';
    EXPECT_NE(check::parse_target(longest).error().find("too long"), std::string::npos);
}

} // namespace
