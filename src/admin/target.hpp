// admin/target.hpp - the target of a request as its parts, decoded (RFC 9112 section 3.2, RFC 3986). Pure.
#pragma once

#include "admin/exchange.hpp"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace admin {

struct Target {
    std::vector<std::string> path; ///< "/v1/status" is v1, status; each part is UTF-8 without control bytes
    std::map<std::string, std::string, std::less<>> query; ///< each name once; "+" is a plus
};

/// Takes the origin form and the absolute form, at most max_target octets. Refuses wrong percent-encoding,
/// "." and ".." as parts, and a "/" or a control byte that is encoded in a part.
[[nodiscard]] base::Expected<Target, Error> parse_target(std::string_view text);

/// The authority of the absolute form ("http://AUTHORITY/path"), as it stands there; nullopt: another form.
[[nodiscard]] std::optional<std::string_view> authority_of(std::string_view text);

} // namespace admin
