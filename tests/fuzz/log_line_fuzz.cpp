// A stranger's text in a log line and on a terminal: any bytes make a line of printable ASCII, from which a
// reader gets exactly the original fields. The input is cut at LF into values.
#include "fuzz.hpp"

#include "base/text.hpp"
#include "log/log_format.hpp"
#include "support/log_lines.hpp"

#include <nlohmann/json.hpp>

#include <optional>
#include <string>
#include <vector>

namespace {

/// The reverse of printable(); nothing when `shown` is not of that form.
std::optional<std::string> unescaped(std::string_view shown) {
    std::string out;
    for (std::size_t i = 0; i < shown.size(); ++i) {
        if (shown[i] != '\\') {
            out += shown[i];
        } else if (i + 1 < shown.size() && (shown[i + 1] == '\\' || shown[i + 1] == '"')) {
            out += shown[++i];
        } else if (i + 3 < shown.size() && shown[i + 1] == 'x') {
            out += static_cast<char>(std::stoi(std::string{shown.substr(i + 2, 2)}, nullptr, 16));
            i += 3;
        } else {
            return std::nullopt;
        }
    }
    return out;
}

struct Field {
    std::string key, shown;
};

/// The fields of a text line, read by code that only knows the format.
std::optional<std::vector<Field>> fields_of(std::string_view line) {
    std::vector<Field> out;
    std::size_t at = line.find(':');
    if (at == line.npos) return std::nullopt;
    for (++at; at < line.size();) {
        if (line[at++] != ' ') return std::nullopt;
        const std::size_t equals = line.find('=', at);
        if (equals == line.npos) return std::nullopt;
        Field field;
        field.key = line.substr(at, equals - at);
        at = equals + 1;
        if (at < line.size() && line[at] == '"') {
            for (++at; at < line.size() && line[at] != '"'; ++at) {
                if (line[at] == '\\') field.shown += line[at++];
                if (at < line.size()) field.shown += line[at];
            }
            if (at++ >= line.size()) return std::nullopt;
        } else {
            for (; at < line.size() && line[at] != ' '; ++at) field.shown += line[at];
        }
        out.push_back(field);
    }
    return out;
}

void check_printable(std::string_view text) {
    for (const std::size_t limit : {std::size_t{8}, std::size_t{200}, std::size_t{100000}}) {
        const std::string shown = base::printable(text, limit);
        fuzz::require(shown.size() <= std::max<std::size_t>(limit, 3) && fuzz::is_printable(shown),
                      "printable, and cut");
        if (limit > 4 * text.size()) fuzz::require(unescaped(shown) == std::string{text}, "nothing is lost");
    }
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::Script input(fuzz::view(data, size));
    const std::string_view a = input.until('\n'), b = input.until('\n'), c = input.rest();
    check_printable(c);
    const double number = static_cast<double>(a.size()) / 3;
    const std::string line =
        test::text_line("event", {{"a", a}, {"b", b}, {"n", number}, {"c", c}, {"k", 7}});
    fuzz::require(fuzz::is_printable(line), "one printable line");
    const auto fields = fields_of(line);
    fuzz::require(fields && fields->size() == 5, "the fields given, and no others");
    const std::string_view values[] = {a, b, {}, c};
    constexpr std::string_view keys[] = {"a", "b", "n", "c", "k"};
    for (std::size_t i = 0; i < 5; ++i) {
        fuzz::require((*fields)[i].key == keys[i], "in their order");
        if (i != 2 && i != 4 && values[i].size() * 4 <= app::max_log_value)
            fuzz::require(unescaped((*fields)[i].shown) == std::string{values[i]}, "a short value is whole");
    }

    const std::string text = test::json_line(app::LogTime{}, base::Level::info, "event",
                                             {{"a", a}, {"b", b}, {"n", number}, {"c", c}, {"k", 7}});
    fuzz::require(fuzz::is_printable(text), "one printable line of JSON");
    const auto json = nlohmann::json::parse(text, nullptr, false);
    fuzz::require(json.is_object() && json.size() == 8 && json["k"] == 7, "JSON with the fields given");
    for (const auto& [key, value] : {std::pair{"a", a}, std::pair{"b", b}, std::pair{"c", c}}) {
        fuzz::require(json[key].is_string(), "a value is a string");
        if (base::valid_utf8(value) && value.size() <= app::max_log_value)
            fuzz::require(json[key].get<std::string>() == value, "short UTF-8 comes back as it was");
    }
    // A second judge of UTF-8: a JSON string of raw octets.
    std::string quoted = "\"";
    for (const char o : c)
        if (o != '"' && o != '\\' && static_cast<unsigned char>(o) >= 0x20) quoted += o;
    const std::string_view inside = std::string_view{quoted}.substr(1);
    fuzz::require(base::valid_utf8(inside) == nlohmann::json::accept(quoted + "\""), "UTF-8 is UTF-8");
    return 0;
}
