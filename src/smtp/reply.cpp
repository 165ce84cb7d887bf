#include "smtp/reply.hpp"

#include <algorithm>

namespace smtp {
namespace {

bool digit(char c) { return c >= '0' && c <= '9'; }

/// A line of a reply: three digits, and nothing else, a blank, or '-' when more lines follow.
bool is_reply_line(std::string_view line) {
    if (line.size() < 3 || !std::all_of(line.begin(), line.begin() + 3, digit)) return false;
    return line.size() == 3 || line[3] == ' ' || line[3] == '-';
}

/// What has come of a line may still become one of a reply.
bool may_become_reply(std::string_view start) {
    if (start.size() > 3) return is_reply_line(start);
    return std::all_of(start.begin(), start.end(), digit);
}

} // namespace

std::string_view Reply::text(std::size_t line) const {
    const std::string_view whole = lines.at(line);
    if (!is_reply_line(whole)) return whole;
    return whole.substr(std::min<std::size_t>(whole.size(), 4));
}

std::string Reply::words() const {
    std::string all;
    for (const std::string& line : lines) all += line + ' ';
    if (!all.empty()) all.pop_back();
    return all;
}

ReplyReader::State ReplyReader::feed(std::string_view& octets) {
    if (!trouble_.empty()) return State::bad;
    if (whole_) {
        reply_ = {};
        octets_ = 0;
        whole_ = false;
    }
    while (!octets.empty()) {
        const std::size_t end = octets.find('\n');
        const std::string_view part = octets.substr(0, end);
        line_.append(part.substr(0, max_reply_line - std::min(line_.size(), max_reply_line)));
        const std::size_t taken = part.size() + (end == std::string_view::npos ? 0 : 1);
        octets.remove_prefix(taken);
        octets_ += taken;
        if (octets_ > max_reply_octets) {
            trouble_ = "a reply of more than " + std::to_string(max_reply_octets) + " octets";
            return State::bad;
        }
        if (end == std::string_view::npos) return State::more;
        const State state = line_ended();
        if (state != State::more) return state;
    }
    return State::more;
}

ReplyReader::State ReplyReader::line_ended() {
    if (line_.ends_with('\r')) line_.pop_back();
    const bool last = is_reply_line(line_) && (line_.size() == 3 || line_[3] == ' ');
    if (last) reply_.code = (line_[0] - '0') * 100 + (line_[1] - '0') * 10 + (line_[2] - '0');
    reply_.lines.push_back(std::move(line_));
    line_.clear();
    if (last) {
        whole_ = true;
        return State::whole;
    }
    if (reply_.lines.size() < max_reply_lines) return State::more;
    trouble_ = "a reply of more than " + std::to_string(max_reply_lines) + " lines";
    return State::bad;
}

std::string ReplyReader::stray() const {
    if (whole_) return {};
    const auto found = std::find_if_not(reply_.lines.begin(), reply_.lines.end(),
                                        [](const std::string& line) { return is_reply_line(line); });
    if (found != reply_.lines.end()) return *found;
    return may_become_reply(line_) ? std::string{} : line_;
}

} // namespace smtp
