#include "tool/publish/situation.hpp"

#include "tlsrpt/record.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <utility>

namespace publish {

Situation situation_of(const check::Evidence& evidence, const check::Judgement& judgement) {
    Situation now;
    now.domain = evidence.domain;
    now.mx_known = evidence.mx_looked && evidence.mx_looked->reason.empty() && !evidence.more_mx;
    now.no_mail = evidence.null_mx || (evidence.mx_looked && evidence.mx_looked->kind == "nxdomain") ||
                  check::takes_no_mail(judgement.verdict);
    for (const check::Mx& mx : evidence.mx) {
        Host host{mx.host, Host::State::unknown, ""};
        for (const check::HostResult& result : judgement.hosts) {
            if (result.host != mx.host) continue;
            host.words = result.words;
            if (result.outcome == check::Outcome::verified)
                host.state = Host::State::good;
            else if (result.looked && result.outcome != check::Outcome::unknown)
                host.state = Host::State::fails;
        }
        now.hosts.push_back(std::move(host));
    }
    now.id = judgement.txt_id;
    now.txt_ttl = std::chrono::seconds{std::max<std::int64_t>(evidence.sts.looked.ttl_s, 0)};
    if (evidence.policy_host && evidence.policy_host->body) {
        now.text = evidence.policy_host->body;
        if (auto policy = sts::parse_policy(*now.text)) now.policy = std::move(*policy);
    }
    now.tlsrpt = evidence.tlsrpt && tlsrpt::find_record(evidence.tlsrpt->records).has_value();
    return now;
}

History seen(History history, const Situation& situation, base::Instant at) {
    if (!situation.policy) return history;
    history.domain = situation.domain;
    return with(std::move(history), *situation.text, situation.id, at);
}

} // namespace publish
