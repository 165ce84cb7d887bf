#include "daemon/kept_state.hpp"

#include <filesystem>
#include <stdexcept>
#include <utility>
#include <vector>

namespace app {

KeptState::KeptState(Parts parts, const config::Config& config)
    : parts_(std::move(parts)), observe_(config.mode == config::Mode::observe),
      recorder_(parts_.log, parts_.clock), watch_(parts_.events, parts_.clock) {
    state::Keeper::Options options;
    options.post = parts_.post;
    options.keep_observed = config.state.keep_observed;
    options.late = [this](std::vector<decision::Override> all) { book_->set_run_time(std::move(all)); };
    auto opened = state::Keeper::open(std::filesystem::path(config.state_dir) / "state.db",
                                      std::move(options), recorder_, parts_.clock);
    if (!opened) throw std::runtime_error(opened.error());
    keeper_ = std::move(opened->keeper);
    state::Book::Parts book{*keeper_, parts_.events, parts_.clock, parts_.timers, {}};
    book.changed = [this] {
        if (in_use_) parts_.changed();
    };
    book_.emplace(std::move(book), std::move(opened->overrides));
    if (auto fits = check(config); !fits) throw std::runtime_error(fits.error());
    book_->set_configured(config.overrides);
    watch_.set_enforce_testing(config.strict_testing);
    watch_.set_keeper(keeper_.get());
    in_use_ = true;
}

KeptState::~KeptState() {
    watch_.set_keeper(nullptr);
    keeper_->stop();
}

void KeptState::configure(const config::Config& next) {
    observe_ = next.mode == config::Mode::observe;
    watch_.set_enforce_testing(next.strict_testing);
    keeper_->set_keep_observed(next.state.keep_observed);
    book_->set_configured(next.overrides);
}

void KeptState::report() const {
    if (observe_)
        parts_.events.emit(
            events::Observing{.detail = "Postfix gets NOTFOUND for every domain, and no mail is protected"});
    book_->report();
}

std::string KeptState::status() const {
    std::string text;
    if (observe_) text = "only observing, no mail is protected";
    if (const auto& set = book_->current())
        text += (text.empty() ? "" : "; ") + std::to_string(set->all().size()) + " overrides";
    return text;
}

void KeptState::add(lookup::ObservedSums::Taken taken) {
    if (taken.sums.empty() && taken.forgotten == 0) return;
    std::vector<state::Observed> sums;
    sums.reserve(taken.sums.size());
    for (lookup::ObservedSums::Sum& one : taken.sums)
        sums.push_back({std::move(one.domain), std::string{one.would}, one.lookups, one.first, one.last});
    keeper_->add(std::move(sums), taken.forgotten);
}

} // namespace app
