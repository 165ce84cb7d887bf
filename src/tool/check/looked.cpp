#include "tool/check/looked.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>

namespace check {
namespace {

std::optional<net::IpAddress> from_rdata(const std::string& octets) {
    net::IpAddress address;
    address.v6 = octets.size() == 16;
    if (octets.size() != 4 && octets.size() != 16) return std::nullopt;
    std::ranges::transform(octets, address.octets.begin(),
                           [](char c) { return static_cast<std::uint8_t>(c); });
    return address;
}

std::string_view kind_name(dns::Answer::Kind kind) {
    switch (kind) {
    case dns::Answer::Kind::data: return "data";
    case dns::Answer::Kind::nodata: return "nodata";
    case dns::Answer::Kind::nxdomain: break;
    }
    return "nxdomain";
}

} // namespace

std::string_view type_name(dns::Type type) noexcept {
    switch (type) {
    case dns::Type::a: return "A";
    case dns::Type::cname: return "CNAME";
    case dns::Type::soa: return "SOA";
    case dns::Type::mx: return "MX";
    case dns::Type::txt: return "TXT";
    case dns::Type::aaaa: return "AAAA";
    case dns::Type::tlsa: break;
    }
    return "TLSA";
}

Looked looked(std::string name, dns::Type type, const dns::Result& result) {
    Looked made;
    made.name = std::move(name);
    made.type = type_name(type);
    if (!result) {
        made.reason = base::to_string(result.error().reason);
        made.detail = result.error().detail;
        return made;
    }
    made.kind = kind_name(result->kind);
    made.worth = result->worth;
    if (result->canonical_name != made.name) made.canonical = result->canonical_name;
    made.ttl_s = result->ttl ? result->ttl->count() : -1;
    return made;
}

TxtLook txt_looked(std::string name, const dns::Result& result) {
    TxtLook made{looked(std::move(name), dns::Type::txt, result), {}};
    if (!result || result->kind != dns::Answer::Kind::data) return made;
    for (const std::string& record : result->records)
        if (made.records.size() < max_txt_records) made.records.push_back(record.substr(0, max_txt_octets));
    return made;
}

std::vector<net::IpAddress> addresses_of(const dns::Result& aaaa, const dns::Result& a) {
    std::vector<net::IpAddress> all;
    const auto add = [&all](const dns::Result& result, bool v6) {
        if (!result) return;
        for (const std::string& record : result->records)
            if (const auto address = from_rdata(record);
                address && address->v6 == v6 && std::ranges::find(all, *address) == all.end())
                all.push_back(*address);
    };
    add(aaaa, true);
    add(a, false);
    return all;
}

MxNames mail_hosts(const std::string& domain, const dns::Result& mx) {
    MxNames made;
    if (!mx || mx->kind == dns::Answer::Kind::nxdomain) return made;
    std::vector<dns::Mx> records;
    for (const std::string& record : mx->records)
        if (auto one = dns::parse_mx(record)) records.push_back(std::move(*one));
    made.null_mx = records.size() == 1 && records[0].host.empty();
    std::ranges::stable_sort(records, {}, &dns::Mx::preference);
    for (const dns::Mx& one : records) {
        if (one.host.empty() || std::ranges::find(made.hosts, one.host, &Mx::host) != made.hosts.end())
            continue;
        if (made.hosts.size() == max_mx) {
            made.more = true;
            break;
        }
        made.hosts.emplace_back();
        made.hosts.back().host = one.host;
        made.hosts.back().preference = one.preference;
    }
    if (mx->kind == dns::Answer::Kind::nodata) {
        made.hosts.emplace_back();
        made.hosts.back().host = domain;
    }
    return made;
}

} // namespace check
