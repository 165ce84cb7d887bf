#include "fetch/http_body.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <charconv>
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

/// More digits than curl accepts; without leading zeros 64 KiB needs only five.
constexpr std::size_t max_digits = 16;
constexpr std::size_t shown_of_a_line = 24;

/// The value of a hexadecimal digit; 16 for everything else.
constexpr unsigned hex(char c) noexcept {
    if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
    if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a' + 10);
    if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A' + 10);
    return 16;
}

/// One number of 64 bits, in digits; a larger one is nonsense.
std::optional<std::uint64_t> number(std::string_view text) {
    std::uint64_t value = 0;
    if (text.empty() || text.front() < '0' || text.front() > '9') return std::nullopt;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || stop != text.data() + text.size()) return std::nullopt;
    return value;
}

/// Every element of the list (RFC 9110 section 5.6.1: empty ones are none) is "chunked", and there is one.
bool chunked_only(const std::vector<std::string_view>& fields) {
    bool any = false;
    for (std::string_view rest : fields) {
        for (bool more = true; more;) {
            const std::size_t comma = rest.find(',');
            const std::string_view coding = base::trim_wsp(rest.substr(0, comma));
            more = comma != std::string_view::npos;
            if (more) rest.remove_prefix(comma + 1);
            if (coding.empty()) continue;
            if (!base::iequals(coding, "chunked")) return false;
            any = true;
        }
    }
    return any;
}

} // namespace

base::Expected<BodyReader, Failure> BodyReader::of(const HttpHead& head) {
    BodyReader reader;
    const FieldValues& coding = head.transfer_encoding;
    const FieldValues& length = head.content_length;
    // RFC 9112 section 6.3: with both at once, an attacker makes two readers see different bodies.
    if (coding.present() && length.present())
        return wrong(Reason::http_malformed,
                     "Content-Length " + length.shown() + " beside Transfer-Encoding " + coding.shown());
    // Readers that do not join folded lines would see no value, or half of one.
    if (coding.folded())
        return wrong(Reason::http_malformed, "Transfer-Encoding is folded: " + coding.shown());
    if (length.folded()) return wrong(Reason::http_malformed, "Content-Length is folded: " + length.shown());
    if (coding.present()) {
        // Section 6.1: with HTTP/1.0 the framing is faulty; any other coding we could not decode.
        if (head.http_1_0)
            return wrong(Reason::http_malformed, "Transfer-Encoding " + coding.shown() + " with HTTP/1.0");
        if (!chunked_only(coding.all()))
            return wrong(Reason::http_malformed,
                         "Transfer-Encoding " + coding.shown() + ", not chunked alone");
        reader.state_ = State::size;
        return reader;
    }
    if (!length.present()) return reader;
    std::optional<std::uint64_t> announced;
    for (const std::string_view value : length.all()) {
        const auto octets = number(value);
        if (!octets)
            return wrong(Reason::http_malformed,
                         "Content-Length " + in_quotes(value) + " is no number of digits");
        if (announced && *announced != *octets)
            return wrong(Reason::http_malformed, "Content-Length fields that differ: " + length.shown());
        announced = octets;
    }
    if (*announced > max_body)
        return wrong(Reason::http_too_large,
                     "Content-Length " + length.shown() + ", over " + std::to_string(max_body) + " octets");
    reader.left_ = static_cast<std::size_t>(*announced);
    reader.state_ = *announced == 0 ? State::done : State::sized;
    return reader;
}

base::Expected<bool, Failure> BodyReader::feed(std::string_view octets) {
    while (state_ != State::done && !octets.empty()) {
        base::Expected<void, Failure> taken;
        if (state_ == State::until_end || state_ == State::sized || state_ == State::data) {
            taken = take_data(octets);
        } else if (state_ == State::size_line) {
            taken = skip_line(octets);
        } else {
            const char octet = octets.front();
            octets.remove_prefix(1);
            taken = state_ == State::trailer ? take_trailer(octet) : take_size(octet);
        }
        if (!taken) return base::unexpected(std::move(taken.error()));
    }
    return state_ == State::done;
}

base::Expected<void, Failure> BodyReader::take_data(std::string_view& octets) {
    const std::size_t n = state_ == State::until_end ? octets.size() : std::min(left_, octets.size());
    if (n > max_body - body_.size())
        return wrong(Reason::http_too_large, "body over " + std::to_string(max_body) + " octets");
    body_ += octets.substr(0, n);
    octets.remove_prefix(n);
    if (state_ == State::until_end) return {};
    left_ -= n;
    if (left_ == 0) state_ = state_ == State::sized ? State::done : State::after_data;
    return {};
}

