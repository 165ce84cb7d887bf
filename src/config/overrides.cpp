#include "config/overrides.hpp"

#include "base/text.hpp"
#include "base/utc.hpp"

#include <string>

namespace config {

const std::array<OverrideMember, 6>& override_members() {
    static constexpr std::array<OverrideMember, 6> members{{
        {"domain", Type::text, true, "domain name",
         "The policy domain, such as \"example.com\"; or, with a dot in front, each name below it: "
         "\".example.com\".\n"
         "A suffix has at least two labels."},
        {"action", Type::choice, true, "off | observe | may | encrypt | secure | dane-only",
         "What Postfix gets: \"off\" no opinion (NOTFOUND), \"observe\" the same while the usual answer is "
         "counted,\n"
         "\"may\" TLS where there is some, \"encrypt\" TLS whatever the certificate,\n"
         "\"secure\" TLS with a certificate for one of the names in match, \"dane-only\" DANE, where it is "
         "active."},
        {"match", Type::list, false, "names",
         "Of \"secure\": the names that a certificate may have, as in a policy: \"mx.example.com\", "
         "\"*.example.net\"."},
        {"until", Type::text, false, "date or time",
         "When it ends: \"2027-01-31\" ends at 24:00 UTC, \"2027-01-31T18:00:00+01:00\" at that time.\n"
         "Without it, it never ends."},
        {"reason", Type::text, true, "text", "Why it is there, for people: up to 500 octets."},
        {"weakens", Type::boolean, false, "true | false",
         "It may give less protection than DANE or an enforced policy would.\n"
         "Without it, such an override is held back while there is this protection."},
    }};
    return members;
}

base::Expected<decision::Override, decision::OverrideError> parse_override_table(const OverrideTable& table) {
    decision::OverrideWords words{.domain = table.domain, .action = table.action, .reason = table.reason};
    words.until = table.until;
    words.match.assign(table.match.begin(), table.match.end());
    words.weakens = table.weakens;
    words.configured = true;
    const auto refuse = [&](std::string_view why) {
        return base::unexpected(decision::OverrideError{"until", "\"" + base::printable(table.until, 80) +
                                                                     "\" " + std::string{why}});
    };
    auto made = decision::parse_override(words, base::Instant{});
    if (!made || !made->until) return made;
    // A length counts from the time that is passed: then the end differs.
    const auto later = decision::parse_until(table.until, base::Instant{base::seconds{1}});
    if (!later || *later != *made->until)
        return refuse("is a length of time: it would begin again with each start; write a date, such as "
                      "\"2027-01-31\"");
    if (!base::is_shown(*made->until)) return refuse("is not between the years 1970 and 9999");
    return made;
}

std::vector<OverrideValue> override_values(const decision::Override& entry) {
    std::vector<OverrideValue> values{{"domain", entry.domain},
                                      {"action", std::string{decision::to_string(entry.action)}}};
    std::vector<std::string> names;
    for (const sts::MxPattern& name : entry.match) names.push_back((name.wildcard ? "*." : "") + name.name);
    if (!names.empty()) values.push_back({"match", std::move(names)});
    if (entry.until) values.push_back({"until", base::utc(*entry.until)});
    values.push_back({"reason", entry.reason});
    if (entry.weakens) values.push_back({"weakens", true});
    return values;
}

} // namespace config
