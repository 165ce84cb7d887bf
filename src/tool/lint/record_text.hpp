// tool/lint/record_text.hpp - what the records of RFC 8461 section 3.1 and RFC 8460 section 3 have in common: which of
// the TXT records counts, and its fields. For txt_text and tlsrpt_text. Pure.
#pragma once

#include "tool/lint/adder.hpp"

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace lint {

/// One of the two kinds of records.
struct RecordKind {
    std::string_view version;  ///< "v=STSv1"
    std::string_view sign;     ///< in lower case: a text that has it was meant to be one
    std::string_view required; ///< the field that is required: "id"
    // Ids of findings.
    std::string_view missing, wrong_version, multiple, field_invalid, field_empty, blank_before,
        blanks_at_end, other_records;
};

/// One record of the several that DNS has.
struct TheRecord {
    std::size_t number = 0; ///< from 1
    std::string_view text, fields;
    [[nodiscard]] Place at(std::string_view part) const {
        return {number, static_cast<std::size_t>(part.data() - text.data()) + 1, text};
    }
};

/// The record that counts, with findings about the others and about its frame; nullopt: there is none. `meant`: the
/// caller knows that the text was meant to be such a record.
[[nodiscard]] std::optional<TheRecord>
the_record(const RecordKind& kind, std::span<const std::string> records, bool meant, Adder& add);

/// Calls `each` with name and value of every field that has the form name=value; the others become findings.
void each_field(const RecordKind& kind, const TheRecord& record, Adder& add,
                const std::function<void(std::string_view name, std::string_view value)>& each);

/// A field that is not required, and is not valid: says what is wrong with it.
void add_invalid(const RecordKind& kind, const TheRecord& record, std::string_view field, Adder& add);

/// The value of the required field in a text that is no valid record; "" none.
[[nodiscard]] std::string_view required_value(const RecordKind& kind, std::string_view text);

} // namespace lint
