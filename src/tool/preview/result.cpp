#include "tool/preview/result.hpp"

#include "base/text.hpp"
#include "base/utc.hpp"

#include <algorithm>

namespace preview {
namespace {

/// Its mail went to none of the mail hosts that it has now.
bool went_elsewhere(const DomainSum& sum, const Checked& checked) {
    if (sum.hosts.empty() || sum.more_hosts || !sum.next_hop.empty() || checked.hosts.empty()) return false;
    return std::ranges::none_of(sum.hosts, [&](const UsedHost& used) {
        return std::ranges::find(checked.hosts, used.name) != checked.hosts.end();
    });
}

Kind kind_of(const DomainSum& sum, const Checked* checked) {
    if (checked == nullptr) return Kind::unknown;
    switch (checked->kind) {
    case Kind::fine:
    case Kind::waits:
    case Kind::testing:
    case Kind::dane: return went_elsewhere(sum, *checked) ? Kind::elsewhere : checked->kind;
    case Kind::none:
    case Kind::no_mail:
    case Kind::elsewhere:
    case Kind::unknown: break;
    }
    return checked->kind;
}

Result with_rows(std::vector<DomainSum> sums, const Verdicts& verdicts) {
    Result result;
    result.rows.reserve(sums.size());
    for (DomainSum& sum : sums) {
        const auto found = verdicts.find(decides(sum));
        Row& row = result.rows.emplace_back();
        row.sum = std::move(sum);
        row.checked = found == verdicts.end() ? nullptr : &found->second;
        row.kind = kind_of(row.sum, row.checked);
        for (Sums* const counted : {&result.by_kind[static_cast<std::size_t>(row.kind)], &result.all}) {
            ++counted->domains;
            counted->messages += row.sum.messages;
        }
    }
    return result;
}

} // namespace

const std::string& decides(const DomainSum& sum) noexcept {
    return sum.next_hop.empty() ? sum.domain : sum.next_hop;
}

Result add_up(const Tally& tally, const Verdicts& verdicts) {
    std::vector<DomainSum> sums = tally.sums();
    std::erase_if(sums, [](const DomainSum& sum) { return sum.messages == 0; });
    Result result = with_rows(std::move(sums), verdicts);
    result.lines = tally.lines;
    for (std::size_t kind = 0; kind < left_out_kinds; ++kind)
        result.left_out[kind] = tally.left_out(static_cast<LeftOut>(kind));
    result.first = tally.first();
    result.last = tally.last();
    return result;
}

Result add_up(const std::vector<std::string>& domains, const Verdicts& verdicts) {
    std::vector<DomainSum> sums;
    sums.reserve(domains.size());
    for (const std::string& domain : domains) sums.emplace_back().domain = domain;
    Result result = with_rows(std::move(sums), verdicts);
    result.from_log = false;
    return result;
}

namespace {

constexpr std::array<std::string_view, levels> level_names{"anonymous", "untrusted", "trusted", "verified"};

bool anything_of_tls(const DomainSum& sum) {
    return sum.clear != 0 || sum.reports_good != 0 || sum.reports_bad != 0 ||
           std::ranges::any_of(sum.tls, [](std::uint64_t count) { return count != 0; });
}

tool::Json tls_json(const DomainSum& sum) {
    tool::Json tls = tool::Json::object();
    for (std::size_t level = 0; level < levels; ++level)
        if (sum.tls[level] != 0) tls[level_names[level]] = sum.tls[level];
    if (sum.clear != 0) tls["none"] = sum.clear;
    if (sum.reports_good != 0) tls["reported_good"] = sum.reports_good;
    if (sum.reports_bad != 0) {
        tls["reported_bad"] = sum.reports_bad;
        tls["failure"] = sum.failure;
    }
    return tls;
}

tool::Json sums_json(const Result& result, const Sums& sums) {
    tool::Json made{{"domains", sums.domains}};
    if (result.from_log) made["messages"] = sums.messages;
    return made;
}

} // namespace

tool::Json row_json(const Result& result, const Row& row) {
    const DomainSum& sum = row.sum;
    tool::Json made{{"schema", tool::control_schema}, {"domain", sum.domain}};
    if (!sum.next_hop.empty()) made["next_hop"] = sum.next_hop;
    if (result.looked) made["verdict"] = to_string(row.kind);
    if (result.from_log) {
        made["messages"] = sum.messages;
        made["sent"] = sum.sent;
        if (sum.waited != 0) made["waited_for_tls"] = sum.waited;
        made["first"] = base::utc(sum.first);
        made["last"] = base::utc(sum.last);
        tool::Json hosts = tool::Json::array();
        for (const UsedHost& host : sum.hosts)
            hosts.push_back({{"host", host.name}, {"deliveries", host.deliveries}});
        if (!hosts.empty()) made["hosts"] = std::move(hosts);
        if (sum.more_hosts) made["more_hosts"] = true;
        if (anything_of_tls(sum)) made["tls"] = tls_json(sum);
    }
    if (const Checked* const checked = row.checked; checked != nullptr) {
        made["checked_at"] = base::utc(checked->at);
        const auto put = [&made](const char* name, const std::string& text) {
            if (!text.empty()) made[name] = text;
        };
        put("mode", checked->mode);
        if (checked->enforced) made["enforced"] = to_string(*checked->enforced);
        put("said", checked->said);
        put("words", checked->words);
        put("finding", checked->finding);
        if (!checked->hosts.empty()) made["mx"] = checked->hosts;
    }
    return made;
}

tool::Json summary_json(const Result& result) {
    tool::Json made{{"schema", tool::control_schema}, {"kind", "end"}, {"source", result.source}};
    if (result.first) made["first"] = base::utc(*result.first);
    if (result.last) made["last"] = base::utc(*result.last);
    made["all"] = sums_json(result, result.all);
    if (result.looked) {
        tool::Json verdicts = tool::Json::object();
        for (std::size_t kind = 0; kind < kinds; ++kind)
            verdicts[to_string(static_cast<Kind>(kind))] = sums_json(result, result.by_kind[kind]);
        made["verdicts"] = std::move(verdicts);
        made["whole"] = !result.stopped;
    }
    if (!result.relayhost.empty()) made["relayhost"] = result.relayhost;
    if (!result.from_log) return made;
    tool::Json left = tool::Json::object();
    for (std::size_t kind = 0; kind < left_out_kinds; ++kind)
        left[to_string(static_cast<LeftOut>(kind))] = result.left_out[kind];
    made["left_out"] = std::move(left);
    const Lines& lines = result.lines;
    made["lines"] = {{"all", lines.all},
                     {"other", lines.other},
                     {"postfix", lines.postfix},
                     {"earlier", lines.earlier},
                     {"deliveries", lines.deliveries},
                     {"broken", lines.broken},
                     {"undated", lines.undated},
                     {"too_long", lines.too_long},
                     {"tls", lines.tls},
                     {"tls_unlinked", lines.unlinked},
                     {"over_limit", lines.over_limit},
                     {"forgotten", lines.forgotten}};
    return made;
}

} // namespace preview
