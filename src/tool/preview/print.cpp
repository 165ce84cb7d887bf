#include "tool/preview/result.hpp"

#include "tool/control/texts.hpp"
#include "tool/show/safe_text.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <ostream>

namespace preview {
namespace {

using tool::counted;

constexpr std::array<std::string_view, kinds> labels{
    "fine",      "would wait",    "testing",          "DANE",
    "no policy", "takes no mail", "goes another way", "could not find out"};
constexpr std::array<Kind, kinds> order{Kind::fine, Kind::waits,   Kind::testing,   Kind::dane,
                                        Kind::none, Kind::no_mail, Kind::elsewhere, Kind::unknown};
constexpr std::string_view unknown_hint =
    "Run it again: what is known is kept for a day. `stsmap check DOMAIN` shows all that was seen.";

std::string thousands(std::uint64_t number) {
    std::string text = std::to_string(number);
    for (std::size_t at = text.size(); at > 3; at -= 3) text.insert(at - 3, ",");
    return text;
}

std::string messages(std::uint64_t number) { return counted(static_cast<std::int64_t>(number), "message"); }
std::string domains(std::uint64_t number) { return counted(static_cast<std::int64_t>(number), "domain"); }

std::string right(const std::string& text, std::size_t width) {
    return text.size() >= width ? text : std::string(width - text.size(), ' ') + text;
}
std::string left(std::string_view text, std::size_t width) {
    std::string made(text);
    const std::size_t columns = tool::columns(text);
    if (columns < width) made.append(width - columns, ' ');
    return made;
}

std::string percent(std::uint64_t part, std::uint64_t all) {
    if (all == 0 || part == 0) return "";
    const double share = 100.0 * static_cast<double>(part) / static_cast<double>(all);
    if (share < 0.01) return "< 0.01 %";
    std::array<char, 16> text{};
    std::snprintf(text.data(), text.size(), share < 1 ? "%.2f %%" : "%.1f %%", share);
    return text.data();
}

/// What the log itself says of the connections' TLS; "" nothing.
std::string tls_words(const DomainSum& sum) {
    constexpr std::array<std::string_view, levels> words{"Anonymous", "Untrusted", "Trusted", "Verified"};
    std::string made;
    const auto add = [&made](std::string_view word, std::uint64_t count) {
        if (count == 0) return;
        if (!made.empty()) made += ", ";
        made += std::string(word) + ' ' + thousands(count);
    };
    for (std::size_t level = 0; level < levels; ++level) add(words[level], sum.tls[level]);
    add("none", sum.clear);
    add("reported as failed", sum.reports_bad);
    return made;
}

class Page {
public:
    Page(const Result& result, const Look& look, std::ostream& out)
        : result_(result), look_(look), out_(out) {}

    void print() {
        head();
        if (result_.looked) {
            table();
            lists();
        } else {
            busiest();
        }
        left_out();
        trouble();
        if (result_.looked) last_line();
    }

private:
    void paragraph(const std::string& text) { out_ << tool::wrapped("", text); }

    void head() {
        if (!result_.from_log) {
            paragraph(domains(result_.all.domains) + " with a policy that the daemon knows");
        } else {
            std::string text = messages(result_.all.messages) + " to " + domains(result_.all.domains);
            if (result_.first && result_.last)
                text += ", " + tool::local_text(*result_.first, look_.zone) + " to " +
                        tool::local_text(*result_.last, look_.zone);
            paragraph(text);
            paragraph("From " + result_.source);
        }
        if (!result_.relayhost.empty())
            paragraph("This Postfix sends its mail to relayhost " + tool::safe_text(result_.relayhost, 100) +
                      ": the policy of that host decides, and not that of the recipient's domain.");
        out_ << '\n';
    }

    void table() {
        constexpr std::size_t name = 20, number = 12;
        out_ << left("", name) << right("domains", number);
        if (result_.from_log) out_ << right("messages", number);
        out_ << '\n';
        const auto row = [&](std::string_view label, const Sums& sums, bool share) {
            std::string line = left(label, name) + right(thousands(sums.domains), number);
            if (result_.from_log) {
                line += right(thousands(sums.messages), number);
                if (share) line += right(percent(sums.messages, result_.all.messages), 10);
            }
            out_ << line.substr(0, line.find_last_not_of(' ') + 1) << '\n';
        };
        for (const Kind kind : order)
            if (result_.of(kind).domains != 0 || kind == Kind::fine || kind == Kind::waits)
                row(labels[static_cast<std::size_t>(kind)], result_.of(kind), true);
        row("all", result_.all, false);
    }

    void lists() {
        list(Kind::waits, "Would wait:", SIZE_MAX);
        list(Kind::unknown, "Could not find out:", look_.most);
        list(Kind::elsewhere,
             "Goes another way: to hosts that are no MX hosts of the domain now. If a relay or a table of "
             "this host is "
             "the reason, its policy decides; if the domain has moved, `stsmap check` says more:",
             look_.most);
        std::vector<const Row*> testing;
        for (const Row& row : result_.rows)
            if (row.kind == Kind::testing && row.checked != nullptr && row.checked->enforced == Kind::waits)
                testing.push_back(&row);
        rows("Testing, and would wait with mode enforce:", testing, look_.most);
    }

