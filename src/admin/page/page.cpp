#include "admin/page/page.hpp"

#include "admin/page/chart.hpp"
#include "admin/page/style.hpp"
#include "admin/page/template.hpp"
#include "admin/page/troubles.hpp"
#include "base/utc.hpp"
#include "base/words.hpp"

#include <kainjow/mustache.hpp>

#include <algorithm>
#include <array>
#include <initializer_list>
#include <numeric>
#include <utility>

namespace page {

namespace {

namespace mustache = kainjow::mustache;
using base::counted;
using base::grouped;
using metrics::Id;
using mustache::data;
using Weight = Trouble::Weight;

std::uint64_t whole(double value) noexcept { return value > 0 ? static_cast<std::uint64_t>(value) : 0; }

data list() { return data{data::type::list}; }

data row(std::initializer_list<std::pair<const char*, data>> members) {
    data made{data::type::object};
    for (const auto& [name, value] : members) made.set(name, value);
    return made;
}
data fact(const char* label, const std::string& value) { return row({{"label", label}, {"value", value}}); }

/// "2026-11-28 20:35 UTC"
std::string when(base::Instant at) {
    std::string text = base::utc(at);
    text.replace(10, 1, " ");
    return text.substr(0, 16) + " UTC";
}
std::string when_and_ago(base::Instant at, base::Instant now) {
    return at == base::Instant{} ? "never" : when(at) + ", " + base::relative(at, now);
}

/// Words with `commands` between backquotes, in pieces.
data pieces(std::string_view words) {
    data all = list();
    bool code = false;
    for (std::size_t at = 0; at <= words.size(); code = !code) {
        const std::size_t end = std::min(words.find('`', at), words.size());
        if (end > at)
            all.push_back(row({{"code", data{code}}, {"text", std::string{words.substr(at, end - at)}}}));
        at = end + 1;
    }
    return all;
}

std::string_view meaning(Answer answer) noexcept {
    switch (answer) {
    case Answer::secure: return "secure: TLS, verified by MTA-STS";
    case Answer::dane_only: return "dane-only: TLS, verified by DANE";
    case Answer::notfound: return "notfound: no policy, as Postfix is set";
    case Answer::temp: return "temp: mail waits";
    case Answer::may: return "may: by an override";
    case Answer::encrypt: break;
    }
    return "encrypt: by an override";
}

std::string dnssec(const Resolver& resolver) {
    switch (resolver.validates) {
    case Resolver::Validates::yes:
        return resolver.trusted ? "validates, is believed" : "validates, is not trusted";
    case Resolver::Validates::no: return "does not validate";
    case Resolver::Validates::unknown: break;
    }
    return "not known yet";
}

/// Puts the parts of the page together, each under its names in the template.
class Maker {
public:
    Maker(const Overview& overview, std::optional<base::seconds> refresh)
        : overview_(overview), numbers_(overview.numbers), troubles_(page::troubles(overview)),
          refresh_(refresh) {}

    data all() {
        head();
        wrong();
        tiles();
        answers();
        durations();
        policies();
        failing();
        dane();
        overrides();
        store();
        daemon();
        return std::move(page_);
    }

private:
    [[nodiscard]] std::uint64_t number(Id id) const { return whole(numbers_.value(id)); }
    [[nodiscard]] std::uint64_t number(Id id, std::size_t value) const {
        return whole(numbers_.value(id, {value}));
    }
    [[nodiscard]] std::uint64_t sum(Id id) const { return whole(numbers_.sum(id)); }
    [[nodiscard]] const Hour::Grown& grown(Sign sign) const {
        return overview_.hour.grown[static_cast<std::size_t>(sign)];
    }
    [[nodiscard]] std::size_t count(Weight weight) const {
        return static_cast<std::size_t>(std::count_if(troubles_.begin(), troubles_.end(),
                                                      [=](const Trouble& t) { return t.weight == weight; }));
    }
    void set(const char* name, const data& value) { page_.set(name, value); }

