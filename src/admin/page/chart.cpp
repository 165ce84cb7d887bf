#include "admin/page/chart.hpp"

#include "base/words.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

namespace page {

namespace {

constexpr double width = 600, height = 100; ///< of the view box: ten units are a minute
constexpr double per_second = width / 3600;

/// With at most one decimal.
void put(std::string& out, double number) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%.1f", std::clamp(number, -1000.0, 1000.0));
    std::string_view shown{text.data()};
    if (shown.ends_with(".0")) shown.remove_suffix(2);
    out.append(shown == "-0" ? "0" : shown);
}

std::string opening(std::string_view label) {
    return std::string{R"(<svg viewBox="0 0 600 100" preserveAspectRatio="none" role="img" aria-label=")"}
        .append(label)
        .append("\">");
}

void grid(std::string& out, std::initializer_list<double> at) {
    out += R"(<path class="grid" d=")";
    for (const double y : at) {
        out += "M0 ";
        put(out, y);
        out += "h600";
    }
    out += "\"/>";
}

struct Place {
    double left, wide;
};
Place place(const Hour::Part& part) {
    const double right = width - static_cast<double>(part.ago.count()) * per_second;
    const double left = std::max(right - static_cast<double>(part.length.count()) * per_second, 0.0);
    return {left, std::max(right - left, 0.0)};
}

double a_minute(std::uint64_t count, const Hour::Part& part) {
    return static_cast<double>(count) * 60 /
           static_cast<double>(std::max<std::int64_t>(part.length.count(), 1));
}

std::string within(std::string_view what, const Quantiles& quantiles) {
    if (quantiles.count == 0) return "";
    return "; " + std::string{what} + " 99 % within " + base::duration_words(quantiles.p99);
}

/// What a browser shows for a minute under the pointer. Numbers and words of ours: nothing needs escaping.
void hits(std::string& out, const Hour::View& hour, bool durations) {
    for (const Hour::Part& part : hour.parts) {
        const auto [left, wide] = place(part);
        out += R"(<rect class="hit" y="0" height="100" x=")";
        put(out, left);
        out += "\" width=\"";
        put(out, wide);
        out += "\"><title>";
        out += base::length_words(part.ago + part.length) +
               " ago: " + base::counted(part.total(), "answer", "answers");
        if (durations) {
            out += within("from memory", part.memory) + within("after a search", part.network);
        } else {
            for (std::size_t answer = 0; answer < answers; ++answer)
                if (part.by_answer[answer] > 0)
                    out.append(", ")
                        .append(base::grouped(part.by_answer[answer]))
                        .append(" ")
                        .append(to_string(static_cast<Answer>(answer)));
        }
        out += "</title></rect>";
    }
}

/// Where a duration is on the axis.
double depth(std::chrono::microseconds duration) {
    const double decades = std::log10(std::max(static_cast<double>(duration.count()), 10.0)) - 1;
    return height * (1 - std::min(decades / 6, 1.0));
}

void line(std::string& out, const Hour::View& hour, std::string_view kind, Quantiles Hour::Part::*of,
          std::chrono::microseconds Quantiles::*which) {
    std::string path;
    bool drawing = false;
    for (const Hour::Part& part : hour.parts) {
        const Quantiles& quantiles = part.*of;
        if (quantiles.count == 0) {
            drawing = false;
            continue;
        }
        const auto [left, wide] = place(part);
        path += drawing ? "L" : "M";
        put(path, left + wide / 2);
        path += ' ';
        put(path, depth(quantiles.*which));
        if (!drawing) path += "h0"; // so that a single minute is a dot
        drawing = true;
    }
    if (!path.empty())
        out.append("<path class=\"line ").append(kind).append("\" d=\"").append(path).append("\"/>");
}

} // namespace

std::string_view to_string(Answer answer) noexcept {
    switch (answer) {
    case Answer::secure: return "secure";
    case Answer::dane_only: return "dane-only";
    case Answer::notfound: return "notfound";
    case Answer::temp: return "temp";
    case Answer::may: return "may";
    case Answer::encrypt: break;
    }
    return "encrypt";
}

double axis_top(double most) noexcept {
    double unit = 10;
    while (unit < 1e15) {
        for (const double factor : {1.0, 2.0, 5.0})
            if (most <= unit * factor) return unit * factor;
        unit *= 10;
    }
    return unit;
}

double most_a_minute(const Hour::View& hour) noexcept {
    double most = 0;
    for (const Hour::Part& part : hour.parts) most = std::max(most, a_minute(part.total(), part));
    return most;
}

std::string answers_chart(const Hour::View& hour) {
    const double top = axis_top(most_a_minute(hour));
    std::string out =
        opening("Answers of each minute of the last hour, by kind; the table below has the sums");
    grid(out, {0, 50});
    std::array<double, Hour::minutes + 1> below{};
    // What matters most stands lowest.
    for (const Answer answer :
         {Answer::temp, Answer::secure, Answer::dane_only, Answer::encrypt, Answer::may, Answer::notfound}) {
        std::string path;
        for (std::size_t at = 0; at < std::min(hour.parts.size(), below.size()); ++at) {
            const Hour::Part& part = hour.parts[at];
            const std::uint64_t count = part.by_answer[static_cast<std::size_t>(answer)];
            if (count == 0) continue;
            const auto [left, wide] = place(part);
            // A single TEMP among thousands is seen, too.
            const double least = answer == Answer::temp ? 2 : 0;
            const double high = std::max(height * a_minute(count, part) / top, least);
            const double gap = wide > 3 ? 1 : 0;
            path += 'M';
            put(path, left + gap);
            path += ' ';
            put(path, height - below[at]);
            path += 'h';
            put(path, wide - gap);
            path += "v-";
            put(path, high);
            path += 'H';
            put(path, left + gap);
            path += 'z';
            below[at] += high;
        }
        if (!path.empty())
            out.append("<path class=\"k-")
                .append(to_string(answer))
                .append("\" d=\"")
                .append(path)
                .append("\"/>");
    }
    hits(out, hour, false);
    return out + "</svg>";
}

std::string durations_chart(const Hour::View& hour) {
    std::string out = opening(
        "How long the answers of each minute of the last hour took; the table below has the whole hour");
    grid(out, {0, height / 6, height / 3, height / 2, height * 2 / 3, height * 5 / 6});
    line(out, hour, "l-mem half", &Hour::Part::memory, &Quantiles::p50);
    line(out, hour, "l-net half", &Hour::Part::network, &Quantiles::p50);
    line(out, hour, "l-mem", &Hour::Part::memory, &Quantiles::p99);
    line(out, hour, "l-net", &Hour::Part::network, &Quantiles::p99);
    hits(out, hour, true);
    return out + "</svg>";
}

std::string bar(std::size_t part, std::size_t all, std::string_view kind) {
    const double share = all == 0 ? 0 : 100 * static_cast<double>(part) / static_cast<double>(all);
    std::string out = "<svg class=\"bar";
    if (!kind.empty()) out.append(" ").append(kind);
    out +=
        R"(" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true"><rect height="10" width=")";
    put(out, part == 0 ? 0 : std::max(share, 1.0));
    return out + "\"/></svg>";
}

} // namespace page
