// admin/limits.hpp - what a client of the administration's server may take up (SECURITY.md).
#pragma once

#include <chrono>
#include <cstddef>

namespace admin {

/// Over the control socket at once; the next one gets 503 and is closed.
inline constexpr std::size_t max_connections = 32;
/// Of these, places that only root and the daemon's own user may take.
inline constexpr std::size_t places_for_changes = 4;
/// Clients that are being told 503 at once; further ones are closed without a word.
inline constexpr std::size_t max_refusing = 16;
/// Over the web listener at once. The next one takes the place of the client that has been waited for longest; when
/// all are being answered, it gets 503 and is closed.
inline constexpr std::size_t max_web_connections = 64;

inline constexpr std::size_t max_head = 8 * 1024;   ///< octets of a request's head
inline constexpr std::size_t max_target = 2 * 1024; ///< octets of a request's target
inline constexpr std::size_t max_input = 16 * 1024; ///< octets read and not parsed yet
/// Octets of a body, unless its route says that it may be of any length.
inline constexpr std::size_t max_body = 64 * 1024;
inline constexpr std::size_t max_piece = 64 * 1024; ///< octets of a reply that are written at once
inline constexpr std::size_t max_by = 64;           ///< octets of the parameter `by`

inline constexpr std::chrono::seconds head_patience{10};
inline constexpr std::chrono::seconds piece_patience{30};
inline constexpr std::chrono::seconds idle_patience{60};
inline constexpr std::chrono::seconds linger_patience{1};

/// How long a client is waited for.
struct Patience {
    std::chrono::milliseconds head = head_patience;   ///< a request's head, from its first octet
    std::chrono::milliseconds piece = piece_patience; ///< some octets of a body; each write
    std::chrono::milliseconds idle = idle_patience;   ///< between two requests
    /// After a reply that closes the connection, what the client still sends is dropped this long.
    std::chrono::milliseconds linger = linger_patience;
};

/// The same over the web listener, where anybody of this host may connect.
inline constexpr Patience web_patience{std::chrono::seconds{5}, std::chrono::seconds{10}, std::chrono::seconds{60},
                                       linger_patience};

} // namespace admin
