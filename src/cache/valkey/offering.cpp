#include "cache/valkey/offering.hpp"

#include "cache/valkey/notification.hpp"

#include <utility>

namespace valkey {

namespace {

/// It may be offered again later; otherwise trying again would not help.
bool passes(Trouble trouble) {
    switch (trouble) {
    case Trouble::down:
    case Trouble::timeout:
    case Trouble::auth:
    case Trouble::readonly:
    case Trouble::loading:
    case Trouble::masterdown:
    case Trouble::overloaded: return true;
    case Trouble::refused:
    case Trouble::noperm:
    case Trouble::oom:
    case Trouble::protocol:
    case Trouble::too_large:
    case Trouble::stopping: break;
    }
    return false;
}

} // namespace

void Offering::note() noexcept {
    access_->counts.waiting.set(waiting());
    access_->counts.waiting_octets.set(waiting_octets());
}

void Offering::push(Offer offer) {
    access_->counts.dropped.add(offers_.push(std::move(offer)));
    go_on();
}

void Offering::forget(const base::Domain& domain) {
    offers_.forget(domain);
    for (const auto& each : under_way_)
        if (const auto one = each.lock(); one && one->offer.value.domain == domain) one->forgotten = true;
    note();
}

void Offering::go_on() {
    while (access_->engine && access_->engine->up() && !offers_.empty() && looked_up_ < max_offers_looked_up)
        look_up(offers_.pop());
    note();
}

Offering::UnderWayPtr Offering::begin(Offer offer) {
    if (under_way_.size() >= sweep_at_) {
        std::erase_if(under_way_, [](const auto& each) { return each.expired(); });
        sweep_at_ = 2 * under_way_.size() + few_under_way;
    }
    auto one = std::make_shared<UnderWay>(UnderWay{std::move(offer)});
    under_way_.push_back(one);
    return one;
}

void Offering::look_up(Offer offer) {
    auto names = access_->names(offer.value.domain);
    const Arguments question = access_->question(names);
    // Of the primary: a replica may not have the newest yet.
    access_->engine->ask(question, Engine::Use::write, steady_now() + access_->timeout,
                         Engine::Patience::short_,
                         [weak = weak_from_this(), one = begin(std::move(offer)),
                          names = std::move(names)](const Answer& answer) {
                             const auto self = weak.lock();
                             if (!self) return;
                             --self->looked_up_;
                             self->looked(one, names, answer);
                             self->go_on();
                         });
    ++looked_up_; // last: what is above may find no memory
}

void Offering::looked(const UnderWayPtr& one, const std::vector<std::string>& names, const Answer& answer) {
    Offer& offer = one->offer;
    if (one->forgotten) return access_->counts.not_stored.add();
    if (!answer) {
        if (passes(answer.error().trouble)) return back(std::move(offer));
        access_->counts.not_stored.add();
        return;
    }
    if (offer.expires <= Time(access_->clock.now())) return;
    std::vector<Lies> lies = access_->read(*answer, names);
    const Verdict verdict = compare(offer.value, lies);
    const bool tell = offer.tell || verdict.changed;
    if (verdict.push) return write(one, tell);
    access_->counts.not_stored.add();
    if (verdict.take) newer_(std::move((**lies[*verdict.take]).value));
}

void Offering::write(const UnderWayPtr& one, bool tell) {
    const Offer& offer = one->offer;
    const Key& key = access_->keys.sealing();
    const std::string name = access_->name(offer.value.domain);
    const std::string octets = seal(offer.value, key, access_->naming, random_nonce());
    const std::string where = access_->key_of(name);
    const std::string end = std::to_string(offer.expires.time_since_epoch().count());
    access_->engine->offer({"SET", where, octets, "PXAT", end},
                           [weak = weak_from_this(), one, where](const Answer& answer) {
                               if (const auto self = weak.lock()) self->written(*one, where, answer);
                           });
    if (!tell) return;
    if (sent_.size() >= max_sent) sent_.clear();
    sent_.insert_or_assign(name, steady_now());
    access_->engine->offer({"PUBLISH", channel(access_->prefix), notification(where, octets)}, {});
}

void Offering::written(const UnderWay& one, const std::string& key, const Answer& answer) {
    // Also after trouble: it may have been written for all that.
    if (one.forgotten) return access_->engine->offer({"DEL", key}, {});
    if (answer) return access_->counts.stored.add();
    if (passes(answer.error().trouble)) return back(one.offer);
    access_->counts.not_stored.add();
}

void Offering::back(Offer offer) {
    if (!offers_.put_back(std::move(offer))) access_->counts.dropped.add();
    if (again_) return;
    (void)timers_.after(offer_again, [weak = weak_from_this()] {
        const auto self = weak.lock();
        if (!self) return;
        self->again_ = false;
        self->go_on();
    });
    again_ = true; // last: what is above may find no memory
}

std::optional<base::milliseconds> Offering::came_back(std::string_view name) {
    const auto found = sent_.find(name);
    if (found == sent_.end()) return std::nullopt;
    const auto took = std::chrono::ceil<base::milliseconds>(steady_now() - found->second);
    sent_.erase(found);
    return took;
}

} // namespace valkey
