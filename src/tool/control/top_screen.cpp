#include "tool/control/top_screen.hpp"

#include "base/quantiles.hpp"
#include "base/words.hpp"
#include "tool/show/safe_text.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>
#include <vector>

namespace tool {

namespace {

using base::grouped;
using std::chrono::microseconds;

constexpr std::size_t least_columns = 40;
constexpr std::size_t most_troubles = 6, most_resolvers = 4;
/// On a screen of few rows.
constexpr std::size_t few_rows = 30, fewer_troubles = 2, least_failing = 3;
/// Left below the failing domains, for an empty line and for sums().
constexpr std::size_t rows_of_sums = 9;
constexpr std::array<std::string_view, 6> answers{"secure", "dane-only", "notfound",
                                                  "temp",   "may",       "encrypt"};

std::uint64_t count_of(const Json& object, std::string_view name) {
    const auto number = number_of(object, name).value_or(0);
    return number > 0 ? static_cast<std::uint64_t>(number) : 0;
}

double real_of(const Json& object, std::string_view name) {
    const Json& member = member_of(object, name);
    return member.is_number() ? member.get<double>() : 0;
}

std::string left(std::string text, std::size_t width) {
    const std::size_t used = columns(text);
    return used < width ? text.append(width - used, ' ') : text;
}
std::string right(const std::string& text, std::size_t width) {
    const std::size_t used = columns(text);
    return used < width ? std::string(width - used, ' ') + text : text;
}

std::string shown(const Json& object, std::string_view name, std::size_t limit = 260) {
    return safe_text(text_of(object, name), limit);
}

/// The counts of a histogram's buckets; empty when they are not what they should be.
std::vector<std::uint64_t> buckets(const Json& list, std::size_t size) {
    std::vector<std::uint64_t> all;
    if (!list.is_array() || list.size() != size) return all;
    for (const Json& one : list) all.push_back(one.is_number_unsigned() ? one.get<std::uint64_t>() : 0);
    return all;
}

std::vector<microseconds> bounds_of(const Json& list) {
    std::vector<microseconds> all;
    if (!list.is_array() || list.size() > 100) return all;
    for (const Json& one : list) {
        const double ms = one.is_number() ? one.get<double>() : 0;
        all.emplace_back(static_cast<std::int64_t>(std::clamp(ms, 0.0, 1e9) * 1000));
    }
    return all;
}

class Screen {
public:
    Screen(const Json& reply, const Earlier* earlier, const Moment& moment, ScreenSize size, bool colour)
        : reply_(reply), earlier_(earlier), moment_(moment), size_(size), colour_(colour) {
        size_.columns = std::max(size_.columns, least_columns);
        // Another process counts from 0 again.
        if (earlier_ && (number_of(earlier_->reply, "pid") != number_of(reply_, "pid") ||
                         text_of(earlier_->reply, "started") != text_of(reply_, "started") ||
                         earlier_->before.count() <= 0))
            earlier_ = nullptr;
    }

    std::string all() {
        head();
        troubles();
        add("");
        rates();
        add("");
        durations();
        add("");
        failing();
        sums();
        while (size_.rows == 0 && !lines_.empty() && lines_.back().empty()) lines_.pop_back();
        std::string text;
        for (std::size_t i = 0; i < lines_.size() && (size_.rows == 0 || i < size_.rows); ++i)
            text.append(lines_[i]).append("\n");
        return text;
    }

private:
    [[nodiscard]] bool is_low() const { return size_.rows > 0 && size_.rows < few_rows; }
    /// How many failing domains there is room for.
    [[nodiscard]] std::size_t most_failing() const {
        if (size_.rows == 0) return std::numeric_limits<std::size_t>::max();
        const std::size_t used = lines_.size() + rows_of_sums;
        return std::max(least_failing, size_.rows > used ? size_.rows - used : 0);
    }
    void add(const std::string& line, std::string_view code = "") {
        std::string fits = fitted(line, size_.columns);
        if (colour_ && !code.empty()) fits = std::string{"\x1b["}.append(code).append("m") + fits + "\x1b[0m";
        lines_.push_back(std::move(fits));
    }
    /// Under a label, in as many lines as it takes.
    void say(std::string_view label, std::string_view text, std::string_view code = "") {
        std::string line = left(std::string{label}, 11);
        bool empty = true;
        while (!text.empty()) {
            const std::size_t end = std::min(text.find(' '), text.size());
            const std::string_view word = text.substr(0, end);
            text.remove_prefix(std::min(end + 1, text.size()));
            if (word.empty()) continue;
            if (!empty && columns(line) + 1 + columns(word) > size_.columns) {
                add(line, code);
                line = std::string(11, ' ');
                empty = true;
            }
            line.append(empty ? "" : " ").append(word);
            empty = false;
        }
        add(line, code);
    }

    void head() {
        const std::string started{text_of(reply_, "started")};
        const auto at = parse_time(started);
        std::string line = "stsmapd " + shown(reply_, "version", 20) + " on " + shown(reply_, "host", 60);
        if (at) line += ", running for " + length_words(moment_.now - *at);
        if (text_of(reply_, "mode") == "observe") line += ", only observes";
        add(line, "1");
    }

