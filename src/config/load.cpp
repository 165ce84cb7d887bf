// The one file that knows toml++.
#include "config/load.hpp"

#include "base/spelling.hpp"
#include "base/text.hpp"
#include "config/options.hpp"
#include "config/overrides.hpp"
#include "config/syntax.hpp"

#include <toml++/toml.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <fstream>
#include <optional>
#include <sstream>
#include <system_error>
#include <tuple>

namespace config {

namespace {

/// The library's words may quote the file.
std::string one_line(std::string_view words) {
    const bool plain = std::ranges::all_of(words, [](char c) { return c >= 0x20 && c < 0x7f; });
    return plain ? std::string{words} : base::printable(words, 500);
}

/// Reads the [[override]] tables.
class OverrideReader {
public:
    OverrideReader(const std::string& file, Loaded& loaded, std::vector<Problem>& problems)
        : file_(file), loaded_(loaded), problems_(problems) {}

    void read(const toml::node& node) {
        const toml::array* tables = node.as_array();
        if (tables == nullptr)
            return problem(node.source(), "override is a list of tables: write [[override]] above each");
        if (tables->size() > decision::max_overrides)
            return problem(node.source(), "has " + std::to_string(tables->size()) +
                                              " overrides; there may be " +
                                              std::to_string(decision::max_overrides));
        for (const toml::node& element : *tables) {
            if (const toml::table* table = element.as_table())
                read_table(*table);
            else
                problem(element.source(), "override is a list of tables: write [[override]] above each");
        }
    }

private:
    void problem(const toml::source_region& at, std::string words) {
        problems_.push_back({file_, at.begin.line, at.begin.column, std::move(words)});
    }

    void refuse_unknown(const toml::key& key) {
        std::string words = "unknown option override." + base::printable(key.str());
        std::string_view near;
        std::size_t least = 3;
        for (const OverrideMember& member : override_members())
            if (const std::size_t d = key.str().size() > base::max_mistyped
                                          ? least
                                          : base::edit_distance(key.str(), member.name);
                d < least) {
                least = d;
                near = member.name;
            }
        if (!near.empty()) words += "; did you mean override." + std::string{near} + "?";
        problem(key.source(), std::move(words));
    }

    void read_table(const toml::table& table) {
        const std::size_t before = problems_.size();
        OverrideTable words;
        for (const auto& [key, node] : table) {
            if (key == "domain")
                read_text(key, node, words.domain);
            else if (key == "action")
                read_text(key, node, words.action);
            else if (key == "reason")
                read_text(key, node, words.reason);
            else if (key == "until")
                read_time(node, words.until);
            else if (key == "match")
                read_names(node, words.match);
            else if (key == "weakens")
                read_flag(node, words.weakens);
            else
                refuse_unknown(key);
        }
        for (const OverrideMember& member : override_members())
            if (member.required && !table.contains(member.name))
                problem(table.source(), "the override has no " + std::string{member.name});
        if (problems_.size() > before) return;
        auto parsed = parse_override_table(words);
        if (!parsed) {
            const toml::node* at = table.get(parsed.error().field);
            return problem(at != nullptr ? at->source() : table.source(),
                           "override." + std::string{parsed.error().field} + ": " + parsed.error().problem);
        }
        const toml::source_region& at = table.source();
        const auto [first, is_new] = lines_.emplace(parsed->domain, at.begin.line);
        if (!is_new)
            return problem(table.get("domain")->source(), "there is an override for " + parsed->domain +
                                                              " in line " + std::to_string(first->second) +
                                                              " already");
        loaded_.config.overrides.push_back(std::move(*parsed));
        loaded_.overrides_at.push_back({file_, at.begin.line, at.begin.column});
    }

    void read_text(const toml::key& key, const toml::node& node, std::string& into) {
        if (const auto* text = node.as_string())
            into = text->get();
        else
            problem(node.source(), "override." + std::string{key.str()} + " must be text in quotes");
    }

