// The whole way to an answer: TXT records, an HTTP response and a client's octets in, replies out. Every
// reply is a netstring with an answer that Postfix can read, and says exactly what the policy says.
//
// The input: an octet for the form, the TXT records (one a line, NUL at their end), two octets of length and
// as many of the response (or of a policy's body), then the client's octets.
#include "fuzz.hpp"

#include "cache/disk/stored_row.hpp"
#include "fetch/http_reader.hpp"
#include "fetch/request.hpp"
#include "postfix/answer.hpp"
#include "postfix/netstring.hpp"
#include "sts/match.hpp"
#include "sts/record.hpp"
#include "support/postfix_syntax.hpp"
#include "tool/client/query_command.hpp"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace {

using base::Reason;
using Status = test::Reply::Status;

struct Known {
    std::string id;
    sts::PolicyPtr policy;
};

/// What is learnt about a domain from this TXT RRset and this response.
base::Expected<Known, Reason> learn(std::string_view txt, std::string_view response, bool is_body) {
    std::vector<std::string> records;
    for (fuzz::Script lines(txt); !lines.empty();) records.emplace_back(lines.until('\n'));
    const auto id = sts::find_id(records);
    if (!id) return base::unexpected(id.error());
    std::string body{response};
    if (!is_body) {
        fetch::HttpReader reader;
        auto fetched = reader.feed(response);
        if (!fetched) fetched = reader.finish(true);
        if (!*fetched) return base::unexpected(fetched->error().reason);
        body = std::move(**fetched);
    }
    auto policy = std::make_shared<sts::PolicyText>();
    auto parsed = sts::parse_policy(body);
    if (!parsed) return base::unexpected(parsed.error().reason);
    policy->text = std::move(body);
    policy->policy = std::move(*parsed);
    return Known{*id, std::move(policy)};
}

/// The policy as it comes back from the store after a restart.
sts::PolicyPtr stored(const base::Domain& domain, const Known& known) {
    cache::Row row{domain, known.policy->text, known.id, {}, {}, {}};
    row.fetched_at = base::Instant{base::seconds{1'700'000'000}};
    const auto back = cache::read_row(cache::raw_row(row));
    if (domain.name().size() > base::max_policy_domain || known.policy->text.size() > sts::max_policy_size)
        return known.policy;
    fuzz::require(back && back->txt_id == known.id, "what is learnt can be stored");
    auto policy = std::make_shared<sts::PolicyText>();
    policy->text = back->policy_text;
    const auto parsed = sts::parse_policy(back->policy_text);
    fuzz::require(parsed && *parsed == known.policy->policy, "a stored policy is the policy");
    policy->policy = *parsed;
    return policy;
}

std::string reply_to(std::string_view payload, const base::Expected<Known, Reason>& known, unsigned form,
                     bool restarted) {
    const auto request = postfix::parse_request(payload);
    if (!request) return postfix::perm("not a socketmap request");
    decision::Facts facts;
    sts::PolicyPtr policy;
    if (!request->hop) {
        facts.no_domain = request->hop.error();
    } else if (!known) {
        facts.reason = known.error();
    } else {
        policy = restarted ? stored(request->hop->host, *known) : known->policy;
        facts.domain = request->hop->host.name();
        facts.policy = policy.get();
        facts.just_fetched = true;
        facts.enforce_testing = (form & 2) != 0;
        facts.dane_limits.active = true;
        if ((form & 12) == 12) facts.dane.advice = dane::Advice::dane_only;
    }
    return postfix::answer(decision::decide(facts, {}).answer, request->dialect);
}

/// Checks that `reply` is the right one for the request and the policy.
void check(const test::Reply& reply, std::string_view payload, const base::Expected<Known, Reason>& known,
           unsigned form) {
    const std::size_t space = payload.find(' ');
    if (space == payload.npos) return fuzz::require(reply.status == Status::perm, "no request: PERM");
    const auto domain = postfix::policy_domain(payload.substr(space + 1));
    const bool enforced = domain && known &&
                          (known->policy->policy.mode == sts::Mode::enforce ||
                           (known->policy->policy.mode == sts::Mode::testing && (form & 2) != 0));
    if (!enforced) return fuzz::require(reply.status == Status::not_found, "nothing to enforce: NOTFOUND");
    fuzz::require(reply.status == Status::ok, "an enforced policy: OK");
    if (reply.policy.level == "dane-only") return fuzz::require((form & 12) == 12, "dane-only for DANE");
    const std::vector<sts::MxPattern>& mx = known->policy->policy.mx;
    std::size_t usable = 0;
    for (const sts::MxPattern& pattern : mx) {
        const std::string item = (pattern.wildcard ? "." : "") + pattern.name;
        const bool said = std::ranges::find(reply.policy.match, item) != reply.policy.match.end();
        usable += said;
        const bool strategy = item == "hostname" || item == "nexthop" || item == "dot-nexthop";
        fuzz::require(said || sts::is_address(pattern) || strategy, "every mx is in match=");
    }
    fuzz::require(usable == reply.policy.match.size() ||
                      (usable == 0 && reply.policy.match == std::vector<std::string>{"no-usable-mx.invalid"}),
                  "match= has nothing but mx");
    if (reply.policy.policy_type.empty()) return;
    fuzz::require(reply.policy.policy_domain == domain->name(), "the policy domain is the one asked for");
    for (const std::string& line : reply.policy.policy_string)
        fuzz::require(known->policy->text.find(line.substr(0, line.find(' '))) != std::string::npos ||
                          line == "version: STSv1",
                      "policy_string is of the policy");
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::Script input(fuzz::view(data, size));
    const unsigned form = input.octet();
    const std::string_view txt = input.until('\0');
    const std::string_view response = input.octets(input.number());
    const auto known = learn(txt, response, (form & 1) != 0);
    postfix::NetstringReader reader{1000};
    reader.feed(input.rest());
    while (const auto item = reader.next()) {
        if (!*item) break;
        const std::string_view payload = **item;
        const std::string reply = reply_to(payload, known, form, false);
        fuzz::require(test::read_netstring(postfix::frame(reply)) == reply, "framed as a netstring");
        const bool tlsrpt =
            postfix::dialect_of(payload.substr(0, payload.find(' '))) == postfix::Dialect::tlsrpt;
        const auto read = test::read_reply(reply, tlsrpt ? test::Postfix::v3_10 : test::Postfix::v3_4);
        if (!read) fuzz::require(false, read.error());
        check(*read, payload, known, form);
        fuzz::require(reply_to(payload, known, form, true) == reply, "the same after a restart");
        fuzz::require(tool::parse_reply(reply).match == read->policy.match,
                      "the tool reads what Postfix reads");
        if (const auto request = postfix::parse_request(payload); request && request->hop) {
            const std::string get = fetch::policy_request(request->hop->host.policy_host());
            fuzz::require(std::ranges::count(get, '\n') == 7 && get.find(' ', 4) < get.find('\n'),
                          "a domain adds nothing to the request but a name");
        }
    }
    return 0;
}
