#include "lookup/service.hpp"

#include "lookup/steps.hpp"
#include "postfix/answer.hpp"

#include <boost/asio/post.hpp>

#include <new>
#include <utility>

namespace lookup {

namespace asio = boost::asio;
using base::Level;
using base::Reason;
using decision::Decision;
using decision::NoOpinion;
using decision::TryLater;

namespace {

/// Words of the lookup line's `answer` field.
std::string_view answer_word(const Decision& decision) {
    if (std::holds_alternative<decision::Enforce>(decision)) return "secure";
    if (std::holds_alternative<decision::UseDane>(decision)) return "dane-only";
    if (std::holds_alternative<TryLater>(decision)) return "temp";
    return "notfound";
}

/// Promise 1: a stranger's trouble is no opinion; only our own inability is TEMP.
Decision without_policy(Reason reason) {
    if (reason == Reason::overloaded)
        return TryLater{reason, "stsmapd: too many lookups in progress, or no memory or open files left"};
    return NoOpinion{reason};
}

} // namespace

struct Service::Line {
    std::string_view domain; ///< or the key as asked, when it names none
    std::string_view answer;
    std::string_view source;          ///< memory, network or key (nothing was looked up)
    std::optional<base::seconds> age; ///< of the policy used
    base::Steady begun;
    Reason reason = Reason::none;
    std::string_view detail = {}; ///< what was tried, when it failed
};

struct Service::Pending {
    postfix::Request request;
    std::function<void(std::string)> reply;
    base::Timers::Id timer = 0;
    base::Steady begun;
};

Service::Service(const Parts& parts, ServiceOptions options)
    : parts_(parts), options_(std::move(options)), self_(std::make_shared<Service*>(this)) {}

Service::~Service() {
    *self_ = nullptr;
    for (const auto& [ticket, pending] : pending_) parts_.timers.cancel(pending->timer);
}

void Service::configure(const ServiceOptions& options) {
    options_ = options;
    recent_.clear();
}

bool Service::answer_now(std::string_view text, base::Steady came, std::string& reply) {
    const base::Instant now = parts_.clock.now();
    const RecentAnswers::Key key{text};
    if (const std::optional<MemoryAnswer> known = recent_.find(key, now)) {
        if (parts_.log.enabled(Level::info))
            log(Level::info, {known->domain, known->word, "memory", known->age, came, known->reason});
        reply.append(known->reply);
        return true;
    }
    const std::optional<postfix::Words> words = postfix::split_request(text);
    if (!words) {
        reply.append(postfix::perm("not a socketmap request: no space after the map name"));
        return true;
    }
    if (words->map_name == postfix::status_map) {
        reply.append(status(words->key));
        return true;
    }
    const postfix::Request request = postfix::parse_request(*words);
    if (request.domain) return answer_from_memory(request, key, now, came, reply);

    const Decision none = NoOpinion{request.domain.error()};
    // Postfix asks for every parent domain after a NOTFOUND: noise, unless somebody is looking for it.
    const bool parent = request.domain.error() == Reason::key_parent_domain;
    log(parent ? Level::debug : Level::info,
        {words->key, answer_word(none), "key", std::nullopt, came, request.domain.error()});
    postfix::append_answer(none, request.dialect, reply);
    return true;
}

bool Service::answer_from_memory(const postfix::Request& request, const RecentAnswers::Key& key,
                                 base::Instant now, base::Steady came, std::string& reply) {
    const base::Domain& domain = *request.domain;
    cache::Version version; // not current: not worth remembering
    if (recent_.comes_again(key, now)) version = parts_.table.version(domain);
    cache::Told known = parts_.table.ask(domain, now);
    Line line{domain.name(), {}, "memory", std::nullopt, came};
    Decision decision;
    cache::Step step = cache::Step::resolve;
    if (const auto* absence = std::get_if<cache::Absence>(&known)) {
        step = cache::plan(*absence, now, options_.tuning);
        line.reason = absence->reason;
        decision = NoOpinion{absence->reason};
    } else if (auto* entry = std::get_if<cache::Asked>(&known)) {
        if (cache::note_clock(*entry, now))
            parts_.table.update(domain, [&](cache::Entry& e) { cache::note_clock(e, now); });
        step = cache::plan(*entry, now, options_.tuning);
        line.age = now - cache::counted_from(*entry);
        // A failure behind a policy that is still good shows on the line too: it is what an operator looks
        // for.
        line.reason = entry->failed;
        const bool dane = cache::dane_secured(*entry, now, options_.tuning);
        decision = decide(domain, std::move(entry->policy), dane);
    }
    if (step == cache::Step::resolve) return false;
    if (step == cache::Step::serve_and_check) check_in_background(domain);
    line.answer = answer_word(decision);
    log(Level::info, line);
    const std::size_t start = reply.size();
    postfix::append_answer(decision, request.dialect, reply);
    if (step == cache::Step::serve && version.current())
        recent_.keep(
            key, now, version,
            {std::string_view{reply}.substr(start), line.domain, line.answer, line.reason, line.age});
    return true;
}

std::string Service::status(std::string_view key) const {
    if (key == "dane") return "OK " + options_.dane_status;
    return key == "version" ? "OK " STSMAPD_VERSION : "NOTFOUND ";
}

Decision Service::decide(const base::Domain& domain, cache::PolicyPtr policy, bool dane) const {
    return decision::decide(domain, std::move(policy), options_.tuning.enforce_testing, dane);
}

void Service::check_in_background(const base::Domain& domain) {
    if (!checking_.insert(domain).second) return;
    asio::post(parts_.back, [learner = &parts_.learner, domain, self = self_, front = &parts_.front] {
        const auto checked = [domain, self, front](const Outcome&) {
            front->post([domain, self] {
                if (*self) (*self)->checking_.erase(domain);
            });
        };
        try {
            learner->learn(domain, Why::txt_check, checked);
        } catch (const std::bad_alloc&) {
            checked(Outcome{}); // or it would never be checked again
        }
    });
}

void Service::answer_later(std::string text, std::function<void(std::string)> reply) {
    std::optional<postfix::Request> request = postfix::parse_request(text);
    const std::uint64_t ticket = next_ticket_++;
    auto pending =
        std::make_unique<Pending>(Pending{*std::move(request), std::move(reply), 0, parts_.clock.steady()});
    const base::Domain domain = *pending->request.domain;
    pending->timer = parts_.timers.after(
        options_.deadline, [this, ticket, domain] { finish(ticket, known_at_deadline(domain)); });
    pending_.emplace(ticket, std::move(pending));
    asio::post(parts_.back, [learner = &parts_.learner, domain, ticket, self = self_, front = &parts_.front] {
        const auto learnt = [ticket, self, front](const Outcome& outcome) {
            front->post([ticket, self, outcome] {
                if (*self) (*self)->finish(ticket, outcome);
            });
        };
        try {
            learner->learn(domain, Why::query, learnt);
        } catch (const std::bad_alloc&) {
            Outcome outcome;
            outcome.reason = Reason::overloaded;
            learnt(outcome);
        }
    });
}

/// The flight goes on and protects the next delivery. A policy that is known all the same, as after a
/// restart, when only its DANE verdict was still wanted, stays in force (RFC 8461 section 3.3).
Outcome Service::known_at_deadline(const base::Domain& domain) const {
    Outcome late;
    late.reason = Reason::deadline;
    const cache::Known known = parts_.table.find(domain);
    const base::Instant now = parts_.clock.now();
    late.policy = current_policy(known, now);
    if (!late.policy) return late;
    const auto& entry = std::get<cache::Entry>(known);
    late.fetched_at = cache::counted_from(entry);
    late.dane = cache::dane_secured(entry, now, options_.tuning);
    return late;
}

void Service::finish(std::uint64_t ticket, const Outcome& outcome) {
    auto found = pending_.find(ticket);
    if (found == pending_.end()) return; // answered already, at the deadline
    const std::unique_ptr<Pending> pending = std::move(found->second);
    pending_.erase(found);
    parts_.timers.cancel(pending->timer);

    const postfix::Request& request = pending->request;
    Decision decision = without_policy(outcome.reason);
    Line line{request.domain->name(), {}, "memory", std::nullopt, pending->begun, outcome.reason};
    if (outcome.fetched || !outcome.policy) line.source = "network";
    // Not found by the deadline, but perhaps in the part of the store that is not read yet.
    if (outcome.reason == Reason::deadline && !parts_.table.complete())
        decision = TryLater{outcome.reason, "stsmapd: the stored policies are still being read"};
    if (outcome.policy) {
        decision = decide(*request.domain, outcome.policy, outcome.dane);
        line.age = parts_.clock.now() - outcome.fetched_at;
    }
    line.answer = answer_word(decision);
    line.detail = outcome.detail;
    std::string reply;
    try {
        log(Level::info, line);
        postfix::append_answer(decision, request.dialect, reply);
    } catch (const std::bad_alloc&) {
        reply.clear(); // no reply can be made: the connection is closed
    }
    pending->reply(std::move(reply));
}

void Service::log(Level level, const Line& line) const {
    if (!parts_.log.enabled(level)) return;
    const auto took = std::chrono::duration<double, std::milli>(parts_.clock.steady() - line.begun);
    parts_.log.write(level, "lookup",
                     {{"domain", line.domain},
                      {"answer", line.answer},
                      {"source", line.source},
                      line.age ? base::Field{"age", line.age->count()} : base::Field{"age", "-"},
                      {"took_ms", took.count()},
                      {"reason", base::to_string(line.reason)}});
}

} // namespace lookup
