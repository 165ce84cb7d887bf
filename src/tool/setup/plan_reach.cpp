#include "tool/setup/plan_reach.hpp"

#include "tool/setup/plan_parts.hpp"
#include "tool/setup/undo.hpp"

#include <algorithm>
#include <filesystem>

namespace setup {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view parameter = "smtp_tls_policy_maps";

void remark(Plan& plan, Remark::Kind kind, std::string id, std::string words, std::string fix) {
    plan.remarks.push_back({kind, std::string(parameter), std::move(words), std::move(fix), std::move(id)});
}

std::string queue_of(const Installed& postfix) { return postfix.value("queue_directory"); }

MapList main_list(const Installed& postfix, const Contacts& contacts) {
    return lists_of(postfix, contacts.root).front();
}

bool answers_everywhere(const Socketmap& map, const MapList& list, const Contacts& contacts) {
    return std::ranges::all_of(ways_to(map, list, contacts), [&](const Way& way) {
        const Reached* reached = contacts.find(place_of(map), way);
        return reached != nullptr && reached->answers();
    });
}

/// For those ways that got no answer: where it was asked, and the result.
std::string troubles(const Socketmap& map, const MapList& list, const Contacts& contacts) {
    std::string words;
    for (const Way& way : ways_to(map, list, contacts)) {
        const Reached* reached = contacts.find(place_of(map), way);
        if (reached == nullptr || reached->answers()) continue;
        const std::string who = to_string(way);
        words.append(words.empty() ? "" : "; ").append(who.empty() ? "" : who + ": ").append(reached->words);
    }
    return words;
}

const Reached* first(const Socketmap& map, const MapList& list, const Contacts& contacts,
                     Reached::Kind kind) {
    for (const Way& way : ways_to(map, list, contacts))
        if (const Reached* reached = contacts.find(place_of(map), way);
            reached != nullptr && reached->kind == kind)
            return reached;
    return nullptr;
}

std::string permission_fix(const Reached& reached) {
    if (!reached.closed.empty()) return "chmod a+x " + shell_quoted(reached.closed);
    return "the socket must belong to Postfix's group: SocketGroup=postfix and SocketMode=0660 in "
           "stsmapd.socket, or "
           "the option socket in stsmapd.toml";
}

std::optional<Socketmap> working_candidate(const MapList& list, const Contacts& contacts) {
    for (const Socketmap& candidate : contacts.candidates)
        if (answers_everywhere(candidate, list, contacts)) return candidate;
    return std::nullopt;
}

std::string readable_place(const Socketmap& map) {
    std::string place = place_of(map);
    place.pop_back(); // the colon before the name
    return place;
}

void answered_us_only(const Socketmap& map, Plan& plan) {
    remark(
        plan, Remark::Kind::warning, "socket-not-seen",
        "stsmapd answers at " + readable_place(map) +
            "; whether it answers smtp(8) too, which runs as another user and perhaps in a chroot, was not "
            "seen",
        "run this command as root");
}

/// Why no candidate can be used.
void say_why_not(const Installed& postfix, const Surroundings& around, const MapList& list, Remark::Kind kind,
                 Plan& plan) {
    const Contacts& contacts = around.contacts;
    for (const Socketmap& candidate : contacts.candidates)
        if (const Reached* closed = first(candidate, list, contacts, Reached::Kind::no_permission)) {
            remark(
                plan, kind, "socket-closed",
                "stsmapd's socket is closed to smtp(8), and Postfix would defer all mail: " +
                    readable_place(candidate) + ' ' + troubles(candidate, list, contacts) +
                    (closed->closed.empty() && !closed->mode.empty() ? " (it is " + closed->mode + ")" : ""),
                permission_fix(*closed));
            return;
        }
    const Socketmap& best = contacts.candidates.front();
    remark(plan, kind, "socket-out-of-reach",
           "stsmapd answers at " + contacts.answers_at +
               ", where smtp(8) of this Postfix does not ask or get; " + readable_place(best) + ' ' +
               troubles(best, list, contacts) + ". Postfix would defer all mail",
           socket_commands(postfix, around));
}

/// Refuses an element of type "proxy:" that proxy_read_maps does not list.
bool refuse_unapproved(const Socketmap& map, const MapList& list, const Contacts& contacts,
                       const Installed& postfix, Plan& plan) {
    if (first(map, list, contacts, Reached::Kind::not_approved) == nullptr) return false;
    remark(plan, Remark::Kind::refusal, "map-not-approved",
           to_string(map) +
               ": proxymap(8) does not open it, as proxy_read_maps does not list it; Postfix defers "
               "all mail",
           "take \"proxy:\" out of it, or: " +
               command_for("proxy_read_maps",
                           postfix.written("proxy_read_maps").value_or("$smtp_tls_policy_maps") + " " +
                               to_string(map),
                           postfix.folder));
    return true;
}

/// Judges the tables of the holder's list. `failure`: the kind of remark for one that cannot be asked;
/// `hidden`: for one that answers before our element is asked.
void judge_tables(const Holder& holder, const Surroundings& around, const std::vector<std::string>& elements,
                  Remark::Kind failure, Remark::Kind hidden, Plan& plan) {
    const auto ours = std::ranges::find_if(
        elements, [&](const std::string& element) { return kind_of(element, around.ours) == MapKind::ours; });
    const bool own = holder.service != nullptr;
    if (own && ours == elements.end()) return; // plan_services() reports on this
    const std::string has = own ? "service " + holder.service->where() + ": " : "";
    for (auto each = elements.begin(); each != elements.end(); ++each) {
        const TableAnswer* answer = around.contacts.table(*each);
        if (answer == nullptr) continue;
        std::vector<std::string> rest = elements;
        rest.erase(rest.begin() + (each - elements.begin()));
        const bool by_name =
            !own && holder.postfix->written(parameter).value_or("").find('$') != std::string::npos;
        const std::string without = by_name ? "take it out where it is written"
                                            : "take it out: " + holder.set(parameter, join_maps(rest));
        if (answer->kind == TableAnswer::Kind::trouble)
            remark(plan, failure, "table-broken",
                   has + *each + " cannot be asked, and Postfix defers the mail: " + answer->words,
                   "put it right, or " + without);
        else if (answer->kind == TableAnswer::Kind::not_seen)
            remark(plan, Remark::Kind::warning, "table-not-seen",
                   has + *each + " could not be asked: " + answer->words,
                   around.contacts.root ? "postmap -q stsmap-asks.invalid " + shell_quoted(*each) +
                                              " must print nothing and be no error"
                                        : "run this command as root");
        else if (answer->kind == TableAnswer::Kind::catch_all && each < ours)
            remark(plan, hidden, "table-catch-all",
                   has + *each + " answers for domains it cannot know (" + answer->key + ": " +
                       answer->words + "), so stsmapd, which comes after it, is not asked for any",
                   "a level for all other domains belongs into smtp_tls_security_level; " + without);
    }
}

} // namespace

