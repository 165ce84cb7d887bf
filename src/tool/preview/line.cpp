#include "tool/preview/line.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace preview {
namespace {

constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
constexpr bool is_alnum(char c) noexcept {
    return is_digit(c) || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

bool take(std::string_view& text, std::string_view front) noexcept {
    if (!text.starts_with(front)) return false;
    text.remove_prefix(front.size());
    return true;
}

/// Up to `end`, which is dropped; nullopt and no change: it does not come.
std::optional<std::string_view> take_until(std::string_view& text, std::string_view end) noexcept {
    const std::size_t at = text.find(end);
    if (at == std::string_view::npos) return std::nullopt;
    const std::string_view taken = text.substr(0, at);
    text.remove_prefix(at + end.size());
    return taken;
}

/// Without sign; nullopt: no number, or over `most`.
std::optional<std::uint32_t> number(std::string_view text, std::uint32_t most) noexcept {
    std::uint32_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || value > most) return std::nullopt;
    return value;
}

constexpr std::size_t longest_queue_id = 32; ///< long ones (enable_long_queue_ids) have about 15
/// "4Zx1yZ0qWMz9rxV" and the ": " behind it; "" and no change: there is none.
std::string_view take_queue_id(std::string_view& text) noexcept {
    std::size_t size = 0;
    while (size < text.size() && is_alnum(text[size])) ++size;
    if (size < 5 || size > longest_queue_id || text.substr(size, 2) != ": ") return {};
    const std::string_view id = text.substr(0, size);
    text.remove_prefix(size + 2);
    return id;
}

/// An address in "<...>" behind to= or orig_to=, of which "<" has been taken; takes ">", too, and returns the domain. As
/// Postfix logs it (info_log_addr_form = quoted): a local part with special characters is one quoted string, so that
/// nothing in it is the address's end, or a domain.
std::optional<std::string_view> take_address(std::string_view& text) noexcept {
    std::size_t domain = 0;
    if (text.starts_with('"')) {
        std::size_t at = 1;
        for (; at < text.size() && text[at] != '"'; ++at)
            if (text[at] == '\\') ++at;
        if (at + 1 >= text.size() || (text[at + 1] != '@' && text[at + 1] != '>')) return std::nullopt;
        domain = at + (text[at + 1] == '@' ? 2 : 1);
    }
    const std::size_t end = text.find('>', domain);
    if (end == std::string_view::npos) return std::nullopt;
    std::string_view found = text.substr(domain, end - domain);
    if (domain == 0) {
        const std::size_t at = found.rfind('@');
        found = at == std::string_view::npos ? std::string_view{} : found.substr(at + 1);
    }
    text.remove_prefix(end + 1);
    return found;
}

/// The front of `text` up to a blank, a comma, or ": ".
Peer take_peer(std::string_view& text) noexcept {
    Peer peer;
    const std::size_t open = text.find_first_of("[, :");
    peer.host = text.substr(0, open);
    text.remove_prefix(peer.host.size());
    if (!text.starts_with('[')) return peer;
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos) return peer;
    peer.address = text.substr(1, close - 1);
    text.remove_prefix(close + 1);
    if (text.size() < 2 || text[0] != ':' || !is_digit(text[1])) return peer;
    std::size_t size = 1;
    while (size < text.size() && is_digit(text[size])) ++size;
    peer.port = static_cast<std::uint16_t>(number(text.substr(1, size - 1), 65535).value_or(0));
    text.remove_prefix(size);
    return peer;
}

Status parse_status(std::string_view word) noexcept {
    if (word == "sent") return Status::sent;
    if (word == "deferred") return Status::deferred;
    if (word == "bounced") return Status::bounced;
    return Status::other; // expanded, deliverable, undeliverable: no delivery
}

/// The words in "(...)" at the end of the line.
std::string_view in_parentheses(std::string_view text) noexcept {
    if (!take(text, "(")) return {};
    if (text.ends_with(')')) text.remove_suffix(1);
    return text;
}

/// `text`: behind "to=<".
Event parse_delivery(std::string_view queue_id, std::string_view text) noexcept {
    Delivery made;
    made.queue_id = queue_id;
    const auto domain = take_address(text);
    if (!domain) return Broken{};
    made.recipient_domain = *domain;
    if (take(text, ", orig_to=<") && !take_address(text)) return Broken{};
    if (!take(text, ", relay=")) return Broken{};
    made.peer = take_peer(text);
    if (made.peer.host.empty()) return Broken{};
    for (;;) { // conn_use=, delay=, delays=, tls=, dsn=, and whatever newer versions have
        if (!take(text, ", ")) return Broken{};
        const std::size_t name_end = text.find('=');
        if (name_end == std::string_view::npos) return Broken{};
        const std::string_view name = text.substr(0, name_end);
        if (!std::ranges::all_of(name, [](char c) { return is_alnum(c) || c == '_'; })) return Broken{};
        text.remove_prefix(name_end + 1);
        const std::string_view value = text.substr(0, text.find_first_of(name == "status" ? " " : ","));
        text.remove_prefix(value.size());
        if (name == "status") {
            if (value.empty() || !take(text, " ")) return Broken{};
            made.status = parse_status(value);
            made.words = in_parentheses(text);
            return made;
        }
        if (name == "tls") made.tls = value;
        if (name == "dsn") made.dsn = value;
    }
}

constexpr std::array<std::string_view, levels> level_words{"Anonymous", "Untrusted", "Trusted", "Verified"};

