#include "tool/preview/reading.hpp"

namespace preview {

void read_line(std::string_view line, Times& times, Tally& tally) {
    ++tally.lines.all;
    if (line.ends_with('\r')) line.remove_suffix(1);
    const auto front = parse_front(line);
    Writer writer = front ? parse_tag(front->tag) : Writer{};
    if (!front || writer.program == Program::other) {
        ++tally.lines.other;
        return;
    }
    ++tally.lines.postfix;
    const Event event = parse_message(writer.program, front->message);
    if (std::holds_alternative<std::monostate>(event)) return;
    const auto at = times.at(front->time);
    if (!at) {
        ++tally.lines.undated;
        return;
    }
    if (tally.is_early(*at)) {
        ++tally.lines.earlier;
        return;
    }
    writer.host = front->host;
    tally.take(writer, front->pid, *at, event);
}

void read_entry(const Entry& entry, Tally& tally) {
    ++tally.lines.all;
    Writer writer = parse_tag(entry.identifier);
    if (writer.program == Program::other) {
        ++tally.lines.other;
        return;
    }
    ++tally.lines.postfix;
    if (tally.is_early(entry.at)) {
        ++tally.lines.earlier;
        return;
    }
    writer.host = entry.host;
    tally.take(writer, entry.pid, entry.at, parse_message(writer.program, entry.message));
}

} // namespace preview