bool is_told_to_listen(const Socketmap& map, const Way& way, const Contacts& contacts,
                       const std::string& queue) {
    const std::string address = address_outside(map, way, queue);
    return std::ranges::any_of(contacts.listeners, [&](const std::string& listener) {
        if (map.unix_socket)
            return listener.starts_with("unix:") &&
                   fs::path(listener.substr(5)).lexically_normal() == fs::path(address.substr(5));
        const OurPlaces one{{listener}, queue, {}, {}};
        return kind_of("socketmap:" + address + ":sts", one) == MapKind::ours;
    });
}

std::string socket_commands(const Installed& postfix, const Surroundings& around) {
    const std::string queue = queue_of(postfix), socket = queue + "/stsmapd/socketmap";
    if (!around.contacts.socket_unit)
        return "let stsmapd listen there too: add \"unix:" + socket + "\" to listen in stsmapd.toml, " +
               "install -d -m 0755 " + shell_quoted(queue + "/stsmapd") + ", and restart it";
    std::string name =
        postfix.folder.empty() ? "postfix" : fs::path(postfix.folder + "/").parent_path().filename();
    const std::string folder = "/etc/systemd/system/stsmapd.socket.d";
    return "install -d " + folder + " && printf '[Socket]\\nListenStream=%s\\n' " + shell_quoted(socket) +
           " > " + shell_quoted(folder + '/' + name + ".conf") +
           " && systemctl daemon-reload && systemctl restart stsmapd.socket";
}