    void read_time(const toml::node& node, std::string& into) {
        std::ostringstream text;
        if (const auto* quoted = node.as_string())
            text << quoted->get();
        else if (const auto* date = node.as_date())
            text << date->get();
        else if (const auto* time = node.as_date_time(); time != nullptr && time->get().offset)
            text << time->get();
        else
            return problem(node.source(),
                           "override.until must be a date such as \"2027-01-31\", or a time with its "
                           "offset such as \"2027-01-31T18:00:00Z\"");
        into = text.str();
        if (into.empty())
            problem(node.source(), "override.until is empty: leave it out where there is no end");
    }

    void read_names(const toml::node& node, std::vector<std::string>& into) {
        const toml::array* names = node.as_array();
        const auto refuse = [&](const toml::node& at) {
            problem(at.source(), "override.match must be a list of texts, as in [\"a\", \"b\"]");
        };
        if (names == nullptr) return refuse(node);
        for (const toml::node& name : *names) {
            const auto* text = name.as_string();
            if (text == nullptr) return refuse(name);
            into.push_back(text->get());
        }
    }

    void read_flag(const toml::node& node, bool& into) {
        if (const auto* flag = node.as_boolean())
            into = flag->get();
        else
            problem(node.source(), "override.weakens must be true or false");
    }

    const std::string& file_;
    Loaded& loaded_;
    std::vector<Problem>& problems_;
    std::map<std::string, unsigned, std::less<>> lines_; ///< by domain: where its table begins
};

/// Goes through a parsed file and puts its values into `loaded`, or a problem into `problems`.
class FileReader {
public:
    FileReader(const std::string& file, Loaded& loaded, std::vector<Problem>& problems)
        : file_(file), loaded_(loaded), problems_(problems) {}

    void read(const toml::table& table, const std::string& prefix) {
        for (const auto& [key, node] : table) {
            const std::string path = prefix + std::string{key.str()};
            if (const Option* option = find_option(path))
                read_option(*option, node);
            else if (prefix.empty() && path == "override")
                OverrideReader{file_, loaded_, problems_}.read(node);
            else if (prefix.empty() && is_section(path))
                read_section(path, node);
            else
                refuse_unknown(path, key.source(), node);
        }
    }

private:
    static bool is_section(std::string_view name) {
        return std::ranges::find(sections(), name, &Section::name) != sections().end();
    }

    void problem(const toml::source_region& at, std::string words) {
        problems_.push_back({file_, at.begin.line, at.begin.column, std::move(words)});
    }

    void read_section(const std::string& name, const toml::node& node) {
        if (const toml::table* table = node.as_table())
            read(*table, name + ".");
        else
            problem(node.source(), name + " is a section: write [" + name + "] or " + name + " = { ... }");
    }

    /// An unknown section is reported option by option, so that each gets its own suggestion.
    void refuse_unknown(const std::string& path, const toml::source_region& at, const toml::node& node) {
        const toml::table* table = node.as_table();
        if (table != nullptr && !table->empty() && path.find('.') == std::string::npos) {
            for (const auto& [key, child] : *table)
                refuse_unknown(path + "." + std::string{key.str()}, key.source(), child);
            return;
        }
        std::string words =
            (table != nullptr ? "unknown section " : "unknown option ") + base::printable(path);
        if (const auto near = nearest_option(path); table == nullptr && !near.empty())
            words += "; did you mean " + std::string{near} + "?";
        problem(at, std::move(words));
    }

    void read_option(const Option& option, const toml::node& node) {
        const auto value = value_of(node);
        if (!value) {
            problem(node.source(), std::string{option.path} + " " + wrong_type(option));
            return;
        }
        const auto done = option.assign(loaded_.config, *value);
        if (!done) {
            const toml::array* array = node.as_array();
            for (const Fault& fault : done.error()) {
                const bool element = array != nullptr && fault.element && *fault.element < array->size();
                problem(element ? (*array)[*fault.element].source() : node.source(),
                        std::string{option.path} + " " + fault.words + (element ? "" : hint(option, node)));
            }
            return;
        }
        loaded_.origins[std::string{option.path}] = {file_, node.source().begin.line,
                                                     node.source().begin.column};
    }

