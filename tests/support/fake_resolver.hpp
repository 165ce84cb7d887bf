// tests/support/fake_resolver.hpp - the DNS port without DNS: answers from a map, remembers the questions.
#pragma once

#include "base/clock.hpp"
#include "dns/resolver.hpp"

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace test {

/// A question not in the map is answered NXDOMAIN with a negative TTL of 60 s. Change the map at any time.
class FakeResolver final : public dns::Resolver {
public:
    using Question = std::pair<std::string, dns::Type>;
    using Result = base::Expected<dns::Answer, base::Reason>;

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
    void fail(const std::string& name, dns::Type type, base::Reason reason) {
        answers.insert_or_assign({name, type}, Result{base::unexpected(reason)});
    }
    void absent(const std::string& name, dns::Type type) { answers.erase({name, type}); }

    boost::asio::awaitable<Result> resolve(std::string name, dns::Type type) override {
        Question question{std::move(name), type};
        asked.push_back(question);
        const auto it = answers.find(question);
        if (it != answers.end()) co_return it->second;
        dns::Answer none;
        none.kind = dns::Answer::Kind::nxdomain;
        none.ttl = base::seconds{60};
        none.canonical_name = question.first;
        co_return none;
    }

private:
    static Result data(const std::string& name, std::vector<std::string> records, base::seconds ttl) {
        dns::Answer answer;
        answer.kind = dns::Answer::Kind::data;
        answer.records = std::move(records);
        answer.ttl = ttl;
        answer.canonical_name = name;
        return answer;
    }
};

} // namespace test
