#include "dane/verdict.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

namespace dane {
namespace {

using dns::Answer;
using std::chrono::seconds;

/// Hosts of the MX RRset, most preferred first, each once.
std::vector<std::string> hosts_of(const Answer& answer) {
    std::vector<dns::Mx> records;
    for (const std::string& record : answer.records)
        if (auto mx = dns::parse_mx(record)) records.push_back(std::move(*mx));
    std::ranges::sort(records, [](const dns::Mx& a, const dns::Mx& b) {
        return std::tie(a.preference, a.host) < std::tie(b.preference, b.host);
    });
    std::vector<std::string> hosts;
    for (dns::Mx& mx : records)
        if (std::ranges::find(hosts, mx.host) == hosts.end()) hosts.push_back(std::move(mx.host));
    return hosts;
}

std::string count_of(std::size_t n, std::size_t all) {
    return std::to_string(n) + " of " + std::to_string(all);
}

} // namespace

Inquiry::Inquiry(const base::Domain& name, Destination destination)
    : domain_(name.name()), destination_(destination) {
    if (destination_.mx) return;
    mx_asked_ = true;
    mx_ttl_ = max_ttl; // no MX record limits it
    mx_hosts_ = {domain_};
    hosts_.emplace_back(domain_, destination_.port);
    judge(); // the name may be none that a host has
}

std::vector<Inquiry::Question> Inquiry::next() {
    std::vector<Question> questions;
    if (verdict_) return questions;
    if (!std::exchange(mx_asked_, true)) questions.push_back({0, domain_, dns::Type::mx});
    for (std::size_t i = 0; i < hosts_.size(); ++i)
        for (Host::Question& q : hosts_[i].next()) questions.push_back({i, std::move(q.name), q.type});
    return questions;
}

void Inquiry::take(const Question& question, const Result& result) {
    if (verdict_) return;
    if (question.type == dns::Type::mx) {
        take_mx(result);
    } else if (question.host < hosts_.size()) {
        hosts_[question.host].take({question.name, question.type}, result);
        judge();
    }
}

void Inquiry::take_mx(const Result& result) {
    if (!hosts_.empty()) return; // answered already
    if (!result) return conclude(Advice::no_verdict, true, {}, "MX lookup" + *says_nothing(result));
    mx_ttl_ = result->ttl.value_or(Host::no_ttl);
    mx_hosts_ = result->kind == Answer::Kind::data ? hosts_of(*result) : std::vector{domain_};
    const bool null_mx = mx_hosts_.size() == 1 && mx_hosts_[0].empty(); // RFC 7505
    if (null_mx) mx_hosts_.clear();
    if (const auto nothing = says_nothing(result))
        return conclude(Advice::no_verdict, true, {}, "MX lookup" + *nothing);
    if (null_mx) return conclude(Advice::sts, false, mx_ttl_, "null MX: the domain takes no mail");
    if (!result->secure()) return conclude(Advice::sts, false, mx_ttl_, "the MX RRset is not signed");
    if (mx_hosts_.size() > max_mx_hosts)
        return conclude(Advice::sts, false, mx_ttl_,
                        "more than " + std::to_string(max_mx_hosts) + " MX hosts");
    for (const std::string& host : mx_hosts_) hosts_.emplace_back(host, destination_.port);
    judge();
}

void Inquiry::judge() {
    const auto first = [this](auto... statuses) {
        return std::ranges::find_if(hosts_, [=](const Host& h) { return ((h.status() == statuses) || ...); });
    };
    // One such host decides, and answers alone made it one: what is still open or failed cannot change that.
    if (const auto host = first(HostStatus::definitely_not); host != hosts_.end())
        return conclude(Advice::sts, false, std::min(mx_ttl_, host->ttl().value_or(mx_ttl_)), host->why());
    if (first(HostStatus::open) != hosts_.end()) return;

    seconds ttl = mx_ttl_;
    std::size_t proven = 0, failing = 0;
    for (const Host& host : hosts_) {
        ttl = std::min(ttl, host.ttl().value_or(ttl));
        proven += host.status() == HostStatus::has_dane;
        failing += host.status() == HostStatus::unknown || host.status() == HostStatus::unreachable;
    }
    const bool dane = proven > 0 || first(HostStatus::unknown) != hosts_.end();
    if (failing > 0) {
        const auto host = first(HostStatus::unknown, HostStatus::unreachable);
        return conclude(dane ? Advice::dane_only : Advice::no_verdict, true, ttl,
                        host->why() + (destination_.mx
                                           ? " (" + count_of(failing, hosts_.size()) + " MX hosts failed)"
                                           : ""));
    }
    if (!destination_.mx)
        return conclude(dane ? Advice::dane_only : Advice::sts, false, ttl, hosts_.front().why());
    if (!dane) return conclude(Advice::sts, false, ttl, "no MX host has an address");
    conclude(Advice::dane_only, false, ttl,
             count_of(proven, hosts_.size()) + " MX hosts have TLSA, none is without");
}

void Inquiry::conclude(Advice advice, bool on_failures, std::optional<seconds> ttl, std::string_view why) {
    Verdict verdict;
    verdict.advice = advice;
    verdict.on_failures = on_failures;
    if (ttl && !on_failures) verdict.ttl = std::clamp(*ttl, min_ttl, max_ttl);
    verdict.mx_hosts = mx_hosts_;
    verdict.why = base::printable(why, max_why);
    verdict_ = std::move(verdict);
}

} // namespace dane
