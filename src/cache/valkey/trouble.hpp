// cache/valkey/trouble.hpp - why a command has no result: a closed set, and what an error reply means. Pure.
#pragma once

#include "base/expected.hpp"
#include "cache/valkey/reply.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace valkey {

enum class Trouble : std::uint8_t {
    down,       ///< no connection now, or it was lost, or the breaker is open
    timeout,    ///< no reply in time; the command may be carried out all the same
    refused,    ///< an error reply that is none of those below, or an engine without what we need
    auth,       ///< user or password are wrong or missing
    noperm,     ///< the user's ACL does not allow the command, the key or the channel
    readonly,   ///< a replica was asked to write, or we may only read
    loading,    ///< the engine starts and is not ready yet
    masterdown, ///< a replica without its primary, which does not serve old data
    oom,        ///< the engine is at maxmemory
    protocol,   ///< what came is not RESP, or no reply to what was asked
    too_large,  ///< a reply or a command above our limits
    overloaded, ///< too much waits here, or the engine has no room for another client
    stopping,   ///< we are stopping
};
inline constexpr std::size_t troubles = static_cast<std::size_t>(Trouble::stopping) + 1;

/// "down", "timeout", ..., "too-large".
[[nodiscard]] std::string_view to_string(Trouble trouble) noexcept;

/// `words` are for an operator: short, printable, without user, password or key of ours.
struct Failure {
    Trouble trouble = Trouble::down;
    std::string words;
    friend bool operator==(const Failure&, const Failure&) = default;
};

using Answer = base::Expected<Reply, Failure>;

/// What an error reply is, by its first word ("WRONGPASS invalid ...").
[[nodiscard]] Trouble trouble_of(std::string_view error) noexcept;

/// The first word of an error reply if it is one that engines are known to use, else "". Only this is shown of
/// replies while we log in: some engines repeat the arguments of a command, and so the password.
[[nodiscard]] std::string_view known_code(std::string_view error) noexcept;

} // namespace valkey
