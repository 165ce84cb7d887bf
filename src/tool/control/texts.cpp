#include "tool/control/texts.hpp"

#include "tool/show/safe_text.hpp"

#include <algorithm>
#include <vector>

namespace tool {

namespace {

constexpr std::size_t name_columns = 26;

/// A member of the daemon's vocabulary, or another short text; "-" when missing.
std::string word(const Json& object, std::string_view name) {
    const std::string_view text = text_of(object, name);
    return text.empty() ? "-" : safe_text(text, 260);
}

std::string left(std::string text, std::size_t width) {
    const std::size_t used = columns(text);
    return used < width ? text + std::string(width - used, ' ') : text;
}
std::string right(const std::string& text, std::size_t width) {
    const std::size_t used = columns(text);
    return used < width ? std::string(width - used, ' ') + text : text;
}

/// How far away the time in a member is, for a column: "12d", or "-".
std::string distance(const Json& object, std::string_view name, base::Instant now) {
    const auto at = parse_time(text_of(object, name));
    return at ? length_short(*at - now) : "-";
}

std::string when(const Json& object, std::string_view name, const Moment& moment) {
    const std::string_view text = text_of(object, name);
    return text.empty() ? "" : time_and_age(text, moment.now, moment.zone);
}

std::string joined(const Json& list, std::string_view separator) {
    std::string all;
    if (!list.is_array()) return all;
    for (const Json& one : list)
        if (one.is_string())
            all.append(all.empty() ? "" : separator)
                .append(safe_text(one.get_ref<const std::string&>(), 260));
    return all;
}

std::string grouped(std::int64_t number) {
    std::string text = std::to_string(number);
    for (std::size_t at = text.size(); at > 3 + (number < 0 ? 1U : 0U);) text.insert(at -= 3, ",");
    return text;
}

std::int64_t count_of(const Json& object, std::string_view name) {
    return number_of(object, name).value_or(0);
}

std::string value_text(const Json& value) {
    if (!value.is_string()) return safe_text(value.dump(-1, ' ', true, Json::error_handler_t::replace), 300);
    const auto& text = value.get_ref<const std::string&>();
    const bool plain = !text.empty() && text.find_first_of(" \"=") == std::string::npos;
    if (plain) return safe_text(text, 1000);
    std::string quoted = "\"";
    for (const char c : safe_text(text, 1000)) quoted.append(c == '"' ? "\\" : "").append(1, c);
    return quoted + '"';
}

std::string clock_text(std::string_view json, const Zone& zone) {
    const auto at = parse_time(json);
    return at ? local_text(*at, zone) : safe_text(json, 60);
}

} // namespace

std::string wrapped(std::string_view head, std::string_view text) {
    const std::string blanks(columns(head), ' ');
    std::string out(head), line;
    bool first = true;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find(' '), text.size());
        const std::string_view next = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        if (next.empty()) continue;
        if (!line.empty() && blanks.size() + columns(line) + 1 + columns(next) > page_columns) {
            out.append(first ? "" : blanks).append(line).append("\n");
            first = false;
            line.clear();
        }
        line.append(line.empty() ? "" : " ").append(next);
    }
    return out.append(first ? "" : blanks).append(line).append("\n");
}

std::string counted(std::int64_t number, std::string_view noun) {
    return grouped(number) + " " + std::string(noun) + (number == 1 ? "" : "s");
}

std::string list_head() {
    return left("DOMAIN", name_columns) + " MODE    ANSWER     ENDS ASKED  FAILURES\n";
}

std::string list_row(const Json& domain, const Moment& moment) {
    const std::string name = word(domain, "domain");
    std::string row =
        columns(name) <= name_columns ? left(name, name_columns) : std::string(name_columns, ' ');
    row += " " + left(word(domain, "mode"), 7) + " " + left(word(domain, "answer"), 9);
    const auto end = parse_time(text_of(domain, "expires_at"));
    row += " " + right(end && *end <= moment.now ? "over" : distance(domain, "expires_at", moment.now), 5);
    row += " " + right(distance(domain, "last_asked", moment.now), 5);
    const std::int64_t failures = count_of(domain, "failures");
    if (failures > 0) {
        row += "  " + std::to_string(failures);
        if (const std::string_view reason = text_of(domain, "reason"); !reason.empty())
            row += " " + safe_text(reason, 30);
        row = fitted(row, page_columns);
    }
    return (columns(name) <= name_columns ? "" : name + "\n") + row + "\n";
}

