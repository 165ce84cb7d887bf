#include "tool/setup/maps.hpp"

#include "base/text.hpp"
#include "postfix/request.hpp"

#include <algorithm>
#include <filesystem>

namespace setup {
namespace {

namespace fs = std::filesystem;

std::string normal(const fs::path& path) { return path.lexically_normal().string(); }

struct HostPort {
    std::string host, port;
};

std::optional<HostPort> split_host_port(std::string_view text) {
    const std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos) return std::nullopt;
    std::string_view host = text.substr(0, colon);
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    return HostPort{base::ascii_lower(host), std::string(text.substr(colon + 1))};
}

bool this_machine(std::string_view host) {
    return host.empty() || host == "localhost" || host == "::1" || host.starts_with("127.");
}

/// Does the `host` of a map lead to a listener at `listens`? "" is every address.
bool same_host(std::string_view host, std::string_view listens) {
    if (host == listens) return true;
    if (listens.empty()) return this_machine(host);
    return (host.empty() || host == "localhost") && (listens == "127.0.0.1" || listens == "::1");
}

bool leads_to(const Socketmap& map, const std::string& listener, const std::string& queue_directory) {
    if (map.unix_socket) {
        if (!listener.starts_with("unix:")) return false;
        const std::string path = normal(listener.substr(5));
        const fs::path place = map.place;
        if (place.is_relative()) return normal(fs::path(queue_directory) / place) == path;
        // Within the chroot "/" is the queue directory.
        return normal(place) == path || normal(queue_directory + map.place) == path;
    }
    if (!listener.starts_with("tcp:")) return false;
    const auto there = split_host_port(map.place);
    const auto here = split_host_port(std::string_view(listener).substr(4));
    return there && here && there->port == here->port && same_host(there->host, here->host);
}

} // namespace

std::vector<std::string> split_maps(std::string_view value) {
    std::vector<std::string> elements;
    std::string element;
    int depth = 0;
    const auto finish = [&] {
        if (!element.empty()) elements.push_back(std::move(element));
        element.clear();
    };
    for (const char c : value) {
        if (depth == 0 && std::string_view(", \t\r\n").find(c) != std::string_view::npos) {
            finish();
            continue;
        }
        if (c == '{') ++depth;
        if (c == '}' && depth > 0) --depth;
        element += c;
    }
    finish();
    return elements;
}

std::string join_maps(const std::vector<std::string>& elements) {
    std::string joined;
    for (const std::string& element : elements) joined.append(joined.empty() ? "" : ", ").append(element);
    return joined;
}

std::optional<Socketmap> parse_socketmap(std::string_view element) {
    Socketmap map;
    if (element.starts_with('{') && element.ends_with('}'))
        element = base::trim_wsp(element.substr(1, element.size() - 2));
    while (element.starts_with("proxy:")) {
        map.proxied = true;
        element.remove_prefix(6);
    }
    constexpr std::string_view type = "socketmap:";
    if (!element.starts_with(type)) return std::nullopt;
    element.remove_prefix(type.size());
    if (element.starts_with("unix:")) {
        map.unix_socket = true;
        element.remove_prefix(5);
    } else if (element.starts_with("inet:")) {
        element.remove_prefix(5);
    } else {
        return std::nullopt;
    }
    const std::size_t colon = element.rfind(':');
    if (colon == std::string_view::npos || colon == 0) return std::nullopt;
    map.place = element.substr(0, colon);
    map.name = element.substr(colon + 1);
    return map;
}

std::string to_string(const Socketmap& map) {
    return std::string(map.proxied ? "proxy:" : "") + "socketmap:" + (map.unix_socket ? "unix:" : "inet:") +
           map.place + ':' + map.name;
}

bool asks_for_attributes(const Socketmap& map) {
    return postfix::dialect_of(map.name) == postfix::Dialect::tlsrpt;
}

std::string other_daemon(std::string_view element) {
    const std::string text = base::ascii_lower(element);
    const auto map = parse_socketmap(element);
    if (!map) return {};
    const auto has = [&](std::string_view word) { return text.find(word) != std::string::npos; };
    if (has("tlspol") || base::ascii_lower(map->name) == "query" ||
        base::ascii_lower(map->name) == "querywithtlsrpt")
        return "postfix-tlspol";
    if (has("mta-sts") || has("mta_sts") || has("mtasts") ||
        (!map->unix_socket && map->place.ends_with(":8461") && map->name == "postfix"))
        return "postfix-mta-sts-resolver";
    return {};
}

MapKind kind_of(std::string_view element, const OurPlaces& ours) {
    if (element.find('$') != std::string_view::npos) return MapKind::expansion;
    if (ours.answered.contains(std::string(element)) || ours.meant.contains(std::string(element)))
        return MapKind::ours;
    const auto map = parse_socketmap(element);
    if (!map) return MapKind::table;
    // postfix-mta-sts-resolver also uses our default port, with the map name "postfix". Who really answers
    // there was asked above.
    const bool here = std::ranges::any_of(ours.listen, [&](const std::string& listener) {
        return leads_to(*map, listener, ours.queue_directory);
    });
    if (here && map->unix_socket) return MapKind::ours;
    if (!other_daemon(element).empty()) return MapKind::other_sts;
    if (here) return MapKind::ours;
    // Not one of the addresses in the configuration, but it can only be ours.
    if (map->unix_socket && element.find("stsmapd") != std::string_view::npos) return MapKind::ours;
    return MapKind::table;
}

std::vector<std::string> map_keys(const std::string& next_hop) {
    std::vector<std::string> keys{next_hop};
    if (next_hop.find_first_of("[:") != std::string::npos) return keys;
    for (std::size_t dot = next_hop.find('.'); dot != std::string::npos; dot = next_hop.find('.', dot + 1))
        keys.push_back(next_hop.substr(dot));
    return keys;
}

std::optional<Socketmap> our_element(const OurPlaces& ours, std::string_view name) {
    Socketmap map;
    map.name = name;
    const std::string queue = normal(fs::path(ours.queue_directory) / "");
    std::optional<Socketmap> absolute, tcp;
    for (const std::string& listener : ours.listen) {
        if (listener.starts_with("unix:")) {
            map.unix_socket = true;
            const std::string path = normal(listener.substr(5));
            if (!ours.queue_directory.empty() && path.starts_with(queue)) {
                map.place = path.substr(queue.size());
                return map;
            }
            map.place = path;
            if (!absolute) absolute = map;
        } else if (listener.starts_with("tcp:")) {
            const auto where = split_host_port(std::string_view(listener).substr(4));
            if (!where || tcp) continue;
            const std::string host = where->host.empty() || where->host == "0.0.0.0" ? "127.0.0.1"
                                     : where->host == "::"                           ? "::1"
                                                                                     : where->host;
            map.unix_socket = false;
            map.place = (host.find(':') == std::string::npos ? host : '[' + host + ']') + ':' + where->port;
            tcp = map;
        }
    }
    return tcp ? tcp : absolute;
}

} // namespace setup
