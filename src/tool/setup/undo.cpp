#include "tool/setup/undo.hpp"

#include "base/text.hpp"

#include <algorithm>

namespace setup {
namespace {

constexpr std::string_view maps = "smtp_tls_policy_maps";
constexpr std::string_view first_line =
    "# Written by \"stsmap postfix-setup --apply\"; \"stsmap postfix-setup "
    "--undo\" reads it, takes the changes back and removes it.";

std::optional<std::pair<std::string, std::string>> setting(std::string_view text) {
    const std::size_t equals = text.find('=');
    if (equals == std::string_view::npos) return std::nullopt;
    const std::string_view name = base::trim_wsp(text.substr(0, equals));
    if (name.empty()) return std::nullopt;
    return std::pair{std::string(name), std::string(base::trim_wsp(text.substr(equals + 1)))};
}

/// The list without our elements; nullopt when it has none.
std::optional<std::string> without_ours(const std::string& value, const OurPlaces& ours) {
    std::vector<std::string> elements = split_maps(value);
    const auto removed = std::erase_if(
        elements, [&](const std::string& element) { return kind_of(element, ours) == MapKind::ours; });
    if (removed == 0) return std::nullopt;
    return join_maps(elements);
}

void take_map_out(const Installed& postfix, const OurPlaces& ours, Undo& undo) {
    const auto written = postfix.written(maps);
    const auto rest = written ? without_ours(*written, ours) : std::nullopt;
    if (!rest) return;
    undo.settings.push_back({std::string(maps), rest->empty() ? std::nullopt : rest});
}

} // namespace

std::string format_record(const UndoRecord& record) {
    std::string text = std::string(first_line) + "\nstsmap-undo 1\n";
    if (!record.digest.empty()) text += "main.cf sha256 " + record.digest + '\n';
    if (record.has_copy) text += "copy\n";
    for (const UndoRecord::Entry& entry : record.entries) {
        text += "set " + entry.name + " = " + entry.after + '\n';
        text +=
            entry.before ? "was " + entry.name + " = " + *entry.before + '\n' : "unset " + entry.name + '\n';
    }
    return text;
}

std::optional<UndoRecord> parse_record(std::string_view text) {
    UndoRecord record;
    bool known = false;
    while (!text.empty()) {
        std::string_view line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(text.size(), line.size() + 1));
        const auto starts = [&line](std::string_view word) {
            if (!line.starts_with(word)) return false;
            line.remove_prefix(word.size());
            return true;
        };
        if (line.empty() || line.starts_with('#')) continue;
        if (line == "stsmap-undo 1") {
            known = true;
        } else if (line == "copy") {
            record.has_copy = true;
        } else if (starts("main.cf sha256 ")) {
            record.digest = line;
        } else if (starts("set ")) {
            auto parsed = setting(line);
            if (!parsed) return std::nullopt;
            record.entries.push_back({std::move(parsed->first), std::nullopt, std::move(parsed->second)});
        } else if (starts("was ")) {
            auto parsed = setting(line);
            if (!parsed || record.entries.empty() || record.entries.back().name != parsed->first)
                return std::nullopt;
            record.entries.back().before = std::move(parsed->second);
        } else if (!starts("unset ")) {
            return std::nullopt;
        }
    }
    if (!known) return std::nullopt;
    return record;
}

UndoRecord next_record(const std::optional<UndoRecord>& old, const std::vector<Change>& changes,
                       std::string_view digest_now) {
    UndoRecord record;
    if (old) record.entries = old->entries;
    // If somebody else has changed main.cf since then, the copy would undo that, too.
    record.has_copy = !old || (old->has_copy && !old->digest.empty() && old->digest == digest_now);
    for (const Change& change : changes) {
        const auto known = std::ranges::find(record.entries, change.name, &UndoRecord::Entry::name);
        if (known == record.entries.end())
            record.entries.push_back({change.name, change.before, change.after});
        else
            known->after = change.after;
    }
    return record;
}

Undo plan_undo(const std::optional<UndoRecord>& record, const Installed& postfix, const OurPlaces& ours,
               std::string_view digest_now) {
    Undo undo;
    if (!record) {
        take_map_out(postfix, ours, undo);
        if (!undo.settings.empty())
            undo.remarks.emplace_back("there is no record of an --apply: only the map is taken out");
        return undo;
    }
    if (record->has_copy && !record->digest.empty() && record->digest == digest_now) {
        undo.restore_copy = true;
        return undo;
    }
    for (const UndoRecord::Entry& entry : record->entries) {
        const auto now = postfix.written(entry.name);
        if (now == entry.before) continue;
        if (now == entry.after) {
            undo.settings.push_back({entry.name, entry.before});
        } else if (entry.name == maps) {
            take_map_out(postfix, ours, undo);
        } else {
            undo.remarks.push_back(entry.name + " was changed since, and is left alone");
        }
    }
    return undo;
}

std::string shell_quoted(std::string_view text) {
    constexpr std::string_view harmless =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:,@%+";
    if (!text.empty() && text.find_first_not_of(harmless) == std::string_view::npos) return std::string(text);
    std::string out = "'";
    for (const char c : text)
        if (c == '\'')
            out += "'\\''";
        else
            out += c;
    return out + '\'';
}

std::string command_for(const std::string& name, const std::optional<std::string>& value,
                        const std::string& config) {
    const std::string start = "postconf " + (config.empty() ? "" : "-c " + shell_quoted(config) + ' ');
    if (!value) return start + "-X " + shell_quoted(name);
    return start + "-e " + shell_quoted(name + " = " + *value);
}

} // namespace setup