std::optional<Socketmap> pick_element(const Installed& postfix, const Surroundings& around,
                                      const Wishes& wishes, const std::string& name, Plan& plan) {
    const Contacts& contacts = around.contacts;
    if (!contacts.asked) return our_element(around.ours, name);
    const MapList list = main_list(postfix, contacts);
    for (const Socketmap& candidate : contacts.candidates) {
        const bool answers = answers_everywhere(candidate, list, contacts);
        const bool unseen =
            !contacts.root && first(candidate, list, contacts, Reached::Kind::not_seen) != nullptr;
        if (!answers && !unseen) continue;
        if (unseen)
            remark(plan, Remark::Kind::warning, "socket-not-seen",
                   "whether stsmapd answers at " + readable_place(candidate) +
                       " was not seen: " + troubles(candidate, list, contacts),
                   "run this command as root");
        else if (!contacts.root && candidate.unix_socket)
            answered_us_only(candidate, plan);
        Socketmap map = candidate;
        map.name = name;
        return map;
    }
    if (!contacts.answers_at.empty()) {
        using Kind = Remark::Kind;
        say_why_not(postfix, around, list, wishes.without_daemon ? Kind::warning : Kind::refusal, plan);
        if (!wishes.without_daemon) return std::nullopt;
        Socketmap map = contacts.candidates.front();
        map.name = name;
        return map;
    }
    return our_element(around.ours, name); // no daemon answers: there is another refusal for that
}

std::optional<Move> move_of(const Installed& postfix, const Surroundings& around, const Wishes& wishes,
                            const std::string& element, Plan& plan) {
    const Contacts& contacts = around.contacts;
    const auto map = parse_socketmap(element);
    if (!contacts.asked || !map) return std::nullopt;
    const MapList list = main_list(postfix, contacts);
    if (refuse_unapproved(*map, list, contacts, postfix, plan)) return std::nullopt;
    if (answers_everywhere(*map, list, contacts)) {
        if (!contacts.root && map->unix_socket && !wishes.without_daemon) answered_us_only(*map, plan);
        return std::nullopt;
    }
    const std::string words = troubles(*map, list, contacts);
    if (const Reached* closed = first(*map, list, contacts, Reached::Kind::no_permission)) {
        if (!wishes.without_daemon) // doctor has its own lines for these
            remark(plan, Remark::Kind::refusal, "socket-closed",
                   element + ": stsmapd's socket is closed to smtp(8), and Postfix defers all mail: " + words,
                   permission_fix(*closed));
        return std::nullopt;
    }
    // A way that fails counts even if another one could not be checked.
    using Kind = Reached::Kind;
    const bool fails = first(*map, list, contacts, Kind::absent) != nullptr ||
                       first(*map, list, contacts, Kind::stranger) != nullptr ||
                       first(*map, list, contacts, Kind::silent) != nullptr;
    if (!fails && first(*map, list, contacts, Kind::not_seen) != nullptr) {
        if (!wishes.without_daemon)
            remark(plan, Remark::Kind::warning, "socket-not-seen",
                   "whether stsmapd answers at " + element + " was not seen: " + words,
                   contacts.root ? "ask it as smtp(8) does, or take other elements out of the lists"
                                 : "run this command as root");
        return std::nullopt;
    }
    const std::string queue = queue_of(postfix);
    const bool astray = std::ranges::any_of(ways_to(*map, list, contacts), [&](const Way& way) {
        const Reached* reached = contacts.find(place_of(*map), way);
        return reached != nullptr &&
               (reached->kind == Reached::Kind::absent || reached->kind == Reached::Kind::stranger) &&
               !is_told_to_listen(*map, way, contacts, queue);
    });
    if (!astray) {
        if (!wishes.without_daemon)
            remark(plan, Remark::Kind::refusal, "daemon-silent",
                   "Postfix asks " + element + ", and no stsmapd answers there (" + words +
                       "): it defers all mail",
                   contacts.socket_unit ? "systemctl start stsmapd.socket stsmapd.service" : "start stsmapd");
        return std::nullopt;
    }
    auto found = working_candidate(list, contacts);
    if (!found) {
        if (contacts.answers_at.empty() && wishes.without_daemon) return std::nullopt;
        remark(plan, Remark::Kind::refusal, "socket-out-of-reach",
               "Postfix asks " + element + " (" + words + "), and " +
                   (contacts.answers_at.empty() ? "no stsmapd answers"
                                                : "stsmapd answers at " + contacts.answers_at) +
                   ": Postfix defers all mail",
               contacts.answers_at.empty() ? "start stsmapd first" : socket_commands(postfix, around));
        return std::nullopt;
    }
    found->name = map->name;
    return Move{*found, "Postfix asks " + element + " (" + words + "), and stsmapd answers at " +
                            readable_place(*found)};
}

