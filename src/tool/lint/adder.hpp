// tool/lint/adder.hpp - collects findings about one text; strangers' texts may have thousands of them. Pure.
#pragma once

#include "tool/findings/finding.hpp"

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace lint {

/// Of one kind that are kept; how many more there are stands in the last one's words.
inline constexpr std::size_t max_same = 10;

/// Where in a text something stands.
struct Place {
    std::size_t line = 0, column = 0; ///< from 1, in octets; 0: the whole
    std::string_view quote;           ///< the whole line, raw
};

class Adder {
public:
    void add(std::string_view id, const Place& place, std::string words = {}, std::string hint = {});
    void add_whole(std::string_view id, std::string words = {}, std::string hint = {}) {
        add(id, Place{}, std::move(words), std::move(hint));
    }
    /// By line, those about the whole last.
    [[nodiscard]] std::vector<findings::Finding> take();

private:
    struct Same {
        std::size_t last = 0; ///< its index
        std::size_t count = 0;
    };
    std::vector<findings::Finding> all_;
    std::map<const findings::Row*, Same> same_;
};

} // namespace lint
