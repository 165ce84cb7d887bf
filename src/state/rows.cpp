#include "state/rows.hpp"

#include "base/siphash.hpp"
#include "base/utc.hpp"

#include <algorithm>
#include <iterator>

namespace state {

namespace {

/// Must never change: it is part of the format.
constexpr base::SipKey sum_key{0x73746174652e6462U, 0x6f6e6520726f7721U};
constexpr std::size_t max_added_by = 200;

class Sum {
public:
    explicit Sum(char table) { octets_.push_back(table); }
    Sum& text(std::string_view text) {
        number(static_cast<std::int64_t>(text.size()));
        octets_.append(text);
        return *this;
    }
    Sum& number(std::int64_t number) {
        const auto bits = static_cast<std::uint64_t>(number);
        for (int shift = 0; shift < 64; shift += 8) octets_.push_back(static_cast<char>(bits >> shift));
        return *this;
    }
    [[nodiscard]] std::int64_t value() const {
        return static_cast<std::int64_t>(base::siphash(octets_, sum_key));
    }

private:
    std::string octets_;
};

std::int64_t count(base::Instant time) { return time.time_since_epoch().count(); }

/// A time between 1970 and 9999, or nothing.
std::optional<base::Instant> instant(std::int64_t seconds) {
    if (seconds < 0 || seconds > count(base::Instant::max())) return std::nullopt;
    const base::Instant time{base::seconds{seconds}};
    return base::is_shown(time) ? std::optional{time} : std::nullopt;
}

bool is_domain(std::string_view text) {
    const auto parsed = base::Domain::parse(text);
    return parsed && parsed->name() == text;
}

} // namespace

std::int64_t sum_of(const RawOverride& row) {
    return Sum{'o'}
        .text(row.domain)
        .text(row.action)
        .text(row.match)
        .number(row.until)
        .text(row.reason)
        .number(row.weakens)
        .number(row.added_at)
        .text(row.added_by)
        .value();
}
std::int64_t sum_of(const RawObserved& row) {
    return Sum{'w'}
        .text(row.domain)
        .text(row.would)
        .number(row.lookups)
        .number(row.first)
        .number(row.last)
        .value();
}
std::int64_t sum_of(const RawProtected& row) {
    Sum sum{'p'};
    sum.text(row.domain).number(row.since);
    if (row.until != 0) sum.number(row.until); // rows of schema 1 have none
    return sum.value();
}

Protected joined(const std::optional<Protected>& before, Protected more) {
    const bool goes_on = before && (before->until == base::Instant{} || more.since <= before->until);
    if (goes_on) more.since = before->since;
    return more;
}

std::string match_column(const decision::Override& entry) {
    std::string all;
    for (const sts::MxPattern& name : entry.match)
        all.append(all.empty() ? "" : " ").append(name.wildcard ? "*." : "").append(name.name);
    return all;
}

RawOverride raw(const decision::Override& entry, std::string_view match) {
    return {entry.domain,
            decision::to_string(entry.action),
            match,
            count(entry.until.value_or(base::Instant{})),
            entry.reason,
            entry.weakens ? 1 : 0,
            count(entry.added_at),
            entry.added_by};
}
RawObserved raw(const Observed& row) {
    return {row.domain, row.would, static_cast<std::int64_t>(row.lookups), count(row.first), count(row.last)};
}
RawProtected raw(const Protected& row) { return {row.domain, count(row.since), count(row.until)}; }

std::optional<decision::Override> read(const RawOverride& row, std::int64_t sum) {
    const auto until = instant(row.until), added_at = instant(row.added_at);
    if (sum != sum_of(row) || !until || !added_at || row.added_by.size() > max_added_by) return std::nullopt;
    const std::string until_text = base::utc(*until);
    // As it was added. One that has ended since is dropped by whoever reads it.
    decision::OverrideWords words{.domain = row.domain, .action = row.action, .reason = row.reason};
    words.until = until_text;
    words.weakens = row.weakens != 0;
    for (std::string_view rest = row.match; !rest.empty();) {
        const std::size_t end = std::min(rest.find(' '), rest.size());
        words.match.push_back(rest.substr(0, end));
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    auto made = decision::parse_override(words, *added_at);
    const auto is_shown = [](char c) { return c >= 0x20 && c < 0x7f; };
    if (!made || !std::ranges::all_of(row.added_by, is_shown)) return std::nullopt;
    made->added_by = row.added_by;
    return std::move(*made);
}

std::optional<Observed> read(const RawObserved& row, std::int64_t sum) {
    const auto first = instant(row.first), last = instant(row.last);
    const bool known = std::ranges::find(would_words, row.would) != std::end(would_words);
    if (sum != sum_of(row) || !first || !last || !known || row.lookups < 0 || !is_domain(row.domain))
        return std::nullopt;
    return Observed{std::string{row.domain}, std::string{row.would}, static_cast<std::uint64_t>(row.lookups),
                    *first, *last};
}

std::optional<Protected> read(const RawProtected& row, std::int64_t sum) {
    const auto since = instant(row.since), until = instant(row.until);
    if (sum != sum_of(row) || !since || !until || !is_domain(row.domain)) return std::nullopt;
    return Protected{std::string{row.domain}, *since, *until};
}

} // namespace state
