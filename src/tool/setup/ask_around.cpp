// The asking part of tool/setup/contacts.hpp.
#include "base/text.hpp"
#include "tool/setup/contacts.hpp"
#include "tool/setup/host.hpp"
#include "tool/setup/plan.hpp"
#include "tool/setup/survey.hpp"

#include <algorithm>
#include <array>

namespace setup {
namespace {

/// How many places of a list, and tables, are asked at most: no working list is longer.
constexpr std::size_t max_places = 12, max_tables = 24;

/// Names that cannot exist (RFC 6761, RFC 2606): the first finds a table that answers for everything, the others
/// one that answers for a whole top-level domain.
constexpr std::array impossible_names{"stsmap-asks.invalid", "stsmap-asks.example.com",
                                      "stsmap-asks.example.net", "stsmap-asks.example.org"};

class Asker {
public:
    Asker(Host& host, const Installed& postfix, Surroundings& around)
        : host_(host), postfix_(postfix), around_(around), contacts_(around.contacts),
          queue_(around.ours.queue_directory) {}

    void ask() {
        contacts_.asked = true;
        contacts_.root = host_.is_root();
        look_for_listeners();
        const std::vector<MapList> lists = lists_of(postfix_, contacts_.root);
        contacts_.proxymap = proxymap_way(postfix_, contacts_.root);
        for (const MapList& list : lists)
            for (const std::string& element : list.elements)
                if (const auto map = parse_socketmap(element)) ask_place(*map, list);
        for (const Socketmap& candidate : contacts_.candidates) ask_place(candidate, lists.front());
        ask_daemon();
        for (const MapList& list : lists)
            for (const std::string& element : list.elements) whose(element, list);
        for (const MapList& list : lists)
            for (const std::string& element : list.elements) ask_table(element, list);
        if (around_.daemon_answers) around_.daemon_not_seen = false;
    }

private:
    Host& host_;
    const Installed& postfix_;
    Surroundings& around_;
    Contacts& contacts_;
    const std::string& queue_;

    void look_for_listeners() {
        contacts_.listeners = around_.ours.listen;
        const auto add = [&](const std::string& listener) {
            if (std::ranges::find(contacts_.listeners, listener) == contacts_.listeners.end())
                contacts_.listeners.push_back(listener);
        };
        if (host_.systemd_runs()) {
            const auto ran =
                host_.run({"systemctl", "--no-pager", "show", "-p", "LoadState,Listen", "stsmapd.socket"});
            const std::string unit = ran && ran->status == 0 ? ran->out : std::string{};
            contacts_.socket_unit = unit.find("LoadState=loaded") != std::string::npos;
            for (const std::string& listener : parse_unit_listeners(unit)) add(listener);
        }
        std::vector<std::string> all = contacts_.listeners;
        if (auto sockets = host_.read("/proc/net/unix"); sockets && *sockets)
            for (const std::string& path : parse_unix_listeners(**sockets, queue_))
                all.push_back("unix:" + path);
        all.push_back("unix:" + queue_ + "/stsmapd/socketmap");
        contacts_.candidates = candidates_of(all, queue_);
    }

    void ask_place(const Socketmap& map, const MapList& list) {
        bool silent = false;
        for (const Way& way : ways_to(map, list, contacts_)) {
            const std::string place = place_of(map);
            if (contacts_.find(place, way) != nullptr) continue;
            Reached reached{Reached::Kind::silent, "it has just not answered", {}, {}};
            if (contacts_.contacts.size() >= 4 * max_places)
                reached = {Reached::Kind::not_seen,
                           "no more than " + std::to_string(4 * max_places) + " ways are asked",
                           {},
                           {}};
            else if (map.proxied && !map.name.empty() && !is_approved(to_string(map), postfix_))
                reached = {
                    Reached::Kind::not_approved, "proxy_read_maps does not list " + to_string(map), {}, {}};
            else if (!silent)
                reached = host_.reach(address_for(map, way, queue_), way, "dane");
            silent = silent || reached.kind == Reached::Kind::silent;
            if (reached.answers()) take_status(reached.words);
            contacts_.contacts.push_back({place, way, std::move(reached)});
        }
    }

    void take_status(std::string_view reply) {
        using Dane = Surroundings::Dane;
        if (around_.daemon_answers) return;
        around_.daemon_answers = true;
        if (around_.dane == Dane::off) return;
        around_.dane = reply.starts_with("OK active") ? Dane::active : Dane::inactive;
        const std::size_t colon = reply.find(": ");
        if (colon != std::string_view::npos) around_.dane_why = base::printable(reply.substr(colon + 2), 200);
        if (around_.dane_why.starts_with("dane = ")) around_.dane = Dane::off;
    }

