#include "cache/disk/stored_row.hpp"

#include "base/siphash.hpp"
#include "sts/policy.hpp"

#include <algorithm>
#include <string>

namespace cache {

namespace {

constexpr base::SipKey sum_key{0x7374736d61706431U,
                               0x6f6e6520726f7721U}; // must never change: it is part of the format
constexpr std::size_t max_txt_id = 32;               // RFC 8461 section 3.1

bool letter_or_digit(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

base::Instant instant(std::int64_t t) { return base::Instant{base::seconds{t}}; }

} // namespace

std::int64_t row_sum(const RawRow& row) {
    std::string all;
    all.reserve(row.domain.size() + row.policy_text.size() + row.txt_id.size() + 40);
    const auto add_number = [&all](std::uint64_t n) {
        for (int shift = 0; shift < 64; shift += 8) all.push_back(static_cast<char>(n >> shift));
    };
    for (std::string_view text : {row.domain, row.policy_text, row.txt_id}) {
        add_number(text.size());
        all.append(text);
    }
    add_number(static_cast<std::uint64_t>(row.fetched_at));
    add_number(static_cast<std::uint64_t>(row.last_asked));
    add_number(static_cast<std::uint64_t>(row.dane_at));
    if (row.dane_failed_at != 0 || row.ahead_since != 0 || row.over_since != 0)
        for (const std::int64_t added : {row.dane_failed_at, row.ahead_since, row.over_since})
            add_number(static_cast<std::uint64_t>(added));
    return static_cast<std::int64_t>(base::siphash(all, sum_key));
}

RawRow raw_row(const Row& row) {
    RawRow raw{row.domain.name(),
               row.policy_text,
               row.txt_id,
               row.fetched_at.time_since_epoch().count(),
               row.last_asked.time_since_epoch().count(),
               row.dane_at.time_since_epoch().count(),
               0,
               row.dane_failed_at.time_since_epoch().count(),
               row.ahead_since.time_since_epoch().count(),
               row.over_since.count()};
    raw.sum = row_sum(raw);
    return raw;
}

base::Expected<Row, std::string_view> read_row(const RawRow& raw) {
    const auto bad = [](std::string_view words) { return base::unexpected(words); };
    if (raw.policy_text.empty()) return bad("the policy text is empty");
    if (raw.policy_text.size() > sts::max_policy_size) return bad("the policy text is over 64 KiB");
    if (raw.txt_id.size() > max_txt_id) return bad("the TXT record id is over 32 octets");
    if (!std::ranges::all_of(raw.txt_id, letter_or_digit))
        return bad("the TXT record id is not letters and digits");
    if (raw.fetched_at < 1 || raw.fetched_at > max_stored_time) return bad("fetched_at is out of range");
    if (raw.last_asked < 0 || raw.last_asked > max_stored_time) return bad("last_asked is out of range");
    if (raw.dane_at < 0 || raw.dane_at > max_stored_time) return bad("dane_at is out of range");
    if (raw.dane_failed_at < 0 || raw.dane_failed_at > max_stored_time)
        return bad("dane_failed_at is out of range");
    if (raw.ahead_since < 0 || raw.ahead_since > max_stored_time) return bad("ahead_since is out of range");
    if (raw.over_since < 0 || raw.over_since > max_stored_time) return bad("over_since is out of range");
    if (raw.domain.size() > base::max_policy_domain) return bad("the domain is too long");
    if (raw.sum != row_sum(raw)) return bad("the checksum is wrong");
    base::Expected<base::Domain, base::DomainErrc> domain = base::Domain::parse(raw.domain);
    if (!domain || domain->name() != raw.domain) return bad("the domain is no domain name");
    return Row{std::move(*domain),          std::string(raw.policy_text), std::string(raw.txt_id),
               instant(raw.fetched_at),     instant(raw.last_asked),      instant(raw.dane_at),
               instant(raw.dane_failed_at), instant(raw.ahead_since),     base::seconds{raw.over_since}};
}

} // namespace cache
