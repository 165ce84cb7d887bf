// base/record_fields.hpp - TXT records of the form "v=NAMEv1; name=value; ...", which RFC 8461 section 3.1 and RFC
// 8460 section 3 share. Pure. All views point into the record.
#pragma once

#include "base/expected.hpp"
#include "base/reason.hpp"

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace base {

[[nodiscard]] constexpr bool is_letter_or_digit(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/// What follows the ';' after `version` ("v=STSv1"); blanks may stand before it (erratum 6285 of RFC 8461). nullopt:
/// `record` is no record of this version.
[[nodiscard]] std::optional<std::string_view> fields_behind(std::string_view version,
                                                            std::string_view record) noexcept;

/// fields_behind() of the one record of this version among `records`, each with its character-strings joined. Else
/// Reason::no_record or record_multiple.
[[nodiscard]] Expected<std::string_view, Reason> fields_of_one(std::string_view version,
                                                               std::span<const std::string> records);

/// The fields between the ';', one after the other.
class RecordFields {
public:
    explicit RecordFields(std::string_view fields) noexcept : rest_(fields) {}

    /// Without blanks around it; nullopt after the last one. One ';' may stand behind the last field, and blanks behind
    /// that: these are no field. Elsewhere a field may come out empty, which no grammar allows.
    [[nodiscard]] std::optional<std::string_view> next() noexcept;

private:
    std::optional<std::string_view> rest_;
};

/// The longest name of an extension, in octets.
inline constexpr std::size_t max_extension_name = 32;
/// May this be the name and the value of a field that nobody knows?
[[nodiscard]] bool valid_extension(std::string_view name, std::string_view value) noexcept;

} // namespace base
