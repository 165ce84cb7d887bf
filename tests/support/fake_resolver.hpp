// tests/support/fake_resolver.hpp - the DNS port without DNS: answers from a map, remembers the questions.
#pragma once

#include "base/clock.hpp"
#include "dns/resolver.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace test {

/// A question not in the map is answered NXDOMAIN with a negative TTL of 60 s. Change the map at any time.
class FakeResolver final : public dns::Resolver {
public:
    using Question = std::pair<std::string, dns::Type>;
    using Result = dns::Result;

    std::map<Question, Result> answers;
    std::vector<Question> asked; ///< in order

    /// TXT records at `name`, each given as its joined strings.
    void txt(const std::string& name, std::vector<std::string> records,
             base::seconds ttl = base::seconds{300}) {
        answers.insert_or_assign({name, dns::Type::txt}, data(name, std::move(records), ttl));
    }
    /// Addresses as raw octets: 4 (A) or 16 (AAAA).
    void address(const std::string& name, dns::Type type, std::vector<std::string> octets) {
        answers.insert_or_assign({name, type}, data(name, std::move(octets), base::seconds{300}));
    }
    /// Hosts of an MX RRset, each with its preference.
    void mx(const std::string& name, const std::vector<dns::Mx>& hosts, bool authentic = true,
            base::seconds ttl = base::seconds{300}) {
        std::vector<std::string> records;
        for (const dns::Mx& host : hosts) records.push_back(dns::to_record(host));
        put(name, dns::Type::mx, std::move(records), authentic, ttl);
    }
    /// Records of any type as Answer::records has them; none at all is NODATA.
    void put(const std::string& name, dns::Type type, std::vector<std::string> records, bool authentic = true,
             base::seconds ttl = base::seconds{300}) {
        Result answer = data(name, std::move(records), ttl);
        if (answer->records.empty()) answer->kind = dns::Answer::Kind::nodata;
        answer->worth = authentic ? dns::Worth::secure : dns::Worth::insecure;
        answers.insert_or_assign({name, type}, std::move(answer));
    }
    void fail(const std::string& name, dns::Type type, base::Reason reason, std::string detail = {}) {
        answers.insert_or_assign({name, type}, Result{dns::failed(reason, std::move(detail))});
    }
    void absent(const std::string& name, dns::Type type) { answers.erase({name, type}); }

    /// From now on questions of this type are answered only after release().
    void hold(dns::Type type) { held_.insert(type); }
    /// But those about this name never.
    void never_hold(const std::string& name) { not_held_.insert(name); }
    /// Answers the questions held, from the map as it is now, and holds nothing from then on.
    void release() {
        held_.clear();
        for (boost::asio::steady_timer* waiting : waiting_) waiting->cancel();
    }
    [[nodiscard]] std::size_t waiting() const noexcept { return waiting_.size(); }

    boost::asio::awaitable<Result> resolve(std::string name, dns::Type type, dns::Purpose) override {
        Question question{std::move(name), type};
        asked.push_back(question);
        if (held_.contains(type) && !not_held_.contains(question.first)) {
            const auto executor = co_await boost::asio::this_coro::executor;
            boost::asio::steady_timer released(executor, boost::asio::steady_timer::time_point::max());
            const Waiting listed(waiting_, released);
            co_await released.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
        }
        const auto it = answers.find(question);
        // An Expected as a whole is copied without a throw, that is, not without memory.
        if (it != answers.end() && it->second) {
            dns::Answer copy = *it->second;
            co_return Result(std::move(copy));
        }
        if (it != answers.end()) {
            dns::Failure copy = it->second.error();
            co_return Result(base::unexpected(std::move(copy)));
        }
        dns::Answer none;
        none.kind = dns::Answer::Kind::nxdomain;
        none.ttl = base::seconds{60};
        none.worth = dns::Worth::insecure;
        none.canonical_name = question.first;
        co_return none;
    }

private:
    /// On the list as long as its coroutine lives.
    struct Waiting {
        Waiting(std::set<boost::asio::steady_timer*>& l, boost::asio::steady_timer& t) : list(l), timer(t) {
            list.insert(&timer);
        }
        ~Waiting() { list.erase(&timer); }
        Waiting(const Waiting&) = delete;
        Waiting& operator=(const Waiting&) = delete;
        std::set<boost::asio::steady_timer*>& list;
        boost::asio::steady_timer& timer;
    };
    std::set<dns::Type> held_;
    std::set<std::string> not_held_;
    std::set<boost::asio::steady_timer*> waiting_;

    static Result data(const std::string& name, std::vector<std::string> records, base::seconds ttl) {
        dns::Answer answer;
        answer.kind = dns::Answer::Kind::data;
        answer.records = std::move(records);
        answer.ttl = ttl;
        answer.worth = dns::Worth::insecure;
        answer.canonical_name = name;
        return answer;
    }
};

} // namespace test
