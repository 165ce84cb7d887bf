#include "sts/response.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <cstddef>

namespace sts {

namespace {

using base::Reason;

/// The elements of a list of media types, one after the other. Each octet is read once or twice.
class MediaTypes {
public:
    explicit MediaTypes(std::string_view field) : rest_(field) {}

    std::optional<std::string_view> next() {
        if (!rest_) return std::nullopt;
        const std::size_t end = end_of_element();
        const std::string_view element = rest_->substr(0, end);
        if (end == rest_->size())
            rest_.reset();
        else
            rest_->remove_prefix(end + 1);
        return element;
    }

private:
    /// A comma within a quoted-string (RFC 9110 section 5.6.4) does not end an element. If a quote is never
    /// closed, neither it nor those after it start a quoted-string: what follows may be another type.
    std::size_t end_of_element() {
        std::size_t at = 0;
        for (;;) {
            at = std::min(quotes_ ? rest_->find_first_of(",\"", at) : rest_->find(',', at), rest_->size());
            if (at == rest_->size() || (*rest_)[at] == ',') return at;
            std::size_t close = at + 1;
            while (close < rest_->size() && (*rest_)[close] != '"') close += (*rest_)[close] == '\\' ? 2 : 1;
            quotes_ = close < rest_->size();
            at = quotes_ ? close + 1 : at;
        }
    }

    std::optional<std::string_view> rest_; // nullopt: after the last element
    bool quotes_ = true;
};

enum class Types { none, plain, other };

/// What kind of types a field has. Empty elements do not count (RFC 9110 section 5.6.1).
Types types_of(std::string_view field) {
    Types types = Types::none;
    MediaTypes elements(field);
    while (const auto element = elements.next()) {
        if (base::iequals(base::trim_wsp(element->substr(0, element->find(';'))), "text/plain"))
            types = Types::plain;
        else if (!base::trim_wsp(*element).empty())
            return Types::other;
    }
    return types;
}

bool all_plain(std::span<const std::string_view> fields) {
    bool any = false;
    for (const std::string_view field : fields) {
        const Types types = types_of(field);
        if (types == Types::other) return false;
        any = any || types == Types::plain;
    }
    return any;
}

/// True when every coding in the list is identity; true for an empty list.
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
    if (!all_plain(head.content_type)) return Reason::http_media_type;
    for (std::string_view field : head.content_encoding)
        if (!is_identity(field)) return Reason::http_encoding;
    return Reason::none;
}

} // namespace sts
