#include "admin/page/troubles.hpp"

#include "base/utc.hpp"
#include "base/words.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

namespace page {

namespace {

using base::counted;
using base::relative;
using metrics::Id;
using Weight = Trouble::Weight;

/// Signs of an attack are shown this long.
constexpr base::seconds attack_shown{86400};
/// Overrides that end within this time are shown.
constexpr base::seconds end_shown{3 * 86400};
/// A few domains always fail. When this part of all do, and this many, the cause is probably on this side.
constexpr std::size_t many_failing = 5, share_failing = 5;

class Finder {
public:
    explicit Finder(const Overview& overview) : overview_(overview) {}

    std::vector<Trouble> all() {
        answers();
        daemon();
        shared_cache();
        resolvers();
        policies();
        overrides();
        configuration();
        std::stable_sort(found_.begin(), found_.end(),
                         [](const Trouble& a, const Trouble& b) { return a.weight > b.weight; });
        return std::move(found_);
    }

private:
    void add(std::string_view id, Weight weight, std::string words, std::string advice) {
        found_.push_back({id, weight, std::move(words), std::move(advice)});
    }
    [[nodiscard]] const Hour::Grown& grown(Sign sign) const {
        return overview_.hour.grown[static_cast<std::size_t>(sign)];
    }
    [[nodiscard]] std::uint64_t in_hour(Sign sign) const { return grown(sign).in_hour; }
    [[nodiscard]] std::uint64_t gauge(Id id) const {
        const double value = overview_.numbers.value(id);
        return value > 0 ? static_cast<std::uint64_t>(value) : 0;
    }
    [[nodiscard]] bool is_recent(Sign sign) const {
        const base::Instant last = grown(sign).last;
        return last != base::Instant{} && overview_.now - last < attack_shown;
    }
    [[nodiscard]] std::string ago(Sign sign) const { return relative(grown(sign).last, overview_.now); }

    void answers() {
        if (const auto temp = in_hour(Sign::temp); temp > 0)
            add("temp-answers", Weight::problem,
                counted(temp, "question was", "questions were") +
                    " answered TEMP in the last hour: mail to these domains waits.",
                "The log has a line with answer=temp for each, with its reason. Postfix asks again by "
                "itself.");
        if (const auto none = in_hour(Sign::unanswered); none > 0)
            add("unanswered", Weight::problem,
                counted(none, "request", "requests") +
                    " got no reply in the last hour, because memory ran out.",
                "Give the daemon more memory, or lower cache.max_policies.");
        if (const auto late = in_hour(Sign::deadline); late > 0)
            add("deadline-exceeded", Weight::warning,
                counted(late, "question was", "questions were") +
                    " answered at the deadline in the last hour, before the search had ended.",
                "Name servers or policy hosts are slow. The search goes on, and the next delivery uses what "
                "it "
                "finds.");
        if (const auto held = in_hour(Sign::held_up); held > 0)
            add("connections-held-up", Weight::warning,
                "New connections of Postfix had to wait " + counted(held, "time", "times") +
                    " in the last hour.",
                "Raise limits.max_connections or the limit on open files (LimitNOFILE), or look for a client "
                "that "
                "opens too many.");
        if (const auto broken = in_hour(Sign::violation); broken > 0)
            add("protocol-violations", Weight::note,
                counted(broken, "connection was", "connections were") +
                    " closed in the last hour for breaking the socketmap protocol.",
                "Something other than Postfix uses the socket. The log names it (protocol-violation).");
    }

    void daemon() {
        if (gauge(Id::memory_short) > 0)
            add("memory-short", Weight::problem,
                "Memory is short: domains that are known are answered, others are not looked up.",
                "Give the daemon more memory, or lower cache.max_policies and cache.max_absences.");
        if (gauge(Id::store_failing) > 0)
            add("store-failing", Weight::problem,
                "The last write to the store failed, or takes over 10 s; " +
                    counted(gauge(Id::store_rows_waiting), "policy waits", "policies wait") +
                    " for the disk.",
                "Is the disk full or read-only? The log has the error (store-failed); it has none while the "
                "disk "
                "hangs. The daemon answers from memory, but a restart would lose what waits.");
        else if (const auto failed = in_hour(Sign::store_failed); failed > 0)
            add("store-failed", Weight::note,
                counted(failed, "write", "writes") +
                    " to the store failed in the last hour, and succeeded later.",
                "The log has the error (store-failed).");
        if (!overview_.complete)
            add("store-loading", Weight::note, "The stored policies are still being read.",
                "Questions about domains that have not been read yet wait until then.");
        const std::uint64_t limit = gauge(Id::policies_limit);
        if (limit > 0 && overview_.numbers.sum(Id::policies) >= static_cast<double>(limit))
            add("policies-full", Weight::warning,
                "As many policies are kept as the configuration allows: " + base::grouped(limit) + ".",
                "Raise cache.max_policies. Until then a new policy pushes out an old one.");
        if (const auto lost = in_hour(Sign::log_dropped); lost > 0)
            add("log-dropped", Weight::note,
                counted(lost, "line", "lines") + " of the log were lost in the last hour.",
                "Its reader (journald, syslog) did not take them fast enough.");
    }

    void shared_cache() {
        if (gauge(Id::shared_configured) > 0 && gauge(Id::shared_up) == 0)
            add("shared-cache-down", Weight::warning,
                "The engine of the shared cache cannot be used: policies are learnt by this host alone.",
                "Answers are the same, some policies are learnt later. The log has the reason (fleet-down); "
                "`stsmap fleet status` shows it, too.");
        if (const auto forged = in_hour(Sign::shared_forged); forged > 0)
            add("shared-values-refused", Weight::warning,
                counted(forged, "value", "values") +
                    " of the shared cache had no right seal, or no right form, in the last hour.",
                "Nobody got an answer from them. Somebody else writes to the engine, or the key files of two "
                "hosts differ: the log names the key (fleet-value-refused).");
    }