    void head() {
        const std::size_t problems = count(Weight::problem), warnings = count(Weight::warning);
        std::string words = "All is well";
        if (problems > 0) words = counted(problems, "problem", "problems");
        if (warnings > 0)
            words = (problems > 0 ? words + ", " : "") + counted(warnings, "warning", "warnings");
        const bool observing = number(Id::observing) > 0;
        if (observing && problems + warnings == 0) words = "Only observing";
        set("state_words", words);
        set("state", problems > 0 ? "problem" : warnings > 0 ? "warning" : observing ? "note" : "ok");
        set("host", overview_.host.empty() ? data{false} : row({{"name", overview_.host}}));
        set("style", std::string{style()});
        set("now", when(overview_.now));
        set("now_utc", base::utc(overview_.now));
        set("uptime", base::length_words(overview_.now - overview_.started));
        set("refresh", refresh_ ? row({{"seconds", std::to_string(refresh_->count())}}) : data{false});
        set("observing", data{observing});
        const std::uint64_t secure = number(Id::observe_would_total, 0),
                            dane = number(Id::observe_would_total, 1);
        set("observed_words", "Since the start " + counted(secure, "answer", "answers") +
                                  " would have been secure and " + grouped(dane) + " dane-only.");
    }

    void wrong() {
        data weighty = list(), notes = list();
        std::uint64_t notes_count = 0;
        for (const Trouble& trouble : troubles_) {
            if (trouble.id == "observing") continue; // it has a banner of its own
            const bool note = trouble.weight == Weight::note;
            (note ? notes : weighty)
                .push_back(row({{"id", std::string{trouble.id}},
                                {"weight", std::string{to_string(trouble.weight)}},
                                {"kind", trouble.weight == Weight::problem ? "Problem:" : "Warning:"},
                                {"words", trouble.words},
                                {"advice", pieces(trouble.advice)}}));
            if (note) ++notes_count;
        }
        set("fine", data{weighty.is_empty_list()});
        set("has_troubles", data{weighty.is_non_empty_list()});
        set("has_notes", data{notes_count > 0});
        set("notes_open", data{notes_count <= 3 && weighty.is_empty_list()});
        set("notes_count", std::to_string(notes_count));
        set("troubles", weighty);
        set("notes", notes);
    }

    static std::string within(const Quantiles& quantiles, std::chrono::microseconds duration, bool beyond) {
        if (quantiles.count == 0) return "-";
        return (beyond ? "over " : "") + base::duration_words(duration);
    }

    void tiles() {
        const Hour::Part& hour = overview_.hour.whole;
        const std::uint64_t temp = hour.by_answer[static_cast<std::size_t>(Answer::temp)];
        const auto seconds = static_cast<double>(std::max<std::int64_t>(hour.length.count(), 60));
        const auto in_use = sum(Id::policies);
        data all = list();
        const auto tile = [&](const char* label, const std::string& value, const std::string& more,
                              bool bad = false) {
            all.push_back(row({{"label", label}, {"value", value}, {"more", more}, {"bad", data{bad}}}));
        };
        tile("Answers a minute", base::rounded(static_cast<double>(hour.total()) * 60 / seconds),
             grouped(hour.total()) + " in the last hour");
        tile("Mail told to wait", grouped(temp), "TEMP in the last hour", temp > 0);
        tile("From memory, 99 % within", within(hour.memory, hour.memory.p99, hour.memory.beyond),
             "half within " + within(hour.memory, hour.memory.p50, false));
        tile("After a search, 99 % within", within(hour.network, hour.network.p99, hour.network.beyond),
             "half within " + within(hour.network, hour.network.p50, false));
        tile("Policies", grouped(in_use), grouped(overview_.census.by_mode[2]) + " enforced");
        tile("Connections", grouped(number(Id::connections)),
             "at most " + grouped(number(Id::connections_limit)));
        set("tiles", all);
    }

    void answers() {
        const double top = axis_top(most_a_minute(overview_.hour));
        set("has_hour", data{!overview_.hour.parts.empty()});
        set("answers_chart", answers_chart(overview_.hour));
        set("answers_top", grouped(whole(top)));
        set("answers_middle", grouped(whole(top / 2)));
        data all = list();
        for (std::size_t answer = 0; answer < page::answers; ++answer) {
            std::uint64_t total = 0;
            for (std::size_t source = 0; source < 3; ++source)
                total += whole(numbers_.value(Id::queries_total, {answer, source}));
            const auto kind = static_cast<Answer>(answer);
            const bool rare = kind == Answer::may || kind == Answer::encrypt;
            const std::uint64_t would = number(Id::observe_would_total, answer);
            if (rare && total == 0 && would == 0) continue;
            all.push_back(row({{"answer", std::string{to_string(kind)}},
                               {"meaning", std::string{meaning(kind)}},
                               {"hour", grouped(overview_.hour.whole.by_answer[answer])},
                               {"total", grouped(total)},
                               {"would", grouped(would)}}));
        }
        set("answers", all);
        const std::uint64_t waiting = number(Id::queries_waiting);
        set("waiting", data{waiting > 0});
        set("waiting_words", counted(waiting, "client waits", "clients wait") + " for a search now.");
    }

