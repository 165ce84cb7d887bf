#include "cache/valkey/comparison.hpp"

#include "cache/entry.hpp"
#include "events/event.hpp"

#include <algorithm>
#include <new>
#include <utility>

namespace valkey {

void Comparison::begin() {
    if (now_.running) {
        again_ = true;
        return;
    }
    const auto ended = now_.ended;
    now_ = {};
    now_.ended = ended;
    now_.running = true;
    now_.begun = parts_.access->clock.now();
    cursor_ = {};
    seen_.clear();
    at_ = 0;
    not_before_ = {};
    broken_off_ = false;
    unless_out_of_memory([this] { pause(base::milliseconds{0}); }); // never from within
}

/// Otherwise it would seem to run without end.
template <class Work>
void Comparison::unless_out_of_memory(const Work& work) {
    try {
        work();
    } catch (const std::bad_alloc&) {
        now_.running = false;
        broken_off_ = true;
        throw;
    }
}

void Comparison::pause(base::milliseconds longest) {
    (void)parts_.timers.after(longest, [weak = weak_from_this()] {
        if (const auto self = weak.lock()) self->go_on();
    });
}

/// What this host could offer of a policy; nothing: nothing.
std::optional<Comparison::Mine> Comparison::mine(const cache::Table::Seen& seen) const {
    const Access& access = *parts_.access;
    const base::Instant now = access.clock.now();
    const cache::Entry& entry = seen.entry;
    if (!entry.policy || cache::expired(entry, now) || entry.fetched_at > now + max_ahead)
        return std::nullopt;
    Mine made{{seen.domain, entry.txt_id, Time(entry.fetched_at), access.host, entry.policy->text}, {}, {}};
    if (!is_sound(made.value)) return std::nullopt;
    made.expires = expires_at(made.value, entry.policy->policy);
    if (made.expires <= Time(now)) return std::nullopt;
    made.names = access.names(seen.domain);
    return made;
}

/// As many policies as one question may have keys.
Comparison::Slice Comparison::next() {
    Slice slice;
    std::size_t keys = 0;
    while (keys < compared_at_once) {
        if (at_ == seen_.size()) {
            if (cursor_.over()) break;
            seen_ = parts_.table.slice(cursor_);
            at_ = 0;
            if (seen_.empty()) break; // perhaps the end; otherwise the walk goes on in the next turn
            continue;
        }
        auto one = mine(seen_[at_]);
        if (one && keys + one->names.size() > compared_at_once && !slice.empty()) break;
        ++at_;
        if (!one) continue;
        keys += one->names.size();
        slice.push_back(*std::move(one));
    }
    return slice;
}

void Comparison::go_on() {
    if (now_.running) unless_out_of_memory([this] { step(); });
}

/// Asks for the next slice.
void Comparison::step() {
    Engine* engine = parts_.access->engine.get();
    if (engine == nullptr || !engine->up()) return end("the engine is away");
    const base::Steady now = steady_now();
    if (now < not_before_) return pause(std::chrono::ceil<base::milliseconds>(not_before_ - now));
    if (parts_.offering->waiting() > max_waiting_meanwhile) return pause(base::milliseconds{50});
    Slice slice = next();
    if (slice.empty()) {
        if (cursor_.over() && at_ == seen_.size()) return end({});
        return pause(base::milliseconds{1});
    }
    std::vector<std::string> names;
    for (const Mine& one : slice) names.insert(names.end(), one.names.begin(), one.names.end());
    not_before_ = now + base::milliseconds{1000 * names.size() / compared_a_second};
    Arguments question{"MGET"};
    for (const std::string& name : names) question.push_back(parts_.access->key_of(name));
    engine->ask(question, Engine::Use::read, now + comparison_limit, Engine::Patience::long_,
                [weak = weak_from_this(), slice = std::move(slice)](const Answer& answer) mutable {
                    if (const auto self = weak.lock()) self->asked(std::move(slice), answer);
                });
}

void Comparison::asked(Slice slice, const Answer& answer) {
    if (!now_.running) return;
    if (!answer) return end(words(answer.error()));
    unless_out_of_memory([&] { judge_all(slice, answer->elements); });
    go_on();
}

void Comparison::judge_all(Slice& slice, const std::vector<Reply>& elements) {
    std::size_t at = 0;
    for (Mine& one : slice) {
        std::vector<Lies> lies(one.names.size());
        for (std::size_t i = 0; i < one.names.size(); ++i, ++at) {
            if (at >= elements.size() || elements[at].kind != Reply::Kind::string) continue;
            lies[i] = parts_.access->read(elements[at].text, one.names[i]);
        }
        judge(one, lies);
    }
}

void Comparison::judge(Mine& mine, std::span<const Lies> lies) {
    FleetCounts& counts = parts_.access->counts;
    ++now_.compared, counts.compared.add();
    if (std::ranges::any_of(lies, [](const Lies& one) { return one && !*one; })) ++now_.unreadable;
    const Verdict verdict = compare(mine.value, lies);
    if (verdict.take) {
        ++now_.newer, counts.newer.add();
        parts_.newer(Value((**lies[*verdict.take]).value));
    } else if (verdict.push && !parts_.access->read_only) {
        ++now_.pushed, counts.pushed.add();
        parts_.offering->push({std::move(mine.value), mine.expires, verdict.changed});
    }
}

void Comparison::end(std::string trouble) {
    FleetCounts& counts = parts_.access->counts;
    now_.running = false;
    now_.trouble = std::move(trouble);
    now_.ended = parts_.access->clock.now();
    if (now_.trouble.empty())
        counts.syncs.add(),
            counts.synced_at.set(static_cast<std::uint64_t>(now_.ended->time_since_epoch().count()));
    else
        counts.syncs_broken.add();
    parts_.access->events.emit(events::FleetCompared{.compared = now_.compared,
                                                     .newer = now_.newer,
                                                     .pushed = now_.pushed,
                                                     .unreadable = now_.unreadable,
                                                     .detail = now_.trouble});
    seen_.clear();
    at_ = 0;
    if (std::exchange(again_, false)) return begin();
    parts_.ended();
}

} // namespace valkey
