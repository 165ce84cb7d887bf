#include "dns/guard.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <optional>

namespace dns {
namespace {

constexpr std::size_t header_size = 12;
constexpr std::size_t max_name = 255; // RFC 1035 section 2.3.4, in octets of wire form
constexpr unsigned max_jumps = 127;   // a name has at most 127 labels, and a pointer stands for one at least
constexpr unsigned max_jumps_in_all = 8192; // in all names of a message; honest ones have one or two a record

constexpr unsigned type_ns = 2, type_cname = static_cast<unsigned>(Type::cname),
                   type_soa = static_cast<unsigned>(Type::soa), type_opt = 41, class_in = 1;
constexpr std::uint8_t private_type_high =
    0xff; // 0xff00: private use (RFC 6895 section 3.1), unknown to ldns

unsigned u16(std::span<const std::uint8_t> m, std::size_t at) { return unsigned{m[at]} << 8 | m[at + 1]; }

void set16(std::span<std::uint8_t> m, std::size_t at, std::size_t value) {
    m[at] = static_cast<std::uint8_t>(value >> 8);
    m[at + 1] = static_cast<std::uint8_t>(value);
}

/// Reads the name at `at` and moves `at` behind it. nullopt when it is not well-formed. Lower-cased wire
/// form. Pointers may lead anywhere, as glibc takes them; there is a limit to how many, and to what is read.
/// `jumps_left`: pointers that may still be followed in the whole message.
std::optional<std::string> read_name(std::span<const std::uint8_t> m, std::size_t& at, unsigned& jumps_left) {
    std::string name;
    std::size_t p = at;
    bool jumped = false;
    for (unsigned jumps = 0;;) {
        if (p >= m.size()) return std::nullopt;
        const unsigned c = m[p];
        if ((c & 0xc0) == 0xc0) {
            if (p + 2 > m.size() || ++jumps > max_jumps || jumps_left == 0) return std::nullopt;
            --jumps_left;
            const std::size_t target = u16(m, p) & 0x3fff;
            if (!jumped) at = p + 2;
            jumped = true;
            p = target;
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

/// Checks that RDATA has the form on which later reading relies.
bool rdata_fits(std::span<const std::uint8_t> m, std::size_t at, std::size_t end, unsigned type,
                unsigned& jumps_left) {
    switch (type) {
    case static_cast<unsigned>(Type::a): return end - at == 4;
    case static_cast<unsigned>(Type::aaaa): return end - at == 16;
    case static_cast<unsigned>(Type::txt):
        if (at == end) return false; // RFC 1035 section 3.3.14: one or more strings
        while (at < end) at += 1 + std::size_t{m[at]};
        return at == end;
    case static_cast<unsigned>(Type::mx):
        at += 2;
        return at < end && read_name(m, at, jumps_left) && at == end;
    case static_cast<unsigned>(Type::tlsa):
        return end - at >= 3; // RFC 6698 section 2.1; the association data may be empty
    case type_ns:
    case type_cname: return read_name(m, at, jumps_left) && at == end;
    case type_soa: return read_name(m, at, jumps_left) && read_name(m, at, jumps_left) && at + 20 == end;
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

base::Expected<ReplyForm, WireErrc> check_reply(std::span<const std::uint8_t> m, const Question& asked,
                                                bool over_tcp) {
    if (m.size() < header_size || m.size() > max_message) return base::unexpected(WireErrc::unreadable);
    if (u16(m, 0) != asked.id) return base::unexpected(WireErrc::not_ours);
    // As in glibc, a server may forget QR; but our query sent back is not a reply.
    const bool is_reply = (m[2] & 0x80) != 0 || u16(m, 6) != 0;
    if (!is_reply) return base::unexpected(WireErrc::not_ours);
    const unsigned code = m[3] & 0xf, questions = u16(m, 4);
    const bool truncated = (m[2] & 0x02) != 0;
    if (questions == 0) {
        if (code != rcode::noerror && code != rcode::nxdomain) return ReplyForm::header_only;
        if (!over_tcp) return base::unexpected(WireErrc::malformed);
        return truncated ? ReplyForm::truncated : ReplyForm::complete;
    }
    if (questions != 1) return base::unexpected(WireErrc::not_ours);
    std::size_t at = header_size;
    unsigned jumps_left = max_jumps;
    const auto name = read_name(m, at, jumps_left);
    if (!name || at + 4 > m.size()) return base::unexpected(WireErrc::unreadable);
    const bool same = *name == wire_name(asked.name) && u16(m, at) == static_cast<unsigned>(asked.type) &&
                      u16(m, at + 2) == class_in;
    if (!same) return base::unexpected(WireErrc::not_ours);
    return truncated ? ReplyForm::truncated : ReplyForm::complete;
}

namespace {

/// One resource record: where its parts are.
struct RecordLayout {
    std::size_t type_at = 0, rdata = 0, end = 0;
    bool at_root = false;
};

/// Reads the record at `at` and moves `at` behind it.
std::optional<RecordLayout> read_record(std::span<const std::uint8_t> m, std::size_t& at,
                                        unsigned& jumps_left) {
    std::size_t p = at;
    const auto owner = read_name(m, p, jumps_left);
    if (!owner || p + 10 > m.size()) return std::nullopt;
    RecordLayout place;
    place.type_at = p;
    place.rdata = p + 10;
    place.end = place.rdata + u16(m, p + 8);
    place.at_root = owner->size() == 1;
    if (place.end > m.size()) return std::nullopt;
    at = place.end;
    return place;
}

void hide(std::span<std::uint8_t> m, const RecordLayout& place) {
    set16(m, place.type_at, private_type_high << 8);
}

} // namespace

base::Expected<Sections, WireErrc> clean_sections(Bytes& m, Type asked) {
    Sections seen;
    std::size_t at = header_size;
    unsigned jumps_left = max_jumps_in_all;
    if (m.size() < header_size) return base::unexpected(WireErrc::malformed);
    if (u16(m, 4) != 0) {
        if (!read_name(m, at, jumps_left) || at + 4 > m.size()) return base::unexpected(WireErrc::malformed);
        at += 4;
    }
    const unsigned answers = u16(m, 6);
    if (answers > max_records) return base::unexpected(WireErrc::over_limit);
    unsigned strings = 0;
    for (unsigned i = 0; i < answers; ++i) {
        const auto record = read_record(m, at, jumps_left);
        if (!record) return base::unexpected(WireErrc::malformed);
        const unsigned type = u16(m, record->type_at);
        const bool counts = type == static_cast<unsigned>(asked) || type == type_cname;
        const bool fits = counts && u16(m, record->type_at + 2) == class_in &&
                          rdata_fits(m, record->rdata, record->end, type, jumps_left);
        if (!fits) hide(m, *record);
        seen.skipped = seen.skipped || (counts && !fits);
        if (fits && type == static_cast<unsigned>(Type::txt) &&
            (strings += count_strings(m, record->rdata, record->end)) > max_txt_strings)
            return base::unexpected(WireErrc::over_limit);
    }
    // From the authority section the SOA and the NS are read, from the additional section the OPT.
    unsigned left = max_records;
    bool opt = false, cut = false;
    for (const std::size_t count_at : {std::size_t{8}, std::size_t{10}}) {
        const unsigned count = u16(m, count_at);
        unsigned read = 0;
        for (; read < count && left > 0 && !cut; ++read, --left) {
            const auto record = read_record(m, at, jumps_left);
            cut = !record;
            if (cut) break;
            const unsigned type = u16(m, record->type_at);
            const bool authority = count_at == 8 && (type == type_ns || type == type_soa) &&
                                   rdata_fits(m, record->rdata, record->end, type, jumps_left);
            // RFC 6891 section 6.1.1: one, in the additional section, at the root.
            const bool first_opt = count_at == 10 && type == type_opt && record->at_root && !opt;
            opt = opt || first_opt;
            if (!authority && !first_opt) hide(m, *record);
        }
        cut = cut || read < count;
        set16(m, count_at, read);
    }
    m.resize(at);
    return seen;
}

} // namespace dns
