#include "tool/publish/print.hpp"

#include "base/utc.hpp"
#include "tool/findings/show.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <ostream>
#include <sstream>

namespace publish {

namespace {

using Json = nlohmann::ordered_json;

void indented(std::ostream& out, const std::string& text, std::string_view indent) {
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) out << indent << line << '\n';
}

void print_step(std::ostream& out, std::size_t number, const Step& step) {
    std::string head = std::to_string(number) + ". ";
    for (const std::string& words : step.words) {
        out << wrapped(head, words);
        head.assign(head.size(), ' ');
    }
    const std::string indent(head.size() + 2, ' ');
    if (!step.command.empty()) out << indent << step.command << '\n';
    if (step.record) {
        out << '\n' << head << "In a zone file:\n" << indent << zone_line(*step.record) << '\n';
        out << head << "In a form:\n";
        indented(out, plain_lines(*step.record), indent);
        out << '\n';
    }
    if (step.wait)
        out << wrapped(head, "Then wait " + tool::length_words(*step.wait) +
                                 (step.why_wait.empty() ? "." : ", " + step.why_wait + "."));
}

Json patterns(const sts::Policy& policy) {
    Json mx = Json::array();
    for (const sts::MxPattern& pattern : policy.mx) mx.push_back(to_string(pattern));
    return mx;
}

} // namespace

std::string wrapped(const std::string& head, std::string_view text) {
    constexpr std::size_t width = 79;
    std::string out = head;
    std::size_t column = head.size();
    const std::string indent(head.size(), ' ');
    bool fresh = true;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find(' '), text.size());
        if (!fresh && column + 1 + end > width) {
            out += '\n' + indent;
            column = indent.size();
            fresh = true;
        }
        if (!fresh) out += ' ';
        out += text.substr(0, end);
        column += end + (fresh ? 0 : 1);
        fresh = false;
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return out + '\n';
}

void print_next(const std::string& domain, const Next& next, std::ostream& out) {
    out << wrapped("", domain + ": " + next.words);
    if (!next.findings.empty()) out << '\n';
    for (const findings::Finding& finding : next.findings) {
        out << shown_in("", finding);
        if (!finding.row->todo.empty()) out << wrapped("    ", finding.row->todo);
    }
    if (!next.plan) return;
    if (!next.plan->text.empty()) {
        out << "\nThe policy, mta-sts.txt:\n\n";
        indented(out, next.plan->text, "    ");
    }
    out << "\nWhat to do, in this order:\n\n";
    for (std::size_t i = 0; i < next.plan->steps.size(); ++i) print_step(out, i + 1, next.plan->steps[i]);
}

void print_held(const std::vector<Held>& held, base::Instant now, const tool::Zone& zone, std::ostream& out) {
    if (held.empty()) return;
    out << "\nSenders may still hold:\n";
    for (const Held& one : held) {
        std::string text = "mode " + std::string(sts::to_string(one.policy.mode));
        if (!one.id.empty()) text += ", id " + one.id;
        text += ": until " + tool::time_and_age(one.until, now, zone);
        if (one.current) text += ", and longer if they get it later, as it is served now";
        out << wrapped("  ", text);
        std::string mx;
        for (const sts::MxPattern& pattern : one.policy.mx)
            mx += (mx.empty() ? "mx " : " ") + to_string(pattern);
        if (!mx.empty()) out << wrapped("    ", mx);
    }
}

void put_next(Json& object, const Next& next) {
    object["step"] = next.step;
    object["words"] = next.words;
    if (next.plan) {
        const Plan& plan = *next.plan;
        if (!plan.text.empty())
            object["policy"] = {{"text", plan.text},
                                {"mode", sts::to_string(plan.policy.mode)},
                                {"max_age_s", plan.policy.max_age.count()},
                                {"mx", patterns(plan.policy)}};
        if (!plan.id.empty()) object["id"] = plan.id;
        object["steps"] = Json::array();
        for (const Step& step : plan.steps) {
            Json one{{"do", to_string(step.what)}, {"words", step.words}};
            if (!step.command.empty()) one["command"] = step.command;
            if (step.record)
                one["record"] = {{"name", step.record->name},
                                 {"type", "TXT"},
                                 {"ttl_s", record_ttl.count()},
                                 {"value", step.record->value},
                                 {"zone", zone_line(*step.record)}};
            if (step.wait) {
                one["wait_s"] = step.wait->count();
                one["why_wait"] = step.why_wait;
            }
            object["steps"].push_back(std::move(one));
        }
    }
    object["findings"] = Json::array();
    for (const findings::Finding& finding : next.findings) object["findings"].push_back(to_json(finding));
}

void put_held(Json& object, const std::vector<Held>& held) {
    object["held"] = Json::array();
    for (const Held& one : held) {
        Json item{{"mode", sts::to_string(one.policy.mode)}, {"mx", patterns(one.policy)}};
        if (!one.id.empty()) item["id"] = one.id;
        item["max_age_s"] = one.policy.max_age.count();
        item["until"] = base::utc(one.until);
        item["current"] = one.current;
        object["held"].push_back(std::move(item));
    }
}

} // namespace publish
