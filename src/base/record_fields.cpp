#include "base/record_fields.hpp"

#include "base/text.hpp"

#include <algorithm>

namespace base {

std::optional<std::string_view> fields_behind(std::string_view version, std::string_view record) noexcept {
    if (!record.starts_with(version)) return std::nullopt;
    record.remove_prefix(version.size());
    const std::size_t delimiter = record.find_first_not_of(" \t");
    if (delimiter == std::string_view::npos || record[delimiter] != ';') return std::nullopt;
    return record.substr(delimiter + 1);
}

Expected<std::string_view, Reason> fields_of_one(std::string_view version,
                                                 std::span<const std::string> records) {
    std::optional<std::string_view> fields;
    for (const std::string& record : records) {
        const auto found = fields_behind(version, record);
        if (!found) continue;
        if (fields) return unexpected(Reason::record_multiple);
        fields = found;
    }
    if (!fields) return unexpected(Reason::no_record);
    return *fields;
}

std::optional<std::string_view> RecordFields::next() noexcept {
    if (!rest_) return std::nullopt;
    const std::size_t end = rest_->find(';');
    const std::string_view field = trim_wsp(rest_->substr(0, end));
    if (end != std::string_view::npos) {
        rest_->remove_prefix(end + 1);
        return field;
    }
    rest_.reset();
    if (field.empty()) return std::nullopt;
    return field;
}

bool valid_extension(std::string_view name, std::string_view value) noexcept {
    if (name.empty() || name.size() > max_extension_name || !is_letter_or_digit(name.front())) return false;
    if (!std::ranges::all_of(
            name, [](char c) { return is_letter_or_digit(c) || c == '_' || c == '-' || c == '.'; }))
        return false;
    return !value.empty() &&
           std::ranges::all_of(value, [](char c) { return c > 0x20 && c < 0x7f && c != '='; });
}

} // namespace base
