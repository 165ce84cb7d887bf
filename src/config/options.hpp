// config/options.hpp - the option table: every option once. The parser, the environment, the example file,
// the man page, --dump-config and reload all use only this table. Pure.
//
// A value is untyped (Value) between a source of text and the table; assign() checks it and puts it into a
// Config. Defaults are the member initialisers of Config.
#pragma once

#include "base/expected.hpp"
#include "config/config.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace config {

enum class Type { text, boolean, integer, duration, short_duration, list, choice };

/// What a file or the environment may hold. Durations and choices are texts here.
using Value = std::variant<bool, std::int64_t, std::string, std::vector<std::string>>;

/// Why a value was refused: words that follow the option's name, and which element of a list is meant.
struct Fault {
    std::string words;
    std::optional<std::size_t> element;
};
using Checked = base::Expected<void, std::vector<Fault>>; ///< never an empty list of faults

/// When a changed value takes effect.
enum class Reload { live, restart };

struct Option {
    std::string_view path; ///< "section.name", or "name" for the top level
    Type type{};
    std::int64_t min = 0, max = 0;         ///< integer: itself; duration: seconds; short_duration: ms
    std::vector<std::string_view> choices; ///< choice
    std::string_view form;                 ///< text and list: what is expected, for the manual; may be empty
    Reload reload{};
    std::string_view help; ///< one sentence per line, no final newline

    std::function<Checked(Config&, const Value&)> assign;
    std::function<Value(const Config&)> read;

    [[nodiscard]] std::string_view section() const noexcept; ///< "" for the top level
    [[nodiscard]] std::string_view name() const noexcept;    ///< without the section
    [[nodiscard]] std::string environment() const;           ///< "STSMAPD_FETCH_CA_FILE"
    [[nodiscard]] std::string range() const; ///< "from 1s to 90s", "auto or off"; may be empty
};

/// In the order of the example file: the top level first, then section by section.
[[nodiscard]] const std::vector<Option>& options();
[[nodiscard]] const Option* find_option(std::string_view path);

/// One line about each section, for the example file and the manual.
struct Section {
    std::string_view name;
    std::string_view help;
};
[[nodiscard]] const std::vector<Section>& sections();

/// Options that do not go together, as whole sentences. The first one that is set is named as the cause.
struct Conflict {
    std::string_view path, other;
    std::string words;
};
[[nodiscard]] std::vector<Conflict> conflicts(const Config& config);

/// The option a mistyped path most likely means, "" when none is near.
[[nodiscard]] std::string_view nearest_option(std::string_view path);
/// The environment name a mistyped one most likely means, "" when none is near.
[[nodiscard]] std::string nearest_environment(std::string_view name);

struct Changes {
    std::vector<std::string_view> live;    ///< paths of options that take effect at once
    std::vector<std::string_view> restart; ///< paths of options that wait for a restart
};
[[nodiscard]] Changes changed(const Config& before, const Config& after);

} // namespace config
