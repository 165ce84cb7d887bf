#include "fetch/http_head.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <utility>

namespace fetch {

namespace {

using base::Reason;

auto wrong(Reason reason, std::string detail) {
    Failure failure;
    failure.reason = reason;
    failure.detail = std::move(detail);
    return base::unexpected(std::move(failure));
}

constexpr std::string_view start = "HTTP/1.";

/// Whether this can be the beginning of a status line (RFC 9112 section 4). In upper or lower case, because
/// it cannot be another protocol.
bool may_begin(std::string_view text) {
    return base::iequals(text.substr(0, start.size()), start.substr(0, text.size()));
}

std::string first_line(std::string text) {
    text.resize(std::min<std::size_t>({text.size(), text.find_first_of("\r\n"), 24}));
    return text;
}

constexpr bool digit(char c) noexcept { return c >= '0' && c <= '9'; }

/// The fields that frame the body or say what it is.
struct FramingField {
    std::string_view name;
    FieldValues HttpHead::*values;
    bool matters; ///< reading the line differently would change the body
};
constexpr FramingField framing_fields[] = {
    {"Content-Type", &HttpHead::content_type, true},
    {"Content-Encoding", &HttpHead::content_encoding, true},
    {"Content-Length", &HttpHead::content_length, true},
    {"Transfer-Encoding", &HttpHead::transfer_encoding, true},
    {"Location", &HttpHead::location, false},
    {"Date", &HttpHead::date, false},
};

} // namespace

std::string in_quotes(std::string_view text) {
    return '"' + std::string(text.substr(0, max_quoted)) + (text.size() > max_quoted ? "...\"" : "\"");
}

void FieldValues::add(std::string_view value) {
    if (present_) text_ += '\n';
    present_ = true;
    text_ += value;
}

void FieldValues::fold(std::string_view more) {
    if (more.empty()) return;
    folded_ = true;
    if (!text_.empty() && text_.back() != '\n') text_ += ' ';
    text_ += more;
}

std::vector<std::string_view> FieldValues::all() const {
    std::vector<std::string_view> values;
    std::string_view rest = text_;
    for (bool more = present_; more;) {
        const std::size_t end = rest.find('\n');
        values.push_back(rest.substr(0, end));
        more = end != std::string_view::npos;
        if (more) rest.remove_prefix(end + 1);
    }
    return values;
}

std::string FieldValues::shown() const {
    if (!present_) return "none";
    std::string text;
    for (const char c : std::string_view(text_).substr(0, max_quoted)) {
        if (c == '\n')
            text += ", ";
        else
            text += c;
    }
    return text_.size() > max_quoted ? text + "..." : text;
}

HttpHead HeadReader::take() noexcept {
    std::string().swap(line_);
    return std::move(head_);
}

base::Expected<bool, Failure> HeadReader::feed(std::string_view& octets) {
    while (!octets.empty()) {
        const std::size_t end = octets.find('\n');
        const std::size_t here = end == std::string_view::npos ? octets.size() : end + 1;
        const std::size_t taken = std::min(here, max_head - size_);
        const std::string_view part = octets.substr(0, taken);
        // A wrong first line is refused at its first wrong octet: the peer may never end it.
        if (lines_ == 0 && line_.size() < start.size() &&
            !may_begin(line_ + std::string(part.substr(0, start.size()))))
            return wrong(Reason::http_malformed, "not an HTTP/1 response: begins with " +
                                                     in_quotes(first_line(line_ + std::string(part))));
        size_ += taken;
        octets.remove_prefix(taken);
        if (taken < here || end == std::string_view::npos) {
            if (size_ >= max_head)
                return wrong(Reason::http_too_large, "head over " + std::to_string(max_head) + " octets");
            line_ += part;
            return false;
        }
        base::Expected<bool, Failure> complete = false;
        if (line_.empty()) {
            complete = line(part.substr(0, part.size() - 1));
        } else {
            line_ += part.substr(0, part.size() - 1);
            complete = line(line_);
            line_.clear();
        }
        if (!complete || *complete) return complete;
        if (size_ >= max_head)
            return wrong(Reason::http_too_large, "head over " + std::to_string(max_head) + " octets");
    }
    return false;
}

/// One line without its LF; true when it is the empty one at the end.
base::Expected<bool, Failure> HeadReader::line(std::string_view text) {
    ++lines_;
    while (text.ends_with('\r')) text.remove_suffix(1);
    if (text.find('\0') != std::string_view::npos)
        return wrong(Reason::http_malformed,
                     "NUL in line " + std::to_string(lines_) + " of the head: " + in_quotes(text));
    if (lines_ == 1) {
        auto read = status_line(text);
        if (!read) return base::unexpected(std::move(read.error()));
        return false;
    }
    if (text.empty()) return true;
    auto read = field(text);
    if (!read) return base::unexpected(std::move(read.error()));
    return false;
}

/// "HTTP/1.1 200 OK". Real servers also send no reason phrase, no space before it, or several before the
/// status.
base::Expected<void, Failure> HeadReader::status_line(std::string_view text) {
    const auto bad = [&](std::string_view what) {
        return wrong(Reason::http_malformed, std::string(what) + " in the status line " + in_quotes(text));
    };
    std::string_view rest = text;
    if (!may_begin(rest) || rest.size() < start.size() + 2) return bad("no version and status");
    const char minor = rest[start.size()];
    if ((minor != '0' && minor != '1') || rest[start.size() + 1] != ' ') return bad("no version 1.0 or 1.1");
    rest.remove_prefix(start.size() + 1);
    rest.remove_prefix(std::min(rest.find_first_not_of(" \t"), rest.size()));
    if (rest.size() < 3 || !std::all_of(rest.begin(), rest.begin() + 3, digit) || rest[0] == '0' ||
        (rest.size() > 3 && digit(rest[3])))
        return bad("no status of three digits");
    head_.http_1_0 = minor == '0';
    head_.status = static_cast<unsigned>((rest[0] - '0') * 100 + (rest[1] - '0') * 10 + (rest[2] - '0'));
    return {};
}

base::Expected<void, Failure> HeadReader::field(std::string_view text) {
    const auto bad = [&](std::string_view what) {
        return wrong(Reason::http_malformed, std::string(what) + ": line " + std::to_string(lines_) +
                                                 " of the head, " + in_quotes(text));
    };
    if (text.front() == '\r') return bad("a line begins with CR"); // for some readers the head ends here
    if (text.front() == ' ' || text.front() == '\t') {
        if (lines_ == 2) return bad("a folded line without a field before it");
        if (last_) (head_.*last_).fold(base::trim_wsp(text));
        return {};
    }
    const std::size_t colon = text.find_first_of(":\r");
    if (colon == std::string_view::npos) return bad("a line without a colon");
    if (text[colon] == '\r') return bad("a bare CR before the colon");
    const std::string_view name = text.substr(0, colon);
    const std::string_view bare_name = base::trim_wsp(name);
    last_ = nullptr;
    for (const FramingField& field : framing_fields) {
        if (!base::iequals(bare_name, field.name)) continue;
        if (field.matters && bare_name.size() != name.size())
            return bad("a blank before the colon of " + std::string(field.name));
        FieldValues& values = head_.*field.values;
        if (!field.matters && values.present()) continue; // the first one is shown
        values.add(base::trim_wsp(text.substr(colon + 1)));
        last_ = field.values;
    }
    return {};
}

} // namespace fetch
