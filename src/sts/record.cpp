#include "sts/record.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <optional>

namespace sts {

namespace {

using base::Reason;

constexpr std::string_view version = "v=STSv1";
constexpr std::size_t max_id = 32;
constexpr std::size_t max_extension_name = 32;

constexpr bool is_alnum(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/// What follows the ';' after the version; nullopt when `record` is not an STS record of version 1.
std::optional<std::string_view> fields_of(std::string_view record) {
    if (!record.starts_with(version)) return std::nullopt;
    record.remove_prefix(version.size());
    const std::size_t delimiter = record.find_first_not_of(" \t");
    if (delimiter == std::string_view::npos || record[delimiter] != ';') return std::nullopt;
    return record.substr(delimiter + 1);
}

bool valid_id(std::string_view id) {
    return !id.empty() && id.size() <= max_id && std::ranges::all_of(id, is_alnum);
}

/// sts-extension of the ABNF; a repeated id field has to look like one, too.
bool valid_extension(std::string_view name, std::string_view value) {
    if (name.empty() || name.size() > max_extension_name || !is_alnum(name.front())) return false;
    if (!std::ranges::all_of(name, [](char c) { return is_alnum(c) || c == '_' || c == '-' || c == '.'; }))
        return false;
    return !value.empty() &&
           std::ranges::all_of(value, [](char c) { return c > 0x20 && c < 0x7f && c != '='; });
}

base::Expected<std::string, Reason> id_among(std::string_view fields) {
    std::optional<std::string_view> id;
    for (bool last = false; !last;) {
        const std::size_t end = fields.find(';');
        last = end == std::string_view::npos;
        const std::string_view field = base::trim_wsp(fields.substr(0, end));
        if (!last) fields.remove_prefix(end + 1);
        // One delimiter may follow the last field, and blanks may follow the delimiter. An empty field
        // elsewhere is an error.
        if (field.empty() && last) break;
        const std::size_t equals = field.find('=');
        if (equals == std::string_view::npos) return base::unexpected(Reason::record_invalid);
        const std::string_view name = field.substr(0, equals), value = field.substr(equals + 1);
        if (name == "id" && !id) {
            if (!valid_id(value)) return base::unexpected(Reason::record_invalid);
            id = value; // RFC 8461 section 3.2, last paragraph: of repeated fields the first counts
        } else if (!valid_extension(name, value)) {
            return base::unexpected(Reason::record_invalid);
        }
    }
    if (!id) return base::unexpected(Reason::record_invalid);
    return std::string{*id};
}

} // namespace

base::Expected<std::string, Reason> find_id(std::span<const std::string> records) {
    std::optional<std::string_view> fields;
    for (const std::string& record : records) {
        const auto found = fields_of(record);
        if (!found) continue;
        if (fields) return base::unexpected(Reason::record_multiple);
        fields = found;
    }
    if (!fields) return base::unexpected(Reason::no_record);
    return id_among(*fields);
}

} // namespace sts