void look_at_tables(const Installed& postfix, const Surroundings& around, const Wishes& wishes, Plan& plan) {
    std::vector<std::string> elements = split_maps(postfix.value(parameter));
    if (wishes.replace_other_daemon)
        std::erase_if(elements, [&](const std::string& element) {
            return kind_of(element, around.ours) == MapKind::other_sts;
        });
    judge_tables(Holder{&postfix}, around, elements, Remark::Kind::refusal, Remark::Kind::refusal, plan);
}

void look_at_own_lists(const Installed& postfix, const Surroundings& around, const Wishes& wishes,
                       Plan& plan) {
    const Contacts& contacts = around.contacts;
    if (!contacts.asked) return;
    const std::string common = postfix.value(parameter);
    for (const Service& service : postfix.services) {
        const std::string own = service.value(parameter);
        if (service.effective.empty() || own == common) continue;
        const Holder holder{&postfix, &service, service.use};
        const Remark::Kind kind = weight_of_failure(holder);
        const std::vector<std::string> elements = split_maps(own);
        judge_tables(holder, around, elements, kind, weight_of_policy(holder), plan);
        MapList list;
        list.elements = elements;
        list.ways = {contacts.root ? way_of(service, postfix) : Way{}};
        for (const std::string& element : elements) {
            const auto map = parse_socketmap(element);
            if (!map || kind_of(element, around.ours) != MapKind::ours || wishes.without_daemon) continue;
            const std::string words = troubles(*map, list, contacts);
            const bool unseen = first(*map, list, contacts, Reached::Kind::not_seen) != nullptr;
            if (unseen && contacts.root)
                remark(plan, Remark::Kind::warning, "socket-not-seen",
                       "whether stsmapd answers service " + service.where() + " at " + element +
                           " was not seen: " + words,
                       "ask it as smtp(8) does, or take other elements out of the lists");
            if (words.empty() || unseen) continue;
            remark(plan, kind, "service-socket-out-of-reach",
                   "service " + service.where() + " asks " + element + " (" + words +
                       "): Postfix defers the mail that goes through it",
                   "take its own list away, so that main.cf's holds: " + holder.unset(parameter));
        }
    }
}

} // namespace setup
