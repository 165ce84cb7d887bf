#include "lookup/dane_lookup.hpp"

#include "base/event.hpp"
#include "base/text.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <deque>
#include <exception>
#include <optional>
#include <set>
#include <utility>

namespace lookup {

namespace asio = boost::asio;
using base::Reason;

namespace {

dane::Verdict none(std::string why) {
    dane::Verdict verdict;
    verdict.on_failures = true;
    verdict.why = std::move(why);
    return verdict;
}

/// As the resolver wants names.
std::string normal(std::string name) {
    if (name.ends_with('.')) name.pop_back();
    return base::ascii_lower(name);
}

} // namespace

/// What all lookups share. Outlives the DaneLookup while some of them are still winding up.
struct DaneLookup::Core {
    Core(asio::any_io_executor e, dns::Resolver& r) : executor(std::move(e)), resolver(r) {}
    asio::any_io_executor executor;
    dns::Resolver& resolver; ///< not to be used once closed
    std::set<Job*> jobs;
    bool closed = false;
};

/// The questions of one verdict.
class DaneLookup::Job : public std::enable_shared_from_this<Job> {
public:
    Job(std::shared_ptr<Core> core, const base::Domain& name, dane::Destination destination)
        : event(core->executor), inquiry(name, destination), core_(std::move(core)) {
        core_->jobs.insert(this);
    }
    ~Job() { core_->jobs.erase(this); }
    Job(const Job&) = delete;
    Job& operator=(const Job&) = delete;

    void ask();

    base::Event event; ///< something was answered, or the lookup is gone
    dane::Inquiry inquiry;

private:
    void ask(dane::Inquiry::Question question);

    std::shared_ptr<Core> core_;
    std::deque<dane::Inquiry::Question> queue_;
    std::size_t under_way_ = 0;
};

/// Asks what there is to ask, as far as the limit allows.
void DaneLookup::Job::ask() {
    for (auto& question : inquiry.next()) queue_.push_back(std::move(question));
    while (!queue_.empty() && under_way_ < max_questions_at_once && !inquiry.verdict()) {
        dane::Inquiry::Question question = std::move(queue_.front());
        queue_.pop_front();
        ask(std::move(question));
    }
}

void DaneLookup::Job::ask(dane::Inquiry::Question question) {
    ++under_way_;
    auto resolving = core_->resolver.resolve(question.name, question.type, dns::Purpose::dane);
    // The answer may come before co_spawn() returns; whoever is awake then looks again, being notified.
    asio::co_spawn(core_->executor, std::move(resolving),
                   [weak = weak_from_this(), question = std::move(question)](std::exception_ptr error,
                                                                             dane::Result result) {
                       const auto job = weak.lock();
                       if (!job) return;
                       --job->under_way_;
                       if (error) result = dns::failed(Reason::overloaded); // nothing but memory throws
                       job->inquiry.take(question, result);
                       job->event.notify();
                   });
}

DaneLookup::DaneLookup(asio::any_io_executor executor, dns::Resolver& resolver, Options options)
    : core_(std::make_shared<Core>(std::move(executor), resolver)) {
    configure(std::move(options));
}

DaneLookup::~DaneLookup() {
    core_->closed = true;
    for (Job* job : core_->jobs) job->event.notify();
}

void DaneLookup::configure(Options options) {
    options_.signed_name = normal(std::move(options.signed_name));
    options_.broken_name = normal(std::move(options.broken_name));
}

std::size_t DaneLookup::running() const noexcept { return core_->jobs.size(); }

asio::awaitable<dane::Verdict> DaneLookup::verdict(base::Domain name, dane::Destination destination) {
    return inquire(core_, std::move(name), destination);
}

asio::awaitable<dane::Validation> DaneLookup::validating() { return validate(core_, options_); }

asio::awaitable<dane::Verdict> DaneLookup::inquire(std::shared_ptr<Core> core, base::Domain name,
                                                   dane::Destination destination) {
    try {
        const auto job = std::make_shared<Job>(core, name, destination);
        while (!core->closed) {
            job->ask();
            if (job->inquiry.verdict()) co_return *job->inquiry.verdict();
            co_await job->event.wait();
            const auto cancellation = co_await asio::this_coro::cancellation_state;
            if (cancellation.cancelled() != asio::cancellation_type::none) break;
        }
        co_return none("the lookup was given up");
    } catch (const std::exception& trouble) {
        co_return none(base::printable(trouble.what(), dane::max_why));
    }
}

asio::awaitable<dane::Validation> DaneLookup::validate(std::shared_ptr<Core> core, Options options) {
    dane::Validation given_up;
    given_up.why = "the lookup was given up";
    try {
        if (core->closed) co_return given_up;
        const dane::Result from_signed =
            co_await core->resolver.resolve(options.signed_name, dns::Type::soa, dns::Purpose::probe);
        std::optional<dane::Result> from_broken;
        if (!options.broken_name.empty()) {
            if (core->closed) co_return given_up;
            dane::Result result =
                co_await core->resolver.resolve(options.broken_name, dns::Type::soa, dns::Purpose::probe);
            from_broken = std::move(result);
        }
        co_return dane::judge_validation(options.signed_name, from_signed, options.broken_name, from_broken);
    } catch (const std::exception&) {
        co_return given_up; // cancelled, or out of memory
    }
}

cache::DaneFinding finding_of(const dane::Verdict& verdict) {
    cache::DaneFinding found{cache::DaneVerdict::unknown, verdict.on_failures, verdict.ttl};
    switch (verdict.advice) {
    case dane::Advice::dane_only: found.verdict = cache::DaneVerdict::dane; break;
    case dane::Advice::sts: found.verdict = cache::DaneVerdict::sts; break;
    case dane::Advice::no_verdict: break;
    }
    return found;
}

std::string_view word_of(cache::DaneVerdict verdict) noexcept {
    switch (verdict) {
    case cache::DaneVerdict::dane: return "dane-only";
    case cache::DaneVerdict::sts: return "sts";
    case cache::DaneVerdict::unknown: break;
    }
    return "unknown";
}

} // namespace lookup
