// tool/setup/reach.hpp - asks a daemon the way a process of Postfix would: with its groups, within its chroot, as
// its user, from its queue directory.
//
// Blocking; each within its time limit. reach() forks for another user or a chroot: call it only while there is
// one thread.
#pragma once

#include "base/expected.hpp"
#include "tool/setup/way.hpp"

#include <chrono>
#include <functional>
#include <string>

namespace setup {

/// Why there is no reply.
struct NoReply {
    int error = 0;     ///< an errno, ETIMEDOUT for a time limit; 0: something else
    std::string words; ///< for an operator; names the address
};
/// Asks at "unix:/path" or "inet:host:port" for the status under `key` (postfix/request.hpp).
using Ask = std::function<base::Expected<std::string, NoReply>(
    const std::string& address, const std::string& key, std::chrono::milliseconds limit)>;

/// The result of asking.
struct Reached {
    enum class Kind {
        answers,       ///< an stsmapd; `words` is its reply
        stranger,      ///< something else than stsmapd answers
        absent,        ///< there is no such socket, or nobody listens on it
        no_permission, ///< the socket, or the folder `closed`, is closed to this user
        silent,        ///< no answer in time
        not_approved,  ///< proxymap(8) may not open it: proxy_read_maps does not list it
        not_seen,      ///< not known: we have no permission to look, or to become that user
    } kind = Kind::not_seen;
    std::string words;  ///< the reply, or why there is none
    std::string closed; ///< for no_permission: the folder, seen from outside a chroot; "": the socket itself
    std::string mode;   ///< of that folder or socket: "root:postfix 0660"

    [[nodiscard]] bool answers() const { return kind == Kind::answers; }
    friend bool operator==(const Reached&, const Reached&) = default;
};

/// Asks with this user and chroot. `address` is as seen from within the chroot.
[[nodiscard]] Reached reach(const Ask& ask, const std::string& address, const Way& way,
                            const std::string& key, std::chrono::milliseconds limit);

/// What a reply, or the lack of one, means. Pure.
[[nodiscard]] Reached judge_reply(const base::Expected<std::string, NoReply>& reply, const std::string& key);

/// "root:postfix 0660"; "" when it cannot be read.
[[nodiscard]] std::string mode_of(const std::string& file);

} // namespace setup
