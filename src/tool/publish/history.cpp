#include "tool/publish/history.hpp"

#include "base/utc.hpp"
#include "tool/show/times.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace publish {

namespace {

using nlohmann::ordered_json;

constexpr std::size_t longest_text = 2 * sts::max_policy_size;

std::optional<std::string> text_of(const ordered_json& object, const char* name) {
    const auto found = object.find(name);
    if (found == object.end() || !found->is_string()) return std::nullopt;
    const std::string& text = found->get_ref<const std::string&>();
    if (text.size() > longest_text) return std::nullopt;
    return text;
}

std::optional<base::Instant> time_of(const ordered_json& object, const char* name) {
    const auto text = text_of(object, name);
    return text ? tool::parse_time(*text) : std::nullopt;
}

} // namespace

History with(History history, std::string text, std::string id, base::Instant now) {
    std::vector<Served>& served = history.served;
    if (!served.empty() && served.back().text == text && served.back().id == id) {
        served.back().last_seen = std::max(served.back().last_seen, now);
        return history;
    }
    served.push_back({std::move(text), std::move(id), now, now});
    if (served.size() > max_history)
        served.erase(served.begin(), served.end() - static_cast<std::ptrdiff_t>(max_history));
    return history;
}

std::vector<Held> held(const History& history, base::Instant now) {
    std::vector<Held> all;
    const std::vector<Served>& served = history.served;
    for (std::size_t i = served.size(); i-- > 0;) {
        const auto policy = sts::parse_policy(served[i].text);
        if (!policy) continue; // nobody could keep it
        const bool current = i + 1 == served.size();
        // Until the next one was seen, this one may have been served.
        const base::Instant last = current ? served[i].last_seen : served[i + 1].first_seen;
        const base::Instant until = last + policy->max_age;
        if (until > now || current) all.push_back({*policy, served[i].id, until, current});
    }
    return all;
}

Change last_change(const History& history) noexcept {
    const std::vector<Served>& served = history.served;
    if (served.empty()) return Change::unknown;
    if (served.size() == 1)
        return served.back().first_seen == served.back().last_seen ? Change::unknown : Change::none;
    const Served &now = served.back(), &before = served[served.size() - 2];
    const bool text = now.text != before.text, id = now.id != before.id;
    if (text) return id ? Change::both : Change::text_only;
    // The id that was forgotten came later: together they are one change.
    const bool repaired = served.size() > 2 && served[served.size() - 3].text != before.text &&
                          served[served.size() - 3].id == before.id;
    return repaired ? Change::both : Change::id_only;
}

std::string write_history(const History& history) {
    ordered_json document{{"schema", 1}, {"domain", history.domain}, {"served", ordered_json::array()}};
    for (const Served& one : history.served)
        document["served"].push_back({{"text", one.text},
                                      {"id", one.id},
                                      {"first_seen", base::utc(one.first_seen)},
                                      {"last_seen", base::utc(one.last_seen)}});
    return document.dump(2, ' ', true, ordered_json::error_handler_t::replace) + "\n";
}

base::Expected<History, std::string> read_history(std::string_view text) {
    const auto fail = [](const char* words) { return base::unexpected(std::string(words)); };
    if (text.size() > max_history_file) return fail("longer than 4 MiB");
    const auto document = ordered_json::parse(text, nullptr, false);
    if (!document.is_object() || document.value("schema", ordered_json()) != 1)
        return fail("no JSON object with \"schema\": 1");
    History history;
    const auto domain = text_of(document, "domain");
    const auto list = document.find("served");
    if (!domain || list == document.end() || !list->is_array() || list->size() > max_history)
        return fail("domain or served is missing");
    history.domain = *domain;
    for (const ordered_json& one : *list) {
        if (!one.is_object()) return fail("an entry of served is no object");
        auto body = text_of(one, "text"), id = text_of(one, "id");
        const auto first = time_of(one, "first_seen"), last = time_of(one, "last_seen");
        if (!body || !id || !first || !last)
            return fail("an entry of served lacks text, id, first_seen or last_seen");
        history.served.push_back({std::move(*body), std::move(*id), *first, *last});
    }
    return history;
}

} // namespace publish
