#include "tool/lint/txt_text.hpp"

#include "base/record_fields.hpp"
#include "base/text.hpp"
#include "sts/record.hpp"
#include "tool/lint/near_miss.hpp"
#include "tool/lint/record_text.hpp"

#include <array>

namespace lint {

namespace {

constexpr RecordKind kind{.version = "v=STSv1",
                          .sign = "stsv",
                          .required = "id",
                          .missing = "txt-missing",
                          .wrong_version = "txt-version",
                          .multiple = "txt-multiple",
                          .field_invalid = "txt-field-invalid",
                          .field_empty = "txt-field-empty",
                          .blank_before = "txt-blank-before-semicolon",
                          .blanks_at_end = "txt-blanks-at-end",
                          .other_records = "txt-other-records"};

std::string whole(std::string_view name, std::string_view value) {
    return std::string(name) + "=" + base::printable(value);
}

void id_field(const TheRecord& record, std::string_view value, Adder& add) {
    if (sts::valid_id(value)) return;
    std::string words, hint;
    if (value.empty())
        words = "nothing stands behind id=";
    else if (value.size() > sts::max_id)
        words = "it has " + std::to_string(value.size()) + " octets; 32 are allowed";
    else
        words = "\"" + base::printable(value) + "\" has other characters than letters and digits";
    const std::string meant = id_meant(value);
    if (!meant.empty()) hint = "did you mean \"id=" + meant + "\"?";
    add.add("txt-id-invalid", record.at(value), std::move(words), std::move(hint));
}

void fields(const TheRecord& record, Adder& add) {
    bool id = false, other_case = false;
    std::string elsewhere;
    each_field(kind, record, add, [&](std::string_view name, std::string_view value) {
        if (name == "id" && !id) {
            id = true;
            id_field(record, value, add);
            return;
        }
        if (name == "id") add.add("txt-id-repeated", record.at(name));
        const std::string_view field(name.data(), name.size() + 1 + value.size());
        if (!base::valid_extension(name, value)) {
            other_case = other_case || base::iequals(base::trim_wsp(name), "id");
            add_invalid(kind, record, field, add);
        } else if (name != "id") {
            if (base::iequals(name, "id")) elsewhere = "did you mean \"" + whole("id", value) + "\"?";
            add.add("txt-field-unknown", record.at(name));
        }
    });
    // Where an id stands that is not written as one, that is said already.
    if (!id && !other_case) add.add("txt-id-missing", record.at(record.text), {}, elsewhere);
}

} // namespace

TxtLook txt_records(std::span<const std::string> records, bool meant) {
    TxtLook look{sts::find_id(records), {}};
    Adder add;
    const auto record = the_record(kind, records, meant, add);
    if (record) fields(*record, add);
    if (look.id) add.add_whole("txt-good", "the TXT record is valid: id " + *look.id);
    look.findings = add.take();
    return look;
}

TxtLook txt_text(std::string_view text) {
    const auto joined = joined_strings(text);
    const std::array<std::string, 1> records{joined ? *joined : std::string(text)};
    TxtLook look = txt_records(records, true);
    if (joined) look.findings.push_back(findings::found("txt-quotes"));
    return look;
}

std::optional<std::string> joined_strings(std::string_view text) {
    std::string joined;
    text = base::trim_wsp(text);
    // A whole line of a zone file: what stands behind the type.
    const std::string lower = base::ascii_lower(text.substr(0, text.find('"')));
    if (const std::size_t type = lower.rfind("txt"); type != lower.npos && type > 0)
        if (base::trim_wsp(std::string_view(lower).substr(type + 3)).empty())
            text.remove_prefix(lower.size());
    if (!text.starts_with('"')) return std::nullopt;
    while (!text.empty()) {
        if (text.front() != '"') return std::nullopt;
        text.remove_prefix(1);
        for (;;) {
            if (text.empty()) return std::nullopt;
            const char c = text.front();
            text.remove_prefix(1);
            if (c == '"') break;
            if (c != '\\') {
                joined += c;
                continue;
            }
            const auto digit = [&](std::size_t i) {
                return i < text.size() && text[i] >= '0' && text[i] <= '9';
            };
            if (digit(0) && digit(1) && digit(2)) {
                const int octet = (text[0] - '0') * 100 + (text[1] - '0') * 10 + (text[2] - '0');
                if (octet > 255) return std::nullopt;
                joined += static_cast<char>(octet);
                text.remove_prefix(3);
            } else if (!text.empty()) {
                joined += text.front();
                text.remove_prefix(1);
            }
        }
        text = base::trim_wsp(text);
    }
    return joined;
}

} // namespace lint