/// The line before a chunk, and the end of the line that its data are: "1f[anything]LF", "LF".
base::Expected<void, Failure> BodyReader::take_size(char octet) {
    if (state_ == State::after_data) {
        if (octet == '\r' && ++line_ <= max_trailer) return {};
        if (octet != '\n')
            return wrong(Reason::http_malformed,
                         "a chunk is longer than its size, or no line end follows it: " +
                             in_quotes(std::string_view(&octet, 1)));
        state_ = State::size;
        line_ = digits_ = 0;
        shown_.clear();
        return {};
    }
    if (++line_ > max_trailer)
        return wrong(Reason::http_too_large,
                     "a chunk's line over " + std::to_string(max_trailer) + " octets");
    if (shown_.size() < shown_of_a_line) shown_ += octet;
    if (state_ == State::size) {
        if (const unsigned value = hex(octet); value < 16) {
            if (++digits_ > max_digits)
                return wrong(Reason::http_malformed, "a chunk size of over 16 digits: " + in_quotes(shown_));
            left_ = std::min<std::size_t>(left_ * 16 + value, 0xffffffff);
            return {};
        }
        if (digits_ == 0)
            return wrong(Reason::http_malformed, "no chunk size where one must be: " + in_quotes(shown_));
        // "0x42": some read a size of 0, its writer means 66.
        if (octet == 'x' || octet == 'X')
            return wrong(Reason::http_malformed, "a chunk size that is no number: " + in_quotes(shown_));
        if (left_ > max_body - body_.size())
            return wrong(Reason::http_too_large, "body over " + std::to_string(max_body) +
                                                     " octets with a chunk of size " + in_quotes(shown_));
        state_ = State::size_line;
    }
    if (octet == '\n') end_size_line();
    return {};
}

/// The text after a chunk's size, to the end of the line: ignored.
base::Expected<void, Failure> BodyReader::skip_line(std::string_view& octets) {
    const std::size_t end = octets.find('\n');
    const std::size_t n = std::min(end, octets.size());
    line_ += n;
    if (line_ > max_trailer)
        return wrong(Reason::http_too_large,
                     "a chunk's line over " + std::to_string(max_trailer) + " octets");
    octets.remove_prefix(end == std::string_view::npos ? n : n + 1);
    if (end != std::string_view::npos) end_size_line();
    return {};
}

void BodyReader::end_size_line() {
    state_ = left_ == 0 ? State::trailer : State::data;
    line_ = 0;
    shown_.clear();
}

/// Lines of fields, which are ignored, and an empty one at the end.
base::Expected<void, Failure> BodyReader::take_trailer(char octet) {
    if (++line_ > max_trailer)
        return wrong(Reason::http_too_large, "a trailer over " + std::to_string(max_trailer) + " octets");
    if (octet == '\n') {
        if (!any_) {
            state_ = State::done;
            return {};
        }
        if (!colon_)
            return wrong(Reason::http_malformed, "a line of the trailer without a colon: " + in_quotes(shown_));
        colon_ = cr_ = any_ = false;
        shown_.clear();
        return {};
    }
    if (shown_.size() < shown_of_a_line) shown_ += octet;
    if (cr_ || octet == '\0')
        return wrong(Reason::http_malformed,
                     std::string(cr_ ? "a bare CR" : "a NUL") + " in the trailer: " + in_quotes(shown_));
    if (octet == '\r') {
        cr_ = true;
        return {};
    }
    // A folded line needs no colon.
    if (!any_ && (octet == ' ' || octet == '\t')) colon_ = true;
    any_ = true;
    if (octet == ':') colon_ = true;
    return {};
}

std::optional<Failure> BodyReader::finish(bool clean) const {
    Failure cut;
    cut.reason = Reason::http_truncated;
    switch (state_) {
    case State::until_end:
        if (clean) return std::nullopt;
        cut.detail = "the connection ended without close_notify after " + std::to_string(body_.size()) +
                     " octets of a body without a length";
        break;
    case State::sized:
        cut.detail = "the connection ended within the body: " + std::to_string(left_) + " octets are missing";
        break;
    case State::done: return std::nullopt;
    default:
        cut.detail = "the connection ended within the body: no last chunk after " +
                     std::to_string(body_.size()) + " octets";
    }
    return cut;
}

} // namespace fetch