std::string domain_text(const Json& evidence, const Moment& moment) {
    std::string out = safe_text(text_of(evidence, "domain"), 260) + "\n";
    const auto line = [&out](std::string_view name, const std::string& text) {
        if (!text.empty()) out += wrapped("  " + left(std::string(name), 10), text);
    };
    std::string answer = word(evidence, "answer") + ", by rule " + word(evidence, "rule");
    if (const std::string_view reason = text_of(evidence, "reason"); !reason.empty())
        answer += ", reason " + safe_text(reason, 60);
    if (const std::string_view hidden = text_of(evidence, "hidden"); !hidden.empty())
        answer += "; hides " + safe_text(hidden, 60);
    line("answer:", answer);
    if (const Json& policy = member_of(evidence, "policy"); policy.is_object()) {
        line("policy:", word(policy, "mode") + (flag_of(policy, "expired") ? ", expired" : ""));
        line("mx:", joined(member_of(policy, "mx"), " "));
        line("fetched:", when(policy, "fetched_at", moment));
        line("expires:", when(policy, "expires_at", moment));
    } else {
        line("policy:", word(evidence, "known") == "nothing" ? "not known" : "none");
    }
    if (const Json& txt = member_of(evidence, "txt"); txt.is_object())
        line("txt id:", word(txt, "id") + ", next check " + when(txt, "next_check_at", moment));
    if (const Json& get = member_of(evidence, "get"); count_of(get, "failures") > 0) {
        std::string failed =
            counted(count_of(get, "failures"), "failure") + " in a row: " + word(get, "reason");
        if (const std::string_view detail = text_of(get, "detail"); !detail.empty())
            failed += " (" + safe_text(detail, 300) + ")";
        line("fetch:", failed);
    }
    if (const Json& dane = member_of(evidence, "dane"); dane.is_object())
        line("dane:", word(dane, "verdict"));
    return out;
}

std::string forgotten_text(const Json& reply, const Moment& moment) {
    std::string text = "forgot " + safe_text(text_of(reply, "domain"), 260);
    if (const std::string_view mode = text_of(reply, "mode"); !mode.empty())
        text += ": its policy (" + safe_text(mode, 20) + ") would have been valid until " +
                when(reply, "expires_at", moment);
    if (const auto keys = number_of(reply, "shared_keys"))
        text += *keys == 0 ? "; the shared cache had nothing of it" : "; gone from the shared cache, too";
    return wrapped("", text);
}

std::string import_text(const Json& reply) {
    const auto number = [&reply](std::string_view name) { return grouped(count_of(reply, name)); };
    const bool one_policy = count_of(reply, "taken") == 1;
    std::string out = wrapped("", number("taken") + (one_policy ? " policy" : " policies") +
                                      " taken; left: " + number("older") + " older than what is known, " +
                                      number("expired") + " expired, " + number("future") +
                                      " from the future, " + number("invalid_count") + " invalid");
    const std::int64_t taken = count_of(reply, "overrides_taken"),
                       left_out = count_of(reply, "overrides_left");
    if (taken > 0 || left_out > 0)
        out += wrapped("", counted(taken, "override") + " taken, " + grouped(left_out) +
                               " left (they are taken with --overrides)");
    const Json& invalid = member_of(reply, "invalid");
    if (invalid.is_array())
        for (const Json& one : invalid)
            out += wrapped("line " + grouped(count_of(one, "line")) + ": ",
                           safe_text(text_of(one, "words"), 300));
    const auto shown = static_cast<std::int64_t>(invalid.is_array() ? invalid.size() : 0);
    if (count_of(reply, "invalid_count") > shown)
        out += "and " + grouped(count_of(reply, "invalid_count") - shown) + " invalid lines more\n";
    return out;
}

std::string event_text(const Json& event, const Moment& moment, bool narrow) {
    if (const auto lost = number_of(event, "lost"))
        return counted(*lost, "event") + " lost: not read fast enough\n";
    const std::string head =
        clock_text(text_of(event, "at"), moment.zone) + " " + left(word(event, "level"), 7) + " ";
    std::string text = word(event, "event");
    if (const Json& fields = member_of(event, "fields"); fields.is_object())
        for (const auto& [name, value] : fields.items())
            text += " " + safe_text(name, 60) + "=" + value_text(value);
    return narrow ? wrapped(head, text) : head + text + "\n";
}

