#include "base/domain.hpp"

#include "base/text.hpp"

#include <idn2.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>

namespace base {

namespace {

constexpr std::size_t max_name = 253; // RFC 1035 section 2.3.4: 255 octets on the wire
constexpr std::size_t max_label = 63;
/// A name of 253 octets stands for at most 253 code points of at most four octets each.
constexpr std::size_t max_utf8_input = 4 * max_name;

/// The lower-case form of an octet that host names have; 0 for all others, the dot included.
constexpr std::array<char, 256> lower_case = [] {
    std::array<char, 256> made{};
    for (const char c : std::string_view{"abcdefghijklmnopqrstuvwxyz0123456789-_"})
        made[static_cast<unsigned char>(c)] = c;
    for (char c = 'A'; c <= 'Z'; ++c) made[static_cast<unsigned char>(c)] = ascii_lower(c);
    return made;
}();

constexpr char lower(char c) noexcept { return lower_case[static_cast<unsigned char>(c)]; }

/// Writes `text`, a name without its final dot, to `name` in lower case; an error unless all its octets are
/// those of host names and stand where they may. Looks once at each: this is on the way of every request.
std::optional<DomainErrc> normalise(std::string_view text, char* name) noexcept {
    if (text.empty()) return DomainErrc::empty;
    bool letters = false;
    for (std::size_t at = 0, start = 0;; ++at) {
        if (at < text.size() && text[at] != '.') {
            const char c = lower(text[at]);
            if (c == 0) return DomainErrc::bad_label;
            name[at] = c;
            letters |= c > '9' || c == '-';
            continue;
        }
        if (at == start || name[start] == '-' || name[at - 1] == '-') return DomainErrc::bad_label;
        if (at - start > max_label) return DomainErrc::too_long;
        if (at == text.size()) break;
        name[at] = '.';
        start = at + 1;
    }
    if (text.size() > max_name) return DomainErrc::too_long;
    if (!letters) return DomainErrc::address;
    return std::nullopt;
}

bool is_ascii(std::string_view text) noexcept {
    unsigned char all = 0;
    for (const char c : text) all |= static_cast<unsigned char>(c);
    return all < 0x80;
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
    std::array<char, max_utf8_input> name;
    std::string_view ascii = without_final_dot(text);
    std::optional<DomainErrc> error = normalise(ascii, name.data());
    std::string converted;
    if (error && !is_ascii(text)) {
        // No ASCII byte but those of host names may reach the library: above all no NUL, which would end its
        // input.
        for (char c : text)
            if (static_cast<unsigned char>(c) < 0x80 && c != '.' && lower(c) == 0)
                return unexpected(DomainErrc::bad_label);
        auto result = to_ascii(text);
        if (!result) return unexpected(result.error());
        converted = std::move(*result);
        // UTS 46 may have mapped a character to any ASCII: checked like everything else.
        ascii = without_final_dot(converted);
        error = ascii.size() <= name.size() ? normalise(ascii, name.data()) : DomainErrc::too_long;
    }
    if (error) return unexpected(*error);
    return Domain{std::string(name.data(), ascii.size())};
}

std::size_t Domain::labels() const noexcept {
    return 1 + static_cast<std::size_t>(std::ranges::count(name_, '.'));
}

} // namespace base