/// "Trusted TLS connection established to HOST[ADDRESS]:PORT: TLSv1.3 with cipher ..."
std::optional<TlsLine> parse_tls(std::string_view text) noexcept {
    const auto word = take_until(text, " ");
    const auto* const found = std::ranges::find(level_words, word.value_or(std::string_view{}));
    if (found == level_words.end() || !take(text, "TLS connection ")) return std::nullopt;
    if (!take(text, "established to ") && !take(text, "reused to ")) return std::nullopt;
    TlsLine made;
    made.level = static_cast<Level>(found - level_words.begin());
    made.peer = take_peer(text);
    if (made.peer.none() || !take(text, ": ")) return std::nullopt;
    made.protocol = text.substr(0, text.find(' '));
    return made;
}

/// The value of "name=" in "status=failure, domain=D, receiving_mx=H[A], failure_type=T".
std::string_view field(std::string_view text, std::string_view name) noexcept {
    while (!text.empty()) {
        std::string_view one = text.substr(0, text.find(", "));
        text.remove_prefix(std::min(text.size(), one.size() + 2));
        if (take(one, name) && take(one, "=")) return one;
    }
    return {};
}

std::optional<HopLine> parse_hop(std::string_view text) noexcept {
    HopLine made;
    if (take(text, "TLSRPT: ")) {
        made.reported = true;
        made.success = field(text, "status") == "success";
        made.domain = field(text, "domain");
        made.failure = field(text, "failure_type");
    } else if (take(text, "warning: MX name '")) {
        const std::size_t at = text.rfind(" does not match STS MX pattern for '");
        if (at == std::string_view::npos) return std::nullopt;
        made.domain = text.substr(at);
        made.domain.remove_prefix(made.domain.find('\'') + 1);
        made.domain = made.domain.substr(0, made.domain.find('\''));
    } else if (take(text, "warning: smtp_tls_policy_maps, next-hop destination \"")) {
        made.domain = text.substr(0, text.find('"'));
    }
    return made.domain.empty() ? std::nullopt : std::optional(made);
}

Event parse_smtp(std::string_view message) noexcept {
    std::string_view text = message;
    const std::string_view queue_id = take_queue_id(text);
    if (!queue_id.empty() && take(text, "to=<")) return parse_delivery(queue_id, text);
    text = message;
    if (text.empty()) return {};
    switch (text.front()) { // few lines go further
    case 'A':
    case 'U':
    case 'T':
    case 'V':
        if (const auto tls = parse_tls(text)) return *tls;
        [[fallthrough]];
    case 'w':
        if (const auto hop = parse_hop(text)) return *hop;
        break;
    default: break;
    }
    return {};
}

} // namespace

std::optional<Front> parse_front(std::string_view line) noexcept {
    Front front;
    // Behind a traditional time or one of RFC 3339 come a blank, the host's name, a blank, and the tag.
    std::size_t at = 0;
    if (!line.empty() && is_digit(line.front())) {
        at = line.find(' ');
    } else {
        at = 15; // "Nov 28 20:35:20"
        if (line.size() <= at || line[3] != ' ' || line[9] != ':') return std::nullopt;
        if (line[at] != ' ') return std::nullopt;
    }
    if (at == std::string_view::npos || at < 15) return std::nullopt;
    front.time = line.substr(0, at);
    line.remove_prefix(at + 1);
    const std::size_t host_end = line.find(' ');
    if (host_end == std::string_view::npos) return std::nullopt;
    front.host = line.substr(0, host_end);
    line.remove_prefix(host_end + 1);
    const std::size_t tag_end = line.find_first_of("[: ");
    if (tag_end == std::string_view::npos) return std::nullopt;
    front.tag = line.substr(0, tag_end);
    if (front.tag.find('/') == std::string_view::npos) return std::nullopt;
    line.remove_prefix(tag_end);
    if (take(line, "[")) {
        const auto pid = take_until(line, "]");
        if (!pid) return std::nullopt;
        front.pid = number(*pid, UINT32_MAX).value_or(0);
    }
    if (!take(line, ": ")) return std::nullopt;
    front.message = line;
    return front;
}

Writer parse_tag(std::string_view tag) noexcept {
    Writer writer;
    const std::size_t first = tag.find('/'), last = tag.rfind('/');
    if (first == std::string_view::npos || first == 0) return writer;
    writer.instance = tag.substr(0, first);
    if (last > first) writer.service = tag.substr(first + 1, last - first - 1);
    const std::string_view name = tag.substr(last + 1);
    constexpr std::array<std::pair<std::string_view, Program>, 12> programs{{
        {"smtp", Program::smtp},
        {"qmgr", Program::qmgr},
        {"lmtp", Program::lmtp},
        {"local", Program::local},
        {"virtual", Program::local},
        {"pipe", Program::local},
        {"discard", Program::local},
        {"error", Program::retry},
        {"retry", Program::retry},
        {"postsuper", Program::qmgr},
        {"nqmgr", Program::qmgr},
        {"master", Program::master},
    }};
    for (const auto& [word, program] : programs)
        if (word == name) {
            writer.program = program;
            break;
        }
    return writer;
}

Peer meant_peer(std::string_view words) noexcept {
    (void)take(words, "delivery temporarily suspended: ");
    return take(words, "connect to ") ? take_peer(words) : Peer{};
}

Event parse_message(Program program, std::string_view message) noexcept {
    switch (program) {
    case Program::smtp:
    case Program::lmtp: return parse_smtp(message);
    case Program::local:
    case Program::retry:
        if (const std::string_view id = take_queue_id(message); !id.empty() && take(message, "to=<"))
            return parse_delivery(id, message);
        return {};
    case Program::qmgr:
        if (const std::string_view id = take_queue_id(message); !id.empty() && message == "removed")
            return Removed{id};
        return {};
    case Program::master:
        if (message.starts_with("daemon started")) return Started{};
        return {};
    case Program::other: return {};
    }
    return {};
}

} // namespace preview
