#include "tool/check/asked_once.hpp"

#include "base/event.hpp"

#include <boost/asio/co_spawn.hpp>

#include <algorithm>
#include <deque>
#include <exception>
#include <list>
#include <map>
#include <optional>
#include <utility>

namespace check {

namespace asio = boost::asio;

namespace {

using Key = std::pair<std::string, dns::Type>;

std::size_t octets_of(const Key& key, const dns::Result& result) {
    constexpr std::size_t overhead = 400; // of the maps' nodes and the strings
    std::size_t octets = overhead + 2 * key.first.size();
    if (!result) return octets + result.error().detail.size();
    for (const std::string& record : result->records) octets += sizeof record + record.size();
    return octets + result->canonical_name.size();
}

} // namespace

struct AskedOnce::Question {
    std::optional<dns::Result> result;
    std::list<base::Event*> waiting; ///< of those who asked meanwhile
};

struct AskedOnce::Core {
    Core(asio::any_io_executor e, dns::Resolver& b, std::size_t m)
        : executor(std::move(e)), below(b), most(m) {}

    void keep(const Key& key, const dns::Result& result) {
        octets += octets_of(key, result);
        order.push_back(key);
        while (octets > most && order.size() > 1) {
            const auto oldest = known.find(order.front());
            if (oldest != known.end() && oldest->second->result) {
                octets -= std::min(octets, octets_of(oldest->first, *oldest->second->result));
                known.erase(oldest);
            }
            order.pop_front();
        }
    }

    asio::any_io_executor executor;
    dns::Resolver& below; ///< must not be used after closing
    std::size_t most;
    std::map<Key, std::shared_ptr<Question>> known;
    std::deque<Key> order; ///< of those with a result, oldest first
    std::size_t octets = 0, asked = 0;
    bool closed = false;
};

AskedOnce::AskedOnce(asio::any_io_executor executor, dns::Resolver& below, std::size_t most)
    : core_(std::make_shared<Core>(std::move(executor), below, most)) {}

AskedOnce::~AskedOnce() { core_->closed = true; }

std::size_t AskedOnce::asked() const noexcept { return core_->asked; }

asio::awaitable<dns::Result> AskedOnce::resolve(std::string name, dns::Type type, dns::Purpose purpose) {
    return wait_for(core_, ask(core_, std::move(name), type, purpose));
}

std::shared_ptr<AskedOnce::Question> AskedOnce::ask(const std::shared_ptr<Core>& core, std::string name,
                                                    dns::Type type, dns::Purpose purpose) {
    const Key key{std::move(name), type};
    if (const auto found = core->known.find(key); found != core->known.end()) return found->second;
    auto question = std::make_shared<Question>();
    core->known.emplace(key, question);
    ++core->asked;
    asio::co_spawn(core->executor, core->below.resolve(key.first, type, purpose),
                   [core, key, question](const std::exception_ptr& error, dns::Result result) {
                       if (error) result = dns::failed(base::Reason::overloaded); // only allocation throws
                       question->result = std::move(result);
                       core->keep(key, *question->result);
                       for (base::Event* const event : question->waiting) event->notify();
                   });
    return question;
}

asio::awaitable<dns::Result> AskedOnce::wait_for(std::shared_ptr<Core> core,
                                                 std::shared_ptr<Question> question) {
    if (!question->result) {
        base::Event answered(core->executor);
        struct Place {
            Place(Question& q, base::Event& event) : question(q), at(q.waiting.insert(q.waiting.end(), &event)) {}
            Place(const Place&) = delete;
            Place& operator=(const Place&) = delete;
            ~Place() { question.waiting.erase(at); }
            Question& question;
            std::list<base::Event*>::iterator at;
        };
        const Place place(*question, answered);
        co_await answered.wait();
    }
    if (question->result) co_return *question->result;
    co_return dns::failed(base::Reason::shutting_down); // the caller was cancelled
}

} // namespace check
