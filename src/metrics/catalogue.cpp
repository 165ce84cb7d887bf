#include "metrics/catalogue.hpp"

#include "base/mdoc.hpp"
#include "metrics/table.hpp"

#include <nlohmann/json.hpp>

#include <array>
#include <charconv>
#include <chrono>
#include <string_view>
#include <vector>

namespace metrics {

namespace {

/// Where each part of the list begins; the parts are in the order of the table.
struct Part {
    Id first{};
    std::string_view title;
};
constexpr std::array parts{
    Part{Id::build_info, "The daemon"},
    Part{Id::requests_total, "Answers"},
    Part{Id::connections, "Connections"},
    Part{Id::policies, "Policies and overrides"},
    Part{Id::flights, "Searches, HTTPS, DNS and DANE"},
    Part{Id::shared_configured, "The shared cache"},
    Part{Id::store_commits_total, "The store"},
    Part{Id::log_lines_total, "The log"},
    Part{Id::http_requests_total, "The administration"},
    Part{Id::process_cpu_seconds_total, "The process"},
};

/// The one label whose value is of the program that runs.
bool is_open(const Label& label) noexcept { return label.name == "version"; }

double seconds(std::chrono::microseconds bound) noexcept {
    return std::chrono::duration<double>(bound).count();
}

/// As people write it: 0.000025, not 2.5e-05.
std::string decimal(std::chrono::microseconds bound) {
    std::array<char, 32> text{};
    const auto [end, error] =
        std::to_chars(text.data(), text.data() + text.size(), seconds(bound), std::chars_format::fixed);
    return {text.data(), end};
}

/// "a, b, c."
std::string listed(const std::vector<std::string>& words) {
    std::string line;
    for (const std::string& word : words) line.append(line.empty() ? "" : ", ").append(word);
    return line + ".";
}

void append_family(std::string& out, const Family& family) {
    out.append(".It Ic ").append(family.name).append("\n");
    base::append_mdoc(out, "(" + std::string{to_string(family.type)} + ", since " +
                               std::string{family.since} + ")");
    base::append_mdoc(out, family.help);
    for (const Label& label : family.labels) {
        out.append(".br\nLabel\n.Ar ").append(label.name).append(" :\n");
        if (is_open(label))
            base::append_mdoc(out, "as `stsmapd --version` prints it.");
        else
            base::append_mdoc(out, listed({label.values.begin(), label.values.end()}));
    }
    if (family.bounds.empty()) return;
    std::vector<std::string> bounds;
    for (const auto bound : family.bounds) bounds.push_back(decimal(bound));
    out += ".br\n";
    base::append_mdoc(out, "Buckets up to, in seconds: " + listed(bounds));
}

} // namespace

std::string man_metrics() {
    std::string out;
    auto part = parts.begin();
    for (const Family& family : table()) {
        if (part != parts.end() && part->first == family.id) {
            if (!out.empty()) out += ".El\n";
            out.append(".Ss ").append(part->title).append("\n.Bl -tag -width Ds\n");
            ++part;
        }
        append_family(out, family);
    }
    return out + ".El\n";
}

std::string table_json() {
    using Json = nlohmann::ordered_json;
    Json all = Json::array();
    for (const Family& family : table()) {
        Json labels = Json::array();
        for (const Label& label : family.labels)
            labels.push_back({{"name", label.name}, {"values", is_open(label) ? Json() : Json(label.values)}});
        Json one{{"name", family.name},
                 {"type", to_string(family.type)},
                 {"help", family.help},
                 {"since", family.since},
                 {"labels", labels}};
        if (!family.bounds.empty()) {
            Json bounds = Json::array();
            for (const auto bound : family.bounds) bounds.push_back(seconds(bound));
            one["buckets"] = bounds;
        }
        all.push_back(one);
    }
    const Json document{{"schema", 1}, {"families", all}};
    return document.dump(1) + "\n";
}

} // namespace metrics