    void list(Kind kind, const std::string& title, std::size_t most) {
        std::vector<const Row*> chosen;
        for (const Row& row : result_.rows)
            if (row.kind == kind) chosen.push_back(&row);
        rows(title, chosen, most);
        if (kind == Kind::unknown && !chosen.empty()) paragraph(std::string(unknown_hint));
    }

    void rows(const std::string& title, const std::vector<const Row*>& chosen, std::size_t most) {
        if (chosen.empty()) return;
        out_ << '\n';
        paragraph(title);
        for (std::size_t i = 0; i < std::min(most, chosen.size()); ++i) row(*chosen[i]);
        if (chosen.size() > most)
            out_ << "  and " << thousands(chosen.size() - most) << " more: --json has all\n";
    }

    void row(const Row& row) {
        const DomainSum& sum = row.sum;
        std::string line = "  " + left(tool::safe_text(sum.domain, 260), 30);
        if (result_.from_log)
            line += ' ' + messages(sum.messages) + ", last " + tool::local_text(sum.last, look_.zone);
        out_ << line.substr(0, line.find_last_not_of(' ') + 1) << '\n';
        const auto more = [this](const std::string& text) {
            if (!text.empty()) out_ << tool::wrapped("      ", text);
        };
        if (!sum.next_hop.empty())
            more("by the policy of its next hop, " + tool::safe_text(sum.next_hop, 260));
        if (row.checked == nullptr) {
            if (result_.looked) more("not looked at");
        } else {
            more(row.checked->words);
            if (!row.checked->said.empty()) more("Postfix would say: " + row.checked->said);
            more(ages(*row.checked));
        }
        if (row.kind == Kind::elsewhere) more("went to " + used(sum));
        if (sum.waited != 0) more("put off for TLS already: " + messages(sum.waited));
        if (const std::string tls = tls_words(sum); !tls.empty()) more("TLS in the log: " + tls);
    }

    [[nodiscard]] std::string ages(const Checked& checked) const {
        if (look_.now - checked.at < base::seconds{3600}) return "";
        return "looked at " + tool::time_and_age(checked.at, look_.now, look_.zone);
    }

    [[nodiscard]] static std::string used(const DomainSum& sum) {
        std::string made;
        for (const UsedHost& host : sum.hosts) {
            if (!made.empty()) made += ", ";
            made += tool::safe_text(host.name, 260);
        }
        return made;
    }

    void busiest() {
        for (std::size_t i = 0; i < std::min(look_.most, result_.rows.size()); ++i) {
            const DomainSum& sum = result_.rows[i].sum;
            row(result_.rows[i]);
            if (!sum.hosts.empty()) out_ << tool::wrapped("      ", "to " + used(sum));
        }
        if (result_.rows.size() > look_.most)
            out_ << "  and " << thousands(result_.rows.size() - look_.most) << " more: --json has all\n";
    }

    void left_out() {
        std::uint64_t all = 0;
        for (const std::uint64_t count : result_.left_out) all += count;
        if (all == 0) return;
        out_ << "\nLeft out, because MTA-STS has nothing to do with it:\n";
        for (std::size_t kind = 0; kind < left_out_kinds; ++kind)
            if (result_.left_out[kind] != 0)
                out_ << right(thousands(result_.left_out[kind]), 12) << "  "
                     << words_of(static_cast<LeftOut>(kind)) << '\n';
    }

    void trouble() {
        const Lines& lines = result_.lines;
        std::string text;
        const auto add = [&text](std::uint64_t count, std::string_view noun, std::string_view words) {
            if (count == 0) return;
            text += (text.empty() ? "" : "; ") + counted(static_cast<std::int64_t>(count), noun) + ' ' +
                    std::string(words);
        };
        add(lines.broken, "delivery line", "cut or damaged");
        add(lines.undated, "line", "without a time that can be read");
        add(lines.too_long, "line", "too long");
        add(lines.unlinked, "TLS line", "without the delivery that belongs to it");
        add(lines.over_limit, "delivery line", "to domains beyond 1,000,000");
        add(lines.forgotten, "message", "forgotten while in the queue, which may count twice");
        if (!text.empty()) {
            out_ << '\n';
            paragraph("Not counted, or not as far as it could be: " + text + '.');
        }
    }

    void last_line() {
        const Sums& waits = result_.of(Kind::waits);
        out_ << '\n';
        std::string text = "Under enforcement mail to " + thousands(waits.domains) + " of " +
                           domains(result_.all.domains) + " would wait";
        if (result_.from_log)
            text += ", " + thousands(waits.messages) + " of " + messages(result_.all.messages);
        text += '.';
        if (const Sums& unknown = result_.of(Kind::unknown); unknown.domains != 0)
            text += " About " + domains(unknown.domains) + " nothing could be found out.";
        if (result_.stopped) text += " It was stopped early.";
        paragraph(text);
    }

    const Result& result_;
    const Look& look_;
    std::ostream& out_;
};

} // namespace

void print_text(const Result& result, const Look& look, std::ostream& out) {
    Page(result, look, out).print();
}

} // namespace preview
