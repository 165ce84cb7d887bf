// tool/client/control_text.hpp - the texts of the control socket: targets of requests, JSON objects, lines. Pure.
#pragma once

#include "base/expected.hpp"

#include <nlohmann/json.hpp>

#include <cstddef>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tool {

using Json = nlohmann::ordered_json;

inline constexpr int control_schema = 1; ///< of the JSON that is understood here
/// An object may nest so deep. The deepest one of the daemon has 5 levels.
inline constexpr int max_json_depth = 32;
inline constexpr std::size_t max_control_line = std::size_t{1} << 20; ///< octets, without the line's end

/// RFC 3986 section 2.1: all but unreserved characters as %XX.
[[nodiscard]] std::string percent_encoded(std::string_view text);

/// The target of a request: "/v1/domains/" and the parts behind it, each encoded.
[[nodiscard]] std::string domain_target(std::string_view next_hop, std::string_view behind = {});

struct Parameter {
    std::string_view name, value;
};
/// `target` with a query of these parameters; those with an empty value are left out.
[[nodiscard]] std::string with_query(std::string target, const std::vector<Parameter>& parameters);

/// A JSON object with "schema": 1. The error is words for a person.
[[nodiscard]] base::Expected<Json, std::string> parse_object(std::string_view text);

// Members of an object; of another type they count as missing.
[[nodiscard]] std::string_view text_of(const Json& object, std::string_view name);
[[nodiscard]] std::optional<std::int64_t> number_of(const Json& object, std::string_view name);
[[nodiscard]] bool flag_of(const Json& object, std::string_view name);
[[nodiscard]] const Json& member_of(const Json& object, std::string_view name); ///< null when missing

/// Cuts what arrives into lines.
class LineCutter {
public:
    void feed(std::string_view octets);
    /// The next whole line, without its end; nullopt: not there yet. Valid until the next call of a member.
    [[nodiscard]] std::optional<std::string_view> next();
    [[nodiscard]] bool too_long() const noexcept { return kept_.size() - at_ > max_control_line; }
    /// Something came after the last line's end.
    [[nodiscard]] bool inside_line() const noexcept { return at_ != kept_.size(); }

private:
    std::string kept_;
    std::size_t at_ = 0, looked_at_ = 0;
};

} // namespace tool
