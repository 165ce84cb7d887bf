#include "tool/setup/postconf.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

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

/// Lines of master.cf or main.cf as Postfix joins them: a line that starts with a blank continues the one
/// before it; comments and empty lines between them are ignored.
std::vector<std::string> logical_lines(std::string_view text) {
    std::vector<std::string> joined;
    for (const std::string_view line : lines_of(text)) {
        const std::size_t first = line.find_first_not_of(" \t\r");
        if (first == std::string_view::npos || line[first] == '#') continue;
        if (first > 0 && !joined.empty())
            joined.back().append(" ").append(line.substr(first));
        else
            joined.emplace_back(line);
    }
    return joined;
}

/// Words separated by blanks; a group in braces is one word.
std::vector<std::string> words_of(std::string_view line) {
    std::vector<std::string> words;
    std::string word;
    int depth = 0;
    for (const char c : line) {
        if (depth == 0 && std::string_view(" \t\r").find(c) != std::string_view::npos) {
            if (!word.empty()) words.push_back(std::exchange(word, {}));
            continue;
        }
        depth += c == '{' ? 1 : c == '}' && depth > 0 ? -1 : 0;
        word += c;
    }
    if (!word.empty()) words.push_back(std::move(word));
    return words;
}

std::string without_braces(std::string_view word) {
    if (word.starts_with('{') && word.ends_with('}')) word = word.substr(1, word.size() - 2);
    return std::string(base::trim_wsp(word));
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

std::string Service::value(std::string_view parameter) const {
    const auto found = effective.find(parameter);
    return found == effective.end() ? std::string{} : found->second;
}

bool Service::yes(std::string_view parameter) const { return base::ascii_lower(value(parameter)) == "yes"; }

bool Service::runs(std::string_view command) const { return base_name(program) == command; }

std::vector<Service> parse_services(std::string_view services, std::string_view overrides,
                                    bool chroot_by_default) {
    std::vector<Service> found;
    for (std::string_view rest : lines_of(services)) {
        Service service;
        service.name = next_word(rest);
        service.type = next_word(rest);
        std::array<std::string_view, 5> columns; // private, unprivileged, chroot, wakeup, maxproc
        for (std::string_view& column : columns) column = next_word(rest);
        service.program = next_word(rest);
        if (service.program.empty()) continue;
        service.unprivileged = columns[1] != "n";
        service.chroot = columns[2] == "y" || (columns[2] == "-" && chroot_by_default);
        for (const std::string_view line : lines_of(overrides))
            if (auto setting = override_of(line, service))
                service.overrides.insert_or_assign(std::move(setting->first), std::move(setting->second));
        found.push_back(std::move(service));
    }
    return found;
}

std::map<std::string, Parameters, std::less<>> parse_attached(std::string_view master_cf) {
    std::map<std::string, Parameters, std::less<>> found;
    for (const std::string& line : logical_lines(master_cf)) {
        const std::vector<std::string> words = words_of(line);
        constexpr std::size_t columns = 8; // the program is the last of them
        bool attached = false;
        Parameters overrides;
        for (std::size_t at = columns; at < words.size(); ++at) {
            // As getopt(3): there may be flags before the "o" in one word.
            if (!words[at].starts_with('-')) continue;
            const std::size_t option = words[at].find('o');
            if (option == std::string::npos ||
                words[at].find_first_not_of("cDSuvV", 1) != option) // no other flags in master.cf
                continue;
            std::string setting = words[at].substr(option + 1);
            attached |= !setting.empty();
            if (setting.empty() && at + 1 < words.size()) setting = without_braces(words[++at]);
            const std::size_t equals = setting.find('=');
            if (equals == std::string::npos) continue; // a fatal error for smtp(8)
            overrides.insert_or_assign(
                std::string(base::trim_wsp(std::string_view(setting).substr(0, equals))),
                std::string(base::trim_wsp(std::string_view(setting).substr(equals + 1))));
        }
        if (attached) found.insert_or_assign(words[0] + '/' + words[1], std::move(overrides));
    }
    return found;
}

std::string Installed::value(std::string_view name) const {
    const auto found = effective.find(name);
    return found == effective.end() ? std::string{} : found->second;
}

bool Installed::yes(std::string_view name) const { return base::ascii_lower(value(name)) == "yes"; }

std::optional<std::string> Installed::written(std::string_view name) const {
    const auto found = set.find(name);
    return found == set.end() ? std::nullopt : std::optional(found->second);
}

const Service* Installed::transport(std::string_view name) const {
    const auto is = [name](const Service& service) { return service.type == "unix" && service.name == name; };
    for (const std::vector<Service>* part : {&services, &others})
        if (const auto found = std::ranges::find_if(*part, is); found != part->end()) return &*found;
    return nullptr;
}

const std::vector<std::string>& parameters_of_interest() {
    static const std::vector<std::string> names = {
        "address_verify_default_transport",
        "address_verify_relay_transport",
        "address_verify_transport_maps",
        "body_checks",
        "compatibility_level",
        "config_directory",
        "content_filter",
        "daemon_directory",
        "default_transport",
        "disable_dns_lookups",
        "dnssec_probe",
        "fallback_transport",
        "header_checks",
        "ignore_mx_lookup_error",
        "inet_interfaces",
        "inet_protocols",
        "local_transport",
        "mail_owner",
        "mailbox_transport",
        "maximal_backoff_time",
        "mime_header_checks",
        "minimal_backoff_time",
        "multi_instance_directories",
        "myhostname",
        "nested_header_checks",
        "proxy_read_maps",
        "queue_directory",
        "relay_domains",
        "relay_transport",
        "relayhost",
        "sender_dependent_default_transport_maps",
        "sender_dependent_relayhost_maps",
        "smtp_address_preference",
        "smtp_bind_address",
        "smtp_bind_address6",
        "smtp_connection_reuse_time_limit",
        "smtp_dns_resolver_options",
        "smtp_dns_support_level",
        "smtp_enforce_tls",
        "smtp_fallback_relay",
        "smtp_helo_name",
        "smtp_host_lookup",
        "smtp_mx_address_limit",
        "smtp_tcp_port",
        "smtp_tls_CAfile",
        "smtp_tls_CApath",
        "smtp_tls_ciphers",
        "smtp_tls_connection_reuse",
        "smtp_tls_dane_insecure_mx_policy",
        "smtp_tls_enforce_peername",
        "smtp_tls_enforce_sts_mx_patterns",
        "smtp_tls_exclude_ciphers",
        "smtp_tls_mandatory_ciphers",
        "smtp_tls_mandatory_exclude_ciphers",
        "smtp_tls_mandatory_protocols",
        "smtp_tls_per_site",
        "smtp_tls_policy_maps",
        "smtp_tls_protocols",
        "smtp_tls_scert_verifydepth",
        "smtp_tls_secure_cert_match",
        "smtp_tls_security_level",
        "smtp_tls_servername",
        "smtp_tls_session_cache_database",
        "smtp_tls_session_cache_timeout",
        "smtp_tls_trust_anchor_file",
        "smtp_tls_verify_cert_match",
        "smtp_tls_wrappermode",
        "smtp_use_tls",
        "smtpd_client_restrictions",
        "smtpd_data_restrictions",
        "smtpd_end_of_data_restrictions",
        "smtpd_helo_restrictions",
        "smtpd_recipient_restrictions",
        "smtpd_relay_restrictions",
        "smtpd_sender_restrictions",
        "tls_append_default_CA",
        "tls_high_cipherlist",
        "tls_medium_cipherlist",
        "tlsproxy_service_name",
        "transport_maps",
        "use_srv_lookup",
        "virtual_transport",
    };
    return names;
}

} // namespace setup
