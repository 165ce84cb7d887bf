#include "sts/record.hpp"

#include "base/record_fields.hpp"

#include <algorithm>
#include <optional>

namespace sts {

namespace {

using base::Reason;

constexpr std::string_view version = "v=STSv1";

base::Expected<std::string, Reason> id_among(std::string_view record_fields) {
    std::optional<std::string_view> id;
    base::RecordFields fields(record_fields);
    while (const auto field = fields.next()) {
        const std::size_t equals = field->find('=');
        if (equals == std::string_view::npos) return base::unexpected(Reason::record_invalid);
        const std::string_view name = field->substr(0, equals), value = field->substr(equals + 1);
        if (name == "id" && !id) {
            if (!valid_id(value)) return base::unexpected(Reason::record_invalid);
            id = value; // RFC 8461 section 3.2, last paragraph: of repeated fields the first counts
        } else if (!base::valid_extension(name, value)) { // a repeated id has to look like one, too
            return base::unexpected(Reason::record_invalid);
        }
    }
    if (!id) return base::unexpected(Reason::record_invalid);
    return std::string{*id};
}

} // namespace

bool valid_id(std::string_view id) noexcept {
    return !id.empty() && id.size() <= max_id && std::ranges::all_of(id, base::is_letter_or_digit);
}

base::Expected<std::string, Reason> find_id(std::span<const std::string> records) {
    const auto fields = base::fields_of_one(version, records);
    if (!fields) return base::unexpected(fields.error());
    return id_among(*fields);
}

} // namespace sts
