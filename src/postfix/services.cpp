#include "postfix/services.hpp"

#include "base/next_word.hpp"
#include "postfix/next_hop.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

namespace postfix {

namespace {

using Port = std::pair<std::string_view, std::uint16_t>;

/// known_tcp_ports of Postfix 3.6 and newer.
constexpr std::array own{Port{"smtp", 25}, Port{"submission", 587}, Port{"smtps", 465},
                         Port{"submissions", 465}, Port{"lmtp", 24}};

/// Between words of services(5), as isspace() has it.
constexpr std::string_view blanks = " \t\r\v\f";

/// "25/tcp"
std::optional<std::uint16_t> tcp_port(std::string_view word) {
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), port);
    word.remove_prefix(static_cast<std::size_t>(end - word.data()));
    if (error != std::errc{} || port == 0 || word != "/tcp") return std::nullopt;
    return port;
}

} // namespace

Services::Services(std::string_view text) {
    text = text.substr(0, max_octets);
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        std::string_view line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        line = line.substr(0, line.find('#'));
        const std::string_view name = base::next_word(line, blanks);
        const std::optional<std::uint16_t> port = tcp_port(base::next_word(line, blanks));
        if (name.empty() || !port) continue;
        ports_.emplace_back(name, *port);
        for (std::string_view alias = base::next_word(line, blanks); !alias.empty();
             alias = base::next_word(line, blanks))
            ports_.emplace_back(alias, *port);
    }
    std::ranges::stable_sort(ports_, {}, &std::pair<std::string, std::uint16_t>::first);
    // Not ranges::unique: its subrange does not compile with clang 14 and libstdc++ 12.
    const auto same_name = [](const auto& a, const auto& b) { return a.first == b.first; };
    ports_.erase(std::unique(ports_.begin(), ports_.end(), same_name), ports_.end());
}

std::uint16_t Services::port(std::string_view name) const noexcept {
    if (const auto found = std::ranges::find(own, name, &Port::first); found != own.end())
        return found->second;
    const auto view = [](const auto& entry) { return std::string_view{entry.first}; };
    const auto found = std::ranges::lower_bound(ports_, name, {}, view);
    return found != ports_.end() && found->first == name ? found->second : NextHop::unknown_port;
}

const Services& own_services() {
    static const Services services;
    return services;
}

} // namespace postfix