    static std::optional<Value> value_of(const toml::node& node) {
        if (const auto* text = node.as_string()) return text->get();
        if (const auto* number = node.as_integer()) return number->get();
        if (const auto* flag = node.as_boolean()) return flag->get();
        const toml::array* array = node.as_array();
        if (array == nullptr) return std::nullopt;
        std::vector<std::string> texts;
        for (const toml::node& element : *array) {
            const auto* text = element.as_string();
            if (text == nullptr) return std::nullopt;
            texts.push_back(text->get());
        }
        return texts;
    }

    /// What to write instead of a value of the wrong type; "" when its type is right.
    static std::string hint(const Option& option, const toml::node& node) {
        const auto* text = node.as_string();
        const bool quoted = text != nullptr && text->get().size() <= 100;
        switch (option.type) {
        case Type::boolean:
        case Type::integer: return text != nullptr ? ", without quotes" : "";
        case Type::list:
            return quoted ? ": write " + std::string{option.name()} + " = [\"" +
                                base::printable(text->get()) + "\"]"
                          : "";
        case Type::text:
        case Type::choice: {
            std::string plain;
            if (const auto* number = node.as_integer()) plain = std::to_string(number->get());
            if (const auto* flag = node.as_boolean()) plain = flag->get() ? "true" : "false";
            if (plain.empty()) return "";
            if (option.type == Type::choice) return ", one of " + option.range();
            return ": " + std::string{option.name()} + " = \"" + plain + "\"";
        }
        case Type::duration:
        case Type::short_duration: break;
        }
        return "";
    }

    /// For types without a Value: tables, dates, fractions, lists of other things.
    static std::string wrong_type(const Option& option) {
        switch (option.type) {
        case Type::list: return "must be a list of texts, as in [\"a\", \"b\"]";
        case Type::boolean: return "must be true or false";
        case Type::integer: return "must be a whole number";
        case Type::duration: return std::string{duration_words};
        case Type::short_duration: return std::string{short_duration_words};
        case Type::text:
        case Type::choice: break;
        }
        return "must be text in quotes";
    }