    void resolvers() {
        const auto& all = overview_.resolvers;
        const auto silent = static_cast<std::size_t>(
            std::count_if(all.begin(), all.end(), [](const Resolver& one) { return one.silent; }));
        if (!all.empty() && silent == all.size())
            add("resolvers-silent", Weight::problem,
                all.size() == 1 ? "The name server does not answer." : "None of the name servers answers.",
                "No new policy can be found. Known ones stay in use. Check " +
                    std::string{all.size() == 1 ? "it" : "them"} + " with `stsmap doctor`.");
        else if (silent > 0)
            add("resolver-silent", Weight::warning,
                counted(silent, "name server does", "name servers do") + " not answer; the others are asked.",
                "Check the resolvers below, or take them out of dns.servers or /etc/resolv.conf.");
        if (!overview_.dane.empty())
            add("dane-inactive", Weight::note, "DANE is not looked for: " + overview_.dane + ".",
                "Domains with DANE are protected by MTA-STS alone, where they have both. `stsmap doctor` "
                "says what "
                "is needed.");
    }

    void policies() {
        const lookup::Census& census = overview_.census;
        if (is_recent(Sign::weakened))
            add("policy-weakened", Weight::warning,
                "A policy went from enforce to less " + ago(Sign::weakened) + ".",
                "It may be an attack. The log names the domain (policy-changed); ask its postmaster when in "
                "doubt.");
        if (is_recent(Sign::record_vanished))
            add("record-vanished", Weight::warning,
                "A domain with a policy in use stopped showing its record " + ago(Sign::record_vanished) +
                    ".",
                "Its policy stays in use until it expires. It may be an attack: the log names the domain "
                "(policy-record-vanished).");
        if (census.expiring > 0)
            add("policies-expiring", Weight::warning,
                counted(census.expiring, "enforced policy expires", "enforced policies expire") +
                    " within a day, and could not be fetched the last time.",
                "Unless a fetch succeeds, mail to " +
                    std::string{census.expiring == 1 ? "this domain" : "these domains"} +
                    " loses its protection. `stsmap list --failing --expiring 1d` names them; `stsmap check "
                    "DOMAIN` "
                    "shows what is wrong.");
        const std::size_t failing =
            std::accumulate(census.failing.begin(), census.failing.end(), std::size_t{0});
        const std::size_t in_use =
            std::accumulate(census.by_mode.begin(), census.by_mode.end(), std::size_t{0});
        const bool ours = failing >= many_failing && failing * share_failing >= in_use;
        if (failing > 0)
            add("fetches-failing", ours ? Weight::warning : Weight::note,
                counted(failing, "policy", "policies") + " of " + base::grouped(in_use) +
                    " could not be fetched the last time.",
                ours ? "So many at once: the cause is probably on this side. Check DNS, firewall, proxy and "
                       "clock with "
                       "`stsmap doctor`."
                     : "They stay in use until they expire, and are tried again. The reasons stand below.");
        if (census.overdue > 0)
            add("policies-overdue", Weight::note,
                "The daily fetch of " + counted(census.overdue, "policy", "policies") + " is overdue.",
                "They are fetched as soon as somebody sends mail to these domains, or fetching has caught "
                "up.");
    }

    void overrides() {
        const auto now = overview_.now;
        const auto ending = std::count_if(
            overview_.overrides.begin(), overview_.overrides.end(),
            [&](const decision::Override& one) { return one.until && *one.until - now < end_shown; });
        if (ending > 0)
            add("override-ending", Weight::note,
                counted(static_cast<std::uint64_t>(ending), "override ends", "overrides end") +
                    " within three days, the next one " + relative(*overview_.overrides.front().until, now) +
                    ".",
                "Afterwards Postfix gets the usual answer. `stsmap override list --check` says which are "
                "still "
                "needed.");
        if (const auto weakening = gauge(Id::overrides_weakening); weakening > 0)
            add("overrides-weaken", Weight::note,
                counted(weakening, "override gives", "overrides give") +
                    " less than the domain's own protection may ask for.",
                "`stsmap override list` names them.");
    }

    void configuration() {
        const auto read = base::Instant{
            base::seconds{static_cast<std::int64_t>(gauge(Id::config_last_reload_timestamp_seconds))}};
        const base::Instant failed = grown(Sign::reload_failed).last;
        if (failed != base::Instant{} && failed >= read)
            add("reload-failed", Weight::warning,
                "The configuration could not be read " + relative(failed, overview_.now) +
                    "; the old one stays in use.",
                "`stsmapd --check-config` says what is wrong with it.");
        if (!overview_.needs_restart.empty()) {
            std::string names;
            for (const std::string& name : overview_.needs_restart)
                names.append(names.empty() ? "" : ", ").append(name);
            add("needs-restart", Weight::note, "Changed options wait for a restart: " + names + ".",
                "`systemctl restart stsmapd`");
        }
        if (gauge(Id::observing) > 0)
            add("observing", Weight::note, "The daemon only observes: Postfix gets no policy for any domain.",
                "To enforce policies, set mode = \"enforce\" and reload. `stsmap preview` says which mail "
                "would have "
                "waited.");
    }

    const Overview& overview_;
    std::vector<Trouble> found_;
};

} // namespace

std::string_view to_string(Trouble::Weight weight) noexcept {
    switch (weight) {
    case Weight::note: return "note";
    case Weight::warning: return "warning";
    case Weight::problem: break;
    }
    return "problem";
}

std::vector<Trouble> troubles(const Overview& overview) { return Finder(overview).all(); }

} // namespace page
