#include "decision/decide.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

namespace {

using base::Reason;
using decision::Answer;
using decision::DaneOnly;
using decision::Enforce;
using decision::Facts;
using decision::NoOpinion;
using decision::Rule;
using decision::TryLater;
using decision::Why;
using sts::Mode;

constexpr base::Instant now{base::seconds{1'700'000'000}};
constexpr base::seconds second{1};

const sts::PolicyText& policy(Mode mode) {
    static const auto of = [](Mode m) {
        sts::PolicyText text;
        text.policy.mode = m;
        text.policy.mx = {{"mx.example.com", false}};
        return text;
    };
    static const sts::PolicyText none = of(Mode::none), testing = of(Mode::testing),
                                 enforce = of(Mode::enforce);
    return mode == Mode::none ? none : mode == Mode::testing ? testing : enforce;
}

/// A domain with a policy of this mode that is valid for one more second, and no DANE.
Facts known(Mode mode) {
    Facts facts;
    facts.domain = "example.com";
    facts.policy = &policy(mode);
    facts.expires_at = now + second;
    facts.dane_limits.active = true;
    facts.dane = {dane::Advice::sts, now, now + second, {}};
    return facts;
}

/// A domain without a policy, and why it has none.
Facts absent(Reason reason) {
    Facts facts;
    facts.domain = "example.com";
    facts.reason = reason;
    return facts;
}

Facts with(Facts facts, const std::function<void(Facts&)>& change) {
    change(facts);
    return facts;
}

void dane(Facts& f) { f.dane.advice = dane::Advice::dane_only; }
void strict(Facts& f) { f.enforce_testing = true; }
void expired(Facts& f) { f.expires_at = now; }
void late(Facts& f) { f.reason = Reason::deadline; }
void loading(Facts& f) { f.store_read = false; }
void overloaded(Facts& f) { f.reason = Reason::overloaded; }
void fetched(Facts& f) { f.just_fetched = true; }

struct Row {
    std::string what;
    Facts facts;
    std::string answer;
    Rule rule;
    std::string unusual = "";
    std::string hidden = ""; ///< "": as the answer
};

std::vector<Row> table() {
    const Facts enforce = known(Mode::enforce), testing = known(Mode::testing), none = known(Mode::none);
    const Facts nothing = absent(Reason::no_record);
    return {
        {"no policy domain", with(enforce, [](Facts& f) { f.no_domain = Reason::key_address_literal; }),
         "notfound", Rule::no_domain},
        {"no policy", nothing, "notfound", Rule::no_policy},
        {"a stranger's trouble defers nothing", absent(Reason::dns_timeout), "notfound", Rule::no_policy},
        {"our own does", with(nothing, overloaded), "temp", Rule::overload, "overload"},
        {"the deadline defers nothing", with(nothing, late), "notfound", Rule::no_policy, "deadline"},
        {"but while the store is being read", with(with(nothing, late), loading), "temp", Rule::loading,
         "loading"},
        {"and then by the deadline alone", with(nothing, loading), "notfound", Rule::no_policy},
        {"enforce", enforce, "secure", Rule::policy},
        {"enforce, the store being read", with(with(enforce, late), loading), "secure", Rule::policy,
         "deadline"},
        {"enforce, by the deadline", with(enforce, late), "secure", Rule::policy, "deadline"},
        {"enforce, overloaded since", with(enforce, overloaded), "secure", Rule::policy},
        {"enforce, the last try failed", with(enforce, [](Facts& f) { f.reason = Reason::http_status; }),
         "secure", Rule::policy},
        {"expired", with(enforce, expired), "notfound", Rule::no_policy},
        {"expired and overloaded", with(with(enforce, expired), overloaded), "temp", Rule::overload,
         "overload"},
        {"expired, and the store is being read", with(with(with(enforce, expired), late), loading), "temp",
         Rule::loading, "loading"},
        {"of max_age 0, in the lookup that fetched it", with(with(enforce, expired), fetched), "secure",
         Rule::policy},
        {"DANE goes before MTA-STS", with(enforce, dane), "dane-only", Rule::dane, "dane"},
        {"DANE, by the deadline", with(with(enforce, dane), late), "dane-only", Rule::dane, "dane"},
        {"DANE does not outlive the policy", with(with(enforce, dane), expired), "notfound", Rule::no_policy},
        {"DANE that nobody looks for",
         with(with(enforce, dane), [](Facts& f) { f.dane_limits.active = false; }), "secure", Rule::policy},
        {"DANE found before, of a resolver that is silent",
         with(with(enforce, dane),
              [](Facts& f) {
                  f.dane_limits.active = false;
                  f.dane_limits.remembered = true;
              }),
         "dane-only", Rule::dane, "dane"},
        {"DANE of which lookups have failed for a day",
         with(with(enforce, dane), [](Facts& f) { f.dane.failed_since = now - f.dane_limits.bridge; }),
         "secure", Rule::policy},
        {"testing reports and forbids nothing", testing, "notfound", Rule::mode, "", "secure"},
        {"testing with DANE: Postfix's own level rules", with(testing, dane), "notfound", Rule::mode, "",
         "dane-only"},
        {"testing, by the deadline", with(testing, late), "notfound", Rule::mode, "deadline", "secure"},
        {"testing, taken as enforce", with(testing, strict), "secure", Rule::policy},
        {"testing, taken as enforce, with DANE", with(with(testing, strict), dane), "dane-only", Rule::dane,
         "dane"},
        {"a withdrawn policy", none, "notfound", Rule::mode},
        {"a withdrawn policy is never enforced", with(with(none, strict), dane), "notfound", Rule::mode},
    };
}

TEST(Decide, Table) {
    for (const Row& row : table()) {
        const decision::Decision got = decision::decide(row.facts, now);
        EXPECT_EQ(word(got.answer), row.answer) << row.what;
        EXPECT_EQ(to_string(got.why.applied().rule), to_string(row.rule)) << row.what;
        EXPECT_EQ(unusual(got.why), row.unusual) << row.what;
        EXPECT_EQ(word(got.hidden), row.hidden.empty() ? row.answer : row.hidden) << row.what;
    }
}

TEST(Decide, GivesTheReason) {
    const auto answer = [](const Facts& facts) { return decision::decide(facts, now).answer; };
    EXPECT_EQ(answer(absent(Reason::no_record)), Answer{NoOpinion{Reason::no_record}});
    EXPECT_EQ(answer(known(Mode::testing)), Answer{NoOpinion{}});
    EXPECT_EQ(answer(with(known(Mode::enforce), [](Facts& f) { f.no_domain = Reason::key_parent_domain; })),
              Answer{NoOpinion{Reason::key_parent_domain}});
    EXPECT_EQ(answer(known(Mode::enforce)), (Answer{Enforce{"example.com", &policy(Mode::enforce)}}));
    EXPECT_EQ(std::get<TryLater>(answer(absent(Reason::overloaded))).reason, Reason::overloaded);
    EXPECT_EQ(answer(with(known(Mode::enforce), dane)), Answer{DaneOnly{}});
}

TEST(Decide, ListsTheRulesThatCameIntoQuestion) {
    const auto rules = [](const Facts& facts) {
        std::vector<std::string> list;
        const decision::Decision got = decision::decide(facts, now);
        for (const Why& why : got.why) list.emplace_back(to_string(why.rule));
        return list;
    };
    using List = std::vector<std::string>;
    EXPECT_EQ(rules(known(Mode::enforce)), (List{"dane", "policy"}));
    EXPECT_EQ(rules(with(known(Mode::enforce), dane)), (List{"dane"}));
    EXPECT_EQ(rules(known(Mode::testing)), (List{"mode"}));
    EXPECT_EQ(rules(absent(Reason::no_record)), (List{"no-policy"}));
}

TEST(Decide, TellsTheEvidenceWhenAsked) {
    const auto all = [](const Facts& facts) {
        std::string text;
        const decision::Decision got = decision::decide(facts, now);
        for (const Why& why : got.why) text += evidence(why, facts, now) + "\n";
        return text;
    };
    EXPECT_EQ(all(known(Mode::enforce)), "DANE verdict sts, proven 0 s ago\nmode enforce, expires in 1 s\n");
    EXPECT_EQ(all(with(with(known(Mode::enforce), dane),
                       [](Facts& f) {
                           f.dane.known_at = now - base::seconds{7200};
                           f.dane.failed_since = now - base::seconds{60};
                       })),
              "DANE verdict dane-only, proven 7200 s ago, lookups fail since 60 s ago\n");
    EXPECT_EQ(all(with(known(Mode::enforce), [](Facts& f) { f.dane = {}; })),
              "no verdict on DANE\nmode enforce, expires in 1 s\n");
    EXPECT_EQ(all(with(known(Mode::enforce), [](Facts& f) { f.dane_limits = {}; })),
              "DANE is not looked for\nmode enforce, expires in 1 s\n");
    EXPECT_EQ(all(with(known(Mode::testing), fetched)), "mode testing, fetched now\n");
    EXPECT_EQ(all(with(known(Mode::enforce), [](Facts& f) { f.expires_at = now - base::seconds{5}; })),
              "mode enforce, expired 5 s ago\n");
    EXPECT_EQ(all(absent(Reason::record_multiple)),
              std::string{base::to_string(Reason::record_multiple)} + "\n");
    EXPECT_EQ(all(with(Facts{}, [](Facts& f) { f.no_domain = Reason::key_parent_domain; })),
              std::string{base::to_string(Reason::key_parent_domain)} + "\n");
    EXPECT_EQ(all(with(with(absent(Reason::deadline), loading), late)),
              "stsmapd: the stored policies are still being read\n");
    EXPECT_EQ(all(absent(Reason::overloaded)),
              "stsmapd: too many lookups in progress, or no memory or open files left\n");
}

/// Every action over every usual answer. "=": held back, the usual answer stays.
TEST(Decide, OverridesOverEveryUsualAnswer) {
    using decision::Action;
    const Facts nothing = with(absent(Reason::no_record), [](Facts&f) { f.dane_limits.active = true; }),
                enforce = known(Mode::enforce);
    const std::pair<std::string, Facts> usual[] = {
        {"notfound", nothing},
        {"notfound", known(Mode::testing)},
        {"secure", enforce},
        {"dane-only", with(enforce, dane)},
        {"temp", with(nothing, overloaded)},
    };
    struct Exception {
        Action action;
        std::string match, none, testing, enforced, dane; ///< answers over what is usual
    };
    const Exception rows[] = {
        {Action::off, "", "notfound", "notfound", "=", "="},
        {Action::observe, "", "notfound", "notfound", "=", "="},
        {Action::may, "", "may", "may", "=", "="},
        {Action::encrypt, "", "encrypt", "encrypt", "=", "="},
        {Action::secure, "mx.example.com", "secure", "secure", "secure", "="},
        {Action::secure, "mx.example.net", "secure", "secure", "=", "="},
        {Action::dane_only, "", "dane-only", "dane-only", "dane-only", "dane-only"},
    };
    for (const Exception& row : rows)
        for (const bool weakens : {false, true}) {
            decision::Override exception;
            exception.domain = "example.com";
            exception.action = row.action;
            if (!row.match.empty()) exception.match = {{row.match, false}};
            exception.weakens = weakens;
            const std::string wants[] = {row.none, row.testing, row.enforced, row.dane, "temp"};
            for (std::size_t i = 0; i < std::size(usual); ++i) {
                Facts facts = usual[i].second;
                facts.exception = &exception;
                SCOPED_TRACE(std::string{to_string(row.action)} + " over " + std::to_string(i) +
                             (weakens ? ", weakens" : ""));
                const decision::Decision got = decision::decide(facts, now);
                const bool held_back = wants[i] == "=" && !weakens;
                if (i == 4) {
                    EXPECT_EQ(word(got.answer), "temp") << "our own failure comes first";
                    EXPECT_EQ(unusual(got.why), "overload");
                } else if (held_back) {
                    EXPECT_EQ(word(got.answer), usual[i].first);
                    EXPECT_EQ(got.why.begin()->rule, Rule::held_back);
                } else {
                    const std::string given = row.action == Action::off || row.action == Action::observe
                                                  ? "notfound"
                                                  : std::string{to_string(row.action)};
                    EXPECT_EQ(word(got.answer), given);
                    if (wants[i] != "=") {
                        EXPECT_EQ(given, wants[i]);
                    }
                    EXPECT_EQ(word(got.hidden), usual[i].first);
                    EXPECT_EQ(unusual(got.why), "override");
                }
            }
        }
}

TEST(Decide, DaneOnlyNeedsSomebodyWhoLooksForDane) {
    decision::Override exception;
    exception.action = decision::Action::dane_only;
    Facts facts = with(known(Mode::enforce), [](Facts& f) { f.dane_limits = {}; });
    facts.exception = &exception;
    EXPECT_EQ(word(decision::decide(facts, now).answer), "secure");
    facts.dane_limits.remembered = true;
    EXPECT_EQ(word(decision::decide(facts, now).answer), "dane-only");
}

TEST(Decide, WhoObservesGivesNoOpinionAndSaysWhatItHides) {
    decision::Override exception;
    exception.action = decision::Action::encrypt;
    struct Case {
        Facts facts;
        std::string answer, hidden, unusual;
    };
    Facts excepted = absent(Reason::no_record);
    excepted.exception = &exception;
    const Case cases[] = {
        {known(Mode::enforce), "notfound", "secure", "observe"},
        {with(known(Mode::enforce), dane), "notfound", "dane-only", "observe"},
        {absent(Reason::no_record), "notfound", "notfound", ""},
        {excepted, "notfound", "encrypt", "observe"},
        {with(absent(Reason::no_record), overloaded), "notfound", "temp", "observe"},
        {with(known(Mode::enforce), overloaded), "notfound", "secure", "observe"},
    };
    for (const Case& one : cases) {
        Facts facts = one.facts;
        facts.observe = true;
        const decision::Decision got = decision::decide(facts, now);
        EXPECT_EQ(word(got.answer), one.answer);
        EXPECT_EQ(word(got.hidden), one.hidden);
        EXPECT_EQ(unusual(got.why), one.unusual);
    }
}

} // namespace
