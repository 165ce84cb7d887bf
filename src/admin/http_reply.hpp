// admin/http_reply.hpp - replies as octets of HTTP/1.1 (RFC 9112). Pure.
#pragma once

#include "admin/exchange.hpp"
#include "base/clock.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace admin {

/// The head of a reply and the empty line after it.
struct ReplyHead {
    unsigned status = 200;
    std::optional<std::size_t> length{}; ///< of the text that follows; nullopt: lines in chunks follow
    std::string media_type{};            ///< of the text; "" JSON
    bool close = false;
    std::string allow{}; ///< the header of 405; "" none
    std::optional<base::seconds> retry_after{};
    /// For a browser: of what the content may be made (content_policy()); "" is for no browser.
    std::string content_policy{};
};
/// The value of Content-Security-Policy for a page whose one style sheet stands in it and has this hash
/// ("sha256-..."); "": for one without. No script, no image, no form, no frame; nothing from elsewhere.
[[nodiscard]] std::string content_policy(std::string_view style_hash);

[[nodiscard]] std::string to_octets(const ReplyHead& head, base::Instant now);

/// An object as a line, "schema" first.
[[nodiscard]] std::string line_of(Json object);
/// {"schema":1,"error":{...}} as a line.
[[nodiscard]] std::string line_of(const Error& error);

/// One chunk; `octets` is not empty.
[[nodiscard]] std::string chunk(std::string_view octets);
inline constexpr std::string_view last_chunk = "0\r\n\r\n";
inline constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";

} // namespace admin