    const std::string& file_;
    Loaded& loaded_;
    std::vector<Problem>& problems_;
};

void read_file_text(std::string_view text, const std::string& file, Loaded& loaded,
                    std::vector<Problem>& problems) {
    try {
        const toml::table table = toml::parse(text, file);
        FileReader{file, loaded, problems}.read(table, "");
    } catch (const toml::parse_error& error) {
        const auto at = error.source().begin;
        const std::vector<SyntaxFault> faults = syntax_faults(text);
        if (faults.empty() || faults.front().line > at.line)
            problems.push_back({file, at.line, at.column, one_line(error.description())});
        else
            for (const SyntaxFault& fault : faults)
                problems.push_back({file, fault.line, fault.column, fault.words});
    }
    // toml++ hands out keys in alphabetical order.
    std::ranges::stable_sort(problems, {}, [](const Problem& p) { return std::tie(p.line, p.column); });
}

/// A variable's text in the type of its option; a text that does not fit stays a text, which assign() then
/// refuses.
Value value_of_variable(const Option& option, const std::string& text) {
    switch (option.type) {
    case Type::boolean:
        if (text == "true" || text == "yes" || text == "1") return true;
        if (text == "false" || text == "no" || text == "0") return false;
        return text;
    case Type::integer: {
        std::int64_t number = 0;
        const char* last = text.data() + text.size();
        const auto [end, error] = std::from_chars(text.data(), last, number);
        if (error == std::errc{} && end == last) return number;
        return text;
    }
    case Type::list: {
        std::vector<std::string> texts;
        for (std::size_t start = 0; !text.empty() && start <= text.size();) {
            const std::size_t comma = std::min(text.find(',', start), text.size());
            texts.emplace_back(base::trim_wsp(std::string_view{text}.substr(start, comma - start)));
            start = comma + 1;
        }
        return texts;
    }
    case Type::text:
    case Type::duration:
    case Type::short_duration:
    case Type::choice: break;
    }
    return text;
}

void read_environment(const Environment& variables, Loaded& loaded, std::vector<Problem>& problems) {
    for (const auto& [name, text] : variables) {
        if (name == file_variable || is_injected(name)) continue;
        const auto it = std::ranges::find(options(), name, &Option::environment);
        if (it == options().end()) {
            std::string words = "unknown variable " + base::printable(name);
            if (const std::string near = nearest_environment(name); !near.empty())
                words += "; did you mean " + near + "?";
            problems.push_back({"environment", 0, 0, std::move(words)});
        } else if (const auto done = it->assign(loaded.config, value_of_variable(*it, text)); !done) {
            for (const Fault& fault : done.error())
                problems.push_back({"environment", 0, 0, name + " " + fault.words});
        } else {
            loaded.origins[std::string{it->path}] = {"environment " + name, 0, 0};
        }
    }
}

base::Expected<Loaded, std::vector<Problem>> whole_file_problem(const std::string& file, std::string words) {
    return base::unexpected(std::vector<Problem>{{file, 0, 0, std::move(words)}});
}

} // namespace

std::string to_string(const Problem& problem) {
    std::string text = base::printable(problem.source, 4096);
    if (problem.line > 0)
        for (const auto number : {problem.line, problem.column})
            text.append(":").append(std::to_string(number));
    return text + ": " + problem.words;
}

bool is_injected(std::string_view variable) noexcept {
    constexpr std::string_view prefix = "STSMAPD_";
    if (!variable.starts_with(prefix)) return false;
    variable.remove_prefix(prefix.size());
    return variable == "PORT" || variable == "NAME" || variable.starts_with("PORT_") ||
           variable.starts_with("SERVICE_") || variable.starts_with("ENV_");
}

Environment environment(const char* const* block) {
    Environment found;
    for (; block != nullptr && *block != nullptr; ++block) {
        const std::string_view entry{*block};
        const auto equals = entry.find('=');
        if (!entry.starts_with("STSMAPD_") || equals == std::string_view::npos) continue;
        found.emplace(entry.substr(0, equals), entry.substr(equals + 1));
    }
    return found;
}

base::Expected<Loaded, std::vector<Problem>> parse(std::string_view text, const std::string& file,
                                                   const Environment& variables) {
    Loaded loaded;
    std::vector<Problem> problems;
    if (text.size() > max_file_size)
        return whole_file_problem(file, "is longer than " + std::to_string(max_file_size) + " bytes");
    read_file_text(text, file, loaded, problems);
    read_environment(variables, loaded, problems);
    // Only correctly read values can be compared.
    if (problems.empty()) {
        for (const Conflict& conflict : conflicts(loaded.config)) {
            auto origin = loaded.origins.find(conflict.path);
            if (origin == loaded.origins.end()) origin = loaded.origins.find(conflict.other);
            const Origin at = origin == loaded.origins.end() ? Origin{file} : origin->second;
            problems.push_back({at.source, at.line, at.column, conflict.words});
        }
        for (std::size_t i = 0; i < loaded.config.overrides.size(); ++i) {
            if (loaded.config.dane != Dane::off) break;
            if (loaded.config.overrides[i].action != decision::Action::dane_only) continue;
            const Origin& at = loaded.overrides_at[i];
            problems.push_back({at.source, at.line, at.column,
                                "override.action: dane-only needs DANE, which dane = \"off\" switches off"});
        }
    }
    if (!problems.empty()) return base::unexpected(std::move(problems));
    return loaded;
}

base::Expected<Loaded, std::vector<Problem>> load(const std::string& file, bool must_exist,
                                                  const Environment& variables) {
    errno = 0;
    std::ifstream in{file, std::ios::binary};
    if (!in) {
        const int error = errno;
        if (error == ENOENT && !must_exist) return parse({}, file, variables);
        return whole_file_problem(file,
                                  std::string{"cannot be read: "} + std::generic_category().message(error));
    }
    std::string text(max_file_size + 1, '\0');
    errno = 0;
    in.read(text.data(), static_cast<std::streamsize>(text.size()));
    if (in.bad())
        return whole_file_problem(file, "cannot be read: " + std::generic_category().message(errno));
    text.resize(static_cast<std::size_t>(in.gcount()));
    return parse(text, file, variables);
}

} // namespace config