    void durations() {
        set("durations_chart", durations_chart(overview_.hour));
        data all = list();
        const auto add = [&](const char* source, const char* words, const Quantiles& quantiles) {
            all.push_back(row({{"source", source},
                               {"meaning", words},
                               {"count", grouped(quantiles.count)},
                               {"p50", within(quantiles, quantiles.p50, false)},
                               {"p99", within(quantiles, quantiles.p99, quantiles.beyond)}}));
        };
        add("mem", "from memory", overview_.hour.whole.memory);
        add("net", "after a search", overview_.hour.whole.network);
        set("durations", all);
    }

    void policies() {
        const lookup::Census& census = overview_.census;
        set("counted", data{census.at != base::Instant{}});
        set("counted_ago", base::relative(census.at, overview_.now));
        const std::size_t in_all =
            std::accumulate(census.by_mode.begin(), census.by_mode.end(), std::size_t{0});
        struct Shown {
            std::size_t at;
            const char *meaning, *kind;
        };
        constexpr std::array<Shown, 3> modes{
            {{2, "enforce", "secure"}, {1, "testing", ""}, {0, "none", "none"}}};
        data all = list();
        for (const Shown& mode : modes)
            all.push_back(row({{"meaning", mode.meaning},
                               {"policies", grouped(census.by_mode[mode.at])},
                               {"bar", bar(census.by_mode[mode.at], in_all, mode.kind)}}));
        set("modes", all);
        constexpr std::array<Shown, 5> ages{{{0, "in the last hour", "secure"},
                                             {1, "1 to 6 hours ago", "secure"},
                                             {2, "6 to 26 hours ago", "secure"},
                                             {3, "1 to 3 days ago", "may"},
                                             {4, "longer ago", "temp"}}};
        all = list();
        for (const Shown& age : ages)
            all.push_back(row({{"meaning", age.meaning},
                               {"policies", grouped(census.by_age[age.at])},
                               {"bar", bar(census.by_age[age.at], in_all, age.kind)}}));
        set("ages", all);
        policy_facts();
    }

    void policy_facts() {
        const lookup::Census& census = overview_.census;
        const auto changed = [&](std::size_t change) {
            return grouped(number(Id::policy_changes_total, change));
        };
        const auto last = [&](Sign sign) {
            const base::Instant at = grown(sign).last;
            return at == base::Instant{} ? "" : ", the last " + base::relative(at, overview_.now);
        };
        data facts = list();
        facts.push_back(fact("learnt", changed(0)));
        facts.push_back(fact("replaced by another", changed(1)));
        facts.push_back(fact("weakened, from enforce to less", changed(2) + last(Sign::weakened)));
        facts.push_back(fact("record vanished", changed(4) + last(Sign::record_vanished)));
        facts.push_back(fact("expired", changed(3) + last(Sign::policy_expired)));
        facts.push_back(fact("pushed out, or forgotten by hand", changed(5) + ", " + changed(6)));
        if (census.at != base::Instant{}) {
            facts.push_back(fact("daily fetch overdue now", grouped(census.overdue)));
            facts.push_back(fact("enforced, failing, end within a day", grouped(census.expiring)));
            if (census.kept_expired > 0)
                facts.push_back(fact("expired, not yet forgotten", grouped(census.kept_expired)));
            if (census.oldest_fetch != base::Instant{})
                facts.push_back(
                    fact("the oldest was fetched", base::relative(census.oldest_fetch, overview_.now)));
        }
        facts.push_back(fact("domains known to have none", grouped(number(Id::absences))));
        set("policy_facts", facts);
    }

