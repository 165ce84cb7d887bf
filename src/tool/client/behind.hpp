// tool/client/behind.hpp - what stands behind an answer of the daemon: why it has no policy for a domain, or which
// one. Pure.
#pragma once

#include "tool/client/control_text.hpp"

#include <string>

namespace tool {

struct Behind {
    std::string
        words; ///< for the line of a person: "no-record", "mode testing", "observe, hides secure"; "" none
    Json members = Json::object(); ///< rule, reason, mode, id, age_s, expires_at; those that are known
};
/// `document`: the reply to GET /v1/domains/{domain}.
[[nodiscard]] Behind behind(const Json& document);

} // namespace tool
