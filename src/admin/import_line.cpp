#include "admin/import_line.hpp"

#include "base/text.hpp"
#include "decision/override.hpp"
#include "sts/policy.hpp"

#include <algorithm>
#include <utility>

namespace admin {

using base::Instant;

namespace {

constexpr std::size_t max_id = 32; // RFC 8461 section 3.1

bool is_id(std::string_view id) {
    const auto good = [](char c) {
        const char low = base::ascii_lower(c);
        return (low >= 'a' && low <= 'z') || (c >= '0' && c <= '9');
    };
    return !id.empty() && id.size() <= max_id && std::ranges::all_of(id, good);
}

/// A member that is a string; the error names it.
base::Expected<std::string, std::string> text_of(const Json& object, const char* name) {
    const auto found = object.find(name);
    if (found == object.end()) return base::unexpected(std::string{"no "} + name);
    if (!found->is_string()) return base::unexpected(std::string{name} + " is no text");
    return found->get<std::string>();
}

base::Expected<Instant, std::string> time_of(const Json& object, const char* name) {
    const auto text = text_of(object, name);
    if (!text) return base::unexpected(text.error());
    // Only a point of time: no duration from now, no bare date.
    const auto at = decision::parse_until(*text, Instant{});
    if (!at || text->find(':') == std::string::npos)
        return base::unexpected(std::string{name} + " is no time like 2027-01-31T18:00:00Z");
    return *at;
}

base::Expected<ImportLine, std::string> policy_line(const Json& object) {
    const auto name = text_of(object, "domain");
    if (!name) return base::unexpected(name.error());
    auto domain = base::Domain::parse(*name);
    if (!domain || domain->name().size() > base::max_policy_domain || domain->labels() < 2)
        return base::unexpected(base::printable(*name, 100) + " is no policy domain");
    auto text = text_of(object, "text"), id = text_of(object, "id");
    if (!text) return base::unexpected(text.error());
    if (text->size() > sts::max_policy_size) return base::unexpected(std::string{"the text is over 64 KiB"});
    if (!id) return base::unexpected(id.error());
    if (!is_id(*id)) return base::unexpected(std::string{"the id is not 1 to 32 letters and digits"});
    const auto fetched_at = time_of(object, "fetched_at");
    if (!fetched_at) return base::unexpected(fetched_at.error());
    Instant last_asked = *fetched_at;
    if (object.contains("last_asked")) {
        const auto at = time_of(object, "last_asked");
        if (!at) return base::unexpected(at.error());
        last_asked = *at;
    }
    return PolicyLine{*std::move(domain), *std::move(text), *std::move(id), *fetched_at, last_asked};
}

/// What is nested deeper is not kept: a line is a flat object, of an override with one list.
constexpr int max_depth = 3;

} // namespace

base::Expected<ImportLine, std::string> read_line(std::string_view line) {
    const auto shallow = [](int depth, Json::parse_event_t, Json&) { return depth <= max_depth; };
    const Json object = Json::parse(line, shallow, false);
    if (object.is_discarded() || !object.is_object()) return base::unexpected(std::string{"no JSON object"});
    const auto version = object.find("schema");
    if (version == object.end() || *version != schema)
        return base::unexpected("the schema is not " + std::to_string(schema));
    const auto kind = text_of(object, "kind");
    if (!kind) return base::unexpected(kind.error());
    if (*kind == "policy") return policy_line(object);
    if (*kind == "override") return OverrideLine{object};
    if (*kind == "end") return EndLine{};
    return base::unexpected("unknown kind " + base::printable(*kind, 40));
}

std::optional<std::string> LineCutter::next() {
    for (;;) {
        const std::size_t newline = rest_.find('\n', at_);
        if (newline == std::string::npos) {
            rest_.erase(0, at_);
            at_ = 0;
            if (skipping_) rest_.clear();
            if (rest_.size() > max_import_line) {
                rest_.clear();
                skipping_ = true;
                return std::string{};
            }
            if (!ended_ || rest_.empty()) return std::nullopt;
            return std::exchange(rest_, {});
        }
        std::string line = rest_.substr(at_, newline - at_);
        at_ = newline + 1;
        if (std::exchange(skipping_, false)) continue; // the rest of one that was too long
        if (line.size() > max_import_line) return std::string{};
        return line;
    }
}

} // namespace admin
