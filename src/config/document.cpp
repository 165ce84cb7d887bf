#include "config/document.hpp"

#include "base/text.hpp"
#include "config/options.hpp"
#include "config/overrides.hpp"

#include <algorithm>
#include <functional>

namespace config {

namespace {

/// A TOML basic string. Values hold no control characters (convert.hpp), so two escapes are enough.
std::string toml_string(std::string_view text) {
    std::string out{"\""};
    for (const char c : text) {
        if (c == '"' || c == '\\') out += '\\';
        out += c;
    }
    return out + "\"";
}

std::string to_toml(const Value& value) {
    if (const auto* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
    if (const auto* number = std::get_if<std::int64_t>(&value)) return std::to_string(*number);
    if (const auto* text = std::get_if<std::string>(&value)) return toml_string(*text);
    std::string list;
    for (const std::string& text : std::get<std::vector<std::string>>(value))
        list += (list.empty() ? "" : ", ") + toml_string(text);
    return "[" + list + "]";
}

void for_each_line(std::string_view text, const std::function<void(std::string_view)>& visit) {
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size());
        visit(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
}

/// Calls `section` before the first option of each section, `option` for each.
void walk(const std::function<void(const Section&)>& section,
          const std::function<void(const Option&)>& option) {
    std::string_view current;
    for (const Option& o : options()) {
        if (o.section() != current) {
            current = o.section();
            for (const Section& s : sections())
                if (s.name == current) section(s);
        }
        option(o);
    }
}

std::string_view type_name(const Option& option) {
    switch (option.type) {
    case Type::integer: return "number";
    case Type::duration:
    case Type::short_duration: return "time";
    case Type::boolean: return "true | false";
    case Type::text:
    case Type::list:
    case Type::choice: break;
    }
    return option.form;
}

/// Text on a macro line or at the start of a text line of mdoc(7).
std::string mdoc(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (c == '"')
            out += "\\(dq";
        else if (c == '\\')
            out += "\\e";
        else
            out += c;
    }
    if (out.starts_with('.') || out.starts_with('\'')) out.insert(0, "\\&");
    return out;
}

void write_man_option(std::string& out, const Option& option) {
    out += ".It Ic " + std::string{option.name()} + " No =";
    if (option.type == Type::boolean) {
        out += " Cm true | Cm false";
    } else if (option.type == Type::choice) {
        for (std::size_t i = 0; i < option.choices.size(); ++i)
            out += std::string{i == 0 ? "" : " |"} + " Cm " + std::string{option.choices[i]};
    } else {
        out += std::string{option.type == Type::list ? " Bq Ar " : " Ar "} + std::string{type_name(option)};
    }
    out += "\n";
    for_each_line(option.help, [&](std::string_view line) { out += mdoc(line) + "\n"; });
    out += "The default is\n.Ql " + mdoc(to_toml(option.read(Config{})));
    if (option.max > option.min)
        out += " ,\nthe value may be " + option.range() + ".\n";
    else
        out += " .\n";
    out +=
        std::string{option.reload == Reload::live ? "A reload changes it.\n" : "A change needs a restart.\n"};
    out += "Environment:\n.Ev " + option.environment() + " .\n";
}

} // namespace

std::string example() {
    std::string out =
        "# Configuration of stsmapd(8); the manual is stsmapd.toml(5).\n"
        "#\n"
        "# Every option is here with its default. Remove the # before an option to change it.\n"
        "# An environment variable STSMAPD_SECTION_OPTION, such as STSMAPD_FETCH_CA_FILE, takes "
        "precedence;\n"
        "# in it, entries of a list are separated by commas.\n"
        "# Check a changed file with: stsmapd --check-config\n"
        "# [reload]: SIGHUP (systemctl reload) brings a change into effect; [restart]: it needs a restart.\n";
    walk(
        [&](const Section& section) {
            out += "\n# ---- " + std::string{section.help} + "\n[" + std::string{section.name} + "]\n";
        },
        [&](const Option& option) {
            out += "\n";
            for_each_line(option.help,
                          [&](std::string_view line) { out += "# " + std::string{line} + "\n"; });
            const std::string range = option.range();
            out += "# " + (range.empty() ? std::string{} : "Value: " + range + ". ");
            out += option.reload == Reload::live ? "[reload]\n" : "[restart]\n";
            out.append("#").append(option.name()).append(" = ");
            out += to_toml(option.read(Config{})) + "\n";
        });
    out += "\n# ---- Exceptions\n";
    for_each_line(override_help, [&](std::string_view line) { out += "# " + std::string{line} + "\n"; });
    out += "#\n"
           "# [[override]]\n"
           "# domain = \"partner.example\" # or \".partner.example\": each name below it\n"
           "# action = \"encrypt\" # or off, observe, may, secure (with match = [names]), dane-only\n"
           "# until = \"2027-01-31\" # optional; ends at 24:00 UTC\n"
           "# reason = \"their certificate expired, Ms Weber knows\"\n"
           "# weakens = true # it may give less than DANE or an enforced policy would\n";
    return out;
}

std::string man_fragment() {
    std::string out = ".Ss Top level\nThese stand before the first section.\n.Bl -tag -width Ds\n";
    walk(
        [&](const Section& section) {
            out += ".El\n.Ss Section " + std::string{section.name} + "\n" + mdoc(section.help) +
                   "\n.Bl -tag -width Ds\n";
        },
        [&](const Option& option) { write_man_option(out, option); });
    out += ".El\n.Ss Tables override\n";
    for_each_line(override_help, [&](std::string_view line) { out += mdoc(line) + "\n"; });
    out += "They stand behind all sections, each below a line\n.Ql [[override]] ;\nthe environment cannot "
           "add any.\n"
           ".Bl -tag -width Ds\n";
    for (const OverrideMember& member : override_members()) {
        out += ".It Ic " + std::string{member.name} + " No = Ar " + mdoc(member.form) + "\n";
        for_each_line(member.help, [&](std::string_view line) { out += mdoc(line) + "\n"; });
        if (member.required) out += "Each table must have it.\n";
    }
    return out + ".El\n";
}

std::string dump(const Loaded& loaded) {
    std::string out = "# The configuration of stsmapd in effect.\n";
    walk([&](const Section& section) { out += "\n[" + std::string{section.name} + "]\n"; },
         [&](const Option& option) {
             const auto origin = loaded.origins.find(option.path);
             std::string from = "default";
             if (origin != loaded.origins.end()) {
                 from = base::printable(origin->second.source, 4096);
                 if (origin->second.line > 0) from.append(":").append(std::to_string(origin->second.line));
             }
             out += std::string{option.name()} + " = " + to_toml(option.read(loaded.config)) + " # " + from +
                    "\n";
         });
    for (std::size_t i = 0; i < loaded.config.overrides.size(); ++i) {
        const Origin& at = loaded.overrides_at[i];
        out += "\n[[override]] # " + base::printable(at.source, 4096) + ":" + std::to_string(at.line) + "\n";
        for (const OverrideValue& member : override_values(loaded.config.overrides[i]))
            out += std::string{member.name} + " = " + to_toml(member.value) + "\n";
    }
    return out;
}

} // namespace config