    /// The result for a listener that did not answer in time before: it is not asked again.
    [[nodiscard]] const Reached* known_silence(const std::string& listener) const {
        const auto map = our_element({{listener}, queue_, {}, {}}, "");
        if (!map) return nullptr;
        const auto found = std::ranges::find_if(contacts_.contacts, [&](const Contact& contact) {
            return contact.place == place_of(*map) && contact.reached.kind == Reached::Kind::silent;
        });
        return found == contacts_.contacts.end() ? nullptr : &found->reached;
    }

    /// Asks the daemon itself, at the addresses in its configuration.
    void ask_daemon() {
        for (const std::string& listener : contacts_.listeners) {
            const Reached* silent = known_silence(listener);
            const Reached reached = silent != nullptr ? *silent : host_.reach(listener, {}, "dane");
            if (reached.answers()) {
                take_status(reached.words);
                contacts_.answers_at = listener;
                return;
            }
            if (reached.kind == Reached::Kind::not_seen) around_.daemon_not_seen = true;
            const std::string why =
                reached.kind == Reached::Kind::stranger ? listener + " is not stsmapd" : reached.words;
            around_.daemon_trouble.append(around_.daemon_trouble.empty() ? "" : "; ").append(why);
        }
        if (!around_.daemon_answers && around_.dane != Surroundings::Dane::off)
            around_.dane_why = around_.daemon_not_seen ? "stsmapd could not be asked" : "no stsmapd answers";
    }

    /// Finds out about elements whose spelling does not show that they are ours, or were meant to be.
    void whose(const std::string& element, const MapList& list) {
        const auto map = parse_socketmap(element);
        if (!map) return;
        bool answers = false, nobody = true;
        for (const Way& way : ways_to(*map, list, contacts_)) {
            const Reached* reached = contacts_.find(place_of(*map), way);
            if (reached == nullptr) continue;
            answers = answers || reached->answers();
            nobody = nobody && reached->kind == Reached::Kind::absent;
        }
        if (answers)
            around_.ours.answered.insert(element);
        else if (nobody && (map->name == "sts" || map->name == "sts-tlsrpt")) // the names in our manuals
            around_.ours.meant.insert(element);
    }

    void ask_table(const std::string& element, const MapList& list) {
        if (kind_of(element, around_.ours) == MapKind::ours || contacts_.table(element) != nullptr) return;
        if (contacts_.tables.size() >= max_tables) {
            contacts_.tables.push_back({element,
                                        TableAnswer::Kind::not_seen,
                                        {},
                                        "no more than " + std::to_string(max_tables) + " tables are asked"});
            return;
        }
        TableAnswer answer{element, TableAnswer::Kind::nothing, {}, {}};
        if (element.starts_with("proxy:") && !is_approved(element, postfix_)) {
            answer.kind = TableAnswer::Kind::trouble;
            answer.words = "proxy_read_maps does not list it";
            contacts_.tables.push_back(std::move(answer));
            return;
        }
        std::string bare = element; // proxymap(8) may be down: ask directly what it would open
        while (bare.starts_with("proxy:")) bare.erase(0, 6);
        // plan_values reports types that are not installed, for all settings.
        if (!postfix_.map_types.empty() && !postfix_.map_types.contains(bare.substr(0, bare.find(':'))))
            return;
        if (auto map = parse_socketmap(bare); map && map->unix_socket) { // postmap is in no chroot
            map->place = address_outside(*map, ways_to(*map, list, contacts_).front(), queue_).substr(5);
            bare = to_string(*map);
        }
        for (const char* name : impossible_names) {
            auto ran = host_.run_in(queue_, postfix_command("postmap", postfix_.folder, {"-q", name, bare}));
            answer.key = name;
            if (!ran) { // not installed, or no time left: nothing is known about the table
                answer.kind = TableAnswer::Kind::not_seen;
                answer.words = ran.error();
            } else if (ran->status == 0 || !ran->out.empty()) {
                answer.kind = TableAnswer::Kind::catch_all;
                answer.words = base::printable(ran->out.substr(0, ran->out.find('\n')), 200);
            } else if (failed_by_its_words(*ran)) {
                const std::string words = last_words(*ran);
                const bool closed = !contacts_.root && words.find("ermission denied") != std::string::npos;
                answer.kind = closed ? TableAnswer::Kind::not_seen : TableAnswer::Kind::trouble;
                answer.words = words;
            }
            if (answer.kind != TableAnswer::Kind::nothing) break;
        }
        contacts_.tables.push_back(std::move(answer));
    }
};

} // namespace

void ask_around(Host& host, const Installed& postfix, Surroundings& around) {
    Asker(host, postfix, around).ask();
}

} // namespace setup
