// What publish proposes: policy, id, records, their order and waiting times, and the files.
#include "sts/record.hpp"
#include "tlsrpt/record.hpp"
#include "tool/check/registrable.hpp"
#include "tool/lint/policy_text.hpp"
#include "tool/lint/txt_text.hpp"
#include "tool/publish/files.hpp"
#include "tool/publish/plan.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

namespace {

using namespace publish;
using namespace std::chrono_literals;
using sts::Mode;

constexpr base::Instant now{std::chrono::seconds{1795898120}}; // 2026-11-28T20:35:20Z

sts::Policy policy(Mode mode, std::vector<sts::MxPattern> mx = {{"mx.example.com", false}}) {
    return {mode, default_max_age, std::move(mx)};
}

Wish wish(Mode mode = Mode::testing) { return {"example.com", policy(mode), {}, now, "", true}; }

std::vector<Do> order(const Plan& plan) {
    std::vector<Do> all;
    for (const Step& step : plan.steps) all.push_back(step.what);
    return all;
}

TEST(PublishPlan, WritesAPolicyThatSendersUse) {
    const sts::Policy wanted = policy(Mode::testing, {{"mx1.example.com", false}, {"example.net", true}});
    const std::string text = policy_text(wanted);
    EXPECT_EQ(text,
              "version: STSv1\nmode: testing\nmx: mx1.example.com\nmx: *.example.net\nmax_age: 604800\n");
    const auto look = lint::policy_text(text);
    ASSERT_TRUE(look.parsed);
    EXPECT_EQ(*look.parsed, wanted);
    EXPECT_EQ(policy_text(policy(Mode::none, {})), "version: STSv1\nmode: none\nmax_age: 604800\n");
}

TEST(PublishPlan, MakesAnIdOfTheClock) {
    EXPECT_EQ(new_id(now, ""), "20261128T203520Z");
    EXPECT_EQ(new_id(now, "20261128T203520Z"), "20261128T203521Z")
        << "an id that is there already is no new one";
    EXPECT_TRUE(sts::valid_id(new_id(now, "")));
}

TEST(PublishPlan, NamesTheMxHosts) {
    const auto names = [](const std::vector<std::string>& hosts, bool wildcard,
                          std::vector<std::string>* bad = nullptr) {
        std::vector<std::string> all;
        const Registrable by = wildcard ? check::registrable_part : Registrable{};
        for (const auto& pattern : patterns_for(hosts, by, bad)) all.push_back(to_string(pattern));
        return all;
    };
    using Names = std::vector<std::string>;
    EXPECT_EQ(names({"MX1.example.com", "mx2.example.com.", "mx1.example.com"}, false),
              (Names{"mx1.example.com", "mx2.example.com"}));
    EXPECT_EQ(names({"mx1.example.com", "mx2.example.com", "a.b.example.net"}, true),
              (Names{"*.example.com", "*.b.example.net"}));
    EXPECT_EQ(names({"example.com", "mail"}, true), (Names{"example.com", "mail"}))
        << "a wildcard over a single label would admit everybody";
    EXPECT_EQ(names({"foo.co.uk", "mx.foo.co.uk", "co.uk"}, true),
              (Names{"foo.co.uk", "*.foo.co.uk", "co.uk"}))
        << "and one over a public suffix strangers";
    Names bad;
    EXPECT_EQ(names({"a_b.example.com", "192.0.2.1", "*.example.com", "mx.example.com"}, false, &bad),
              Names{"mx.example.com"});
    EXPECT_EQ(bad, (Names{"a_b.example.com", "192.0.2.1", "*.example.com"}));
}

TEST(PublishPlan, HasTheStepsInTheirOrder) {
    EXPECT_EQ(order(plan_for(wish())),
              (std::vector{Do::prepare_host, Do::serve_policy, Do::publish_txt, Do::look_again}));
    Wish more = wish();
    more.rua = {"mailto:a@example.com"};
    more.new_host = false;
    const Plan plan = plan_for(more);
    EXPECT_EQ(order(plan),
              (std::vector{Do::serve_policy, Do::publish_txt, Do::publish_tlsrpt, Do::look_again}));
    EXPECT_EQ(plan.steps[1].wait, record_ttl);
    EXPECT_EQ(plan.steps[2].wait, testing_time);
    EXPECT_EQ(plan.steps[3].words.size(), 2u) << "and then mode enforce";
    const Plan enforced = plan_for(wish(Mode::enforce));
    EXPECT_EQ(enforced.steps.back().words.size(), 1u);
    EXPECT_EQ(enforced.steps[2].wait, record_ttl) << "and no two weeks";
}

TEST(PublishPlan, SaysWhatTheRecordReplaces) {
    Wish again = wish();
    again.current_id = "20261128T203520Z";
    const Plan plan = plan_for(again);
    EXPECT_EQ(plan.id, "20261128T203521Z");
    const Step& txt = plan.steps[2];
    EXPECT_NE(txt.words.back().find("id=20261128T203520Z"), std::string::npos);
    EXPECT_EQ(txt.record->name, "_mta-sts.example.com");
    EXPECT_EQ(sts::find_id(std::vector{txt.record->value}), plan.id);
}

TEST(PublishPlan, WritesRecordsInBothForms) {
    EXPECT_EQ(zone_line(txt_record("example.com", "1")),
              "_mta-sts.example.com. 3600 IN TXT \"v=STSv1; id=1;\"");
    EXPECT_EQ(plain_lines(txt_record("example.com", "1")),
              "name:  _mta-sts.example.com\ntype:  TXT\nTTL:   3600\nvalue: v=STSv1; id=1;\n");
    const Record reports = tlsrpt_record("example.com", {"mailto:a@example.com", "https://example.com/r"});
    EXPECT_EQ(zone_line(reports), "_smtp._tls.example.com. 3600 IN TXT "
                                  "\"v=TLSRPTv1; rua=mailto:a@example.com,https://example.com/r\"");
    EXPECT_EQ(tlsrpt::find_record(std::vector{reports.value})->rua.size(), 2u);
}

/// A character-string of DNS has 255 octets at most.
TEST(PublishPlan, SplitsLongRecords) {
    const std::string uri = "https://example.com/" + std::string(300, 'x');
    const Record record = tlsrpt_record("example.com", {uri});
    const std::string line = zone_line(record);
    EXPECT_NE(line.find("\" \""), std::string::npos);
    EXPECT_EQ(lint::joined_strings(line.substr(line.find('"'))), record.value);
}

TEST(PublishFiles, HoldThePolicyAndTheName) {
    const Plan plan = plan_for(wish());
    std::map<std::string, std::string> files;
    for (const File& file : files_for(plan, {}))
        EXPECT_TRUE(files.emplace(file.path, file.content).second) << "twice";
    for (const char* place : {"web", "github-pages", "traefik/web"})
        EXPECT_EQ(files[std::string(place) + "/.well-known/mta-sts.txt"], plan.text);
    EXPECT_EQ(files["github-pages/CNAME"], "mta-sts.example.com\n");
    EXPECT_TRUE(files.contains("github-pages/.nojekyll"))
        << "without it the folder .well-known is left out there";
    for (const char* config :
         {"nginx.conf", "apache.conf", "Caddyfile", "lighttpd.conf", "traefik/compose.yaml"}) {
        const std::string& text = files[config];
        EXPECT_NE(text.find("mta-sts.example.com"), std::string::npos) << config;
        EXPECT_NE(text.find("text/plain"), std::string::npos) << config;
        EXPECT_EQ(text.find('@'), std::string::npos) << config << " has a place that was not filled in";
    }
    EXPECT_NE(files["nginx.conf"].find("/etc/letsencrypt/live/mta-sts.example.com/fullchain.pem"),
              std::string::npos);
    EXPECT_NE(files["records.zone"].find(zone_line(*plan.steps[2].record)), std::string::npos);
    EXPECT_EQ(files["records.txt"], plain_lines(*plan.steps[2].record));
}

TEST(PublishFiles, TakeTheServersPaths) {
    const WebServer server{"/srv/sts", "/etc/x.pem", "/etc/x.key"};
    for (const File& file : files_for(plan_for(wish()), server)) {
        if (file.path != "nginx.conf" && file.path != "Caddyfile" && file.path != "lighttpd.conf" &&
            file.path != "apache.conf")
            continue;
        EXPECT_NE(file.content.find("/srv/sts"), std::string::npos) << file.path;
        EXPECT_NE(file.content.find("/etc/x.pem"), std::string::npos) << file.path;
        EXPECT_NE(file.content.find("/etc/x.key"), std::string::npos) << file.path;
    }
}

/// A later step takes nothing back that somebody changed in a configuration.
TEST(PublishFiles, LeaveConfigurationAlone) {
    for (const File& file : files_for(plan_for(wish()), {}, false))
        EXPECT_TRUE(file.path.ends_with("/.well-known/mta-sts.txt") || file.path.starts_with("records."))
            << file.path;
}

TEST(PublishFiles, AreRecordsAloneWhenThePolicyStays) {
    Plan plan = plan_for(wish());
    plan.text.clear();
    const auto files = files_for(plan, {});
    ASSERT_EQ(files.size(), 2u);
    EXPECT_EQ(files[0].path, "records.zone");
}

} // namespace
