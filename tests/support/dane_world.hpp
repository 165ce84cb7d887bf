// tests/support/dane_world.hpp - the DNS of a mail domain as a map, and one inquiry played through it.
#pragma once

#include "dane/verdict.hpp"

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace test::dane_world {

using base::Reason;
using dane::Inquiry;
using dane::Result;
using dane::Verdict;
using dns::Answer;
using dns::Type;

inline const std::string usable{"\3\1\1" + std::string(32, 'x')};
inline const std::string unusable = std::string(2, '\0') + "\1" + std::string(32, 'x'); // PKIX-TA
inline const std::string short_digest{"\3\1\1" + std::string(31, 'x')};
inline const std::string mx1 = "mx1.example.net", mx2 = "mx2.example.net";
inline const std::string tlsa1 = "_25._tcp." + mx1, tlsa2 = "_25._tcp." + mx2;
inline constexpr bool insecure = false;

/// All of DNS that one row needs; names that were not set do not exist, securely, for 300 s.
struct World {
    std::map<std::pair<std::string, Type>, Result> answers;

    void data(const std::string& name, Type type, std::vector<std::string> records, bool secure = true,
              std::chrono::seconds ttl = std::chrono::seconds{600}) {
        Answer answer;
        answer.kind = Answer::Kind::data;
        answer.records = std::move(records);
        answer.ttl = ttl;
        answer.worth = secure ? dns::Worth::secure : dns::Worth::insecure;
        answer.canonical_name = name;
        answers.insert_or_assign({name, type}, answer);
    }
    void mx(std::vector<dns::Mx> hosts, bool secure = true,
            std::chrono::seconds ttl = std::chrono::seconds{600}) {
        std::vector<std::string> records;
        for (const dns::Mx& host : hosts) records.push_back(dns::to_record(host));
        data("example.org", Type::mx, std::move(records), secure, ttl);
    }
    void address(const std::string& name, bool secure = true) {
        data(name, Type::a, {"\1\2\3\4"}, secure);
        data(name, Type::aaaa, {std::string(16, '\1')}, secure);
    }
    void tlsa(const std::string& name, std::vector<std::string> records, bool secure = true) {
        data(name, Type::tlsa, std::move(records), secure);
    }
    void fail(const std::string& name, Type type, Reason reason = Reason::dns_servfail) {
        answers.insert_or_assign({name, type}, Result{base::unexpected(reason)});
    }
    void none(const std::string& name, Type type, bool secure = true,
              std::optional<std::chrono::seconds> ttl = std::chrono::seconds{300}) {
        Answer answer;
        answer.kind = Answer::Kind::nodata;
        answer.ttl = ttl;
        answer.worth = secure ? dns::Worth::secure : dns::Worth::insecure;
        answer.canonical_name = name;
        answers.insert_or_assign({name, type}, answer);
    }
    /// The addresses of `name` are those of `target`; the CNAME itself is secure or not.
    void alias(const std::string& name, const std::string& target, bool cname_secure = true) {
        for (const Type type : {Type::a, Type::aaaa}) {
            Result answer = ask(target, type);
            if (answer) {
                answer->canonical_name = target;
                if (answer->secure() && !cname_secure) answer->worth = dns::Worth::insecure;
            }
            answers.insert_or_assign({name, type}, answer);
        }
        data(name, Type::cname, {"x"}, cname_secure);
    }
    [[nodiscard]] Result ask(const std::string& name, Type type) const {
        if (const auto it = answers.find({name, type}); it != answers.end()) return it->second;
        Answer answer;
        answer.kind = Answer::Kind::nxdomain;
        answer.ttl = std::chrono::seconds{300};
        answer.worth = dns::Worth::secure;
        answer.canonical_name = name;
        return answer;
    }
    /// Everything as signed as it can be.
    static World good() {
        World w;
        w.mx({{10, mx1}, {20, mx2}});
        for (const std::string& host : {mx1, mx2}) {
            w.address(host);
            w.tlsa("_25._tcp." + host, {usable});
        }
        return w;
    }
};

struct Course {
    Verdict verdict;
    std::vector<std::string> asked; ///< "name/type", in order
};

/// Answers one question at a time: the oldest first, or the newest.
inline Course run(const World& world, bool newest_first = false, const std::string& name = "example.org",
                  dane::Destination destination = {}) {
    Inquiry inquiry{*base::Domain::parse(name), destination};
    Course out;
    std::vector<Inquiry::Question> open;
    while (!inquiry.verdict()) {
        for (auto& q : inquiry.next()) {
            out.asked.push_back(q.name + "/" + std::to_string(static_cast<int>(q.type)));
            open.push_back(std::move(q));
        }
        if (open.empty()) {
            ADD_FAILURE() << "neither a question nor a verdict";
            return out;
        }
        const auto at = newest_first ? open.end() - 1 : open.begin();
        const Inquiry::Question q = *at;
        open.erase(at);
        inquiry.take(q, world.ask(q.name, q.type));
    }
    EXPECT_TRUE(inquiry.next().empty());
    const Verdict before = *inquiry.verdict();
    for (const auto& q : open) inquiry.take(q, world.ask(q.name, q.type)); // late answers
    EXPECT_EQ(*inquiry.verdict(), before);
    out.verdict = before;
    return out;
}

} // namespace test::dane_world
