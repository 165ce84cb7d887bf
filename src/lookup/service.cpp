#include "lookup/service.hpp"

#include "base/version.hpp"
#include "lookup/facts.hpp"
#include "lookup/steps.hpp"
#include "postfix/answer.hpp"

#include <boost/asio/post.hpp>

#include <new>
#include <utility>

namespace lookup {

namespace asio = boost::asio;
using base::Reason;
using decision::Decision;
using decision::Facts;

namespace {

/// Whether the log line's detail should say where an answer comes from: when it may surprise, because the
/// deadline came first, or DANE is answered by an earlier proof.
std::string shown_evidence(const Decision& decision, const Facts& facts, base::Instant now) {
    const decision::Why& applied = decision.why.applied();
    const bool bridged = applied.rule == decision::Rule::dane && facts.dane.failed_since != base::Instant{};
    const bool late = applied.reason == Reason::deadline && facts.policy != nullptr;
    return bridged || late ? evidence(applied, facts, now) : std::string{};
}

} // namespace

struct Service::Question {
    postfix::Request request;
    std::string_view key;
    /// The next hop as it was asked for, when it is not of the usual form; else "".
    [[nodiscard]] std::string_view shown_next_hop() const {
        return request.hop->usual() ? std::string_view{} : key;
    }
};

struct Service::Pending {
    postfix::Request request;
    std::string next_hop; ///< the key, when it is not of the usual form
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

Reply Service::answer(std::string_view text, base::Steady came, std::string& reply, Client& client) {
    counts_.requests.add();
    try {
        const base::Instant now = parts_.clock.now();
        const RecentAnswers::Key key{text};
        const std::optional<MemoryAnswer> known = recent_.find(key, now);
        if (!known) return answer_anew(key, now, came, reply, client);
        if (known->effect.any) note(known->effect, known->domain, known->kind, now);
        if (parts_.sink.wants(base::Level::info)) say_again(*known, text, came);
        reply.append(known->reply);
        answered(Source::memory, known->kind);
        return Reply::answered;
    } catch (const std::bad_alloc&) {
        counts_.unanswered.add();
        throw;
    }
}

/// An answer without a search. Its time is noted at the end of the turn.
void Service::answered(Source source, decision::Kind kind) noexcept {
    const auto at = static_cast<std::size_t>(source);
    counts_.queries[at].of(kind).add();
    ++in_turn_[at];
}

void Service::turn_ended(std::chrono::nanoseconds took) noexcept {
    const auto note_time = [this, took](Source source) {
        const auto at = static_cast<std::size_t>(source);
        if (const std::uint32_t count = std::exchange(in_turn_[at], 0); count > 0)
            counts_.took[at].observe(took, count);
    };
    note_time(Source::memory);
    note_time(Source::key);
}

/// A request that does not come again in this second.
Reply Service::answer_anew(const RecentAnswers::Key& key, base::Instant now, base::Steady came,
                           std::string& reply, Client& client) {
    const std::optional<postfix::Words> words = postfix::split_request(key.request);
    if (!words) {
        reply.append(postfix::perm("not a socketmap request: no space after the map name"));
        counts_.malformed.add();
        return Reply::violation;
    }
    if (words->map_name == postfix::status_map) {
        reply.append(status(words->key));
        counts_.status.add();
        return Reply::answered;
    }
    Question question{postfix::parse_request(*words, services()), words->key};
    if (!question.request.hop) {
        Facts facts;
        facts.no_domain = question.request.hop.error();
        const Decision decision = decision::decide(facts, now);
        events::Lookup line{
            .domain = words->key, .answer = word(decision.answer), .source = "key", .age = {}};
        line.reason = facts.no_domain;
        // Postfix asks for every parent domain after a NOTFOUND: noise in the log, unless wanted for
        // debugging.
        line.is_parent = facts.no_domain == Reason::key_parent_domain;
        say(line, came);
        postfix::append_answer(decision.answer, question.request.dialect, reply);
        counts_.keys_rejected.of(facts.no_domain).add();
        answered(Source::key, kind_of(decision.answer));
        return Reply::answered;
    }
    if (question.request.hop->port == postfix::NextHop::unknown_port) note_unknown_service(words->key);
    if (answer_from_memory(question, key, now, came, reply)) return Reply::answered;
    look_up(std::move(question), client.later());
    return Reply::later;
}

bool Service::answer_from_memory(const Question& question, const RecentAnswers::Key& key, base::Instant now,
                                 base::Steady came, std::string& reply) {
    const postfix::NextHop& hop = *question.request.hop;
    const base::Domain& domain = hop.host;
    cache::Version version; // a Version that is never current, so the answer is not remembered
    if (recent_.comes_again(key, now)) version = parts_.table.version(domain);
    cache::QueryResult known = parts_.table.ask(domain, now);
    Facts facts;
    std::optional<base::seconds> age;
    cache::QueryPlan step = cache::QueryPlan::resolve;
    if (const auto* absence = std::get_if<cache::Absence>(&known)) {
        step = cache::plan(*absence, now, options_.tuning);
        facts = facts_of(domain.name(), absence->reason, now, options_);
    } else if (auto* entry = std::get_if<cache::QueriedPolicy>(&known)) {
        cache::note_clock(*entry, now); // only for this answer; the refresher stores it
        if (!hop.usual()) entry->dane = dane_state(parts_.learner.hop_verdicts(), hop, now);
        step = cache::plan(*entry, now, options_.tuning);
        age = now - cache::counted_from(*entry);
        // A failure while the policy is still valid is also on the line: an operator looks for it.
        facts = facts_of(domain.name(), *entry, entry->failed, now, options_);
    }
    if (step == cache::QueryPlan::resolve) return false;
    if (step == cache::QueryPlan::serve_and_check) check_in_background(hop);

    const Decision decision = decision::decide(facts, now);
    const decision::Kind kind = kind_of(decision.answer);
    events::Lookup line{.domain = domain.name(), .answer = to_string(kind), .source = "memory", .age = age};
    line.reason = facts.reason;
    line.next_hop = question.shown_next_hop();
    line.why = unusual(decision.why);
    const Effect effect = effect_of(decision, facts);
    line.would = effect.would_word();
    const std::string detail = shown_evidence(decision, facts, now);
    line.detail = detail;
    if (effect.any) note(effect, line.domain, kind, now);
    say(line, came);
    const std::size_t start = reply.size();
    postfix::append_answer(decision.answer, question.request.dialect, reply);
    if (step == cache::QueryPlan::serve && version.current() && detail.empty())
        recent_.keep(key, now, version,
                     {std::string_view{reply}.substr(start), line.domain, kind, line.reason, age, line.why,
                      hop.usual(), effect});
    answered(Source::memory, kind);
    return true;
}

std::string Service::status(std::string_view key) const {
    if (key == "dane") return "OK " + options_.dane_status;
    return key == "version" ? "OK " + std::string(base::version()) : "NOTFOUND ";
}

const postfix::Services& Service::services() const noexcept {
    return options_.services ? *options_.services : postfix::own_services();
}

/// Reports a next hop whose DANE cannot be looked up, because the service name of its port is unknown here.
/// smtp(8) may still know it, from its known_tcp_ports.
void Service::note_unknown_service(std::string_view key) {
    parts_.sink.emit(events::ServiceUnknown{.next_hop = key, .service = postfix::service_of(key)});
}

/// A next hop's place among those being checked, given back with it, whatever becomes of the check: by a post
/// to the front thread, or, when there is no memory for that, when the domain is next due.
class Service::Check {
public:
    Check(const postfix::NextHop& hop, std::shared_ptr<std::atomic<bool>> over, const Service& service)
        : hop_(hop), over_(std::move(over)), self_(service.self_), front_(&service.parts_.front) {}
    ~Check() {
        over_->store(true, std::memory_order_release);
        // Flights that are dropped at the end outlive the services, which go on this thread too.
        if (*self_ == nullptr) return;
        try {
            front_->post([hop = hop_, self = self_] {
                if (*self == nullptr) return;
                auto& checking = (*self)->checking_;
                const auto found = checking.find(hop);
                if (found != checking.end() && found->second->load(std::memory_order_acquire))
                    checking.erase(found);
            });
        } catch (const std::bad_alloc&) {
            return; // noticed when the hop is next due
        }
    }
    Check(const Check&) = delete;
    Check& operator=(const Check&) = delete;

private:
    postfix::NextHop hop_;
    std::shared_ptr<std::atomic<bool>> over_;
    std::shared_ptr<Service*> self_;
    base::Inbox* front_;
};

void Service::check_in_background(const postfix::NextHop& hop) {
    const auto found = checking_.find(hop);
    if (found != checking_.end() && !found->second->load(std::memory_order_acquire)) return;
    // Too many are under way: it is due again at the next query.
    if (found == checking_.end() && checking_.size() >= Learner::max_flights) return;
    auto over = std::make_shared<std::atomic<bool>>(false);
    checking_.insert_or_assign(hop, over);
    std::shared_ptr<Check> check;
    try {
        check = std::make_shared<Check>(hop, over, *this);
    } catch (const std::bad_alloc&) {
        checking_.erase(hop);
        throw;
    }
    asio::post(parts_.back, [learner = &parts_.learner, hop, check = std::move(check)] {
        try {
            learner->learn(hop, Why::txt_check, [check](const Outcome&) {});
        } catch (const std::bad_alloc&) {
            return; // it is due again at the next query
        }
    });
}

void Service::look_up(Question&& question, std::function<void(std::string)> reply) {
    const std::uint64_t ticket = next_ticket_++;
    const postfix::NextHop hop = *question.request.hop;
    std::string next_hop{question.shown_next_hop()};
    auto pending = std::make_unique<Pending>(Pending{std::move(question.request), std::move(next_hop),
                                                     std::move(reply), 0, parts_.clock.steady()});
    pending->timer = parts_.timers.after(options_.deadline,
                                         [this, ticket, hop] { finish(ticket, known_at_deadline(hop)); });
    pending_.emplace(ticket, std::move(pending));
    counts_.waiting.set(pending_.size());
    auto search = [learner = &parts_.learner, hop, ticket, self = self_, front = &parts_.front] {
        const auto learnt = [ticket, self, front](const Outcome& outcome) {
            front->post([ticket, self, outcome] {
                if (*self) (*self)->finish(ticket, outcome);
            });
        };
        try {
            learner->learn(hop, Why::query, learnt);
        } catch (const std::bad_alloc&) {
            Outcome outcome;
            outcome.reason = Reason::overloaded;
            learnt(outcome);
        }
    };
    try {
        asio::post(parts_.back, std::move(search));
    } catch (const std::bad_alloc&) {
        forget_pending(ticket);
        throw;
    }
}

/// Nobody waits for it any more.
void Service::forget_pending(std::uint64_t ticket) noexcept {
    const auto found = pending_.find(ticket);
    parts_.timers.cancel(found->second->timer);
    pending_.erase(found);
    counts_.waiting.set(pending_.size());
}

/// The flight goes on and protects the next delivery. A policy that is known all the same, as after a
/// restart, when only its DANE verdict was still wanted, stays in force (RFC 8461 section 3.3).
Outcome Service::known_at_deadline(const postfix::NextHop& hop) const {
    Outcome late;
    late.reason = Reason::deadline;
    const cache::Knowledge known = parts_.table.find(hop.host);
    const base::Instant now = parts_.clock.now();
    late.policy = current_policy(known, now);
    if (!late.policy) return late;
    cache::PolicyState entry = std::get<cache::Entry>(known);
    if (!hop.usual()) entry.dane = dane_state(parts_.learner.hop_verdicts(), hop, now);
    late.fetched_at = cache::counted_from(entry);
    late.expires_at = cache::expires_at(entry, now);
    late.dane = entry.dane;
    return late;
}

void Service::finish(std::uint64_t ticket, const Outcome& outcome) {
    auto found = pending_.find(ticket);
    if (found == pending_.end()) return; // already answered, at the deadline
    const std::unique_ptr<Pending> pending = std::move(found->second);
    pending_.erase(found);
    parts_.timers.cancel(pending->timer);
    counts_.waiting.set(pending_.size());

    const postfix::Request& request = pending->request;
    const std::string_view domain = request.hop->host.name();
    const base::Instant now = parts_.clock.now();
    Facts facts = facts_of(domain, outcome, now, options_);
    facts.store_read = parts_.table.complete();
    const Decision decision = decision::decide(facts, now);

    const decision::Kind kind = kind_of(decision.answer);
    events::Lookup line{.domain = domain, .answer = to_string(kind), .source = "memory", .age = {}};
    line.reason = outcome.reason;
    if (outcome.fetched || !outcome.policy) line.source = "network";
    if (outcome.policy) line.age = now - outcome.fetched_at;
    line.next_hop = pending->next_hop;
    line.why = unusual(decision.why);
    const Effect effect = effect_of(decision, facts);
    line.would = effect.would_word();
    const std::string detail = outcome.detail.empty() ? shown_evidence(decision, facts, now) : outcome.detail;
    line.detail = detail;
    std::string reply;
    try {
        if (effect.any) note(effect, line.domain, kind, now);
        say(line, pending->begun);
        postfix::append_answer(decision.answer, request.dialect, reply);
        count_late(kind, outcome.reason, pending->begun);
    } catch (const std::bad_alloc&) {
        reply.clear(); // no reply can be made: the connection is closed
        counts_.unanswered.add();
    }
    pending->reply(std::move(reply));
}

/// An answer after a search.
void Service::count_late(decision::Kind kind, Reason reason, base::Steady begun) noexcept {
    const auto at = static_cast<std::size_t>(Source::network);
    counts_.queries[at].of(kind).add();
    counts_.took[at].observe(parts_.clock.steady() - begun);
    if (reason == Reason::deadline) counts_.deadlines.add();
}

/// Counts what an override or observing does.
void Service::note(const Effect& effect, std::string_view domain, decision::Kind answer, base::Instant now) {
    if (effect.by != nullptr) counts_.override_hits.of(effect.by->action).add();
    if (effect.observed) {
        counts_.observed.of(effect.would).add();
        observed_.note(domain, effect.would_word(), now);
    }
    if (effect.weakened_by == nullptr) return;
    const events::OverrideWeakens weaker{.domain = domain,
                                         .entry = effect.weakened_by->domain,
                                         .answer = to_string(answer),
                                         .would = effect.would_word()};
    if (parts_.sink.wants(base::Level::warning))
        parts_.sink.emit(weaker);
    else
        parts_.sink.count(events::id_of<events::OverrideWeakens>());
}

void Service::say(const events::Lookup& line, base::Steady came) const {
    if (!parts_.sink.wants(line.is_parent ? base::Level::debug : base::Level::info)) return;
    events::Event event = line;
    emit(event, came);
}

void Service::say_again(const MemoryAnswer& known, std::string_view request, base::Steady came) const {
    events::Event event; // where it is emitted from: it is not copied
    auto& line = std::get<events::Lookup>(event);
    line.domain = known.domain;
    line.answer = to_string(known.kind);
    line.source = "memory";
    line.age = known.age;
    line.reason = known.reason;
    line.why = known.why;
    line.would = known.effect.would_word();
    if (!known.usual) line.next_hop = postfix::split_request(request)->key;
    emit(event, came);
}

/// `event` is complete except for its times.
void Service::emit(events::Event& event, base::Steady came) const {
    auto& line = std::get<events::Lookup>(event);
    line.ended = parts_.clock.steady();
    line.took_ms = std::chrono::duration<double, std::milli>(line.ended - came).count();
    parts_.sink.emit(event);
}

} // namespace lookup
