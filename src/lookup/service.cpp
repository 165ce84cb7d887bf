#include "lookup/service.hpp"

#include "base/version.hpp"
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

/// The key of an answered request, when it is not of the usual form; else "".
std::string_view shown_next_hop(std::string_view key) {
    if (key.find_first_of("[:") == std::string_view::npos) return {};
    const auto hop = postfix::next_hop(key); // a service it does not know is no usual one either
    return hop && hop->usual() ? std::string_view{} : key;
}

} // namespace

struct Service::Line {
    std::string_view domain; ///< or the key as asked, when it names none
    std::string_view answer;
    std::string_view source;          ///< memory, network or key (nothing was looked up)
    std::optional<base::seconds> age; ///< of the policy used
    base::Steady begun;
    Reason reason = Reason::none;
    std::string_view next_hop{}; ///< the key as asked, when it is not of the usual form; else ""
    std::string_view detail{};   ///< what was tried, when it failed
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

bool Service::answer_now(std::string_view text, base::Steady came, std::string& reply) {
    const base::Instant now = parts_.clock.now();
    const RecentAnswers::Key key{text};
    if (const std::optional<MemoryAnswer> known = recent_.find(key, now)) {
        if (parts_.log.enabled(Level::info))
            log(Level::info, {known->domain, known->word, "memory", known->age, came, known->reason,
                              shown_next_hop(postfix::split_request(text)->key)});
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
    const postfix::Request request = postfix::parse_request(*words, services());
    if (request.hop) {
        if (request.hop->port == postfix::NextHop::unknown_port) note_unknown_service(words->key);
        return answer_from_memory(request, key, now, came, reply);
    }

    const Decision none = NoOpinion{request.hop.error()};
    // Postfix asks for every parent domain after a NOTFOUND: noise, unless somebody is looking for it.
    const bool parent = request.hop.error() == Reason::key_parent_domain;
    log(parent ? Level::debug : Level::info,
        {words->key, answer_word(none), "key", std::nullopt, came, request.hop.error()});
    postfix::append_answer(none, request.dialect, reply);
    return true;
}

bool Service::answer_from_memory(const postfix::Request& request, const RecentAnswers::Key& key,
                                 base::Instant now, base::Steady came, std::string& reply) {
    const postfix::NextHop& hop = *request.hop;
    const base::Domain& domain = hop.host;
    cache::Version version; // not current: not worth remembering
    if (recent_.comes_again(key, now)) version = parts_.table.version(domain);
    cache::Told known = parts_.table.ask(domain, now);
    Line line{domain.name(), {}, "memory", std::nullopt, came};
    if (!hop.usual()) line.next_hop = postfix::split_request(key.request)->key;
    Decision decision;
    cache::Step step = cache::Step::resolve;
    if (const auto* absence = std::get_if<cache::Absence>(&known)) {
        step = cache::plan(*absence, now, options_.tuning);
        line.reason = absence->reason;
        decision = NoOpinion{absence->reason};
    } else if (auto* entry = std::get_if<cache::Asked>(&known)) {
        cache::note_clock(*entry, now); // for this answer; the refresher notes it for good, and stores it
        if (!hop.usual()) entry->dane = dane_state(parts_.learner.hop_verdicts(), hop, now);
        step = cache::plan(*entry, now, options_.tuning);
        line.age = now - cache::counted_from(*entry);
        // A failure behind a policy that is still good shows on the line too: it is what an operator looks
        // for.
        line.reason = entry->failed;
        const bool dane = cache::dane_secured(*entry, now, options_.tuning);
        decision = decide(domain, std::move(entry->policy), dane);
    }
    if (step == cache::Step::resolve) return false;
    if (step == cache::Step::serve_and_check) check_in_background(hop);
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
    return key == "version" ? "OK " + std::string(base::version()) : "NOTFOUND ";
}

Decision Service::decide(const base::Domain& domain, cache::PolicyPtr policy, bool dane) const {
    return decision::decide(domain, std::move(policy), options_.tuning.enforce_testing, dane);
}

const postfix::Services& Service::services() const noexcept {
    return options_.services ? *options_.services : postfix::own_services();
}

/// A transport or relay of ours whose DANE nobody can look for. smtp(8) may know the service all the same,
/// from its own known_tcp_ports.
void Service::note_unknown_service(std::string_view key) {
    const auto allowed = unknown_services_.allow("", parts_.clock.steady());
    if (!allowed.write) return;
    parts_.log.write(
        Level::warning, "service-unknown",
        {{"next_hop", key}, {"service", postfix::service_of(key)}, {"repeated", allowed.suppressed_since}});
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
            return; // found to be over when it is next due
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
    // With so many under way it is due again with the next query.
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
            return; // it is due again with the next query
        }
    });
}

