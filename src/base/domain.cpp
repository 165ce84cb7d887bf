#include "base/domain.hpp"

#include "base/text.hpp"

#include <idn2.h>

#include <algorithm>
#include <memory>
#include <optional>

namespace base {

namespace {

constexpr std::size_t max_name = 253; // RFC 1035 section 2.3.4: 255 octets on the wire
constexpr std::size_t max_label = 63;
/// A name of 253 octets stands for at most 253 code points of at most four octets each.
constexpr std::size_t max_utf8_input = 4 * max_name;

constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

constexpr bool is_host_byte(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '-' || c == '_';
}

/// Checks a name of ASCII octets that has lost its final dot.
std::optional<DomainErrc> fault(std::string_view name) {
    if (name.empty()) return DomainErrc::empty;
    bool digits_only = true;
    for (std::size_t start = 0;;) {
        const std::size_t end = std::min(name.find('.', start), name.size());
        const std::string_view label = name.substr(start, end - start);
        if (label.empty() || label.front() == '-' || label.back() == '-') return DomainErrc::bad_label;
        if (!std::ranges::all_of(label, is_host_byte)) return DomainErrc::bad_label;
        if (label.size() > max_label) return DomainErrc::too_long;
        digits_only = digits_only && std::ranges::all_of(label, is_digit);
        if (end == name.size()) break;
        start = end + 1;
    }
    if (name.size() > max_name) return DomainErrc::too_long;
    if (digits_only) return DomainErrc::address;
    return std::nullopt;
}

std::string_view without_final_dot(std::string_view text) noexcept {
    return !text.empty() && text.back() == '.' ? text.substr(0, text.size() - 1) : text;
}

struct Idn2Free {
    void operator()(void* p) const noexcept { idn2_free(p); }
};

/// UTF-8 -> A-labels, IDNA2008 with UTS 46 mapping, non-transitional (so does Postfix, with ICU).
Expected<std::string, DomainErrc> to_ascii(std::string_view text) {
    if (!valid_utf8(text)) return unexpected(DomainErrc::not_idna);
    const std::string input{text};
    char* raw = nullptr;
    const int rc = idn2_to_ascii_8z(input.c_str(), &raw, IDN2_NONTRANSITIONAL);
    const std::unique_ptr<char, Idn2Free> owned{raw};
    if (rc == IDN2_TOO_BIG_DOMAIN || rc == IDN2_TOO_BIG_LABEL || rc == IDN2_PUNYCODE_BIG_OUTPUT)
        return unexpected(DomainErrc::too_long);
    if (rc != IDN2_OK || !raw) return unexpected(DomainErrc::not_idna);
    return std::string{raw};
}

} // namespace

Expected<Domain, DomainErrc> Domain::parse(std::string_view text) {
    if (text.empty()) return unexpected(DomainErrc::empty);
    if (text.size() > max_utf8_input) return unexpected(DomainErrc::too_long);
    const bool ascii = std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
    std::string converted;
    if (!ascii) {
        // No ASCII byte but those of host names may reach the library: above all no NUL, which would end its
        // input.
        for (char c : text)
            if (static_cast<unsigned char>(c) < 0x80 && c != '.' && !is_host_byte(c))
                return unexpected(DomainErrc::bad_label);
        auto result = to_ascii(text);
        if (!result) return unexpected(result.error());
        converted = std::move(*result);
        text = converted; // UTS 46 may have mapped a character to any ASCII: checked like everything else
    }
    const std::string_view name = without_final_dot(text);
    if (const auto why = fault(name)) return unexpected(*why);
    return Domain{ascii_lower(name)};
}

std::size_t Domain::labels() const noexcept {
    return 1 + static_cast<std::size_t>(std::ranges::count(name_, '.'));
}

} // namespace base
