#include "state/book.hpp"

#include "base/utc.hpp"

#include <algorithm>
#include <utility>

namespace state {

using decision::Override;

namespace {

/// A timer does not follow the wall clock: it is asked again after this time at the latest.
constexpr base::seconds longest_wait{3600};
constexpr std::size_t max_named = 5;

} // namespace

Book::Book(Parts parts, std::vector<Override> run_time)
    : parts_(std::move(parts)), checked_(parts_.clock.now()), self_(std::make_shared<Book*>(this)) {
    for (Override& one : run_time) run_time_.insert_or_assign(one.domain, std::move(one));
    drop_ended();
    renew(false);
}

Book::~Book() {
    *self_ = nullptr;
    parts_.timers.cancel(timer_);
}

const Override* Book::find(std::string_view domain) const {
    const auto found = run_time_.find(domain);
    return found == run_time_.end() ? nullptr : &found->second;
}

base::Expected<void, std::string> Book::check(const std::vector<Override>& configured) const {
    if (configured.size() + run_time_.size() + adding_ <= decision::max_overrides) return {};
    return base::unexpected(std::to_string(configured.size()) + " overrides of the configuration and " +
                            std::to_string(run_time_.size()) + " that were added at run time: there may be " +
                            std::to_string(decision::max_overrides) + " together");
}

void Book::set_configured(std::vector<Override> configured) {
    if (configured == configured_) return;
    configured_ = std::move(configured);
    renew();
}

void Book::set_run_time(std::vector<Override> run_time) {
    run_time_.clear();
    for (Override& one : run_time) run_time_.insert_or_assign(one.domain, std::move(one));
    drop_ended();
    renew();
}

void Book::renew(bool tell) {
    std::vector<Override> all = configured_;
    // check() and add() see to it that there are not too many, and each domain is there once for each source. Only a
    // file that could not be read at first may have more: then those that fit are better than none.
    for (const auto& [domain, one] : run_time_)
        if (all.size() < decision::max_overrides) all.push_back(one);
    added_later_ = false;
    current_ = nullptr;
    if (!all.empty())
        if (auto made = decision::Overrides::of(std::move(all)))
            current_ = std::make_shared<const decision::Overrides>(std::move(*made));
    plan();
    if (tell) parts_.changed();
}

void Book::report() const {
    if (!current_) return;
    events::OverridesInUse line{
        .configured = configured_.size(), .run_time = run_time_.size(), .weakening = 0, .domains = {}};
    std::string domains;
    const base::Instant now = parts_.clock.now();
    for (const Override& one : current_->all()) {
        if (!one.weakens || (one.until && *one.until <= now)) continue;
        if (line.weakening++ < max_named) domains += (domains.empty() ? "" : ",") + one.domain;
    }
    if (line.weakening > max_named) domains += ",and " + std::to_string(line.weakening - max_named) + " more";
    line.domains = domains;
    parts_.sink.emit(line);
}

void Book::add(Override entry, std::string hides, Keeper::Done done, Use use) {
    if (configured_.size() + run_time_.size() + adding_ >= decision::max_overrides &&
        find(entry.domain) == nullptr)
        return done(
            base::unexpected("there are " + std::to_string(decision::max_overrides) + " overrides already"));
    const Override saved = entry;
    ++adding_;
    parts_.keeper.save(saved, [self = self_, use, entry = std::move(entry), hides = std::move(hides),
                               done = std::move(done)](const base::Expected<void, std::string>& written) {
        if (*self != nullptr) --(*self)->adding_;
        if (*self == nullptr || !written) return done(written);
        Book& book = **self;
        const std::string until = entry.until ? base::utc(*entry.until) : "";
        book.parts_.sink.emit(events::OverrideAdded{.domain = entry.domain,
                                                    .action = decision::to_string(entry.action),
                                                    .weakens = yes_no(entry.weakens),
                                                    .until = until,
                                                    .by = entry.added_by,
                                                    .hides = hides,
                                                    .note = entry.reason});
        book.run_time_.insert_or_assign(entry.domain, entry);
        book.added_later_ = true;
        if (use == Use::at_once) book.use_added();
        done(written);
    });
}

void Book::use_added() {
    if (added_later_) renew();
}

void Book::remove(std::string_view domain, std::string by, Keeper::Done done) {
    parts_.keeper.remove(
        std::string{domain}, [self = self_, domain = std::string{domain}, by = std::move(by),
                              done = std::move(done)](const base::Expected<void, std::string>& written) {
            if (*self == nullptr || !written) return done(written);
            Book& book = **self;
            if (const Override* const entry = book.find(domain)) {
                book.parts_.sink.emit(events::OverrideRemoved{.domain = entry->domain,
                                                              .action = decision::to_string(entry->action),
                                                              .weakens = yes_no(entry->weakens),
                                                              .by = by});
                book.run_time_.erase(domain);
                book.renew();
            }
            done(written);
        });
}

void Book::emit_ended(const Override& entry) const {
    parts_.sink.emit(events::OverrideExpired{.domain = entry.domain,
                                             .action = decision::to_string(entry.action),
                                             .weakens = yes_no(entry.weakens),
                                             .source = entry.configured ? "configuration" : "run-time",
                                             .note = entry.reason});
}

void Book::drop_ended() {
    const base::Instant now = parts_.clock.now();
    // Those of the configuration stay where they are, and apply to nothing.
    for (const Override& one : configured_)
        if (one.until && *one.until > checked_ && *one.until <= now) emit_ended(one);
    const auto dropped = std::erase_if(run_time_, [&](const auto& one) {
        const bool ended = one.second.until && *one.second.until <= now;
        if (ended) emit_ended(one.second);
        return ended;
    });
    if (dropped > 0) parts_.keeper.remove_ended();
    checked_ = now;
}

void Book::plan() {
    parts_.timers.cancel(timer_);
    timer_ = 0;
    if (!current_) return;
    const base::Instant now = parts_.clock.now();
    std::optional<base::Instant> next;
    for (const Override& one : current_->all())
        if (one.until && *one.until > checked_ && (!next || *one.until < *next)) next = *one.until;
    if (!next) return;
    const base::seconds wait = std::clamp(*next - now, base::seconds{0}, longest_wait);
    timer_ = parts_.timers.after(wait, [this] {
        timer_ = 0;
        const std::size_t before = run_time_.size();
        drop_ended();
        if (run_time_.size() != before)
            renew();
        else
            plan();
    });
}

} // namespace state