    void failing() {
        const std::vector<FailingFor> reasons = failing_by_reason(overview_.census);
        const auto& modes = overview_.census.by_mode;
        const std::size_t in_use = std::accumulate(modes.begin(), modes.end(), std::size_t{0});
        set("has_failing", data{!reasons.empty()});
        data all = list();
        for (const FailingFor& one : reasons)
            all.push_back(row({{"reason", std::string{base::to_string(one.reason)}},
                               {"policies", grouped(one.policies)},
                               {"bar", bar(one.policies, in_use, "temp")}}));
        set("reasons", all);
        set("has_domains", data{!overview_.failing.empty()});
        all = list();
        for (const Failing& one : overview_.failing) {
            const auto left = one.policy.expires_at - overview_.now;
            const char* weight = left < base::seconds{86400}       ? "problem"
                                 : left < base::seconds{3 * 86400} ? "warning"
                                                                   : "note";
            all.push_back(row({{"domain", one.policy.domain.name()},
                               {"weight", weight},
                               {"expires", base::relative(one.policy.expires_at, overview_.now)},
                               {"mode", std::string{sts::to_string(one.policy.mode)}},
                               {"reason", std::string{base::to_string(one.policy.reason)}},
                               {"failures", counted(one.policy.failures, "failure", "failures in a row")},
                               {"fetched", base::relative(one.policy.fetched_at, overview_.now)},
                               {"has_detail", data{!one.detail.empty()}},
                               {"detail", one.detail}}));
        }
        set("failing", all);
        data facts = list();
        const Hour::Part& hour = overview_.hour.whole;
        facts.push_back(fact("in the last hour",
                             grouped(hour.fetched) + " succeeded, " + grouped(hour.not_fetched) + " failed"));
        const std::uint64_t fetched = number(Id::fetches_total, 0);
        facts.push_back(fact("since the start", grouped(fetched) + " succeeded, " +
                                                    grouped(sum(Id::fetches_total) - fetched) + " failed"));
        facts.push_back(fact("under way now", grouped(number(Id::fetches_in_flight)) + ", and " +
                                                  counted(number(Id::fetches_waiting), "waits", "wait")));
        facts.push_back(fact("searches for a policy now", grouped(number(Id::flights))));
        set("fetch_facts", facts);
    }

    void dane() {
        set("dane_active", data{overview_.dane.empty()});
        set("dane_why", overview_.dane);
        data all = list();
        for (const Resolver& one : overview_.resolvers) {
            all.push_back(row({{"server", one.name}, {"silent", data{one.silent}}, {"dnssec", dnssec(one)}}));
        }
        set("resolvers", all);
        data facts = list();
        facts.push_back(fact("next hops that DANE secures", grouped(number(Id::dane_verdicts_total, 0))));
        facts.push_back(fact("that it does not", grouped(number(Id::dane_verdicts_total, 1))));
        facts.push_back(fact("could not be found out", grouped(number(Id::dane_verdicts_total, 2))));
        const auto questions = sum(Id::dns_questions_total);
        facts.push_back(fact("DNS questions", grouped(questions) + ", and " +
                                                  grouped(number(Id::dns_questions_in_flight) +
                                                          number(Id::dns_questions_waiting)) +
                                                  " under way"));
        facts.push_back(fact("without a usable answer", dns_failures(questions)));
        set("dns_facts", facts);
    }

    /// The results after data, nodata and nxdomain.
    [[nodiscard]] std::string dns_failures(std::uint64_t questions) const {
        const auto labels = metrics::family(Id::dns_questions_total).labels;
        std::uint64_t failed = 0;
        for (std::size_t type = 0; type < labels[0].values.size(); ++type)
            for (std::size_t result = 3; result < labels[1].values.size(); ++result)
                failed += whole(numbers_.value(Id::dns_questions_total, {type, result}));
        if (questions == 0) return grouped(failed);
        return grouped(failed) + " (" +
               base::rounded(100 * static_cast<double>(failed) / static_cast<double>(questions)) + " %)";
    }

    void overrides() {
        data all = list();
        for (const decision::Override& one : overview_.overrides) {
            const bool soon = one.until && *one.until - overview_.now < base::seconds{3 * 86400};
            all.push_back(row({{"named", data{!one.domain.empty()}},
                               {"domain", one.domain},
                               {"action", std::string{decision::to_string(one.action)}},
                               {"weight", soon ? "warning" : "note"},
                               {"ends", one.until ? "ends " + base::relative(*one.until, overview_.now)
                                                  : std::string{"has no end"}},
                               {"weakens", data{one.weakens}},
                               {"origin", one.configured ? "In the configuration" : "Added at run time"},
                               {"has_reason", data{!one.reason.empty()}},
                               {"reason", one.reason}}));
        }
        set("has_overrides", data{overview_.overrides_in_all > 0});
        std::string words = counted(overview_.overrides_in_all, "override is", "overrides are") + " in use";
        if (overview_.overrides.size() < overview_.overrides_in_all)
            words += "; the " + grouped(overview_.overrides.size()) + " that end next";
        else if (overview_.overrides_in_all > 1)
            words += ", the next to end first";
        words +=
            ". They gave " + counted(sum(Id::override_hits_total), "answer", "answers") + " since the start.";
        set("overrides_words", words);
        set("overrides", all);
    }

