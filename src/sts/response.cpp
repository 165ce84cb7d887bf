#include "sts/response.hpp"

#include "base/text.hpp"

namespace sts {

namespace {

using base::Reason;

/// True when a comma stands outside a quoted-string (RFC 9110 section 5.6.4): the field is a list.
bool is_list(std::string_view parameters) {
    bool quoted = false;
    for (std::size_t i = 0; i < parameters.size(); ++i) {
        if (quoted && parameters[i] == '\\')
            ++i;
        else if (parameters[i] == '"')
            quoted = !quoted;
        else if (parameters[i] == ',' && !quoted)
            return true;
    }
    return false;
}

bool is_plain_text(std::string_view field) {
    const std::size_t end = field.find(';');
    if (!base::iequals(base::trim_wsp(field.substr(0, end)), "text/plain")) return false;
    return end == std::string_view::npos || !is_list(field.substr(end));
}

/// True when every coding of the list is identity; an empty list applies none.
bool is_identity(std::string_view field) {
    for (;;) {
        const std::size_t comma = field.find(',');
        const std::string_view coding = base::trim_wsp(field.substr(0, comma));
        if (!coding.empty() && !base::iequals(coding, "identity")) return false;
        if (comma == std::string_view::npos) return true;
        field.remove_prefix(comma + 1);
    }
}

} // namespace

Reason judge(const ResponseHead& head) {
    if (head.status >= 300 && head.status < 400) return Reason::http_redirect;
    if (head.status != 200) return Reason::http_status;
    if (head.content_type.size() != 1 || !is_plain_text(head.content_type.front()))
        return Reason::http_media_type;
    for (std::string_view field : head.content_encoding)
        if (!is_identity(field)) return Reason::http_encoding;
    return Reason::none;
}

} // namespace sts
