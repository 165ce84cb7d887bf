// cache/valkey/reply.hpp - a reply of Valkey or Redis (RESP2), as a value of our own. Pure.
//
// Texts are the engine's, may hold any octets, and are as long as resp.hpp allows: print them only through
// base::printable().
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace valkey {

struct Reply {
    enum class Kind : std::uint8_t { nil, status, error, integer, string, array };

    Kind kind = Kind::nil;
    std::string text;            ///< of a status, an error or a string
    long long integer = 0;       ///< of an integer
    std::vector<Reply> elements; ///< of an array

    [[nodiscard]] bool is_error() const noexcept { return kind == Kind::error; }
    [[nodiscard]] bool is_nil() const noexcept { return kind == Kind::nil; }
    /// A status or a string that says exactly this.
    [[nodiscard]] bool says(std::string_view words) const noexcept {
        return (kind == Kind::status || kind == Kind::string) && text == words;
    }
    friend bool operator==(const Reply&, const Reply&) = default;
};

} // namespace valkey
