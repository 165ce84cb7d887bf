#include "tool/check/settings.hpp"

#include "base/net/address.hpp"
#include "base/text.hpp"

#include <charconv>
#include <string_view>
#include <vector>

namespace check {
namespace {

/// The service's value, or main.cf's.
class Values {
public:
    Values(const setup::Installed& installed, const setup::Service* service)
        : installed_(installed),
          service_(service != nullptr && !service->effective.empty() ? service : nullptr) {}

    [[nodiscard]] std::string of(std::string_view name) const {
        return service_ != nullptr ? service_->value(name) : installed_.value(name);
    }
    [[nodiscard]] std::string of(std::string_view name, std::string otherwise) const {
        std::string value = of(name);
        return value.empty() ? std::move(otherwise) : value;
    }

private:
    const setup::Installed& installed_;
    const setup::Service* service_;
};

std::vector<std::string> words_of(std::string_view list, std::string_view between = ", \t\r\n") {
    std::vector<std::string> words;
    for (;;) {
        const std::size_t start = list.find_first_not_of(between);
        if (start == std::string_view::npos) return words;
        list.remove_prefix(start);
        words.emplace_back(list.substr(0, list.find_first_of(between)));
        list.remove_prefix(words.back().size());
    }
}

std::string without_brackets(std::string text) {
    if (text.starts_with('[') && text.ends_with(']')) return text.substr(1, text.size() - 2);
    return text;
}

/// Postfix sends from the only address of a family that inet_interfaces names, unless it is of the loopback interface.
std::string only_interface(const Values& values, bool v6) {
    std::vector<net::IpAddress> of_family;
    for (const std::string& word : words_of(values.of("inet_interfaces"))) {
        const auto address = net::parse_ip(without_brackets(word));
        if (!address) return {}; // a name, or "all"
        if (address->v6 == v6) of_family.push_back(*address);
    }
    if (of_family.size() != 1 || net::is_loopback(of_family.front())) return {};
    return net::to_string(of_family.front());
}

std::string bind_address(const Values& values, const char* name, bool v6) {
    const std::string set = without_brackets(values.of(name));
    if (set.empty()) return only_interface(values, v6);
    const auto address = net::parse_ip(set);
    return address && address->v6 == v6 ? net::to_string(*address) : std::string{};
}

/// What a grade means, and what smtp(8) excludes at the levels that authenticate the server.
std::string cipher_list(const Values& values, const std::string& grade) {
    // Postfix 3.8 takes grades below "medium" for it.
    std::string list = values.of(grade == "high" ? "tls_high_cipherlist" : "tls_medium_cipherlist");
    if (list.empty()) return {};
    for (const char* name : {"smtp_tls_exclude_ciphers", "smtp_tls_mandatory_exclude_ciphers"})
        for (const std::string& word : words_of(values.of(name), ", \t\r\n:")) list += ":!" + word;
    return list + ":!aNULL";
}

} // namespace

smtp::Settings settings_of(const setup::Installed& installed, const setup::Service* service) {
    const Values values(installed, service);
    smtp::Settings made;
    made.helo_name = values.of("smtp_helo_name", values.of("myhostname", "localhost"));
    made.bind4 = bind_address(values, "smtp_bind_address", false);
    made.bind6 = bind_address(values, "smtp_bind_address6", true);
    const auto families = words_of(values.of("inet_protocols"));
    if (!families.empty()) {
        made.v4 = made.v6 = false;
        for (const std::string& family : families) {
            const bool all = base::iequals(family, "all");
            made.v4 |= all || base::iequals(family, "ipv4");
            made.v6 |= all || base::iequals(family, "ipv6");
        }
    }
    made.ca_file = values.of("smtp_tls_CAfile");
    made.ca_folder = values.of("smtp_tls_CApath");
    if (!made.ca_folder.empty() && service != nullptr && service->chroot)
        made.ca_folder = values.of("queue_directory") + made.ca_folder;
    made.default_anchors = base::iequals(values.of("tls_append_default_CA"), "yes");
    const std::string depth = values.of("smtp_tls_scert_verifydepth");
    int number = 0;
    if (const auto [stop, error] = std::from_chars(depth.data(), depth.data() + depth.size(), number);
        error == std::errc{} && stop == depth.data() + depth.size() && number >= 0 && number < 1000)
        made.verify_depth = number;
    const std::string port = values.of("smtp_tcp_port"); // "smtp", or a number
    unsigned port_number = 0;
    if (const auto [stop, error] = std::from_chars(port.data(), port.data() + port.size(), port_number);
        error == std::errc{} && stop == port.data() + port.size() && port_number > 0 && port_number < 65536)
        made.port = static_cast<std::uint16_t>(port_number);
    made.protocols = values.of("smtp_tls_mandatory_protocols"); // an empty list excludes none
    made.ciphers = base::ascii_lower(values.of("smtp_tls_mandatory_ciphers", made.ciphers));
    made.cipher_list = cipher_list(values, made.ciphers);
    return made;
}

smtp::Settings settings_without_postfix(const std::string& host_name) {
    smtp::Settings made;
    made.helo_name = host_name.empty() ? "localhost" : host_name;
    made.default_anchors = true;
    return made;
}

} // namespace check
