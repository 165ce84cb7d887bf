#include "admin/target.hpp"

#include "admin/limits.hpp"
#include "base/text.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace admin {

namespace {

auto refused(std::string words, std::string field = {}) {
    return base::unexpected(Error{400, "bad-request", std::move(words), std::move(field)});
}

int hex(char c) noexcept {
    if (c >= '0' && c <= '9') return c - '0';
    const char lower = base::ascii_lower(c);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/// Nothing: a "%" without two hexadecimal digits, a control byte, or no UTF-8.
std::optional<std::string> decoded(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        char octet = text[i];
        if (octet == '%') {
            if (text.size() - i < 3) return std::nullopt;
            const int high = hex(text[i + 1]), low = hex(text[i + 2]);
            if (high < 0 || low < 0) return std::nullopt;
            octet = static_cast<char>(high * 16 + low);
            i += 2;
        }
        if (static_cast<unsigned char>(octet) < 0x20 || octet == 0x7f) return std::nullopt;
        out += octet;
    }
    if (!base::valid_utf8(out)) return std::nullopt;
    return out;
}

/// Takes the text before `separator` from the front of `rest`; of the last piece all of it.
std::string_view cut(std::optional<std::string_view>& rest, char separator) {
    const std::size_t at = rest->find(separator);
    const std::string_view piece = rest->substr(0, at);
    if (at == std::string_view::npos)
        rest.reset();
    else
        rest->remove_prefix(at + 1);
    return piece;
}

constexpr std::string_view scheme = "http://";

/// The origin form: what follows the authority of the absolute form.
std::string without_authority(std::string_view text) {
    const auto authority = authority_of(text);
    if (!authority) return std::string(text);
    text.remove_prefix(scheme.size() + authority->size());
    return (text.starts_with('/') ? "" : "/") + std::string(text);
}

} // namespace

std::optional<std::string_view> authority_of(std::string_view text) {
    if (!base::iequals(text.substr(0, scheme.size()), scheme)) return std::nullopt;
    text.remove_prefix(scheme.size());
    return text.substr(0, text.find_first_of("/?"));
}

base::Expected<Target, Error> parse_target(std::string_view target_text) {
    if (target_text.size() > max_target)
        return base::unexpected(Error{
            414, "target-too-long", "the target is over " + std::to_string(max_target) + " octets", {}});
    const std::string origin = without_authority(target_text);
    std::string_view text = origin;
    if (!text.starts_with('/')) return refused("the target must begin with \"/\"");
    if (text.find('#') != std::string_view::npos) return refused("the target must not have a \"#\"");
    text.remove_prefix(1);

    std::optional<std::string_view> query{text};
    std::optional<std::string_view> path{cut(query, '?')};
    Target target;
    while (path) {
        auto part = decoded(cut(path, '/'));
        if (!part) return refused("the path is not percent-encoded UTF-8 without control characters");
        if (*part == "." || *part == "..") return refused("the path must not have \".\" and \"..\"");
        if (part->find('/') != std::string::npos) return refused("a part of the path has an encoded \"/\"");
        target.path.push_back(*std::move(part));
    }
    if (query && query->empty()) query.reset(); // "/v1?" has none
    while (query) {
        std::optional<std::string_view> pair{cut(query, '&')};
        auto name = decoded(cut(pair, '='));
        auto value = decoded(pair.value_or(""));
        if (!name || !value)
            return refused("the query is not percent-encoded UTF-8 without control characters",
                           base::printable(name.value_or("")));
        std::string shown = base::printable(*name);
        if (!target.query.emplace(*std::move(name), *std::move(value)).second)
            return refused("the parameter stands there twice", std::move(shown));
    }
    return target;
}

} // namespace admin
