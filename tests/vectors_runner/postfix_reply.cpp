// postfix_reply.json: next hop and policy text -> the socketmap reply, and what must be true for it.
#include "base/text.hpp"
#include "postfix/answer.hpp"
#include "support/postfix_syntax.hpp"
#include "vectors_runner/runner.hpp"

#include <boost/regex.hpp>

#include <memory>
#include <optional>

namespace vectors {

namespace {

/// The daemon's answer for this next hop after it fetched this policy text.
std::string reply_for(const json& vector, postfix::Dialect dialect) {
    const auto domain = postfix::policy_domain(octets(vector.at("domain")));
    decision::Facts facts;
    sts::PolicyText policy;
    for (const json& line : vector.at("policy").at("lines")) policy.text += octets(line) + "\n";
    auto parsed = sts::parse_policy(policy.text);
    if (!domain) {
        facts.no_domain = domain.error();
    } else if (!parsed) {
        facts.reason = parsed.error().reason;
    } else {
        policy.policy = std::move(*parsed);
        facts.domain = domain->name();
        facts.policy = &policy;
        facts.just_fetched = true;
    }
    return postfix::answer(decision::decide(facts, {}).answer, dialect);
}

bool balanced(std::string_view text) {
    int depth = 0;
    for (char c : text) {
        depth += c == '{' ? 1 : c == '}' ? -1 : 0;
        if (depth < 0) return false;
    }
    return depth == 0;
}

bool holds(std::string_view reply, const json& part) {
    return reply.find(part.get<std::string>()) != std::string_view::npos;
}

/// What is wrong with the reply; nullopt: nothing.
std::optional<std::string> complaint(const std::string& reply, const json& expect, test::Postfix version) {
    for (const auto& [rule, value] : expect.items()) {
        if (rule == "reply") {
            if (reply != value.get<std::string>()) return "expected '" + value.get<std::string>() + "'";
        } else if (rule == "must_contain") {
            for (const json& part : value)
                if (!holds(reply, part)) return "does not contain " + part.dump();
        } else if (rule == "must_not_contain") {
            for (const json& part : value)
                if (holds(reply, part)) return "contains " + part.dump();
        } else if (rule == "must_not_match") {
            if (boost::regex_search(reply, boost::regex{value.get<std::string>()}))
                return "matches " + value.dump();
        } else if (rule == "max_reply_bytes") {
            if (reply.size() > value.get<std::size_t>())
                return "has " + std::to_string(reply.size()) + " octets";
        } else if (rule == "balanced_braces") {
            if (balanced(reply) != value.get<bool>()) return "has unbalanced braces";
        } else {
            return "unknown rule " + rule;
        }
    }
    // Not in the vector: Postfix must be able to read it.
    if (const auto read = test::read_reply(reply, version); !read) return read.error();
    return std::nullopt;
}

} // namespace

void run_postfix_reply(const json& vectors, Report& report) {
    for (const json& vector : vectors) {
        try {
            const bool tlsrpt = vector.at("config").at("tlsrpt").get<bool>();
            const std::string reply =
                reply_for(vector, tlsrpt ? postfix::Dialect::tlsrpt : postfix::Dialect::plain);
            const auto version = tlsrpt ? test::Postfix::v3_10 : test::Postfix::v3_4;
            std::string why;
            bool passed = false;
            for (const json& want : outcomes(vector)) {
                const auto wrong = complaint(reply, want, version);
                if (!wrong)
                    passed = true;
                else if (why.empty())
                    why = *wrong;
            }
            if (passed)
                report.pass(vector);
            else
                report.fail(vector, base::printable(why, 300) + "; got " + base::printable(reply, 300));
        } catch (const std::exception& e) {
            report.fail(vector, e.what());
        }
    }
}

} // namespace vectors
