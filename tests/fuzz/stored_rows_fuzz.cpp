// Any octets as a row of the store's file: no crash, and what is accepted is sound and comes back as it was.
#include "cache/stored_row.hpp"
#include "sts/policy.hpp"

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string_view>

namespace {

std::string_view take(std::string_view& input, std::size_t n) {
    const std::string_view part = input.substr(0, n);
    input.remove_prefix(part.size());
    return part;
}

std::int64_t take_number(std::string_view& input) {
    std::int64_t n = 0;
    const std::string_view part = take(input, sizeof n);
    std::memcpy(&n, part.data(), part.size());
    return n;
}

void check(const cache::RawRow& raw) {
    const auto row = cache::read_row(raw);
    if (!row) return;
    if (row->domain.name() != raw.domain || row->domain.name().size() > base::max_policy_domain) std::abort();
    if (row->policy_text.empty() || row->policy_text.size() > sts::max_policy_size) std::abort();
    const cache::RawRow again = cache::raw_row(*row);
    if (again.policy_text != raw.policy_text || again.txt_id != raw.txt_id ||
        again.fetched_at != raw.fetched_at || again.last_asked != raw.last_asked ||
        again.dane_at != raw.dane_at || again.sum != raw.sum)
        std::abort();
    (void)sts::parse_policy(row->policy_text);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view input{reinterpret_cast<const char*>(data), size};
    cache::RawRow raw;
    raw.fetched_at = take_number(input);
    raw.last_asked = take_number(input);
    raw.dane_at = take_number(input);
    raw.sum = take_number(input);
    const std::string_view lengths = take(input, 2);
    if (lengths.size() < 2) return 0;
    raw.domain = take(input, static_cast<unsigned char>(lengths[0]));
    raw.txt_id = take(input, static_cast<unsigned char>(lengths[1]));
    raw.policy_text = input;
    check(raw);
    raw.sum = cache::row_sum(raw); // past the checksum, as a file made on purpose would be
    check(raw);
    // And with times in range, so that the rest is reached.
    raw.fetched_at = 1 + (raw.fetched_at & 0xffffffff);
    raw.last_asked = raw.last_asked & 0xffffffff;
    raw.dane_at = raw.dane_at & 0xffffffff;
    raw.sum = cache::row_sum(raw);
    check(raw);
    return 0;
}
