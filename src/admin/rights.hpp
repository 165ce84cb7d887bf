// admin/rights.hpp - who may do what over the control socket. Pure.
#pragma once

#include "admin/routes.hpp"

#include <string_view>

#include <sys/types.h>

namespace admin {

/// The uid that a user namespace shows in place of those it does not know (user_namespaces(7)), of the text of
/// /proc/sys/kernel/overflowuid; 65534 when that says nothing.
[[nodiscard]] uid_t overflow_uid(std::string_view text) noexcept;

/// Reading is for whoever may connect. Changing is for root and for the user the daemon runs as (`own`), but
/// never for the overflow uid, which stands for many users: neither if it is `own`, nor if it is 0.
[[nodiscard]] bool may(Right right, uid_t peer, uid_t own, uid_t overflow) noexcept;

} // namespace admin
