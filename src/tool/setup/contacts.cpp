#include "tool/setup/contacts.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <array>
#include <filesystem>

namespace setup {
namespace {

namespace fs = std::filesystem;

std::string normal(const fs::path& path) { return path.lexically_normal().string(); }

bool below(const std::string& path, const std::string& folder) {
    return path.size() > folder.size() + 1 && path.starts_with(folder) && path[folder.size()] == '/';
}

std::string_view next_word(std::string_view& rest) {
    rest = base::trim_wsp(rest);
    const std::string_view word = rest.substr(0, rest.find_first_of(" \t"));
    rest.remove_prefix(word.size());
    return word;
}

template <class Function>
void each_line(std::string_view text, Function&& function) {
    while (!text.empty()) {
        const std::string_view line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(text.size(), line.size() + 1));
        function(line);
    }
}

void add(std::vector<Way>& ways, const Way& way) {
    if (std::ranges::find(ways, way) == ways.end()) ways.push_back(way);
}

} // namespace

const Reached* Contacts::find(std::string_view place, const Way& way) const {
    const auto found = std::ranges::find_if(
        contacts, [&](const Contact& contact) { return contact.place == place && contact.way == way; });
    return found == contacts.end() ? nullptr : &found->reached;
}

const TableAnswer* Contacts::table(std::string_view element) const {
    const auto found = std::ranges::find(tables, element, &TableAnswer::element);
    return found == tables.end() ? nullptr : &*found;
}

std::string place_of(const Socketmap& map) {
    Socketmap nameless = map;
    nameless.name.clear();
    if (nameless.unix_socket) nameless.place = normal(nameless.place);
    return to_string(nameless);
}

std::string address_for(const Socketmap& map, const Way& way, const std::string& queue_directory) {
    if (!map.unix_socket) return "inet:" + map.place;
    const fs::path place = map.place;
    if (!way.chroot.empty()) return "unix:" + normal(fs::path("/") / place);
    return "unix:" + normal(place.is_absolute() ? place : queue_directory / place);
}

std::string address_outside(const Socketmap& map, const Way& way, const std::string& queue_directory) {
    const std::string address = address_for(map, way, queue_directory);
    if (!map.unix_socket || way.chroot.empty()) return address;
    return "unix:" + normal(way.chroot + address.substr(5));
}

Way way_of(const Service& service, const Installed& postfix) {
    return {service.unprivileged ? postfix.value("mail_owner") : "root",
            service.chroot ? normal(postfix.value("queue_directory")) : ""};
}

std::vector<MapList> lists_of(const Installed& postfix, bool root) {
    constexpr std::string_view name = "smtp_tls_policy_maps";
    std::vector<std::string> values{postfix.value(name)};
    std::vector<MapList> lists(1);
    lists[0].main_cf = true;
    lists[0].elements = split_maps(values[0]);
    for (const Service& service : postfix.services) {
        if (service.effective.empty()) continue; // could not be found out
        const std::string value = service.value(name);
        auto known = std::ranges::find(values, value);
        if (known == values.end()) {
            known = values.insert(values.end(), value);
            lists.emplace_back().elements = split_maps(value);
        }
        MapList& list = lists[static_cast<std::size_t>(known - values.begin())];
        list.services.push_back(service.where());
        if (root) add(list.ways, way_of(service, postfix));
    }
    for (MapList& list : lists) {
        if (!list.ways.empty()) continue;
        // No service uses it: ask as smtp(8) would outside of a chroot.
        list.ways.push_back(root ? Way{postfix.value("mail_owner"), {}} : Way{});
    }
    return lists;
}

std::vector<Way> ways_to(const Socketmap& map, const MapList& list, const Contacts& contacts) {
    if (map.proxied) return {contacts.root ? contacts.proxymap : Way{}};
    return list.ways;
}

Way proxymap_way(const Installed& postfix, bool root) {
    if (!root) return {};
    const Service* service = postfix.transport("proxymap");
    return service != nullptr ? way_of(*service, postfix) : Way{postfix.value("mail_owner"), {}};
}

bool is_approved(std::string_view element, const Installed& postfix) {
    const std::string list = postfix.value("proxy_read_maps");
    if (list.empty()) return true; // not known
    const auto bare = [](std::string_view text) {
        while (text.starts_with("proxy:")) text.remove_prefix(6);
        return text;
    };
    return std::ranges::any_of(split_maps(list), [&](const std::string& each) {
        return each.starts_with("proxy:") && bare(each) == bare(element);
    });
}

std::vector<std::string> parse_unit_listeners(std::string_view output) {
    constexpr std::string_view stream = " (Stream)";
    std::vector<std::string> found;
    each_line(output, [&](std::string_view line) {
        if (line.starts_with("Listen=")) line.remove_prefix(7);
        if (!line.ends_with(stream)) return;
        line.remove_suffix(stream.size());
        if (line.starts_with('/'))
            found.push_back("unix:" + std::string(line));
        else if (line.find(':') != std::string_view::npos)
            found.push_back("tcp:" + std::string(line));
    });
    return found;
}

std::vector<std::string> parse_unix_listeners(std::string_view text, const std::string& folder) {
    constexpr std::string_view listens = "00010000"; // SO_ACCEPTCON
    std::vector<std::string> found;
    each_line(text, [&](std::string_view rest) {
        std::string_view flags;
        for (int column = 0; column < 7; ++column) { // Num, RefCount, Protocol, Flags, Type, St, Inode
            const std::string_view word = next_word(rest);
            if (column == 3) flags = word;
        }
        const std::string path(base::trim_wsp(rest));
        if (flags != listens || !below(path, folder)) return;
        const std::string inside = path.substr(folder.size());
        // Do not ask at Postfix's own sockets.
        if (inside.find("stsmap") == std::string::npos && !inside.ends_with("/socketmap")) return;
        if (std::ranges::find(found, path) == found.end()) found.push_back(path);
    });
    return found;
}

std::vector<Socketmap> candidates_of(const std::vector<std::string>& listeners,
                                     const std::string& queue_directory) {
    const std::string queue = normal(queue_directory);
    std::array<std::vector<Socketmap>, 3> ranks; // below the queue directory, TCP, other paths
    for (const std::string& listener : listeners) {
        const auto map = our_element({{listener}, queue, {}}, "");
        if (!map) continue;
        const std::size_t rank = !map->unix_socket ? 1 : map->place.starts_with('/') ? 2 : 0;
        const auto same = [&](const Socketmap& other) { return place_of(other) == place_of(*map); };
        if (std::ranges::none_of(ranks[rank], same)) ranks[rank].push_back(*map);
    }
    std::vector<Socketmap> all;
    for (const auto& rank : ranks) all.insert(all.end(), rank.begin(), rank.end());
    return all;
}

} // namespace setup
