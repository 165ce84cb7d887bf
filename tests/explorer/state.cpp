// The state of a world, in words as short as possible.
#include "explorer/world.hpp"

#include "lookup/commit.hpp"

#include <algorithm>
#include <charconv>

namespace explorer {

namespace {

class Words {
public:
    Words(std::string& text, base::Instant wall, Micros passed, base::seconds running)
        : text_(text), wall_(wall), passed_(passed), running_(running) {}

    void number(std::int64_t n) {
        char digits[24];
        const auto end = std::to_chars(digits, digits + sizeof digits, n).ptr;
        text_.append(digits, end);
        text_.push_back(' ');
    }
    void wall(base::Instant t) {
        if (t == base::Instant{})
            text_.append("- ");
        else
            number((t - wall_).count());
    }
    void over(base::seconds since) {
        if (since == base::seconds{0})
            mark('_');
        else
            number((since - running_).count());
    }
    void time(Micros t) { number(std::chrono::floor<base::milliseconds>(t - passed_).count()); }
    void mark(char c) { text_.push_back(c); }
    /// The index of the id.
    void id(std::string_view id) {
        if (id.empty()) return mark('_');
        auto found = std::ranges::find(ids_, id);
        if (found == ids_.end()) found = ids_.insert(ids_.end(), std::string(id));
        number(found - ids_.begin());
    }
    void policy(std::optional<std::size_t> n, const Ledger& ledger) {
        if (!n) return mark('_');
        auto found = std::ranges::find(policies_, *n);
        const bool first = found == policies_.end();
        if (first) found = policies_.insert(found, *n);
        number(found - policies_.begin());
        if (!first) return;
        const Served& p = ledger.policy(*n);
        number(p.max_age.count());
        number(p.enforce);
        number(p.refused + 2 * p.dropped);
        time(p.at);
        wall(p.wall);
        mark(p.saved ? 's' : '_');
        if (p.saved) time(std::max(*p.saved, passed_ - lookup::commit_patience));
        mark(p.set_back ? 'b' : '_');
        if (p.set_back) time(*p.set_back), wall(p.set_back_to);
    }
    void gets(const cache::Attempts& gets) {
        wall(gets.last);
        number(gets.failures);
        if (gets.failures > 0) number(static_cast<int>(gets.reason));
        id(gets.failed_id);
    }

private:
    std::string& text_;
    base::Instant wall_;
    Micros passed_;
    base::seconds running_; ///< of the daemon, all runs together
    std::vector<std::string> ids_;
    std::vector<std::size_t> policies_;
};

} // namespace

std::string World::state() const {
    std::string text;
    text.reserve(512);
    const base::seconds running = running_time();
    Words words{text, hands_.now(), hands_.passed(), running};
    const auto number_of = [](const std::string& policy) -> std::optional<std::size_t> {
        const std::size_t at = policy.find("\nmx: m");
        std::size_t n = 0;
        if (at == std::string::npos ||
            std::from_chars(policy.data() + at + 6, policy.data() + policy.size(), n).ec != std::errc{})
            return std::nullopt;
        return n;
    };
    const auto row = [&](const cache::Row& r) {
        words.policy(number_of(r.policy_text), ledger_);
        words.id(r.txt_id);
        words.wall(r.fetched_at);
        words.wall(r.last_asked);
        for (const base::Instant t : {r.dane_at, r.dane_failed_at, r.ahead_since}) words.wall(t);
        words.over(r.over_since);
    };
    const auto op = [&](const cache::WriteOp& o) {
        words.mark(o.removes() ? '-' : '+');
        if (const auto* saved = std::get_if<cache::Row>(&o.what)) row(*saved);
        if (const auto* removal = std::get_if<cache::Removal>(&o.what))
            words.wall(removal->fetched_at.value_or(base::Instant{}));
    };
    words.id(id_seen_ ? std::to_string(id_) : std::string());
    words.number((hands_.wall_off()).count());
    words.number((hands_.wall_off() - noticed_off_).count());
    words.number(static_cast<int>(resolver_));

    const cache::Knowledge known = table_.find(*base::Domain::parse(subject));
    bool dane = false;
    if (const auto* e = std::get_if<cache::Entry>(&known)) {
        words.mark('E');
        words.policy(number_of(e->policy->text), ledger_);
        words.id(e->txt_id);
        for (const base::Instant t : {e->fetched_at, e->ahead_since, e->txt_checked, e->last_asked,
                                      e->dane.known_at, e->dane.check_at, e->dane.failed_since, e->agenda_at})
            words.wall(t);
        words.number(e->txt_ttl.count());
        words.over(e->over_since);
        words.number(static_cast<int>(e->dane.advice));
        words.gets(e->gets);
        dane = e->dane.advice == dane::Advice::dane_only;
    } else if (const auto* a = std::get_if<cache::Absence>(&known)) {
        words.mark('A');
        words.number(static_cast<int>(a->reason));
        words.wall(a->since);
        words.wall(a->until);
        words.gets(a->gets);
    }
    words.mark('D');
    if (disk_.durable()) row(*disk_.durable());
    words.mark('Q');
    for (const cache::WriteOp& o : disk_.queue()) op(o);
    words.mark('K');
    if (disk_.kept()) op(*disk_.kept());
    words.number(disk_.failing() + 2 * disk_.refill_needed());
    words.number((disk_.running() - running).count());
    words.mark(disk_.unreadable() ? 'U' : 'R');
    if (late_) row(*late_);
    // The time of a proof is stored by the quarter of the day.
    if (dane || resolver_ == Resolver::validating)
        words.number(hands_.now().time_since_epoch().count() % 21600);

    words.mark('T');
    std::vector<std::pair<Micros, bool>> calls;
    for (const Hands::Call& call : hands_.calls()) calls.emplace_back(call.at, call.outside);
    std::ranges::stable_sort(calls, {}, &std::pair<Micros, bool>::first);
    for (const auto& [at, outside] : calls) {
        words.time(at);
        words.mark(outside ? 'o' : 'd');
    }
    words.mark('W');
    const Seen now = seen();
    words.time(std::max(commit_ends_, hands_.passed()));
    for (const Asked& asked : waiting_) {
        const std::size_t policies = ledger_.policies();
        words.number(policies > 0 && asked.event > ledger_.policy(policies - 1).event);
        words.time(asked.at);
    }
    for (const std::size_t n : {now.aloft, now.running, now.checking, gets_aloft_})
        words.number(static_cast<std::int64_t>(n));
    const Ledger::State rules = ledger_.state();
    words.mark('L');
    for (const std::int64_t n : rules.numbers) words.number(n);
    for (const auto& p : {rules.held, rules.eventual, rules.stored}) words.policy(p, ledger_);
    return text;
}

std::string World::describe() const {
    const Seen now = seen();
    const auto policy = [](std::optional<std::size_t> n) {
        return n ? std::to_string(*n) : std::string("-");
    };
    const base::Instant wall = hands_.now();
    std::string text =
        "at " + std::to_string(std::chrono::floor<base::seconds>(hands_.passed()).count()) + " s";
    if (hands_.wall_off() != base::seconds{0}) text += ", wall " + std::to_string(hands_.wall_off().count());
    text += ": memory " + policy(now.entry);
    const cache::Knowledge known = table_.find(*base::Domain::parse(subject));
    if (const auto* e = std::get_if<cache::Entry>(&known)) {
        text += " (ends in " + std::to_string((cache::expires_at(*e, wall) - wall).count()) + ", agenda ";
        text += e->agenda_at == base::Instant{} ? "-" : std::to_string((e->agenda_at - wall).count());
        text += ")";
    } else if (const auto* a = std::get_if<cache::Absence>(&known)) {
        text += " (absence, " + std::string(base::to_string(a->reason)) + ", for " +
                std::to_string((a->until - wall).count()) + ")";
    }
    text += ", disk " + policy(now.durable);
    if (now.eventual != now.durable) text += " to be " + policy(now.eventual);
    if (now.late) text += " not yet read";
    if (now.aloft > 0) text += ", aloft";
    if (now.waiting > 0) text += ", " + std::to_string(now.waiting) + " waiting";
    return text;
}

} // namespace explorer
