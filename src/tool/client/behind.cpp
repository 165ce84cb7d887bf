#include "tool/client/behind.hpp"

#include "tool/show/safe_text.hpp"

namespace tool {
namespace {

constexpr std::size_t longest = 100; ///< octets of a part

std::string words_of(const Json& document) {
    const std::string rule = safe_text(text_of(document, "rule"), longest);
    const std::string reason = safe_text(text_of(document, "reason"), longest);
    const std::string_view hidden = text_of(document, "hidden");
    const std::string hides = hidden.empty() ? "" : ", hides " + safe_text(hidden, longest);
    if (rule == "mode") return "mode " + safe_text(text_of(member_of(document, "policy"), "mode"), longest);
    if (rule == "observe") return rule + hides;
    if (rule == "override")
        return rule + ' ' + safe_text(text_of(member_of(document, "override"), "action"), longest) + hides;
    if (rule == "overload" || rule == "loading") return rule;
    const Json& get = member_of(document, "get");
    const bool same = !reason.empty() && text_of(get, "reason") == text_of(document, "reason");
    const std::string detail = same ? safe_text(text_of(get, "detail"), longest) : std::string{};
    return reason + (detail.empty() ? "" : ": " + detail);
}

} // namespace

Behind behind(const Json& document) {
    Behind made;
    made.words = words_of(document);
    const auto take = [&made](const char* name, const Json& from, const char* member) {
        if (const Json& value = member_of(from, member); value.is_string() || value.is_number())
            made.members[name] = value;
    };
    const Json& policy = member_of(document, "policy");
    take("rule", document, "rule");
    take("reason", document, "reason");
    take("mode", policy, "mode");
    take("id", member_of(document, "txt"), "id");
    take("age_s", policy, "age_s");
    take("expires_at", policy, "expires_at");
    return made;
}

} // namespace tool
