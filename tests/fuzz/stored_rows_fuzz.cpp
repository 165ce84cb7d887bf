// Any octets as a row of the store's file: no crash, and an accepted row is sound and reads back as the same.
#include "fuzz.hpp"

#include "cache/disk/stored_row.hpp"
#include "sts/policy.hpp"

#include <cstring>

namespace {

std::int64_t take_number(fuzz::Script& input) {
    std::int64_t n = 0;
    const std::string_view part = input.octets(sizeof n);
    std::memcpy(&n, part.data(), part.size());
    return n;
}

void check(const cache::RawRow& raw) {
    const auto row = cache::read_row(raw);
    if (!row) return;
    fuzz::require(row->domain.name() == raw.domain && raw.domain.size() <= base::max_policy_domain,
                  "a policy domain in its own spelling");
    fuzz::require(!row->policy_text.empty() && row->policy_text.size() <= sts::max_policy_size,
                  "a text within its limit");
    const cache::RawRow again = cache::raw_row(*row);
    fuzz::require(again.policy_text == raw.policy_text && again.txt_id == raw.txt_id &&
                      again.fetched_at == raw.fetched_at && again.last_asked == raw.last_asked &&
                      again.dane_at == raw.dane_at && again.sum == raw.sum,
                  "a row reads back");
    (void)sts::parse_policy(row->policy_text);
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::Script input(fuzz::view(data, size));
    cache::RawRow raw;
    raw.fetched_at = take_number(input);
    raw.last_asked = take_number(input);
    raw.dane_at = take_number(input);
    raw.sum = take_number(input);
    const unsigned domain_length = input.octet(), id_length = input.octet();
    raw.domain = input.octets(domain_length);
    raw.txt_id = input.octets(id_length);
    raw.policy_text = input.rest();
    check(raw);
    raw.sum = cache::row_sum(raw); // with a right checksum, as in a file made on purpose
    check(raw);
    // Once more with times in range, so that the later checks are reached.
    raw.fetched_at = 1 + (raw.fetched_at & 0xffffffff);
    raw.last_asked = raw.last_asked & 0xffffffff;
    raw.dane_at = raw.dane_at & 0xffffffff;
    raw.sum = cache::row_sum(raw);
    check(raw);
    return 0;
}