    void troubles() {
        const Json& all = member_of(reply_, "troubles");
        std::size_t count = 0, left_out = 0;
        if (all.is_array())
            for (const Json& one : all) {
                const std::string_view weight = text_of(one, "weight");
                if (weight != "problem" && weight != "warning") continue;
                if (++count > (is_low() ? fewer_troubles : most_troubles)) {
                    ++left_out;
                    continue;
                }
                say(weight == "problem" ? "PROBLEM" : "warning", shown(one, "words", 400),
                    weight == "problem" ? "31" : "33");
            }
        if (left_out > 0) say("", "and " + std::to_string(left_out) + " more: they are on the status page");
        if (count == 0) say("ok", "nothing is wrong", "32");
    }

    [[nodiscard]] std::string period() const {
        if (!earlier_) return "last hour";
        return "last " + base::rounded(std::chrono::duration<double>(earlier_->before).count()) + " s";
    }

    void rates() {
        const Json& hour = member_of(reply_, "hour");
        const auto hour_length = static_cast<double>(std::max<std::uint64_t>(count_of(hour, "length_s"), 1));
        const Json& total = member_of(reply_, "answers");
        std::string head = left("answers", 11);
        if (earlier_) head += right("a second", 12);
        add(head + right("last hour", 12) + right("since the start", 18), "2");
        std::uint64_t sum_now = 0, sum_hour = 0, sum_total = 0;
        for (const std::string_view name : answers) {
            const std::uint64_t now = since(total, "answers", name);
            const std::uint64_t in_hour = count_of(member_of(hour, "answers"), name);
            const std::uint64_t in_all = count_of(total, name);
            sum_now += now;
            sum_hour += in_hour;
            sum_total += in_all;
            if ((name == "may" || name == "encrypt") && in_all == 0) continue;
            answer_row(name, now, in_hour, in_all, name == "temp" && (now > 0 || in_hour > 0) ? "31" : "");
        }
        answer_row("all", sum_now, sum_hour, sum_total, "1");
        if (!earlier_)
            add(left("a second", 11) + right(base::rounded(static_cast<double>(sum_hour) / hour_length), 12));
    }
    void answer_row(std::string_view name, std::uint64_t now, std::uint64_t in_hour, std::uint64_t in_all,
                    std::string_view code) {
        std::string line = left(std::string{name}, 11);
        if (earlier_) line += right(base::rounded(a_second(now)), 12);
        add(line + right(grouped(in_hour), 12) + right(grouped(in_all), 18), code);
    }
    [[nodiscard]] double a_second(std::uint64_t count) const {
        const double seconds = std::chrono::duration<double>(earlier_->before).count();
        return static_cast<double>(count) / seconds;
    }
    /// How much a member of the object has grown.
    [[nodiscard]] std::uint64_t since(const Json& now, std::string_view object, std::string_view name) const {
        if (!earlier_) return 0;
        const std::uint64_t after = count_of(now, name);
        const std::uint64_t before = count_of(member_of(earlier_->reply, object), name);
        return after > before ? after - before : 0;
    }

    void durations() {
        add(left("took", 14) + right("half within", 12) + right("99 % within", 13) + right("answers", 11) +
                "  " + period(),
            "2");
        duration_row("from memory", {"memory", "key"}, "from_memory");
        duration_row("after search", {"network"}, "after_search");
    }
    void duration_row(std::string_view words, const std::vector<std::string_view>& sources,
                      std::string_view of_hour) {
        std::string p50 = "-", p99 = "-";
        std::uint64_t count = 0;
        if (earlier_) {
            const base::Quantiles found = quantiles_since(sources);
            count = found.count;
            if (count > 0) {
                p50 = base::duration_words(found.p50);
                p99 = (found.beyond ? ">" : "") + base::duration_words(found.p99);
            }
        } else {
            const Json& hour = member_of(member_of(reply_, "hour"), of_hour);
            count = count_of(hour, "count");
            if (count > 0) {
                p50 = base::duration_words(of_ms(real_of(hour, "p50_ms")));
                p99 = (flag_of(hour, "beyond") ? ">" : "") +
                      base::duration_words(of_ms(real_of(hour, "p99_ms")));
            }
        }
        add(left(std::string{words}, 14) + right(p50, 12) + right(p99, 13) + right(grouped(count), 11));
    }
    static microseconds of_ms(double ms) {
        return microseconds{static_cast<std::int64_t>(std::clamp(ms, 0.0, 1e9) * 1000)};
    }
    [[nodiscard]] base::Quantiles quantiles_since(const std::vector<std::string_view>& sources) const {
        const Json& now = member_of(reply_, "durations");
        const Json& before = member_of(earlier_->reply, "durations");
        const std::vector<microseconds> bounds = bounds_of(member_of(now, "bounds_ms"));
        if (bounds.empty()) return {};
        std::vector<std::uint64_t> grown(bounds.size() + 1);
        for (const std::string_view source : sources) {
            const auto after = buckets(member_of(now, source), grown.size());
            const auto earlier = buckets(member_of(before, source), grown.size());
            if (after.empty() || earlier.empty()) continue;
            for (std::size_t i = 0; i < grown.size(); ++i)
                grown[i] += after[i] > earlier[i] ? after[i] - earlier[i] : 0;
        }
        return base::quantiles(bounds, grown);
    }

