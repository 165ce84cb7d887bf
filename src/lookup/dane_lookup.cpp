#include "lookup/dane_lookup.hpp"

#include "base/event.hpp"
#include "base/text.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <deque>
#include <exception>
#include <list>
#include <memory>
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

} // namespace

/// What all lookups share. Outlives the DaneLookup until the last of them has ended.
struct DaneLookup::Core {
    Core(asio::any_io_executor e, dns::Resolver& r) : executor(std::move(e)), resolver(r) {}
    asio::any_io_executor executor;
    dns::Resolver& resolver; ///< must not be used after closing
    std::set<Job*> jobs;
    std::list<Job*> waiting; ///< jobs that have questions to ask, longest waiting first
    std::size_t under_way = 0;
    bool closed = false;
    DaneCounts counts;

    void distribute();
    void take_from_the_largest();
};

/// The questions of one verdict.
class DaneLookup::Job : public std::enable_shared_from_this<Job> {
public:
    Job(std::shared_ptr<Core> core, const base::Domain& name, dane::Destination destination)
        : event(core->executor), inquiry(name, destination), core_(std::move(core)) {
        core_->jobs.insert(this);
    }
    ~Job() {
        core_->jobs.erase(this);
        if (is_waiting_) core_->waiting.erase(position_);
    }
    Job(const Job&) = delete;
    Job& operator=(const Job&) = delete;

    /// Asks the next questions, as far as the limits allow.
    void ask();
    [[nodiscard]] std::size_t under_way() const noexcept { return asked_.size(); }
    void ask_one();
    void put_off_one();

    base::Event event; ///< there is an answer, or the lookup was destroyed
    dane::Inquiry inquiry;

private:
    struct Question {
        asio::cancellation_signal stop;
        bool put_off = false;
    };
    void update_waiting();

    std::shared_ptr<Core> core_;
    std::deque<dane::Inquiry::Question> queue_;
    std::list<std::shared_ptr<Question>> asked_; ///< under way, oldest first
    bool is_waiting_ = false;
    std::list<Job*>::iterator position_; ///< in Core::waiting
};

void DaneLookup::Job::ask() {
    for (auto& question : inquiry.next()) queue_.push_back(std::move(question));
    update_waiting();
    core_->distribute();
}

void DaneLookup::Job::update_waiting() {
    const bool waiting = !queue_.empty() && asked_.size() < max_questions_at_once && !inquiry.verdict();
    if (waiting == is_waiting_) return;
    is_waiting_ = waiting;
    if (waiting)
        position_ = core_->waiting.insert(core_->waiting.end(), this);
    else
        core_->waiting.erase(position_);
}

/// Asks as many questions as the limit allows, each for the job that has the fewest under way.
void DaneLookup::Core::distribute() {
    const auto has_fewer = [](const Job* a, const Job* b) { return a->under_way() < b->under_way(); };
    while (!closed && !waiting.empty()) {
        Job* smallest = *std::ranges::min_element(waiting, has_fewer);
        if (under_way >= max_questions_in_all) {
            if (smallest->under_way() == 0) take_from_the_largest();
            return; // ask_one() follows when that question has ended
        }
        smallest->ask_one();
    }
}

void DaneLookup::Core::take_from_the_largest() {
    const auto has_fewer = [](const Job* a, const Job* b) { return a->under_way() < b->under_way(); };
    Job* largest = *std::ranges::max_element(jobs, has_fewer);
    if (largest->under_way() > 1) largest->put_off_one();
}

void DaneLookup::Job::ask_one() {
    dane::Inquiry::Question question = std::move(queue_.front());
    queue_.pop_front();
    const auto asked = std::make_shared<Question>();
    asked_.push_back(asked);
    ++core_->under_way;
    update_waiting();
    auto resolving = core_->resolver.resolve(question.name, question.type, dns::Purpose::dane);
    // The answer may come before co_spawn() returns. notify() makes the job look at it then.
    auto answered = [weak = weak_from_this(), core = core_, asked,
                     question = std::move(question)](std::exception_ptr error, dane::Result result) mutable {
        --core->under_way;
        const auto job = weak.lock();
        if (!job) return core->distribute();
        std::erase(job->asked_, asked);
        if (asked->put_off) {
            job->queue_.push_front(std::move(question));
        } else {
            if (error) result = dns::failed(Reason::overloaded); // only allocation throws
            job->inquiry.take(question, result);
        }
        job->event.notify();
        job->update_waiting();
        core->distribute();
    };
    asio::co_spawn(core_->executor, std::move(resolving),
                   asio::bind_cancellation_slot(asked->stop.slot(), std::move(answered)));
}

/// Cancels the latest question, to ask it again later.
void DaneLookup::Job::put_off_one() {
    const auto youngest =
        std::find_if(asked_.rbegin(), asked_.rend(), [](const auto& each) { return !each->put_off; });
    if (youngest == asked_.rend()) return;
    const std::shared_ptr<Question> asked = *youngest;
    asked->put_off = true;
    asked->stop.emit(asio::cancellation_type::terminal);
}

DaneLookup::DaneLookup(asio::any_io_executor executor, dns::Resolver& resolver)
    : core_(std::make_shared<Core>(std::move(executor), resolver)) {}

DaneLookup::~DaneLookup() {
    core_->closed = true;
    for (Job* job : core_->jobs) job->event.notify();
}

std::size_t DaneLookup::running() const noexcept { return core_->jobs.size(); }

const DaneCounts& DaneLookup::counts() const noexcept { return core_->counts; }

asio::awaitable<dane::Verdict> DaneLookup::verdict(base::Domain name, dane::Destination destination) {
    return inquire(core_, std::move(name), destination);
}

asio::awaitable<dane::Verdict> DaneLookup::inquire(std::shared_ptr<Core> core, base::Domain name,
                                                   dane::Destination destination) {
    try {
        const auto job = std::make_shared<Job>(core, name, destination);
        while (!core->closed) {
            job->ask();
            if (job->inquiry.verdict()) {
                core->counts.of(job->inquiry.verdict()->advice).add();
                co_return *job->inquiry.verdict();
            }
            co_await job->event.wait();
            const auto cancellation = co_await asio::this_coro::cancellation_state;
            if (cancellation.cancelled() != asio::cancellation_type::none) break;
        }
        core->counts.of(dane::Advice::no_verdict).add();
        co_return none("the lookup was given up");
    } catch (const std::exception& trouble) {
        core->counts.of(dane::Advice::no_verdict).add();
        co_return none(base::printable(trouble.what(), dane::max_why));
    }
}

} // namespace lookup
