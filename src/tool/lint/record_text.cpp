#include "tool/lint/record_text.hpp"

#include "base/record_fields.hpp"
#include "base/text.hpp"
#include "tool/lint/near_miss.hpp"

#include <algorithm>
#include <vector>

namespace lint {

namespace {

constexpr std::string_view blanks = " \t";

/// How the beginning differs from `v=STSv1;`.
std::string wrong_beginning(const RecordKind& kind, std::string_view text) {
    const std::string version(kind.version);
    if (text.empty()) return "it is empty";
    if (text.front() == '"' || text.front() == '\'') return "a quote stands before " + version;
    if (blanks.find(text.front()) != blanks.npos) return "a blank stands before " + version;
    if (text.starts_with(kind.version)) return version + " has no semicolon behind it";
    if (base::iequals(text.substr(0, version.size()), version))
        return version + " is written in other letters: " + base::printable(text.substr(0, version.size()));
    if (text.find(kind.version) != text.npos) return version + " does not stand at the beginning";
    return "it begins with \"" + base::printable(text.substr(0, version.size() + 1)) + '"';
}

/// `record` as it should be, when its required field is there; "" otherwise.
std::string repaired(const RecordKind& kind, std::string_view text) {
    const std::string_view value = required_value(kind, text);
    if (value.empty()) return {};
    return "publish \"" + std::string(kind.version) + "; " + std::string(kind.required) + "=" +
           base::printable(value) + "\"";
}

bool has_sign(const RecordKind& kind, std::string_view text) {
    return base::ascii_lower(text).find(kind.sign) != std::string::npos;
}

} // namespace

std::string_view required_value(const RecordKind& kind, std::string_view text) {
    const std::string lower = base::ascii_lower(text);
    const std::size_t key = lower.find(std::string(kind.required) + "=");
    if (key == lower.npos || (key > 0 && base::is_letter_or_digit(lower[key - 1]))) return {};
    text.remove_prefix(key + kind.required.size() + 1);
    return base::trim_wsp(text.substr(0, text.find_first_of("; \t\"'")));
}

std::optional<TheRecord> the_record(const RecordKind& kind, std::span<const std::string> records, bool meant,
                                    Adder& add) {
    std::vector<TheRecord> good;
    std::vector<Place> near, others;
    for (std::size_t i = 0; i < records.size(); ++i) {
        const std::string_view text = records[i];
        if (const auto fields = base::fields_behind(kind.version, text))
            good.push_back({i + 1, text, *fields});
        else
            (meant || has_sign(kind, text) ? near : others).push_back({i + 1, 1, text});
    }
    if (good.size() > 1) {
        for (const TheRecord& one : good) add.add(kind.multiple, one.at(one.text));
        return std::nullopt;
    }
    if (good.empty()) {
        if (near.empty()) add.add_whole(kind.missing);
        for (const Place& one : near)
            add.add(kind.wrong_version, one, wrong_beginning(kind, one.quote), repaired(kind, one.quote));
    } else {
        others.insert(others.end(), near.begin(), near.end());
    }
    for (const Place& one : others) add.add(kind.other_records, one);
    if (good.empty()) return std::nullopt;
    const TheRecord& record = good.front();
    if (record.text[kind.version.size()] != ';')
        add.add(kind.blank_before, record.at(record.text.substr(kind.version.size())));
    const std::size_t last = record.text.find_last_not_of(blanks);
    if (last + 1 < record.text.size() && record.text[last] != ';')
        add.add(kind.blanks_at_end, record.at(record.text.substr(last + 1)));
    return record;
}

void each_field(const RecordKind& kind, const TheRecord& record, Adder& add,
                const std::function<void(std::string_view name, std::string_view value)>& each) {
    base::RecordFields fields(record.fields);
    while (const auto field = fields.next()) {
        const std::size_t equals = field->find('=');
        if (field->empty())
            add.add(kind.field_empty, record.at(*field));
        else if (equals == std::string_view::npos)
            add_invalid(kind, record, *field, add);
        else
            each(field->substr(0, equals), field->substr(equals + 1));
    }
}

void add_invalid(const RecordKind& kind, const TheRecord& record, std::string_view field, Adder& add) {
    const std::size_t equals = field.find('=');
    const std::string_view name = field.substr(0, equals);
    std::string words, hint;
    Place place = record.at(field);
    if (equals == field.npos) {
        words = "it has no equals sign";
        const std::size_t colon = field.find(':');
        if (colon != field.npos && base::iequals(base::trim_wsp(field.substr(0, colon)), kind.required))
            hint = "did you mean \"" + std::string(kind.required) + "=" +
                   base::printable(base::trim_wsp(field.substr(colon + 1))) + "\"?";
    } else if (base::iequals(base::trim_wsp(name), kind.required)) {
        words = "blanks stand round the equals sign, or the name is not in lower case";
        hint = "did you mean \"" + std::string(kind.required) + "=" +
               base::printable(base::trim_wsp(field.substr(equals + 1))) + "\"?";
    } else {
        const std::string_view value = field.substr(equals + 1);
        const auto bad =
            std::ranges::find_if(value, [](char c) { return c <= 0x20 || c >= 0x7f || c == '='; });
        if (!base::valid_extension(name, "x")) {
            words = "\"" + base::printable(name, 80) + "\" is no name of a field";
        } else if (bad != value.end()) {
            place = record.at(value.substr(static_cast<std::size_t>(bad - value.begin())));
            words = "its value has \"" + base::printable(std::string_view(&*bad, 1)) + '"';
        } else {
            words = "it has no value";
        }
    }
    add.add(kind.field_invalid, place, std::move(words), std::move(hint));
}

} // namespace lint