std::string override_text(const Json& entry, const Moment& moment) {
    std::string out = safe_text(text_of(entry, "domain"), 260) + "  " + word(entry, "action");
    if (const std::string names = joined(member_of(entry, "match"), " "); !names.empty()) {
        out += "\n" + wrapped("    match:  ", names);
        out.pop_back();
    }
    out += "\n";
    const auto line = [&out](std::string_view name, const std::string& text) {
        if (!text.empty()) out += wrapped("    " + left(std::string(name), 8), text);
    };
    const std::string end = when(entry, "until", moment);
    line("until:", flag_of(entry, "ended") ? end + " (ended)" : end.empty() ? "no end" : end);
    line("reason:", safe_text(text_of(entry, "reason"), 600));
    if (text_of(entry, "source") == "configuration") {
        line("added:", "in the configuration");
    } else {
        std::string added = when(entry, "added_at", moment);
        if (const std::string_view by = text_of(entry, "added_by"); !by.empty())
            added += ", by " + safe_text(by, 120);
        line("added:", added);
    }
    std::string hides = word(entry, "hides");
    if (hides == "-") hides = "nothing that is known now";
    if (const auto known = number_of(entry, "domains_known"))
        hides += " (" + counted(*known, "domain") + " known)";
    line("hides:", hides);
    std::string weaker = joined(member_of(entry, "weakened"), " ");
    const Json& named = member_of(entry, "weakened");
    const std::int64_t more =
        count_of(entry, "domains_weakened") - static_cast<std::int64_t>(named.is_array() ? named.size() : 0);
    if (!weaker.empty() && more > 0) weaker += " and " + counted(more, "domain") + " more";
    if (text_of(entry, "domain").starts_with('.')) line("weaker:", weaker);
    if (member_of(entry, "applies").is_boolean() && !flag_of(entry, "applies") && !flag_of(entry, "ended"))
        line("state:", word(entry, "action") == "dane-only" ? "not in force: DANE is not used here"
                                                            : "held back: it does not say that it weakens");
    if (const std::string_view needed = text_of(entry, "still_needed"); !needed.empty()) {
        const std::string_view why = text_of(entry, "why_needed");
        line("needed:", safe_text(needed, 20) + (why.empty() ? "" : ": " + safe_text(why, 300)));
    }
    line("without:", safe_text(text_of(member_of(entry, "without"), "words"), 400));
    return out;
}

std::string observed_text(const Json& reply, const Moment& moment) {
    const std::int64_t lookups = count_of(reply, "lookups");
    if (lookups == 0) return "nothing is observed yet\n";
    std::string out = wrapped(
        "", counted(lookups, "lookup") + " of " + counted(count_of(reply, "domains"), "domain") +
                " got no opinion because they are observed, since " + when(reply, "since", moment) + ".");
    out += "They would have got:\n\n";
    if (const Json& would = member_of(reply, "would"); would.is_object())
        for (const auto& [answer, sum] : would.items())
            out += "  " + left(safe_text(answer, 20), 10) +
                   right(counted(count_of(sum, "domains"), "domain"), 18) +
                   right(counted(count_of(sum, "lookups"), "lookup"), 20) + "\n";
    const Json& top = member_of(reply, "top");
    if (top.is_array() && !top.empty()) {
        out += "\n" + left("DOMAIN", 32) + " WOULD GET     LOOKUPS   FIRST    LAST\n";
        for (const Json& one : top)
            out += left(word(one, "domain"), 32) + " " + left(word(one, "would"), 9) + " " +
                   right(grouped(count_of(one, "lookups")), 11) + " " +
                   right(distance(one, "first", moment.now), 7) + " " +
                   right(distance(one, "last", moment.now), 7) + "\n";
    }
    if (const std::int64_t forgotten = count_of(reply, "forgotten"); forgotten > 0)
        out += "\n" +
               wrapped("", counted(forgotten, "domain") + " more had no room and count in the sums only.");
    return out;
}

std::string own_families(std::string_view exposition) {
    std::string own;
    while (!exposition.empty()) {
        const std::string_view line = exposition.substr(0, exposition.find('\n'));
        exposition.remove_prefix(std::min(line.size() + 1, exposition.size()));
        std::string_view name = line;
        for (const std::string_view head : {"# HELP ", "# TYPE "})
            if (name.starts_with(head)) name.remove_prefix(head.size());
        if (name.starts_with("stsmapd_")) own.append(line).append("\n");
    }
    return own;
}

} // namespace tool
