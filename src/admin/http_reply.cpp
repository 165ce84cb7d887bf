#include "admin/http_reply.hpp"

#include <boost/beast/http/status.hpp>

#include <array>
#include <charconv>
#include <ctime>
#include <utility>

namespace admin {

namespace {

/// "Sat, 28 Nov 2026 20:35:20 GMT" (RFC 9110 section 5.6.7).
std::string http_date(base::Instant now) {
    const std::time_t seconds = now.time_since_epoch().count();
    std::tm parts{};
    ::gmtime_r(&seconds, &parts);
    std::array<char, 64> text{};
    // The programs never call setlocale(), so the names of days and months are English.
    const std::size_t size = std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
    return {text.data(), size};
}

std::string written(const Json& object) {
    return object.dump(-1, ' ', false, Json::error_handler_t::replace) + '\n';
}

} // namespace

std::string to_octets(const ReplyHead& head, base::Instant now) {
    const auto words =
        boost::beast::http::obsolete_reason(static_cast<boost::beast::http::status>(head.status));
    std::string out = "HTTP/1.1 " + std::to_string(head.status) + ' ';
    out.append(words.data(), words.size());
    const auto field = [&out](std::string_view name, std::string_view value) {
        out.append("\r\n").append(name).append(": ").append(value);
    };
    field("Date", http_date(now));
    if (!head.media_type.empty())
        field("Content-Type", head.media_type);
    else
        field("Content-Type", head.length ? "application/json" : "application/jsonl");
    field("Cache-Control", "no-store");
    if (head.length)
        field("Content-Length", std::to_string(*head.length));
    else
        field("Transfer-Encoding", "chunked");
    if (!head.allow.empty()) field("Allow", head.allow);
    if (head.retry_after) field("Retry-After", std::to_string(head.retry_after->count()));
    if (head.close) field("Connection", "close");
    if (!head.content_policy.empty()) {
        field("Content-Security-Policy", head.content_policy);
        field("X-Content-Type-Options", "nosniff");
        field("X-Frame-Options", "DENY");
        field("Referrer-Policy", "no-referrer");
        field("Cross-Origin-Opener-Policy", "same-origin");
        field("Cross-Origin-Resource-Policy", "same-origin");
    }
    return out.append("\r\n\r\n");
}

std::string content_policy(std::string_view style_hash) {
    std::string out = "default-src 'none'; ";
    if (!style_hash.empty()) out.append("style-src '").append(style_hash).append("'; ");
    return out.append("base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
}

std::string line_of(Json object) {
    Json out = Json::object();
    out["schema"] = schema;
    for (auto& [name, value] : object.items()) out[name] = std::move(value);
    return written(out);
}

std::string line_of(const Error& error) {
    Json inner = Json::object();
    inner["code"] = error.code;
    inner["words"] = error.words;
    if (!error.field.empty()) inner["field"] = error.field;
    if (error.retry_after) inner["retry_after_s"] = error.retry_after->count();
    Json out = Json::object();
    out["error"] = std::move(inner);
    return line_of(std::move(out));
}

std::string chunk(std::string_view octets) {
    std::array<char, 16> size{};
    const auto end = std::to_chars(size.data(), size.data() + size.size(), octets.size(), 16).ptr;
    std::string out(size.data(), end);
    return out.append("\r\n").append(octets).append("\r\n");
}

} // namespace admin
