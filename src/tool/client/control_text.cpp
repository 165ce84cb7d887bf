#include "tool/client/control_text.hpp"

#include <cstdint>
#include <limits>

namespace tool {

namespace {

bool is_unreserved(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

} // namespace

std::string percent_encoded(std::string_view text) {
    static constexpr char digits[] = "0123456789ABCDEF";
    std::string out;
    for (const char c : text) {
        const auto octet = static_cast<unsigned char>(c);
        if (is_unreserved(c))
            out += c;
        else
            out.append("%").append(1, digits[octet >> 4]).append(1, digits[octet & 15]);
    }
    return out;
}

std::string domain_target(std::string_view next_hop, std::string_view behind) {
    std::string target = "/v1/domains/" + percent_encoded(next_hop);
    if (!behind.empty()) target.append("/").append(behind);
    return target;
}

std::string with_query(std::string target, const std::vector<Parameter>& parameters) {
    char mark = target.find('?') == std::string::npos ? '?' : '&';
    for (const auto& [name, value] : parameters) {
        if (value.empty()) continue;
        target.append(1, mark).append(name).append("=").append(percent_encoded(value));
        mark = '&';
    }
    return target;
}

base::Expected<Json, std::string> parse_object(std::string_view text) {
    bool deep = false;
    const auto watch = [&deep](int depth, Json::parse_event_t, const Json&) {
        deep |= depth > max_json_depth;
        return !deep;
    };
    Json object = Json::parse(text, watch, false);
    if (deep) return base::unexpected(std::string("JSON that nests too deep"));
    if (object.is_discarded()) return base::unexpected(std::string("not JSON"));
    if (!object.is_object()) return base::unexpected(std::string("JSON, but no object"));
    if (number_of(object, "schema") != control_schema)
        return base::unexpected(std::string("JSON of another schema than ") + std::to_string(control_schema));
    return object;
}

std::string_view text_of(const Json& object, std::string_view name) {
    const Json& member = member_of(object, name);
    return member.is_string() ? std::string_view(member.get_ref<const std::string&>()) : std::string_view{};
}

std::optional<std::int64_t> number_of(const Json& object, std::string_view name) {
    const Json& member = member_of(object, name);
    if (!member.is_number_integer()) return std::nullopt;
    const bool fits = !member.is_number_unsigned() ||
                      member.get<std::uint64_t>() <= std::uint64_t{std::numeric_limits<std::int64_t>::max()};
    return fits ? std::optional(member.get<std::int64_t>()) : std::nullopt;
}

bool flag_of(const Json& object, std::string_view name) {
    const Json& member = member_of(object, name);
    return member.is_boolean() && member.get<bool>();
}

const Json& member_of(const Json& object, std::string_view name) {
    static const Json none;
    if (!object.is_object()) return none;
    const auto found = object.find(name);
    return found == object.end() ? none : *found;
}

void LineCutter::feed(std::string_view octets) {
    kept_.erase(0, at_);
    looked_at_ -= at_;
    at_ = 0;
    kept_.append(octets);
}

std::optional<std::string_view> LineCutter::next() {
    const std::size_t end = kept_.find('\n', looked_at_);
    looked_at_ = end == std::string::npos ? kept_.size() : end + 1;
    if (end == std::string::npos) return std::nullopt;
    const std::string_view line(kept_.data() + at_, end - at_);
    at_ = end + 1;
    return line;
}

} // namespace tool
