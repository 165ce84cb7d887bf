// sts/response.hpp - RFC 8461 sections 3.2 and 3.3: may this HTTP response be a policy? Pure.
#pragma once

#include "base/reason.hpp"

#include <optional>
#include <span>
#include <string_view>

namespace sts {

/// What we need from a final (non-1xx) HTTP response head. Field values as received, in order.
struct ResponseHead {
    unsigned status = 0;
    std::span<const std::string_view> content_type;     ///< every Content-Type field
    std::span<const std::string_view> content_encoding; ///< every Content-Encoding field
};

/// Reason::none when the body may be read as a policy, else http_status, http_redirect, http_media_type or
/// http_encoding. The status must be 200. There must be a Content-Type; if there are several, or a list (RFC
/// 9110 section 8.3), every one must be text/plain, in any case, parameters ignored. The only coding allowed is
/// identity. Linear in the octets.
[[nodiscard]] base::Reason judge(const ResponseHead& head);

} // namespace sts
