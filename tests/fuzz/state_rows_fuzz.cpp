// Any octets as a row of state.db: no crash, and an accepted row is sound and reads back as the same.
#include "fuzz.hpp"

#include "base/domain.hpp"
#include "base/text.hpp"
#include "state/rows.hpp"

#include <cstring>
#include <string>

namespace {

constexpr std::int64_t in_range = 0xffffffff; ///< a mask: times until 2106

std::int64_t take_number(fuzz::Script& input) {
    std::int64_t n = 0;
    const std::string_view part = input.octets(sizeof n);
    std::memcpy(&n, part.data(), part.size());
    return n;
}

bool is_domain(std::string_view text) {
    const auto parsed = base::Domain::parse(text);
    return parsed && parsed->name() == text;
}

template <class Raw>
void check(const Raw& row, std::int64_t sum) {
    const auto read = state::read(row, sum);
    if (!read) return;
    fuzz::require(is_domain(row.domain) && read->domain == row.domain, "a domain in its own spelling");
    const Raw written = state::raw(*read);
    fuzz::require(state::sum_of(written) == sum, "a row reads back");
    fuzz::require(state::read(written, sum) == read, "as the same");
}

void check(const state::RawOverride& row, std::int64_t sum) {
    const auto read = state::read(row, sum);
    if (!read) return;
    const std::string_view domain = read->domain;
    fuzz::require(is_domain(domain.substr(domain.starts_with('.') ? 1 : 0)), "a domain, or what is below one");
    fuzz::require(read->action == decision::Action::secure ? !read->match.empty() : read->match.empty(),
                  "names belong to secure");
    fuzz::require(read->match.size() <= decision::max_override_names, "names within their limit");
    fuzz::require(!read->configured && read->until && *read->until > read->added_at &&
                      *read->until - read->added_at <= decision::longest_override,
                  "it ends, within a year");
    fuzz::require(read->until->time_since_epoch().count() == row.until, "when the row says");
    fuzz::require(!read->reason.empty() && read->reason.size() <= decision::max_override_reason &&
                      base::valid_utf8(read->reason),
                  "a reason");
    fuzz::require(fuzz::is_printable(read->added_by), "who added it can be shown");
    const std::string match = state::match_column(*read);
    const state::RawOverride written = state::raw(*read, match);
    fuzz::require(state::read(written, state::sum_of(written)) == read, "it reads back as the same");
}

/// As it is; with a right sum, as in a file made on purpose; and `near()`, with numbers in range, so that the
/// later checks are reached.
template <class Raw>
void check_all(Raw row, std::int64_t sum, void (*near)(Raw&)) {
    check(row, sum);
    check(row, state::sum_of(row));
    near(row);
    check(row, state::sum_of(row));
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::Script input(fuzz::view(data, size));
    const unsigned table = input.octet() % 3;
    const std::int64_t sum = take_number(input), a = take_number(input), b = take_number(input),
                       c = take_number(input);
    const std::string_view domain = input.octets(input.octet());
    const std::string_view word = input.octets(input.octet() % 32);
    if (table == 0) {
        const unsigned match = input.number(), by = input.octet();
        state::RawOverride row{domain, word, input.octets(match), a, {}, b, c, input.octets(by)};
        row.reason = input.rest();
        check_all<state::RawOverride>(row, sum, [](state::RawOverride& near) {
            near.added_at &= in_range;
            near.until = near.added_at + (near.until & 0x1ffffff); // up to 388 days
        });
    } else if (table == 1) {
        check_all<state::RawObserved>({domain, word, a, b, c}, sum, [](state::RawObserved& row) {
            row.lookups &= in_range;
            row.first &= in_range;
            row.last &= in_range;
        });
    } else {
        check_all<state::RawProtected>({domain, a}, sum,
                                       [](state::RawProtected& row) { row.since &= in_range; });
    }
    return 0;
}
