#include "support/sample_overview.hpp"

#include "base/duration_bounds.hpp"

#include <array>
#include <cmath>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace test {

namespace {

using namespace std::chrono_literals;
using metrics::Id;
using metrics::Snapshot;

/// The place of a label's value, by its name.
std::size_t place(Id id, std::size_t label, std::string_view value) {
    const auto values = metrics::family(id).labels[label].values;
    for (std::size_t at = 0; at < values.size(); ++at)
        if (values[at] == value) return at;
    throw std::logic_error("no such value: " + std::string{value});
}

void add(Snapshot& numbers, Id id, std::string_view value, double count) {
    numbers.add(id, {place(id, 0, value)}, count);
}
void add(Snapshot& numbers, Id id, std::string_view first, std::string_view second, double count) {
    numbers.add(id, {place(id, 0, first), place(id, 1, second)}, count);
}
void add(Snapshot& numbers, Id id, double count) { numbers.add(id, {}, count); }

using Buckets = base::HistogramCounts<base::answer_bounds.size()>;

/// What happens in a minute.
struct Minute {
    double questions = 0;
    double temp = 0;
    double not_fetched = 0;
    double slow = 1; ///< a factor on what searches take
};

class Daemon {
public:
    explicit Daemon(bool observe) : observe_(observe) {
        numbers.set(Id::config_last_reload_timestamp_seconds,
                    static_cast<double>((overview_now - 26h).time_since_epoch().count()));
        numbers.set(Id::connections_limit, 4096);
        numbers.set(Id::policies_limit, 1'000'000);
        numbers.set(Id::absences_limit, 200'000);
        numbers.set(Id::observing, observe ? 1 : 0);
        numbers.set(Id::dane_active, 1);
        add(numbers, Id::config_reloads_total, "ok", 2);
        before();
    }

    void pass(const Minute& minute) {
        const double all = std::floor(minute.questions);
        const double secure = std::floor(all * 0.55), dane = std::floor(all * 0.08);
        const double searched = std::floor(all * 0.03);
        const double may = std::floor(all * 0.01);
        if (observe_) {
            add(numbers, Id::observe_would_total, "secure", secure);
            add(numbers, Id::observe_would_total, "dane-only", dane);
        }
        const auto answer = [&](std::string_view usual) { return observe_ ? "notfound" : usual; };
        add(numbers, Id::queries_total, answer("secure"), "memory", secure);
        add(numbers, Id::queries_total, answer("dane-only"), "memory", dane);
        add(numbers, Id::queries_total, answer("may"), "memory", may);
        add(numbers, Id::queries_total, "notfound", "network", searched);
        add(numbers, Id::queries_total, "temp", "network", minute.temp);
        add(numbers, Id::queries_total, "notfound", "key", 2);
        add(numbers, Id::queries_total, "notfound", "memory", all - secure - dane - may - searched);
        add(numbers, Id::requests_total, all + 2 + minute.temp);
        if (!observe_) add(numbers, Id::override_hits_total, "may", may);

        const double remembered = all - searched + 2;
        fill(memory_, {{0, 0.60}, {1, 0.30}, {2, 0.07}, {3, 0.03}}, remembered, 1);
        fill(network_, {{9, 0.3}, {10, 0.45}, {11, 0.15}, {12, 0.08}, {13, 0.02}}, searched, minute.slow);
        network_.buckets[17] += static_cast<std::uint64_t>(minute.temp);
        numbers.set(Id::query_duration_seconds, {0}, memory_);
        numbers.set(Id::query_duration_seconds, {1}, network_);
        add(numbers, Id::fetches_total, "ok", 1);
        add(numbers, Id::fetches_total, "connect-timeout", minute.not_fetched);
        add(numbers, Id::dns_questions_total, "TXT", "data", 12);
        add(numbers, Id::store_commits_total, "ok", 3);
        add(numbers, Id::store_rows_total, 3);
        add(numbers, Id::log_lines_total, "info", all);
    }

    Snapshot numbers;

private:
    /// The twelve days until the hour begins.
    void before() {
        add(numbers, Id::queries_total, observe_ ? "notfound" : "secure", "memory", 1'904'211);
        add(numbers, Id::queries_total, observe_ ? "notfound" : "dane-only", "memory", 271'804);
        add(numbers, Id::queries_total, "notfound", "memory", 1'102'775);
        add(numbers, Id::requests_total, 1'904'211 + 271'804 + 1'102'775);
        if (observe_) {
            add(numbers, Id::observe_would_total, "secure", 1'904'211);
            add(numbers, Id::observe_would_total, "dane-only", 271'804);
        }
        add(numbers, Id::policy_changes_total, "learnt", 1264);
        add(numbers, Id::policy_changes_total, "replaced", 31);
        add(numbers, Id::policy_changes_total, "expired", 12);
        add(numbers, Id::dane_verdicts_total, "dane-only", 4120);
        add(numbers, Id::dane_verdicts_total, "sts", 22'873);
        add(numbers, Id::dane_verdicts_total, "unknown", 17);
        add(numbers, Id::fetches_total, "ok", 14'122);
        add(numbers, Id::fetches_total, "connect-timeout", 41);
        add(numbers, Id::fetches_total, "cert-expired", 12);
        add(numbers, Id::dns_questions_total, "TXT", "data", 61'350);
        add(numbers, Id::dns_questions_total, "TXT", "nxdomain", 214'771);
        add(numbers, Id::dns_questions_total, "TXT", "dns-servfail", 311);
        add(numbers, Id::connections_accepted_total, 90'211);
        add(numbers, Id::log_lines_total, "warning", 28);
        add(numbers, Id::store_commits_total, "ok", 15'386);
    }

    struct Share {
        std::size_t bucket;
        double part;
    };
    static void fill(Buckets& buckets, std::initializer_list<Share> shares, double count, double slow) {
        const auto later = static_cast<std::size_t>(slow > 1 ? std::log10(slow) * 3 : 0);
        for (const Share& share : shares) {
            const std::size_t bucket = std::min(share.bucket + later, buckets.buckets.size() - 1);
            buckets.buckets[bucket] += static_cast<std::uint64_t>(std::ceil(count * share.part));
        }
    }
    bool observe_;
    Buckets memory_, network_;
};

/// A day's wave with some noise, the same each time.
double questions(int minute) {
    const double wave = 220 + 80 * std::sin(minute / 9.0);
    return wave + (minute * 7919) % 61;
}

page::Overview common(Daemon& daemon, const page::Hour& hour) {
    page::Overview overview;
    overview.version = "0.1.0";
    overview.openssl = "3.0.17";
    overview.sqlite = "3.40.1";
    overview.host = "mx1.example.net";
    overview.pid = 4711;
    overview.now = overview_now;
    overview.started = overview_now - 12 * 24h - 3h;
    overview.show_domains = true;
    Snapshot& numbers = daemon.numbers;
    numbers.set(Id::connections, 38);
    numbers.set(Id::absences, 4181);
    numbers.set(Id::store_bytes, 3.4 * 1024 * 1024);
    numbers.set(Id::process_resident_memory_bytes, 31.0 * 1024 * 1024);
    numbers.set(Id::process_open_fds, 71);
    numbers.set(Id::process_max_fds, 16384);
    numbers.set(Id::process_cpu_seconds_total, 512);
    overview.hour = hour.view(overview_now, base::Steady{3600s + 20s}, numbers);
    overview.numbers = numbers;
    lookup::Census& census = overview.census;
    census.at = overview_now - 30s;
    census.by_mode = {41, 208, 951};
    census.by_age = {62, 340, 785, 9, 4};
    census.oldest_fetch = overview_now - 5 * 24h;
    for (std::size_t mode = 0; mode < census.by_mode.size(); ++mode)
        overview.numbers.set(Id::policies, {mode}, static_cast<double>(census.by_mode[mode]));
    overview.resolvers = {{"127.0.0.1:53", page::Resolver::Validates::yes, true, false},
                          {"192.0.2.53:53", page::Resolver::Validates::yes, false, false}};
    return overview;
}

decision::Override override_for(std::string domain, decision::Action action, base::Instant until,
                                std::string reason, bool weakens) {
    decision::Override one;
    one.domain = std::move(domain);
    one.action = action;
    one.until = until;
    one.reason = std::move(reason);
    one.weakens = weakens;
    one.added_at = overview_now - 24h;
    one.added_by = "uid 0 (alice, unverified)";
    return one;
}

lookup::FailingPolicy failing(std::string_view domain, sts::Mode mode, base::Reason reason,
                              std::uint32_t failures, base::seconds left) {
    return {.domain = *base::Domain::parse(domain),
            .mode = mode,
            .reason = reason,
            .failures = failures,
            .fetched_at = overview_now - 7 * 24h + left,
            .expires_at = overview_now + left};
}

void set_failing(page::Overview& overview, std::vector<page::Failing> all) {
    for (const page::Failing& one : all)
        ++overview.census.failing[static_cast<std::size_t>(one.policy.reason)];
    overview.failing = std::move(all);
}

} // namespace

page::Overview healthy_overview() {
    Daemon daemon(false);
    page::Hour hour;
    hour.take(overview_now - 1h, base::Steady{20s}, daemon.numbers);
    for (int minute = 1; minute <= 60; ++minute) {
        daemon.pass({.questions = questions(minute)});
        hour.take(overview_now - 1h + minute * 60s, base::Steady{20s + minute * 60s}, daemon.numbers);
    }
    page::Overview overview = common(daemon, hour);
    set_failing(overview,
                {{failing("old.example.org", sts::Mode::testing, base::Reason::cert_expired, 3, 71h),
                  "the certificate of mta-sts.old.example.org ended 2027-01-12"},
                 {failing("shop.example", sts::Mode::enforce, base::Reason::connect_timeout, 1, 140h),
                  "192.0.2.80:443 did not answer within 10 s"}});
    overview.overrides = {override_for("partner.example", decision::Action::may, overview_now + 9 * 24h,
                                       "their new certificate is late, ticket 4711", true)};
    overview.overrides_in_all = 1;
    overview.numbers.set(Id::overrides, {place(Id::overrides, 0, "may"), 1}, 1);
    overview.numbers.set(Id::override_next_end_timestamp_seconds,
                         static_cast<double>((overview_now + 9 * 24h).time_since_epoch().count()));
    return overview;
}

page::Overview broken_overview() {
    Daemon daemon(false);
    page::Hour hour;
    hour.take(overview_now - 1h, base::Steady{20s}, daemon.numbers);
    for (int minute = 1; minute <= 60; ++minute) {
        const bool bad = minute > 38;
        daemon.pass({.questions = questions(minute),
                     .temp = bad ? 9.0 + minute % 5 : 0,
                     .not_fetched = bad ? 4.0 : 0,
                     .slow = bad ? 30.0 : 1});
        if (bad) {
            add(daemon.numbers, Id::deadlines_exceeded_total, 2);
            add(daemon.numbers, Id::store_commits_total, "failed", 1);
        }
        if (minute == 45) {
            add(daemon.numbers, Id::policy_changes_total, "weakened", 1);
            add(daemon.numbers, Id::policy_changes_total, "record-vanished", 2);
            add(daemon.numbers, Id::config_reloads_total, "failed", 1);
            add(daemon.numbers, Id::log_lines_dropped_total, 113);
            add(daemon.numbers, Id::connections_held_up_total, "connections", 7);
            add(daemon.numbers, Id::connections_closed_total, "violation", 3);
            add(daemon.numbers, Id::unanswered_requests_total, 1);
            add(daemon.numbers, Id::shared_values_refused_total, "bad-seal", 2);
        }
        hour.take(overview_now - 1h + minute * 60s, base::Steady{20s + minute * 60s}, daemon.numbers);
    }
    daemon.numbers.set(Id::shared_configured, 1);
    daemon.numbers.set(Id::shared_waiting_writes, 31);
    daemon.numbers.set(Id::memory_short, 1);
    daemon.numbers.set(Id::store_failing, 1);
    daemon.numbers.set(Id::store_rows_waiting, 214);
    daemon.numbers.set(Id::store_waiting_bytes, 48'000);
    daemon.numbers.set(Id::policies_limit, 1200);
    daemon.numbers.set(Id::overrides_weakening, 2);
    daemon.numbers.set(Id::dane_active, 0);
    page::Overview overview = common(daemon, hour);
    overview.dane = "127.0.0.1:53 gives the SOA of . without AD";
    overview.complete = false;
    overview.resolvers = {{"127.0.0.1:53", page::Resolver::Validates::no, true, true},
                          {"192.0.2.53:53", page::Resolver::Validates::unknown, false, true}};
    overview.census.expiring = 2;
    overview.census.overdue = 318;
    overview.census.by_age = {0, 0, 400, 700, 100};
    overview.needs_restart = {"threads", "listen"};
    std::vector<page::Failing> all{
        {failing("bank.example", sts::Mode::enforce, base::Reason::connect_timeout, 14, 5h),
         "192.0.2.80:443 did not answer within 10 s"},
        {failing("xn--bcher-kva.example", sts::Mode::enforce, base::Reason::cert_name_mismatch, 9, 20h),
         "the certificate names <script>alert(1)</script>, not mta-sts.xn--bcher-kva.example"},
        {failing("a-very-long-name-of-a-department.of-an-even-longer-institution.example.org",
                 sts::Mode::testing, base::Reason::dns_servfail, 2, 96h),
         "127.0.0.1:53 SERVFAIL"}};
    set_failing(overview, std::move(all));
    overview.census.failing[static_cast<std::size_t>(base::Reason::connect_timeout)] = 412;
    overview.census.failing[static_cast<std::size_t>(base::Reason::dns_servfail)] = 97;
    overview.overrides = {
        override_for("bank.example", decision::Action::off, overview_now + 5h, "<b>ticket</b> 1", true),
        override_for(".partner.example", decision::Action::encrypt, overview_now + 40h, "moving hosts",
                     true)};
    overview.overrides_in_all = 2;
    return overview;
}

page::Overview observing_overview() {
    Daemon daemon(true);
    page::Hour hour;
    hour.take(overview_now - 1h, base::Steady{20s}, daemon.numbers);
    for (int minute = 1; minute <= 60; ++minute) {
        daemon.pass({.questions = questions(minute)});
        hour.take(overview_now - 1h + minute * 60s, base::Steady{20s + minute * 60s}, daemon.numbers);
    }
    return common(daemon, hour);
}

} // namespace test
