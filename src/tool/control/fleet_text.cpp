#include "tool/control/fleet_text.hpp"

#include "base/words.hpp"
#include "tool/show/safe_text.hpp"

#include <algorithm>
#include <cstdint>
#include <string_view>

namespace tool {

namespace {

constexpr std::size_t label_columns = 12;
// Of the table of hosts.
constexpr std::size_t name_columns = 26, version_columns = 9, policies_columns = 9, seen_columns = 5;

std::string padded(std::string text, std::size_t width, bool to_the_right = false) {
    const std::size_t used = columns(text);
    if (used < width) text.insert(to_the_right ? 0 : text.size(), width - used, ' ');
    return text;
}

std::uint64_t count_of(const Json& object, std::string_view name) {
    return static_cast<std::uint64_t>(std::max<std::int64_t>(number_of(object, name).value_or(0), 0));
}

std::string policies(std::uint64_t number) { return base::counted(number, "policy", "policies"); }

std::string when(const Json& object, std::string_view name, const Moment& moment) {
    const std::string_view text = text_of(object, name);
    return text.empty() ? "" : time_and_age(text, moment.now, moment.zone);
}

/// ", " and the text, unless there is none.
std::string and_also(const std::string& text) { return text.empty() ? "" : ", " + text; }

std::string keys_text(const Json& keys) {
    std::string all;
    if (!keys.is_array()) return all;
    for (const Json& key : keys)
        if (key.is_string())
            all += (all.empty() ? "" : ", ") + safe_text(key.get_ref<const std::string&>(), 40) +
                   (all.empty() ? " (seals)" : "");
    return all;
}

std::string waiting_text(const Json& waiting) {
    const std::uint64_t writes = count_of(waiting, "writes"), dropped = count_of(waiting, "dropped");
    std::string text = writes == 0 ? "nothing"
                                   : base::counted(writes, "write", "writes") + " of " +
                                         base::octets_words(count_of(waiting, "octets"));
    if (dropped > 0) text += "; " + base::grouped(dropped) + " dropped, because too many waited";
    return text;
}

std::string refused_text(const Json& refused) {
    std::string all;
    if (refused.is_object())
        for (const auto& [reason, number] : refused.items())
            if (number.is_number_integer() && number.get<std::int64_t>() > 0)
                all += (all.empty() ? "" : ", ") + base::grouped(count_of(refused, reason)) + " " +
                       safe_text(reason, 40);
    return all.empty() ? "nothing" : all;
}

std::string host_row(const Json& host, const Json& reply, const Moment& moment) {
    const std::string name = safe_text(text_of(host, "name"), 260);
    const std::string_view version = text_of(host, "version"), presence = text_of(host, "presence");
    const auto at = parse_time(text_of(host, "at"));
    const bool fits = columns(name) <= name_columns;
    std::string notes;
    const auto note = [&notes](std::string_view word) {
        notes.append(notes.empty() ? "" : ", ").append(word);
    };
    if (!name.empty() && text_of(host, "name") == text_of(reply, "host")) note("this host");
    if (presence == "other-clock")
        note("other clock");
    else if (presence != "here")
        note(safe_text(presence, 20));
    if (!version.empty() && version != text_of(reply, "version")) note("other version");
    std::string row = padded(fits ? name : "", name_columns);
    row += " " +
           padded(version.empty() ? "-" : fitted(safe_text(version, 60), version_columns), version_columns);
    row += " " +
           padded(version.empty() ? "-" : base::grouped(count_of(host, "policies")), policies_columns, true);
    row += " " + padded(at ? length_short(moment.now - *at) : "-", seen_columns, true);
    if (!notes.empty()) row += "  " + notes;
    return (fits ? "" : name + "\n") + fitted(row, page_columns) + "\n";
}

} // namespace

bool compared(const Json& sync) { return !flag_of(sync, "running"); }

bool compared_well(const Json& sync) {
    return compared(sync) && !text_of(sync, "ended").empty() && text_of(sync, "trouble").empty();
}

std::string compared_text(const Json& sync, const Moment& moment) {
    const std::string numbers =
        policies(count_of(sync, "compared")) + " compared: " + base::grouped(count_of(sync, "newer")) +
        " newer in the engine, " + base::grouped(count_of(sync, "pushed")) + " pushed to it, " +
        base::grouped(count_of(sync, "unreadable")) + " refused there";
    if (flag_of(sync, "running")) {
        const std::string begun = when(sync, "begun", moment);
        return "runs" + std::string(begun.empty() ? "" : " since ") + begun + "; " + numbers;
    }
    const std::string ended = when(sync, "ended", moment);
    if (ended.empty()) return "not yet";
    if (const std::string_view trouble = text_of(sync, "trouble"); !trouble.empty())
        return "broken off " + ended + ": " + safe_text(trouble, 400) + "; " + numbers;
    return numbers + "; " + ended;
}

bool fleet_well(const Json& reply) {
    return flag_of(reply, "configured") && flag_of(reply, "up") && text_of(reply, "hosts_trouble").empty();
}

std::string fleet_text(const Json& reply, const Moment& moment) {
    if (!flag_of(reply, "configured")) return "no shared cache: the section [shared] names no engine\n";
    std::string out;
    const auto line = [&out](std::string_view label, const std::string& text) {
        if (!text.empty()) out += wrapped(padded(std::string(label), label_columns), text);
    };
    line("engine:", safe_text(text_of(reply, "engine"), 400));
    const std::string since = when(reply, "since", moment);
    line("state:", since.empty() ? flag_of(reply, "up") ? "up" : "not tried yet"
                                 : std::string(flag_of(reply, "up") ? "up" : "down") + " since " + since);
    if (const std::string_view trouble = text_of(reply, "trouble"); !trouble.empty())
        line(flag_of(reply, "up") ? "trouble:" : "why:",
             safe_text(trouble, 400) + and_also(when(reply, "trouble_at", moment)));
    std::string news = flag_of(reply, "subscribed") ? "come" : "do not come";
    if (const auto lag = number_of(reply, "lag_ms"))
        news +=
            "; the last of our own after " +
            base::duration_words(std::chrono::milliseconds(std::clamp<std::int64_t>(*lag, 0, 86'400'000)));
    line("news:", news);
    line("this host:",
         safe_text(text_of(reply, "host"), 260) + and_also(safe_text(text_of(reply, "version"), 60)));
    line("prefix:", safe_text(text_of(reply, "prefix"), 40) +
                        (flag_of(reply, "hidden") ? "; domains are hidden" : "") +
                        (flag_of(reply, "read_only") ? "; nothing is written" : ""));
    line("keys:", keys_text(member_of(reply, "keys")));
    line("waiting:", waiting_text(member_of(reply, "waiting")));
    line("comparison:", compared_text(member_of(reply, "sync"), moment));
    line("refused:", refused_text(member_of(reply, "refused")));
    if (const std::string_view trouble = text_of(reply, "hosts_trouble"); !trouble.empty())
        line("hosts:", "not known: " + safe_text(trouble, 400));
    const Json& hosts = member_of(reply, "hosts");
    if (!hosts.is_array()) return out;
    out += "\n" + padded("HOST", name_columns) + " " + padded("VERSION", version_columns) + " " +
           padded("POLICIES", policies_columns, true) + " " + padded("SEEN", seen_columns, true) + "\n";
    for (const Json& host : hosts) out += host_row(host, reply, moment);
    return out;
}

} // namespace tool
