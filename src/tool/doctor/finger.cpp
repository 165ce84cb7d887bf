#include "tool/doctor/finger.hpp"

#include "base/text.hpp"
#include "sts/match.hpp"
#include "tool/setup/maps.hpp"
#include "tool/setup/routes.hpp"
#include "tool/setup/survey.hpp"
#include "tool/setup/undo.hpp"

#include <algorithm>
#include <array>
#include <optional>

namespace doctor {
namespace {

using Outcome = MxFacts::Outcome;

constexpr std::string_view connect_seconds = "10", command_seconds = "10";

std::string value_of(const setup::Parameters& settings, std::string_view name) {
    const auto found = settings.find(name);
    return found == settings.end() ? std::string{} : found->second;
}

std::vector<std::string> words_of(std::string_view list) {
    std::vector<std::string> words;
    constexpr std::string_view between = ", \t\r\n";
    while (true) {
        list.remove_prefix(std::min(list.find_first_not_of(between), list.size()));
        if (list.empty()) return words;
        words.emplace_back(list.substr(0, list.find_first_of(between)));
        list.remove_prefix(words.back().size());
    }
}

/// An attribute of the policy, or what main.cf has.
std::string attribute_or(const MxPolicy& policy, std::string_view attribute, std::string otherwise) {
    for (const auto& [name, value] : policy.reply.attributes)
        if (name == attribute) return value;
    return otherwise;
}

bool authenticates(const std::string& level) {
    constexpr std::array levels{"dane-only", "fingerprint", "verify", "secure"};
    return std::ranges::find(levels, level) != levels.end();
}

/// The last line with these words, without the name of the program.
std::optional<std::string> line_with(std::string_view output, std::string_view words) {
    const std::size_t at = output.rfind(words);
    if (at == std::string_view::npos) return std::nullopt;
    const std::size_t start = output.rfind('\n', at) + 1;
    std::string_view line = output.substr(start, output.find('\n', at) - start);
    constexpr std::string_view program = "posttls-finger: ";
    if (line.starts_with(program)) line.remove_prefix(program.size());
    return base::printable(line, 300);
}

/// "mx.example" of "Connected to mx.example[192.0.2.1]:25".
std::string connected_host(const std::string& line) {
    constexpr std::string_view before = "Connected to ";
    const std::size_t start = line.find(before) + before.size();
    return line.substr(start, line.find('[', start) - start);
}

/// The policy has patterns for names of mail hosts, and none of them matches this name. Postfix 3.10 and newer
/// skips such a host.
bool is_foreign(const std::string& host, const MxPolicy& policy) {
    bool any = false;
    for (const auto& [name, value] : policy.reply.attributes) {
        if (name != "mx_host_pattern") continue;
        const auto pattern = sts::parse_mx(value);
        if (pattern && sts::matches(*pattern, host)) return false;
        any = true;
    }
    return any;
}

/// Asks the maps for the policy as smtp(8) does; a message when one cannot be asked.
base::Expected<MxPolicy, std::string> ask_maps(setup::Host& host, const setup::Parameters& settings,
                                               const std::string& config_directory,
                                               const std::string& domain) {
    const auto maps = setup::split_maps(value_of(settings, "smtp_tls_policy_maps"));
    for (const std::string& key : setup::map_keys(domain)) {
        for (const std::string& element : maps) {
            const std::string map = setup::for_postmap(element, value_of(settings, "queue_directory"));
            auto ran = host.run(setup::postfix_command("postmap", config_directory, {"-q", key, map}));
            if (!ran) return base::unexpected(ran.error());
            if (ran->status == 0)
                return MxPolicy{
                    tool::parse_reply("OK " + ran->out.substr(0, ran->out.find_last_not_of('\n') + 1)), true};
            if (!ran->err.empty()) return base::unexpected(element + ": " + base::printable(ran->err, 300));
        }
    }
    MxPolicy policy;
    policy.reply.level = base::ascii_lower(value_of(settings, "smtp_tls_security_level"));
    if (policy.reply.level.empty()) policy.reply.level = "none";
    return policy;
}

} // namespace

const std::vector<std::string>& finger_parameters() {
    static const std::vector<std::string> names = {
        "command_directory",
        "queue_directory",
        "smtp_address_preference",
        "smtp_host_lookup",
        "smtp_tls_CAfile",
        "smtp_tls_CApath",
        "smtp_tls_cert_file",
        "smtp_tls_chain_files",
        "smtp_tls_ciphers",
        "smtp_tls_dane_insecure_mx_policy",
        "smtp_tls_fingerprint_digest",
        "smtp_tls_force_insecure_host_tlsa_lookup",
        "smtp_tls_key_file",
        "smtp_tls_mandatory_ciphers",
        "smtp_tls_mandatory_protocols",
        "smtp_tls_policy_maps",
        "smtp_tls_protocols",
        "smtp_tls_secure_cert_match",
        "smtp_tls_security_level",
        "smtp_tls_servername",
        "smtp_tls_trust_anchor_file",
        "smtp_tls_verify_cert_match",
    };
    return names;
}

std::vector<std::string> finger_command(const setup::Parameters& settings, const setup::Parameters& overrides,
                                        const MxPolicy& policy, const std::string& config_directory,
                                        const std::string& domain) {
    const std::string& level = policy.reply.level;
    std::vector<std::string> command;
    // posttls-finger reads the folder only from MAIL_CONFIG: its -c means something else.
    if (!config_directory.empty()) command = {"env", "MAIL_CONFIG=" + config_directory};
    const std::string folder = value_of(settings, "command_directory");
    command.push_back((folder.empty() ? "" : folder + '/') + "posttls-finger");
    const auto add = [&command](const char* option, const std::string& value) {
        if (!value.empty()) command.insert(command.end(), {option, value});
    };
    add("-t", std::string(connect_seconds));
    add("-T", std::string(command_seconds));
    add("-L", "summary,certmatch,untrusted");
    add("-l", level);
    const bool must = level != "may" && level != "none";
    add("-p", attribute_or(policy, "protocols",
                           value_of(settings, must ? "smtp_tls_mandatory_protocols" : "smtp_tls_protocols")));
    add("-g", attribute_or(policy, "ciphers",
                           value_of(settings, must ? "smtp_tls_mandatory_ciphers" : "smtp_tls_ciphers")));
    add("-F", value_of(settings, "smtp_tls_CAfile"));
    add("-P", value_of(settings, "smtp_tls_CApath"));
    for (const std::string& file :
         words_of(attribute_or(policy, "tafile", value_of(settings, "smtp_tls_trust_anchor_file"))))
        add("-A", file);
    add("-s", attribute_or(policy, "servername", value_of(settings, "smtp_tls_servername")));
    add("-d", value_of(settings, "smtp_tls_fingerprint_digest"));
    add("-h", value_of(settings, "smtp_host_lookup"));
    add("-a", value_of(settings, "smtp_address_preference"));
    add("-M", value_of(settings, "smtp_tls_dane_insecure_mx_policy"));
    if (value_of(settings, "smtp_tls_force_insecure_host_tlsa_lookup") == "yes") command.emplace_back("-f");
    const std::string chain = value_of(settings, "smtp_tls_chain_files");
    add("-H", chain);
    if (chain.empty()) {
        add("-k", value_of(settings, "smtp_tls_cert_file"));
        if (!value_of(settings, "smtp_tls_cert_file").empty())
            add("-K", value_of(settings, "smtp_tls_key_file"));
    }
    for (const auto& [name, value] : overrides) command.insert(command.end(), {"-o", name + '=' + value});
    command.push_back(domain);
    std::vector<std::string> match = policy.reply.match;
    if (match.empty() && level == "secure")
        match = words_of(value_of(settings, "smtp_tls_secure_cert_match"));
    if (match.empty() && level == "verify")
        match = words_of(value_of(settings, "smtp_tls_verify_cert_match"));
    if (level == "secure" || level == "verify" || level == "fingerprint")
        command.insert(command.end(), match.begin(), match.end());
    return command;
}

void read_finger(std::string_view output, const MxPolicy& policy, MxFacts& facts) {
    const std::string& level = policy.reply.level;
    const auto tell = [&facts](Outcome outcome, std::string words) {
        facts.outcome = outcome;
        facts.words = std::move(words);
    };
    const auto connected = line_with(output, "Connected to ");
    const auto tls = line_with(output, " TLS connection established to ");
    if (!connected) {
        if (const auto failed = line_with(output, "Destination address lookup failed"))
            return tell(Outcome::not_looked_up, *failed);
        if (const auto no_tlsa = line_with(output, "TLSA lookup error"))
            return tell(Outcome::not_looked_up, *no_tlsa);
        if (const auto failed = line_with(output, "Failed to establish session to"))
            return tell(Outcome::not_connected, *failed);
        facts.trouble =
            "posttls-finger says: " +
            base::printable(output.substr(output.size() - std::min<std::size_t>(output.size(), 300)), 300);
        return;
    }
    if (level == "dane-only")
        if (const auto none = line_with(output, "TLSA records")) // "no TLSA records found, resorting to ..."
            if (none->find("no ") != std::string::npos && none->find("found") != std::string::npos)
                return tell(Outcome::no_dane, *none);
    if (!tls) {
        for (const char* words : {"disabling TLS support", "STARTTLS rejected", "SSL_connect error",
                                  "Cannot start TLS", "handshake"})
            if (const auto line = line_with(output, words)) return tell(Outcome::no_tls, *line);
        return tell(Outcome::no_tls, *connected + ": STARTTLS is not offered");
    }
    const bool verified = tls->find("Verified TLS") != std::string::npos;
    if (authenticates(level) && !verified) {
        const auto reason = line_with(output, "certificate verification failed");
        return tell(Outcome::encrypted, *tls + (reason ? "; " + *reason : ""));
    }
    if (is_foreign(connected_host(*connected), policy)) return tell(Outcome::foreign_host, *tls);
    tell(verified ? Outcome::verified : Outcome::encrypted, *tls);
}

MxFacts probe_mx(setup::Host& host, const setup::Installed& postfix, const std::string& config_directory,
                 const std::string& domain) {
    MxFacts facts;
    facts.domain = domain;
    const setup::Service* service = setup::service_for_domains(postfix);
    if (service == nullptr) {
        facts.trouble = "no service of master.cf delivers over SMTP";
        return facts;
    }
    facts.service = service->where();
    std::vector<std::string> asked{"-x"};
    for (const auto& [name, value] : service->overrides)
        asked.insert(asked.end(), {"-o", name + '=' + value});
    asked.insert(asked.end(), finger_parameters().begin(), finger_parameters().end());
    auto settings = host.run(setup::postfix_command("postconf", config_directory, std::move(asked)));
    if (!settings || settings->status != 0) {
        facts.trouble = settings ? base::printable(settings->err, 300) : settings.error();
        return facts;
    }
    const setup::Parameters values = setup::parse_parameters(settings->out);
    const auto policy = ask_maps(host, values, config_directory, domain);
    if (!policy) {
        facts.outcome = Outcome::map_failed;
        facts.words = policy.error();
        return facts;
    }
    facts.level = policy->reply.level;
    if (policy->from_map) facts.policy = policy->reply.level;
    const auto command = finger_command(values, service->overrides, *policy, config_directory, domain);
    for (const std::string& word : command)
        facts.command.append(facts.command.empty() ? "" : " ").append(setup::shell_quoted(word));
    auto ran = host.run(command);
    if (!ran)
        facts.trouble = ran.error();
    else if (ran->status != 0)
        facts.trouble = "posttls-finger: " + base::printable(ran->out + ran->err, 300);
    else
        read_finger(ran->out, *policy, facts);
    return facts;
}

} // namespace doctor
