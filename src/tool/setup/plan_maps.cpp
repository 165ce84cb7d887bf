#include "tool/setup/plan_maps.hpp"

#include "tool/setup/plan_parts.hpp"
#include "tool/setup/plan_reach.hpp"

#include <algorithm>

namespace setup {
namespace {

constexpr std::string_view parameter = "smtp_tls_policy_maps";

void remark(Plan& plan, std::string id, Remark::Kind kind, std::string words, std::string fix = {}) {
    plan.remarks.push_back({kind, std::string(parameter), std::move(words), std::move(fix), std::move(id)});
}

std::string version_words(bool attributes) {
    return attributes ? "Postfix 3.10 and newer: answers with the attributes for TLSRPT and MX names"
                      : "Postfix before 3.10: plain answers";
}

/// A list during the planning: its elements, and what was found among them.
struct List {
    std::vector<std::string> elements;
    std::optional<std::size_t> ours, other;

    void look(const OurPlaces& places) {
        ours = other = std::nullopt;
        for (std::size_t i = 0; i < elements.size(); ++i) {
            const MapKind kind = kind_of(elements[i], places);
            if (kind == MapKind::ours && !ours) ours = i;
            if (kind == MapKind::other_sts && !other) other = i;
        }
    }
};

/// Our element is in the list: makes sure that it has the right form and occurs once.
void correct(const Installed& postfix, const Surroundings& around, const Wishes& wishes,
             std::string_view name, List& list, Plan& plan, std::string& why) {
    const OurPlaces& places = around.ours;
    Socketmap map = *parse_socketmap(list.elements[*list.ours]);
    if (auto move = move_of(postfix, around, wishes, list.elements[*list.ours], plan)) {
        map = std::move(move->to);
        list.elements[*list.ours] = to_string(map);
        why = std::move(move->why);
    }
    const bool wanted = postfix.version >= attributes_since;
    if (asks_for_attributes(map) != wanted) {
        map.name = name;
        list.elements[*list.ours] = to_string(map);
        why.append(why.empty() ? "" : "; ").append(version_words(wanted));
        if (!wanted) why += "; this Postfix defers all mail to domains with a policy otherwise";
    }
    const std::size_t first = *list.ours;
    for (std::size_t i = list.elements.size(); i-- > first + 1;) {
        if (kind_of(list.elements[i], places) != MapKind::ours) continue;
        list.elements.erase(list.elements.begin() + static_cast<std::ptrdiff_t>(i));
        why += std::string(why.empty() ? "" : "; ") + "the map is in the list twice";
    }
    if (map.proxied)
        remark(plan, "map-proxied", Remark::Kind::warning,
               "the map is asked through proxymap(8), which asks for one domain at a time: a slow lookup "
               "holds up "
               "others",
               "take \"proxy:\" out of it");
    if (map.unix_socket && map.place.starts_with('/') &&
        std::ranges::any_of(postfix.services, [](const Service& service) { return service.chroot; }))
        remark(
            plan, "map-absolute", Remark::Kind::warning,
            "the map's path is absolute: smtp(8) opens it within its chroot in one service and outside of it "
            "in another",
            "write it relative to the queue directory, " + postfix.value("queue_directory"));
}

/// Elements after ours are only asked when ours has no opinion.
void look_behind(const List& list, const OurPlaces& places, Plan& plan) {
    if (!list.ours) return;
    for (std::size_t i = *list.ours + 1; i < list.elements.size(); ++i) {
        const MapKind kind = kind_of(list.elements[i], places);
        if (kind == MapKind::ours) continue;
        remark(plan, "map-after-ours", Remark::Kind::warning,
               list.elements[i] +
                   " comes after stsmapd's map: domains with an enforced policy never reach it",
               kind == MapKind::other_sts ? "take it out of the list"
                                          : "put your own exceptions before stsmapd's map");
    }
}

} // namespace

void plan_maps(const Installed& postfix, const Surroundings& around, const Wishes& wishes, Plan& plan) {
    const OurPlaces& places = around.ours;
    const std::string written = postfix.written(parameter).value_or("");
    const bool wanted = postfix.version >= attributes_since;
    const std::string name = wanted ? "sts-tlsrpt" : "sts";
    List expanded{split_maps(postfix.value(parameter)), {}, {}}, list{split_maps(written), {}, {}};
    expanded.look(places);
    list.look(places);

    if (expanded.ours && !list.ours) { // it comes from another parameter
        const std::string& element = expanded.elements[*expanded.ours];
        plan.map = element;
        if (const auto move = move_of(postfix, around, wishes, element, plan)) {
            remark(plan, "map-elsewhere", Remark::Kind::refusal,
                   move->why + "; it comes from a parameter that " + std::string(parameter) + " names",
                   "write " + to_string(move->to) + " where it is written");
        } else if (asks_for_attributes(*parse_socketmap(element)) == wanted) {
            plan.in_force = true;
        } else {
            remark(plan, "map-form-elsewhere", Remark::Kind::refusal,
                   element + " comes from a parameter that " + std::string(parameter) +
                       " names, and is the wrong form for Postfix " + postfix.version_text,
                   "give the map the name " + name + " where it is written");
        }
        look_behind(expanded, places, plan);
        return;
    }
    std::string why;
    if (expanded.other) {
        const std::string& element = expanded.elements[*expanded.other];
        const std::string daemon = element + " (" + other_daemon(element) + ")";
        if (list.ours) {
            remark(plan, "map-two-daemons", Remark::Kind::warning,
                   "two MTA-STS daemons are in the list; " + daemon +
                       " is one: the first that knows a policy decides, and both must be up for any mail to "
                       "flow",
                   "take it out of the list");
        } else if (!wishes.replace_other_daemon) {
            remark(plan, "map-another-daemon", Remark::Kind::refusal,
                   "another MTA-STS daemon is in the list: " + daemon +
                       "; behind it stsmapd would only be asked for domains without a policy, and both would "
                       "have "
                       "to be up for any mail to flow",
                   setup_command(postfix, "--replace --apply") + " puts stsmapd in its place");
            return;
        } else if (!list.other) {
            remark(plan, "map-another-daemon", Remark::Kind::refusal,
                   daemon + " comes from a parameter that " + std::string(parameter) + " names",
                   "take it out where it is written");
            return;
        }
    }
    if (list.ours) {
        correct(postfix, around, wishes, name, list, plan, why);
        plan.in_force = why.empty();
        plan.map = list.elements[*list.ours];
    } else {
        const bool refused = plan.refused();
        const auto element = pick_element(postfix, around, wishes, name, plan);
        if (!element && !refused && plan.refused()) return; // the reason is in the plan
        if (!element) {
            remark(plan, "map-no-address", Remark::Kind::refusal,
                   "stsmapd's configuration lists no address that Postfix could ask",
                   "set listen in stsmapd.toml");
            return;
        }
        if (element->unix_socket && element->place.starts_with('/') && any_chroot(postfix)) {
            remark(plan, "map-outside-chroot", Remark::Kind::refusal,
                   "smtp(8) runs in a chroot, " + postfix.value("queue_directory") +
                       ", and stsmapd's socket, " + element->place + ", is not in it",
                   "let stsmapd listen at unix:" + postfix.value("queue_directory") +
                       "/stsmapd/socketmap or tcp:127.0.0.1:8461");
            return;
        }
        plan.map = to_string(*element);
        if (list.other) {
            why = "in the place of " + other_daemon(list.elements[*list.other]) + "; ";
            list.elements[*list.other] = plan.map;
        } else {
            if (!list.elements.empty()) why = "last in the list, so that your own exceptions go before it; ";
            list.elements.push_back(plan.map);
        }
        why += version_words(wanted);
    }
    list.look(places);
    look_behind(list, places, plan);
    if (!why.empty())
        plan.changes.push_back({std::string(parameter), postfix.written(parameter), join_maps(list.elements),
                                std::move(why), true, "set-smtp-tls-policy-maps"});
}

} // namespace setup