    void sums() {
        const Json& policies = member_of(reply_, "policies");
        const Json& modes = member_of(policies, "by_mode");
        const Json& searches = member_of(reply_, "searches");
        const Json& connections = member_of(reply_, "connections");
        std::uint64_t failing = 0;
        if (const Json& reasons = member_of(policies, "failing"); reasons.is_object())
            for (const auto& [reason, count] : reasons.items())
                failing += count.is_number_unsigned() ? count.get<std::uint64_t>() : 0;
        say("policies", grouped(count_of(modes, "enforce")) + " enforce, " +
                            grouped(count_of(modes, "testing")) + " testing, " +
                            grouped(count_of(modes, "none")) + " none; " + grouped(failing) + " failing, " +
                            grouped(count_of(policies, "expiring")) + " expire within a day, " +
                            grouped(count_of(policies, "overdue")) + " overdue");
        say("clients", grouped(count_of(connections, "open")) + " of " +
                           grouped(count_of(connections, "limit")) + " connections, " +
                           base::counted(count_of(reply_, "waiting"), "waits", "wait"));
        say("under way",
            base::counted(count_of(searches, "flights"), "search", "searches") + ", " +
                base::counted(count_of(searches, "fetches"), "fetch", "fetches") + ", " +
                base::counted(count_of(searches, "dns_questions"), "DNS question", "DNS questions"));
        const Json& dane = member_of(reply_, "dane");
        say("DANE", flag_of(dane, "active") ? "is looked for" : "off: " + shown(dane, "why"));
        resolvers();
        const Json& overrides = member_of(reply_, "overrides");
        if (const std::uint64_t in_all = count_of(overrides, "in_all"); in_all > 0) {
            std::string words =
                grouped(in_all) + ", " + grouped(count_of(overrides, "weakening")) + " weaken";
            const Json& next = member_of(overrides, "next");
            if (next.is_array() && !next.empty())
                if (const auto until = parse_time(text_of(next[0], "until")))
                    words += "; the next one ends " + relative(*until, moment_.now);
            say("overrides", words);
        }
        const Json& store = member_of(reply_, "store");
        const Json& process = member_of(reply_, "process");
        std::string words = flag_of(store, "failing") ? "FAILING, " : "works, ";
        words += base::octets_words(count_of(store, "bytes")) + ", " +
                 base::counted(count_of(store, "rows_waiting"), "policy waits", "policies wait") +
                 "; memory " + base::octets_words(count_of(process, "resident_bytes"));
        if (earlier_)
            words +=
                "; processor " +
                base::rounded(100 *
                              std::max(0.0, real_of(process, "cpu_s") -
                                                real_of(member_of(earlier_->reply, "process"), "cpu_s")) /
                              std::chrono::duration<double>(earlier_->before).count()) +
                " %";
        say("store", words, flag_of(store, "failing") ? "31" : "");
    }

    void resolvers() {
        const Json& all = member_of(reply_, "resolvers");
        if (!all.is_array()) return;
        std::string words;
        std::size_t count = 0;
        for (const Json& one : all) {
            if (++count > most_resolvers) break;
            words.append(words.empty() ? "" : ", ").append(shown(one, "server", 60));
            if (flag_of(one, "silent")) words += " SILENT";
            const std::string_view validates = text_of(one, "validates");
            words += validates == "yes" ? " (validates)" : validates == "no" ? " (does not validate)" : "";
        }
        say("resolvers", words);
    }

    void failing() {
        const Json& all = member_of(reply_, "failing");
        if (!all.is_array() || all.empty()) return;
        const std::size_t name = size_.columns > 78 ? size_.columns - 46 : 32;
        add(left("failing", name) + left(" reason", 22) + right("failures", 9) + "  expires", "2");
        const std::size_t most = most_failing();
        std::size_t count = 0;
        for (const Json& one : all) {
            if (++count > most) break;
            const auto ends = parse_time(text_of(one, "expires_at"));
            add(left(fitted(shown(one, "domain"), name), name) + " " +
                left(fitted(shown(one, "reason", 60), 20), 21) +
                right(grouped(count_of(one, "failures")), 9) + "  " +
                (ends ? relative(*ends, moment_.now) : "-"));
        }
        if (all.size() > most) add("and " + grouped(all.size() - most) + " more: stsmap list --failing", "2");
        add("");
    }

    const Json& reply_;
    const Earlier* earlier_;
    const Moment& moment_;
    ScreenSize size_;
    bool colour_;
    std::vector<std::string> lines_;
};

} // namespace

std::string top_screen(const Json& reply, const Earlier* earlier, const Moment& moment, ScreenSize size,
                       bool colour) {
    return Screen(reply, earlier, moment, size, colour).all();
}

} // namespace tool
