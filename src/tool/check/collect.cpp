#include "tool/check/collect.hpp"

#include "dane/tlsa.hpp"
#include "tool/check/looked.hpp"
#include "tool/check/together.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

namespace check {
namespace {

namespace asio = boost::asio;
using dns::Purpose;
using dns::Type;

/// What the coroutines of one domain write to.
struct Work {
    Work(std::shared_ptr<const Parts> p, base::Domain d)
        : parts(std::move(p)), domain(std::move(d)), together(parts->executor) {}
    std::shared_ptr<const Parts> parts;
    base::Domain domain;
    Evidence evidence;
    Together together;
};
using WorkPtr = std::shared_ptr<Work>;

/// A question that no DNS message can hold has no answer, and is not asked.
asio::awaitable<dns::Result> ask(WorkPtr work, std::string name, Type type) {
    constexpr std::size_t longest = 253;
    if (name.empty() || name.size() > longest)
        co_return dns::failed(base::Reason::key_not_a_domain, "no such name can exist");
    dns::Result result = co_await work->parts->resolver.resolve(std::move(name), type, Purpose::dane);
    co_return result;
}

asio::awaitable<void> look_at_txt(WorkPtr work) {
    const std::string name = work->domain.record_name();
    const dns::Result result = co_await ask(work, name, Type::txt);
    work->evidence.sts = txt_looked(name, result);
}

asio::awaitable<void> look_at_tlsrpt(WorkPtr work) {
    const std::string name = "_smtp._tls." + work->domain.name();
    const dns::Result result = co_await ask(work, name, Type::txt);
    work->evidence.tlsrpt = txt_looked(name, result);
}

asio::awaitable<void> look_at_policy_host(WorkPtr work) {
    PolicyHost host = co_await work->parts->policy_hosts.look(work->domain.policy_host());
    work->evidence.policy_host = std::move(host);
}

asio::awaitable<void> look_at_dane(WorkPtr work) {
    const dane::Verdict verdict = co_await work->parts->dane->verdict(work->domain);
    work->evidence.dane_advice = std::string(to_string(verdict.advice));
    work->evidence.dane_why = verdict.why;
}

bool is_secure(const Looked& looked) { return looked.reason.empty() && looked.worth == dns::Worth::secure; }

/// Where TLSA records of the host are looked for, in this order (RFC 7672 section 2.2.3).
std::vector<std::string> tlsa_names(const Mx& mx) {
    std::vector<std::string> names;
    const auto add = [&names](std::string name) {
        if (!name.empty() && std::ranges::find(names, name) == names.end()) names.push_back(std::move(name));
    };
    for (const Looked* looked : {&mx.aaaa, &mx.a})
        if (is_secure(*looked) && looked->kind == "data" && !looked->canonical.empty())
            add(dane::tlsa_name(looked->canonical));
    add(dane::tlsa_name(mx.host));
    return names;
}

asio::awaitable<void> look_at_mx(WorkPtr work, std::size_t which) {
    const std::string host = work->evidence.mx[which].host;
    const auto named = base::Domain::parse(host);
    if (!named || named->name() != host) {
        Mx& mx = work->evidence.mx[which];
        const bool address = !named && named.error() == base::DomainErrc::address;
        const auto why = dns::failed(address ? base::Reason::key_address_literal : base::Reason::key_not_a_domain,
                                     "no host can have this name");
        mx.a = looked(host, Type::a, why);
        mx.aaaa = looked(host, Type::aaaa, why);
        co_return;
    }
    const dns::Result aaaa = co_await ask(work, host, Type::aaaa);
    const dns::Result a = co_await ask(work, host, Type::a);
    {
        Mx& mx = work->evidence.mx[which];
        mx.aaaa = looked(host, Type::aaaa, aaaa);
        mx.a = looked(host, Type::a, a);
        for (const net::IpAddress& address : addresses_of(aaaa, a))
            if (mx.addresses.size() < max_mx_addresses) mx.addresses.push_back({to_string(address), {}, {}, {}});
        if (mx.addresses.empty() || (!is_secure(mx.a) && !is_secure(mx.aaaa))) co_return;
    }
    for (const std::string& name : tlsa_names(work->evidence.mx[which])) {
        const dns::Result tlsa = co_await ask(work, name, Type::tlsa);
        Mx& mx = work->evidence.mx[which];
        mx.tlsa = looked(name, Type::tlsa, tlsa);
        if (!tlsa || tlsa->kind != dns::Answer::Kind::data) continue;
        for (const std::string& record : tlsa->records)
            if (auto one = dane::parse_tlsa(record); one && mx.tlsa_records.size() < max_tlsa)
                mx.tlsa_records.push_back(std::move(*one));
        break;
    }
}

asio::awaitable<void> look_at_mail_hosts(WorkPtr work) {
    const dns::Result result = co_await ask(work, work->domain.name(), Type::mx);
    Evidence& evidence = work->evidence;
    evidence.mx_looked = looked(work->domain.name(), Type::mx, result);
    MxNames names = mail_hosts(work->domain.name(), result);
    evidence.null_mx = names.null_mx;
    evidence.more_mx = names.more;
    evidence.mx = std::move(names.hosts);
    for (std::size_t i = 0; i < evidence.mx.size(); ++i) work->together.spawn(look_at_mx(work, i));
}

/// A host that is not there is nobody's policy host, unless a record announces a policy.
bool is_of_interest(const Evidence& evidence) {
    const auto there = [](const Looked& looked) { return looked.kind != "nodata" && looked.kind != "nxdomain"; };
    return there(evidence.policy_host->a) || there(evidence.policy_host->aaaa) || !evidence.sts.records.empty() ||
           !evidence.sts.looked.reason.empty();
}

} // namespace

asio::awaitable<Evidence> collect(std::shared_ptr<const Parts> parts, base::Domain domain, std::string asked) {
    const auto begun = std::chrono::steady_clock::now();
    const auto work = std::make_shared<Work>(std::move(parts), std::move(domain));
    Evidence& evidence = work->evidence;
    evidence.domain = work->domain.name();
    evidence.asked = std::move(asked);
    evidence.at = work->parts->now();
    work->together.spawn(look_at_txt(work));
    work->together.spawn(look_at_mail_hosts(work));
    work->together.spawn(look_at_tlsrpt(work));
    work->together.spawn(look_at_policy_host(work));
    if (work->parts->dane != nullptr)
        work->together.spawn(look_at_dane(work));
    else
        evidence.dane_why = work->parts->no_dane;
    co_await work->together.wait();
    if (evidence.policy_host && !is_of_interest(evidence)) evidence.policy_host.reset();
    evidence.took_ms = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begun).count();
    co_return std::move(evidence);
}

} // namespace check
