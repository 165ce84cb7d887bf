// state/observed.hpp - what is known of the domains that are only observed, in sums.
#pragma once

#include "base/clock.hpp"
#include "state/rows.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace state {

struct Summary {
    struct Sum {
        std::uint64_t domains = 0, lookups = 0;
        friend bool operator==(const Sum&, const Sum&) = default;
    };
    std::optional<base::Instant> since;            ///< the first lookup that was counted; none: there is none
    std::map<std::string, Sum, std::less<>> would; ///< by what Postfix would have got
    std::vector<Observed> top;                     ///< those asked for most, at most max_top
    std::uint64_t forgotten = 0;                   ///< domains that had to make room for others
    static constexpr std::size_t max_top = 100;
};

} // namespace state