void Service::answer_later(std::string text, std::function<void(std::string)> reply) {
    std::optional<postfix::Request> request = postfix::parse_request(text, services());
    const std::uint64_t ticket = next_ticket_++;
    const postfix::NextHop hop = *request->hop;
    auto pending = std::make_unique<Pending>(
        Pending{*std::move(request), {}, std::move(reply), 0, parts_.clock.steady()});
    if (!hop.usual()) pending->next_hop = postfix::split_request(text)->key;
    pending->timer = parts_.timers.after(options_.deadline,
                                         [this, ticket, hop] { finish(ticket, known_at_deadline(hop)); });
    pending_.emplace(ticket, std::move(pending));
    asio::post(parts_.back, [learner = &parts_.learner, hop, ticket, self = self_, front = &parts_.front] {
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
    });
}

/// The flight goes on and protects the next delivery. A policy that is known all the same, as after a
/// restart, when only its DANE verdict was still wanted, stays in force (RFC 8461 section 3.3).
Outcome Service::known_at_deadline(const postfix::NextHop& hop) const {
    Outcome late;
    late.reason = Reason::deadline;
    const cache::Known known = parts_.table.find(hop.host);
    const base::Instant now = parts_.clock.now();
    late.policy = current_policy(known, now);
    if (!late.policy) return late;
    cache::Standing entry = std::get<cache::Entry>(known);
    if (!hop.usual()) entry.dane = dane_state(parts_.learner.hop_verdicts(), hop, now);
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
    const base::Domain& domain = request.hop->host;
    Line line{domain.name(), {}, "memory", std::nullopt, pending->begun, outcome.reason, pending->next_hop};
    if (outcome.fetched || !outcome.policy) line.source = "network";
    // Not found by the deadline, but perhaps in the part of the store that is not read yet.
    if (outcome.reason == Reason::deadline && !parts_.table.complete())
        decision = TryLater{outcome.reason, "stsmapd: the stored policies are still being read"};
    if (outcome.policy) {
        decision = decide(domain, outcome.policy, outcome.dane);
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
    const base::Field age = line.age ? base::Field{"age", line.age->count()} : base::Field{"age", "-"};
    if (line.next_hop.empty() && line.detail.empty())
        parts_.log.write(level, "lookup",
                         {{"domain", line.domain},
                          {"answer", line.answer},
                          {"source", line.source},
                          age,
                          {"took_ms", took.count()},
                          {"reason", base::to_string(line.reason)}});
    else if (line.detail.empty())
        parts_.log.write(level, "lookup",
                         {{"domain", line.domain},
                          {"answer", line.answer},
                          {"source", line.source},
                          age,
                          {"took_ms", took.count()},
                          {"reason", base::to_string(line.reason)},
                          {"next_hop", line.next_hop}});
    else if (line.next_hop.empty())
        parts_.log.write(level, "lookup",
                         {{"domain", line.domain},
                          {"answer", line.answer},
                          {"source", line.source},
                          age,
                          {"took_ms", took.count()},
                          {"reason", base::to_string(line.reason)},
                          {"detail", line.detail}});
    else
        parts_.log.write(level, "lookup",
                         {{"domain", line.domain},
                          {"answer", line.answer},
                          {"source", line.source},
                          age,
                          {"took_ms", took.count()},
                          {"reason", base::to_string(line.reason)},
                          {"next_hop", line.next_hop},
                          {"detail", line.detail}});
}

} // namespace lookup
