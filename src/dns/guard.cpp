#include "dns/guard.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <optional>

namespace dns {
namespace {

constexpr std::size_t header_size = 12;
constexpr std::size_t max_name = 255; // RFC 1035 section 2.3.4, in octets of wire form
constexpr unsigned max_jumps = 127;   // a name has at most 127 labels, and a pointer stands for one at least

constexpr unsigned type_ns = 2, type_cname = static_cast<unsigned>(Type::cname),
                   type_soa = static_cast<unsigned>(Type::soa), type_sig = 24, type_opt = 41, type_tkey = 249,
                   type_tsig = 250;
constexpr std::uint8_t private_type_high =
    0xff; // 0xff00: private use (RFC 6895 section 3.1), unknown to ldns

unsigned u16(std::span<const std::uint8_t> m, std::size_t at) { return unsigned{m[at]} << 8 | m[at + 1]; }

/// Reads the name at `at` and moves `at` behind it. nullopt when it is not well-formed. Lower-cased wire
/// form.
std::optional<std::string> read_name(std::span<const std::uint8_t> m, std::size_t& at) {
    std::string name;
    std::size_t p = at;
    std::size_t lowest = at; // pointers lead before this: no loops, and each octet is read once at most
    bool jumped = false;
    for (unsigned jumps = 0;;) {
        if (p >= m.size()) return std::nullopt;
        const unsigned c = m[p];
        if ((c & 0xc0) == 0xc0) {
            if (p + 2 > m.size() || ++jumps > max_jumps) return std::nullopt;
            const std::size_t target = u16(m, p) & 0x3fff;
            if (target < header_size || target >= lowest) return std::nullopt;
            if (!jumped) at = p + 2;
            jumped = true;
            p = lowest = target;
            continue;
        }
        if ((c & 0xc0) != 0) return std::nullopt;
        if (p + 1 + c > m.size() || name.size() + 1 + c > max_name) return std::nullopt;
        for (std::size_t i = 0; i <= c; ++i) name += base::ascii_lower(static_cast<char>(m[p + i]));
        p += 1 + c;
        if (c != 0) continue;
        if (!jumped) at = p;
        return name;
    }
}

/// RDATA of the types that are read later has the form that reading them relies on.
bool rdata_fits(std::span<const std::uint8_t> m, std::size_t at, std::size_t end, unsigned type) {
    switch (type) {
    case static_cast<unsigned>(Type::a): return end - at == 4;
    case static_cast<unsigned>(Type::aaaa): return end - at == 16;
    case static_cast<unsigned>(Type::txt):
        if (at == end) return false; // RFC 1035 section 3.3.14: one or more strings
        while (at < end) at += 1 + std::size_t{m[at]};
        return at == end;
    case static_cast<unsigned>(Type::mx): at += 2; return at < end && read_name(m, at) && at == end;
    case static_cast<unsigned>(Type::tlsa):
        return end - at >= 3; // RFC 6698 section 2.1; the association data may be empty
    case type_ns:
    case type_cname: return read_name(m, at) && at == end;
    case type_soa: return read_name(m, at) && read_name(m, at) && at + 20 == end;
    default: return true;
    }
}

unsigned count_strings(std::span<const std::uint8_t> m, std::size_t at, std::size_t end) {
    unsigned n = 0;
    for (; at < end; at += 1 + std::size_t{m[at]}) ++n;
    return n;
}

} // namespace

std::string wire_name(std::string_view text) {
    if (text.size() > 253) return {};
    if (text.empty()) return std::string(1, '\0');
    std::string wire;
    while (true) {
        const std::size_t dot = std::min(text.find('.'), text.size());
        if (dot == 0 || dot > 63) return {};
        wire += static_cast<char>(dot);
        for (char c : text.substr(0, dot)) {
            if (c == '\\' || c == '\0') return {};
            wire += base::ascii_lower(c);
        }
        if (dot == text.size()) break;
        text.remove_prefix(dot + 1);
    }
    wire += '\0';
    return wire;
}

base::Expected<ReplyForm, WireErrc> check_reply(std::span<const std::uint8_t> m, const Question& asked) {
    if (m.size() < header_size || m.size() > max_message) return base::unexpected(WireErrc::malformed);
    const bool is_reply = (m[2] & 0x80) != 0;
    const unsigned opcode = m[2] >> 3 & 0xf;
    if (!is_reply || opcode != 0 || u16(m, 0) != asked.id) return base::unexpected(WireErrc::not_ours);
    const unsigned code = m[3] & 0xf;
    if (u16(m, 4) == 0 && m.size() == header_size && (code == rcode::formerr || code == rcode::notimp))
        return ReplyForm::header_only;
    if (u16(m, 4) != 1) return base::unexpected(WireErrc::not_ours);
    std::size_t at = header_size;
    const auto name = read_name(m, at);
    if (!name || at + 4 > m.size()) return base::unexpected(WireErrc::malformed);
    const bool same = *name == wire_name(asked.name) && u16(m, at) == static_cast<unsigned>(asked.type) &&
                      u16(m, at + 2) == 1;
    if (!same) return base::unexpected(WireErrc::not_ours);
    return (m[2] & 0x02) != 0 ? ReplyForm::truncated : ReplyForm::complete;
}

base::Expected<void, WireErrc> check_sections(std::span<std::uint8_t> m, Type asked) {
    const auto malformed = base::unexpected(WireErrc::malformed);
    if (m.size() < header_size || u16(m, 4) != 1) return malformed;
    const unsigned before_additional = u16(m, 6) + u16(m, 8);
    const unsigned records = before_additional + u16(m, 10);
    if (records > max_records) return base::unexpected(WireErrc::over_limit);
    std::size_t at = header_size;
    if (!read_name(m, at) || at + 4 > m.size()) return malformed;
    at += 4;
    unsigned strings = 0, opts = 0;
    for (unsigned i = 0; i < records; ++i) {
        const auto owner = read_name(m, at);
        if (!owner || at + 10 > m.size()) return malformed;
        const std::size_t type_at = at;
        const unsigned type = u16(m, at);
        const std::size_t rdata = at + 10, end = rdata + u16(m, at + 8);
        if (end > m.size()) return malformed;
        at = end;
        switch (type) {
        case type_sig:
        case type_tkey:
        case type_tsig: return malformed; // transaction signatures: we share no key with anybody
        case type_opt:
            // RFC 6891 section 6.1.1: one, in the additional section, at the root.
            if (++opts > 1 || i < before_additional || owner->size() != 1) return malformed;
            break;
        case type_ns:
        case type_cname:
        case type_soa:
            if (!rdata_fits(m, rdata, end, type)) return malformed;
            break;
        default:
            if (type != static_cast<unsigned>(asked)) {
                m[type_at] = private_type_high;
                m[type_at + 1] = 0;
                break;
            }
            if (!rdata_fits(m, rdata, end, type)) return malformed;
            if (asked == Type::txt && (strings += count_strings(m, rdata, end)) > max_txt_strings)
                return base::unexpected(WireErrc::over_limit);
        }
    }
    if (at != m.size()) return malformed;
    return {};
}

} // namespace dns
