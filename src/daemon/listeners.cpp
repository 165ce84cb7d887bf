#include "daemon/listeners.hpp"

#include "config/listen_address.hpp"
#include "daemon/systemd.hpp"
#include "server/server.hpp"
#include "wiring/settings.hpp"

#include <algorithm>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace app {

namespace {

/// The names of sockets that are not for Postfix.
constexpr std::string_view control_name = "control";
constexpr std::string_view web_name = "web";
constexpr std::string_view reserved_names[] = {"tlsrpt"};

constexpr int control_backlog = 64;
constexpr int web_backlog = 128;

struct Inherited {
    Listeners sockets;
    std::set<std::string> postfix, control, web; ///< their addresses
};

/// An inherited web listener as config::conflicts() allows none in web.listen. The daemon starts all the same: nobody's
/// mail must wait for a socket unit of the web listener.
constexpr const char* why_not_served =
    "other hosts can reach it, and web.hosts does not name the hosts that it may be asked as";

Inherited inherit(const std::vector<std::string>& hosts, events::Sink& events) {
    auto handed_over = inherited_sockets();
    if (!handed_over) throw std::runtime_error(handed_over.error());
    Inherited all;
    for (const InheritedSocket& socket : *handed_over) {
        auto listener = server::Listener::adopt(socket.fd);
        if (!listener) throw std::runtime_error("inherited socket " + socket.name + ": " + listener.error());
        if (std::ranges::find(reserved_names, socket.name) != std::end(reserved_names))
            throw std::runtime_error("inherited socket " + socket.name +
                                     ": this version has nothing to offer there; disable its .socket unit");
        const bool control = socket.name == control_name;
        if (control && socket.address.kind != net::ListenAddress::Kind::unix_socket)
            throw std::runtime_error("inherited socket control: it must be a unix socket, not " +
                                     to_string(socket.address));
        const bool web = socket.name == web_name;
        const bool by_name = web && !config::stays_on_this_host(socket.address);
        if (by_name && hosts.empty())
            events.emit(
                events::WebNotListening{.address = to_string(socket.address), .detail = why_not_served});
        (control ? all.control : web ? all.web : all.postfix).insert(to_string(socket.address));
        (control   ? all.sockets.control
         : by_name ? all.sockets.web_by_name
         : web     ? all.sockets.web
                   : all.sockets.postfix)
            .push_back(*std::move(listener));
    }
    return all;
}

void open_postfix(const config::Loaded& loaded, events::Sink& events, Inherited& all) {
    const bool explicitly = loaded.is_set("listen");
    if (!all.postfix.empty() && !explicitly) return;
    std::string trouble;
    for (const net::ListenAddress& address : loaded.config.listen) {
        if (all.postfix.contains(to_string(address))) continue;

        auto listener =
            server::Listener::open(address, socket_owner(loaded.config), server::Options{}.backlog);
        if (listener) {
            all.sockets.postfix.push_back(*std::move(listener));
            continue;
        }
        // An address from the configuration must work. Of the default ones (perhaps there is no Postfix on
        // this host) one is enough.
        if (explicitly) throw std::runtime_error(listener.error());
        events.emit(events::NotListening{.address = to_string(address), .detail = listener.error()});
        trouble += (trouble.empty() ? "" : "; ") + listener.error();
    }
    if (all.sockets.postfix.empty()) throw std::runtime_error("nowhere to listen: " + trouble);
}

void open_control(const config::Loaded& loaded, events::Sink& events, Inherited& all) {
    const bool explicitly = loaded.is_set("control.socket");
    if (loaded.config.control.socket.empty() || (!all.control.empty() && !explicitly)) return;
    const net::ListenAddress address = control_address(loaded.config);
    if (all.control.contains(to_string(address))) return;
    auto listener = server::Listener::open(address, control_owner(loaded.config), control_backlog);
    if (listener) {
        all.sockets.control.push_back(*std::move(listener));
        return;
    }
    if (explicitly) throw std::runtime_error("control.socket: " + listener.error());
    events.emit(events::ControlNotListening{.address = to_string(address), .detail = listener.error()});
}

/// What cannot be opened is an event: the answers to Postfix do not depend on it.
void open_web(const config::Loaded& loaded, events::Sink& events, Inherited& all) {
    for (const net::ListenAddress& address : loaded.config.web.listen) {
        if (all.web.contains(to_string(address))) continue;
        auto listener = server::Listener::open(address, web_owner(loaded.config), web_backlog);
        const bool by_name = !config::stays_on_this_host(address);
        if (listener)
            (by_name ? all.sockets.web_by_name : all.sockets.web).push_back(*std::move(listener));
        else
            events.emit(events::WebNotListening{.address = to_string(address), .detail = listener.error()});
    }
}

} // namespace

Listeners open_listeners(const config::Loaded& loaded, events::Sink& events) {
    Inherited all = inherit(loaded.config.web.hosts, events);
    open_postfix(loaded, events, all);
    open_control(loaded, events, all);
    open_web(loaded, events, all);
    return std::move(all.sockets);
}

} // namespace app
