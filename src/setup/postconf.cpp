#include "setup/postconf.hpp"

#include "base/text.hpp"

#include <array>
#include <charconv>

namespace setup {
namespace {

std::vector<std::string_view> lines_of(std::string_view text) {
    std::vector<std::string_view> lines;
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        lines.push_back(text.substr(0, end));
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    }
    return lines;
}

/// The next word of `rest`, which is cut off; "" at its end.
std::string_view next_word(std::string_view& rest) {
    rest = base::trim_wsp(rest);
    const std::string_view word = rest.substr(0, rest.find_first_of(" \t"));
    rest.remove_prefix(word.size());
    return word;
}

std::string_view base_name(std::string_view path) { return path.substr(path.rfind('/') + 1); }

/// "name/type/parameter = value" for this service: parameter and value.
std::optional<std::pair<std::string, std::string>> override_of(std::string_view line,
                                                               const Service& service) {
    const std::string prefix = service.name + '/' + service.type + '/';
    const std::size_t equals = line.find('=');
    if (!line.starts_with(prefix) || equals == std::string_view::npos) return std::nullopt;
    const std::string_view name = base::trim_wsp(line.substr(prefix.size(), equals - prefix.size()));
    return std::pair{std::string(name), std::string(base::trim_wsp(line.substr(equals + 1)))};
}

} // namespace

std::optional<Version> parse_version(std::string_view text) {
    std::array<int, 3> parts{};
    std::size_t count = 0;
    while (count < parts.size()) {
        const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), parts[count]);
        if (error != std::errc{} || parts[count] < 0) return std::nullopt;
        ++count;
        text.remove_prefix(static_cast<std::size_t>(stop - text.data()));
        if (!text.starts_with('.')) break;
        text.remove_prefix(1);
    }
    if (count < 2 || (!text.empty() && text.front() != '-')) return std::nullopt;
    return Version{parts[0], parts[1], parts[2]};
}

Parameters parse_parameters(std::string_view output) {
    Parameters parameters;
    std::string* last = nullptr;
    for (const std::string_view line : lines_of(output)) {
        if (line.starts_with(' ') || line.starts_with('\t')) {
            const std::string_view more = base::trim_wsp(line);
            if (last != nullptr && !more.empty()) last->append(last->empty() ? "" : " ").append(more);
            continue;
        }
        last = nullptr;
        const std::size_t equals = line.find('=');
        if (line.starts_with('#') || equals == std::string_view::npos) continue;
        const std::string_view name = base::trim_wsp(line.substr(0, equals));
        if (name.empty()) continue;
        last = &parameters[std::string(name)];
        *last = base::trim_wsp(line.substr(equals + 1));
    }
    return parameters;
}

std::vector<Service> parse_services(std::string_view services, std::string_view overrides,
                                    bool chroot_by_default) {
    std::vector<Service> found;
    for (std::string_view rest : lines_of(services)) {
        Service service;
        service.name = next_word(rest);
        service.type = next_word(rest);
        std::string_view chroot;
        for (int column = 0; column < 5; ++column) { // private, unprivileged, chroot, wakeup, maxproc
            const std::string_view word = next_word(rest);
            if (column == 2) chroot = word;
        }
        if (base_name(next_word(rest)) != "smtp") continue;
        service.chroot = chroot == "y" || (chroot == "-" && chroot_by_default);
        for (const std::string_view line : lines_of(overrides))
            if (auto setting = override_of(line, service)) service.overrides.insert(std::move(*setting));
        found.push_back(std::move(service));
    }
    return found;
}

std::string Installed::value(std::string_view name) const {
    const auto found = effective.find(name);
    return found == effective.end() ? std::string{} : found->second;
}

std::optional<std::string> Installed::written(std::string_view name) const {
    const auto found = set.find(name);
    return found == set.end() ? std::nullopt : std::optional(found->second);
}

const std::vector<std::string>& parameters_of_interest() {
    static const std::vector<std::string> names = {
        "compatibility_level",
        "config_directory",
        "mail_owner",
        "multi_instance_directories",
        "queue_directory",
        "relayhost",
        "smtp_dns_support_level",
        "smtp_enforce_tls",
        "smtp_tcp_port",
        "smtp_tls_CAfile",
        "smtp_tls_CApath",
        "smtp_tls_enforce_peername",
        "smtp_tls_enforce_sts_mx_patterns",
        "smtp_tls_per_site",
        "smtp_tls_policy_maps",
        "smtp_tls_security_level",
        "smtp_tls_session_cache_database",
        "smtp_tls_wrappermode",
        "smtp_use_tls",
        "tls_append_default_CA",
        "use_srv_lookup",
    };
    return names;
}

} // namespace setup
