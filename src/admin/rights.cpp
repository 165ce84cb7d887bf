#include "admin/rights.hpp"

#include <charconv>
#include <system_error>

namespace admin {

uid_t overflow_uid(std::string_view text) noexcept {
    constexpr uid_t usual = 65534;
    while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.remove_suffix(1);
    uid_t uid = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), uid);
    return error == std::errc{} && end == text.data() + text.size() ? uid : usual;
}

bool may(Right right, uid_t peer, uid_t own, uid_t overflow) noexcept {
    if (right == Right::read) return true;
    if (peer == overflow || peer == static_cast<uid_t>(-1)) return false;
    return peer == 0 || peer == own;
}

} // namespace admin