    void store() {
        data facts = list();
        const bool failing = number(Id::store_failing) > 0;
        const std::uint64_t waiting = number(Id::store_rows_waiting);
        facts.push_back(fact("store", failing               ? "the last write failed, or takes over 10 s"
                                      : !overview_.complete ? "is still being read"
                                                            : "writes"));
        facts.push_back(fact("size of its file", base::octets_words(number(Id::store_bytes))));
        facts.push_back(fact("waits for the disk", counted(waiting, "policy", "policies") + ", " +
                                                       base::octets_words(number(Id::store_waiting_bytes))));
        facts.push_back(fact("transactions since the start",
                             grouped(number(Id::store_commits_total, 0)) + ", and " +
                                 grouped(number(Id::store_commits_total, 1)) + " failed"));
        if (number(Id::shared_configured) > 0)
            facts.push_back(fact(
                "shared cache",
                std::string{number(Id::shared_up) > 0 ? "is used" : "cannot be used"} + "; " +
                    counted(number(Id::shared_waiting_writes), "write waits", "writes wait") + " for it"));
        facts.push_back(
            fact("memory of the process", base::octets_words(number(Id::process_resident_memory_bytes)) +
                                              (number(Id::memory_short) > 0 ? ": short" : "")));
        facts.push_back(fact("policies at most", grouped(number(Id::policies_limit))));
        facts.push_back(fact("open files", grouped(number(Id::process_open_fds)) + " of " +
                                               grouped(number(Id::process_max_fds))));
        facts.push_back(fact("log lines", grouped(sum(Id::log_lines_total)) + ": " +
                                              counted(number(Id::log_lines_total, 3), "error", "errors") +
                                              ", " +
                                              counted(number(Id::log_lines_total, 2), "warning", "warnings") +
                                              "; " + grouped(number(Id::log_lines_dropped_total)) + " lost"));
        set("store_facts", facts);
    }

    void daemon() {
        data facts = list();
        facts.push_back(fact("version", overview_.version + ", with OpenSSL " + overview_.openssl +
                                            " and SQLite " + overview_.sqlite));
        if (!overview_.host.empty()) facts.push_back(fact("host", overview_.host));
        facts.push_back(fact("process", std::to_string(overview_.pid)));
        facts.push_back(fact("started", when_and_ago(overview_.started, overview_.now)));
        const auto read = base::Instant{
            base::seconds{static_cast<std::int64_t>(number(Id::config_last_reload_timestamp_seconds))}};
        facts.push_back(fact("configuration read", when_and_ago(read, overview_.now)));
        facts.push_back(fact("reloads", grouped(number(Id::config_reloads_total, 0)) + ", and " +
                                            grouped(number(Id::config_reloads_total, 1)) + " failed"));
        std::string names;
        for (const std::string& name : overview_.needs_restart)
            names.append(names.empty() ? "" : ", ").append(name);
        if (!names.empty()) facts.push_back(fact("wait for a restart", names));
        facts.push_back(fact("mode", number(Id::observing) > 0 ? "observe" : "enforce"));
        facts.push_back(fact("connections since the start", grouped(number(Id::connections_accepted_total))));
        facts.push_back(fact("processor time", base::length_words(base::seconds{static_cast<std::int64_t>(
                                                   number(Id::process_cpu_seconds_total))})));
        set("daemon_facts", facts);
    }

    const Overview& overview_;
    const metrics::Snapshot& numbers_;
    std::vector<Trouble> troubles_;
    std::optional<base::seconds> refresh_;
    data page_{data::type::object};
};

} // namespace

std::string_view style() noexcept { return style_source; }

std::string_view style_hash() noexcept { return style_hash_of_source; }

std::string html(const Overview& overview, std::optional<base::seconds> refresh) {
    mustache::mustache parsed{std::string{page_template}};
    return parsed.render(Maker(overview, refresh).all());
}

} // namespace page
