#include "decision/override.hpp"

#include "base/domain.hpp"
#include "base/keyed_hash.hpp"
#include "base/text.hpp"
#include "sts/match.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <chrono>
#include <tuple>
#include <utility>

namespace decision {

namespace {

using base::Instant;
using base::seconds;

constexpr std::array actions{Action::off,     Action::observe, Action::may,
                             Action::encrypt, Action::secure,  Action::dane_only};
/// Words with a meaning of their own in match= (Postfix tls_client.c).
constexpr std::array<std::string_view, 3> strategies{"hostname", "nexthop", "dot-nexthop"};

std::string in_quotes(std::string_view text) { return "\"" + base::printable(text, 80) + "\""; }

auto order(const Override& o) { return std::tuple{std::string_view{o.domain}, o.configured}; }

std::string_view source(const Override& o) { return o.configured ? "the configuration" : "run time"; }

/// Of a slot: the lower bits are the place, the upper ones a tag of the domain's hash.
constexpr unsigned place_bits = 14;
constexpr std::uint32_t place_mask = (1U << place_bits) - 1;
static_assert(max_overrides < place_mask);

std::uint32_t tag_of(std::uint64_t hash) noexcept {
    return static_cast<std::uint32_t>(hash >> (32 + place_bits));
}

bool is_current(const Override& o, Instant now) { return !o.until || now < *o.until; }

/// Exactly `digits` digits from the front of `text`, which they are taken off.
std::optional<int> take_number(std::string_view& text, std::size_t digits) {
    if (text.size() < digits) return std::nullopt;
    int number = 0;
    for (const char c : text.substr(0, digits)) {
        if (c < '0' || c > '9') return std::nullopt;
        number = 10 * number + (c - '0');
    }
    text.remove_prefix(digits);
    return number;
}

bool take(std::string_view& text, std::string_view any_of) {
    if (text.empty() || any_of.find(text.front()) == std::string_view::npos) return false;
    text.remove_prefix(1);
    return true;
}

std::optional<std::chrono::sys_days> take_date(std::string_view& text) {
    const auto year = take_number(text, 4);
    if (!year || !take(text, "-")) return std::nullopt;
    const auto month = take_number(text, 2);
    if (!month || !take(text, "-")) return std::nullopt;
    const auto day = take_number(text, 2);
    if (!day) return std::nullopt;
    const std::chrono::year_month_day date{std::chrono::year{*year},
                                           std::chrono::month{static_cast<unsigned>(*month)},
                                           std::chrono::day{static_cast<unsigned>(*day)}};
    if (!date.ok()) return std::nullopt;
    return std::chrono::sys_days{date};
}

/// "12:34", with seconds where `with_seconds`: so long after midnight.
std::optional<seconds> take_time(std::string_view& text, bool with_seconds) {
    const auto hours = take_number(text, 2);
    if (!hours || *hours > 23 || !take(text, ":")) return std::nullopt;
    const auto minutes = take_number(text, 2);
    if (!minutes || *minutes > 59) return std::nullopt;
    std::optional<int> rest = 0;
    if (with_seconds) {
        if (!take(text, ":")) return std::nullopt;
        rest = take_number(text, 2);
        if (!rest || *rest > 60) return std::nullopt; // 60: a leap second (RFC 3339 section 5.7)
        if (take(text, ".") && !take(text, "0123456789")) return std::nullopt;
        while (take(text, "0123456789")) {
        }
    }
    return seconds{*hours * 3600 + *minutes * 60 + *rest};
}

/// How far local time is ahead of UTC: "Z", "+01:00", "-05:30".
std::optional<seconds> take_offset(std::string_view& text) {
    if (take(text, "Zz")) return seconds{0};
    const bool behind = text.starts_with('-');
    if (!take(text, "+-")) return std::nullopt;
    const std::optional<seconds> offset = take_time(text, false);
    if (!offset) return std::nullopt;
    return behind ? -*offset : *offset;
}

std::optional<seconds> duration(std::string_view text) {
    std::uint32_t count = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
    if (error != std::errc{} || end + 1 != text.data() + text.size()) return std::nullopt;
    const std::int64_t n = count;
    switch (*end) {
    case 'm': return seconds{n * 60};
    case 'h': return seconds{n * 3600};
    case 'd': return seconds{n * 86400};
    case 'w': return seconds{n * 7 * 86400};
    default: return std::nullopt;
    }
}

tl::unexpected<OverrideError> fail(std::string_view field, std::string problem) {
    return base::unexpected(OverrideError{field, std::move(problem)});
}

base::Expected<std::string, std::string> scope(std::string_view text) {
    const bool below = text.starts_with('.');
    const auto domain = base::Domain::parse(below ? text.substr(1) : text);
    if (!domain) return base::unexpected(in_quotes(text) + " is no domain name");
    if (below && domain->labels() < 2)
        return base::unexpected(in_quotes(text) + " covers too much: a suffix has two labels or more");
    if (!below && domain->labels() < 2)
        return base::unexpected(in_quotes(text) + " has no policy: it has no dot");
    return (below ? "." : "") + domain->name();
}

base::Expected<std::vector<sts::MxPattern>, std::string> names(std::span<const std::string_view> words) {
    std::vector<sts::MxPattern> out;
    if (words.size() > max_override_names)
        return base::unexpected("more than " + std::to_string(max_override_names) + " names");
    for (const std::string_view word : words) {
        if (std::ranges::any_of(strategies, [&](std::string_view s) { return base::iequals(s, word); }))
            return base::unexpected(in_quotes(word) + " is a word of Postfix's own, and no host name");
        const auto pattern = sts::parse_mx(word);
        if (!pattern || sts::is_address(*pattern))
            return base::unexpected(in_quotes(word) + " is no host name and no *. pattern");
        if (std::ranges::find(out, *pattern) == out.end()) out.push_back(*pattern);
    }
    return out;
}

bool covers(const sts::MxPattern& policy, const sts::MxPattern& name) {
    return name.wildcard ? policy == name : sts::matches(policy, name.name);
}

} // namespace

std::string_view to_string(Action action) noexcept {
    switch (action) {
    case Action::off: return "off";
    case Action::observe: return "observe";
    case Action::may: return "may";
    case Action::encrypt: return "encrypt";
    case Action::secure: return "secure";
    case Action::dane_only: break;
    }
    return "dane-only";
}

base::Expected<Instant, std::string> parse_until(std::string_view text, Instant now) {
    if (const std::optional<seconds> length = duration(text)) return now + *length;
    std::string_view rest = text;
    if (const auto date = take_date(rest)) {
        const Instant midnight{date->time_since_epoch()};
        if (rest.empty()) return midnight + seconds{86400};
        if (take(rest, "Tt ")) {
            const std::optional<seconds> time = take_time(rest, true);
            const std::optional<seconds> offset = time ? take_offset(rest) : std::nullopt;
            if (offset && rest.empty()) return midnight + *time - *offset;
        }
    }
    return base::unexpected(in_quotes(text) +
                            " is neither a time like 14d or 12h, nor a date like 2027-01-31, nor "
                            "2027-01-31T18:00:00Z");
}

base::Expected<Override, OverrideError> parse_override(const OverrideWords& words, Instant now) {
    Override made;
    made.weakens = words.weakens;
    made.configured = words.configured;
    if (!words.configured) made.added_at = now;

    auto domain = scope(words.domain);
    if (!domain) return fail("domain", std::move(domain.error()));
    made.domain = std::move(*domain);

    const auto* const action = std::ranges::find(actions, words.action, to_string);
    if (action == actions.end())
        return fail("action",
                    in_quotes(words.action) + " is none of off, observe, may, encrypt, secure, dane-only");
    made.action = *action;

    if (made.action == Action::secure && words.match.empty())
        return fail("match", "secure needs the names that a certificate may have");
    if (made.action != Action::secure && !words.match.empty())
        return fail("match", "names belong to secure, not to " + std::string{to_string(made.action)});
    auto match = names(words.match);
    if (!match) return fail("match", std::move(match.error()));
    made.match = std::move(*match);

    if (words.until.empty()) {
        if (!words.configured) return fail("until", "an override that is added at run time has to end");
    } else {
        const auto until = parse_until(words.until, now);
        if (!until) return fail("until", until.error());
        // One of the configuration may have ended: it is there, and applies to nothing.
        if (!words.configured && *until <= now) return fail("until", in_quotes(words.until) + " is over");
        if (!words.configured && *until - now > longest_override)
            return fail("until", in_quotes(words.until) + " is more than a year away");
        made.until = *until;
    }

    const std::string_view reason = base::trim_wsp(words.reason);
    if (reason.empty()) return fail("reason", "there is none");
    if (reason.size() > max_override_reason)
        return fail("reason", "longer than " + std::to_string(max_override_reason) + " octets");
    const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
    if (!base::valid_utf8(reason) || std::ranges::any_of(reason, is_control))
        return fail("reason", in_quotes(reason) + " is no line of UTF-8 text");
    made.reason = reason;
    return made;
}

base::Expected<Overrides, std::string> Overrides::of(std::vector<Override> all) {
    if (all.size() > max_overrides)
        return base::unexpected(std::to_string(all.size()) + " overrides; there may be " +
                                std::to_string(max_overrides));
    std::ranges::sort(all, {}, order);
    const auto twice = std::ranges::adjacent_find(all, {}, order);
    if (twice != all.end())
        return base::unexpected("two overrides for " + twice->domain + " in " + std::string{source(*twice)});
    Overrides made;
    made.sorted_ = std::move(all);
    if (made.sorted_.empty()) return made;
    made.slots_.assign(std::bit_ceil(2 * made.sorted_.size()), 0);
    const std::size_t mask = made.slots_.size() - 1;
    for (std::size_t place = 0; place < made.sorted_.size(); ++place) {
        const std::string& domain = made.sorted_[place].domain;
        if (place > 0 && made.sorted_[place - 1].domain == domain) continue;
        const std::uint64_t hash = base::keyed_hash(domain);
        std::size_t slot = hash & mask;
        while (made.slots_[slot] != 0) slot = (slot + 1) & mask;
        made.slots_[slot] = tag_of(hash) << place_bits | static_cast<std::uint32_t>(place + 1);
    }
    return made;
}

const Override* Overrides::of_domain(std::string_view domain, Instant now) const noexcept {
    const std::uint64_t hash = base::keyed_hash(domain);
    const std::size_t mask = slots_.size() - 1;
    for (std::size_t slot = hash & mask; slots_[slot] != 0; slot = (slot + 1) & mask) {
        if (slots_[slot] >> place_bits != tag_of(hash)) continue;
        std::size_t place = (slots_[slot] & place_mask) - 1;
        if (sorted_[place].domain != domain) continue;
        for (; place < sorted_.size() && sorted_[place].domain == domain; ++place)
            if (is_current(sorted_[place], now)) return &sorted_[place];
        return nullptr;
    }
    return nullptr;
}

const Override* Overrides::find(std::string_view domain, Instant now) const noexcept {
    if (sorted_.empty()) return nullptr;
    if (const Override* exact = of_domain(domain, now)) return exact;
    // Suffixes stand in front: no domain begins with anything less than a dot.
    if (!sorted_.front().domain.starts_with('.')) return nullptr;
    for (std::size_t dot = domain.find('.'); dot != std::string_view::npos; dot = domain.find('.', dot + 1))
        if (const Override* below = of_domain(domain.substr(dot), now)) return below;
    return nullptr;
}

bool is_within(std::span<const sts::MxPattern> match, const sts::Policy& policy) {
    return std::ranges::all_of(match, [&](const sts::MxPattern& name) {
        return std::ranges::any_of(policy.mx, [&](const sts::MxPattern& p) { return covers(p, name); });
    });
}

} // namespace decision
