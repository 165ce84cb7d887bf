#include "tool/setup/survey.hpp"

#include "base/text.hpp"
#include "tool/setup/routes.hpp"

#include <openssl/x509.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <iterator>
#include <map>

namespace setup {
namespace {

/// How many different sets of overrides postconf is asked for, and smtp(8) is started with. The other services
/// are reported as not checked.
constexpr std::size_t max_sets = 32, max_starts = 6, max_starts_while_down = 2;
/// How many tables are read for the transports they name.
constexpr std::size_t max_tables = 16;

/// A program's message as one line of printable text.
std::string words_of(std::string_view text) {
    std::string words = base::printable(text, 300);
    for (std::size_t at = 0; (at = words.find("\\\"", at)) != std::string::npos; ++at) words.erase(at, 1);
    return words;
}

/// The last lines of a program's complaints: Postfix's programs name the cause before the consequence.
std::string complaint(const Ran& ran) {
    constexpr std::size_t lines = 2;
    std::string_view text = ran.err;
    while (text.ends_with('\n')) text.remove_suffix(1);
    std::string all;
    for (std::size_t count = 0; count < lines && !text.empty(); ++count) {
        const std::size_t end = text.rfind('\n');
        const std::string_view line = text.substr(end + 1);
        all = words_of(line) + (all.empty() ? "" : "; " + all);
        text = text.substr(0, end == std::string_view::npos ? 0 : end);
    }
    return all;
}

class Asker {
public:
    Asker(Host& host, const std::string& config) : host_(host), config_(config) {}

    /// The output of postconf; after a failure, nothing more is asked.
    std::string operator()(std::vector<std::string> arguments) {
        if (!trouble_.empty()) return {};
        auto ran = host_.run(postfix_command("postconf", config_, std::move(arguments)));
        if (!ran)
            trouble_ = ran.error();
        else if (ran->status != 0)
            trouble_ = "postconf failed: " + complaint(*ran);
        return trouble_.empty() ? std::move(ran->out) : std::string{};
    }
    [[nodiscard]] const std::string& trouble() const { return trouble_; }

private:
    Host& host_;
    const std::string& config_;
    std::string trouble_;
};

int compatibility_level(const std::string& text) {
    int level = 0;
    std::from_chars(text.data(), text.data() + text.size(), level);
    return level;
}

/// The settings of one service that postconf and smtp(8) get as -o. The service's name, which postconf does not
/// know, is filled in. The name in the log (syslog_name) does not matter.
std::vector<std::string> override_options(const Service& service) {
    std::vector<std::string> options;
    for (const auto& [name, value] : service.overrides) {
        if (name == "syslog_name" && value.find(name) == std::string::npos) continue;
        std::string setting = name + '=' + value;
        for (const std::string_view form : {"${service_name}", "$(service_name)", "$service_name"})
            for (std::size_t at = 0; (at = setting.find(form, at)) != std::string::npos;
                 at += service.name.size())
                setting.replace(at, form.size(), service.name);
        options.insert(options.end(), {"-o", std::move(setting)});
    }
    return options;
}

/// Fills in `effective`: one question for each different set of overrides.
void expand(Host& host, const std::string& config, Installed& postfix) {
    struct Answer {
        Parameters effective;
        std::string trouble;
    };
    std::map<std::vector<std::string>, Answer> answers{{{}, {postfix.effective, ""}}};
    for (Service& service : postfix.services) {
        std::vector<std::string> options = override_options(service);
        auto known = answers.find(options);
        if (known == answers.end() && answers.size() > max_sets) continue;
        if (known == answers.end()) {
            std::vector<std::string> words{"-x"};
            words.insert(words.end(), options.begin(), options.end());
            std::ranges::copy(parameters_of_interest(), std::back_inserter(words));
            auto ran = host.run(postfix_command("postconf", config, std::move(words)));
            Answer answer;
            if (!ran)
                answer.trouble = ran.error();
            else if (ran->status != 0)
                answer.trouble = complaint(*ran);
            else
                answer.effective = parse_parameters(ran->out);
            known = answers.emplace(std::move(options), std::move(answer)).first;
        }
        service.effective = known->second.effective;
        service.trouble = known->second.trouble;
    }
}

/// Lets smtp(8) itself read the settings of each service. While Postfix is down each start takes a second.
void try_starts(Host& host, Installed& postfix) {
    std::map<std::vector<std::string>, std::string> troubles;
    std::size_t limit = max_starts;
    for (Service& service : postfix.services) {
        if (!service.trouble.empty()) continue;
        const std::vector<std::string> command = start_command(postfix, service);
        auto known = troubles.find(command);
        if (known == troubles.end()) {
            if (troubles.size() >= limit) continue;
            const auto ran = host.run(command);
            if (ran && ran->err.find("private/tlsmgr") != std::string::npos) limit = max_starts_while_down;
            known = troubles.emplace(command, ran ? start_trouble(*ran) : "").first;
        }
        service.trouble = known->second;
    }
}

/// The content of a table; nullopt when it cannot be read here.
std::optional<std::string> table_content(Host& host, const std::string& config, const Reading& reading) {
    switch (reading.how) {
    case Reading::How::value: return "*\t" + reading.element;
    case Reading::How::file: {
        auto content = host.read(reading.element);
        if (!content || !*content) return std::nullopt;
        return std::move(**content);
    }
    case Reading::How::dump: {
        auto ran = host.run(postfix_command("postmap", config, {"-s", reading.element}));
        if (!ran || ran->status != 0) return std::nullopt;
        return std::move(ran->out);
    }
    case Reading::How::cannot: break;
    }
    return std::nullopt;
}

void read_routes(Host& host, const std::string& config, Installed& postfix) {
    std::size_t tables = 0;
    for (const RouteSource& source : route_sources(postfix)) {
        if (!is_table(source)) {
            if (source.value.find('$') == std::string::npos)
                postfix.routes.push_back(parse_route(source, source.value));
            else
                postfix.unread.push_back(source.name() + " = " + source.value);
            continue;
        }
        for (const std::string& element : split_maps(source.value)) {
            const auto content =
                tables++ < max_tables ? table_content(host, config, reading_of(element)) : std::nullopt;
            if (content)
                std::ranges::move(parse_routes(source, *content), std::back_inserter(postfix.routes));
            else
                postfix.unread.push_back(source.name() + " = " + element);
        }
    }
    assign_uses(postfix);
}

/// Reads the trust anchors of main.cf and of each service that has others.
void look_at_trust(Host& host, const Installed& postfix, Surroundings& around) {
    const auto look = [&](const std::string& file, const std::string& folder, bool chroot) {
        if (!file.empty() && !around.ca_files.contains(file)) around.ca_files[file] = host.ca_file(file);
        // smtp(8) reads the file before it enters its chroot, and the folder within.
        const std::string path = (chroot ? around.ours.queue_directory : "") + folder;
        if (!folder.empty() && !around.ca_folders.contains(path))
            around.ca_folders[path] = host.ca_folder(path);
    };
    const auto look_for = [&](const auto& holder, bool chroot) {
        look(holder.value("smtp_tls_CAfile"), holder.value("smtp_tls_CApath"), chroot);
        if (holder.yes("tls_append_default_CA"))
            look(around.default_ca_file, around.default_ca_folder, chroot);
    };
    around.default_ca_file = X509_get_default_cert_file();
    around.default_ca_folder = X509_get_default_cert_dir();
    around.system_ca = host.system_ca();
    if (!around.system_ca.empty()) around.system_roots = host.ca_file(around.system_ca).certificates;
    look_for(postfix, any_chroot(postfix));
    for (const Service& service : postfix.services) look_for(service, service.chroot);
}

/// With -c, postconf of Postfix 3.10 sometimes prints the default folder as config_directory.
std::string folder_of(const Installed& postfix, const std::string& given) {
    return given.empty() ? postfix.value("config_directory") : given;
}

} // namespace

std::vector<std::string> start_command(const Installed& postfix, const Service& service) {
    const std::string folder = postfix.folder.empty() ? postfix.value("config_directory") : postfix.folder;
    std::string program = service.program;
    if (!program.starts_with('/')) program.insert(0, postfix.value("daemon_directory") + '/');
    // smtp(8) waits until its standard output is readable; /dev/null always is.
    std::vector<std::string> command{
        "sh", "-c", "exec env \"$@\" >/dev/null", "sh", "MAIL_CONFIG=" + folder, program, "-S", "-V"};
    if (service.chroot) command.emplace_back("-c");
    if (service.unprivileged) command.emplace_back("-u");
    const std::vector<std::string> options = override_options(service);
    command.insert(command.end(), options.begin(), options.end());
    // Its lines must not look like those of real mail: they go to standard error, and to a log service that
    // does not exist.
    for (const char* setting : {"maillog_file=/dev/stdout", "maillog_file_prefixes=/dev/stdout",
                                "postlog_service_name=stsmap-none"})
        command.insert(command.end(), {"-o", setting});
    return command;
}

std::string start_trouble(const Ran& ran) {
    constexpr std::string_view warning = ": warning: ", disabled = "disabling TLS support";
    std::string_view rest = ran.err, before;
    while (!rest.empty()) {
        const std::string_view line = rest.substr(0, rest.find('\n'));
        rest.remove_prefix(std::min(rest.size(), line.size() + 1));
        for (const std::string_view severity : {": fatal: ", ": panic: ", ": error: "})
            if (const std::size_t at = line.find(severity); at != std::string_view::npos)
                return words_of(line.substr(at + severity.size()));
        const std::size_t at = line.find(warning);
        if (at == std::string_view::npos) continue;
        const std::string_view words = line.substr(at + warning.size());
        // If Postfix is not running there is no tlsmgr(8) to get entropy from; that says nothing about the
        // settings.
        if (words.find(disabled) != std::string_view::npos &&
            words.find("no entropy") == std::string_view::npos) {
            // Sometimes the cause is in a separate line before it.
            if (words != disabled || before.empty()) return words_of(words);
            return words_of(before) + ": " + words_of(words);
        }
        before = words;
    }
    return {};
}

std::vector<std::string> postfix_command(const std::string& program, const std::string& config_directory,
                                         std::vector<std::string> arguments) {
    std::vector<std::string> command{program};
    if (!config_directory.empty()) command.insert(command.end(), {"-c", config_directory});
    command.insert(command.end(), arguments.begin(), arguments.end());
    return command;
}

std::string address_of(const Socketmap& map, const std::string& queue_directory) {
    if (!map.unix_socket) return "inet:" + map.place;
    const std::filesystem::path place = map.place;
    return "unix:" + (place.is_absolute() ? place : queue_directory / place).lexically_normal().string();
}

std::string for_postmap(const std::string& element, const std::string& queue_directory) {
    auto map = parse_socketmap(element);
    if (!map || !map->unix_socket) return element;
    map->proxied = false;
    map->place = address_of(*map, queue_directory).substr(5); // without "unix:"
    return to_string(*map);
}

base::Expected<Installed, std::string> read_installed(Host& host, const std::string& given) {
    Installed postfix;
    Asker postconf(host, given);

    std::vector<std::string> wanted = parameters_of_interest();
    wanted.insert(wanted.begin(), {"-x", "mail_version"});
    postfix.effective = parse_parameters(postconf(std::move(wanted)));
    postfix.set = parse_parameters(postconf({"-n"}));
    const bool chroot = compatibility_level(postfix.value("compatibility_level")) < 1;
    const std::string services = postconf({"-M"});
    std::vector<Service> all = parse_services(services, postconf({"-P"}), chroot);
    const auto master_cf = host.read(folder_of(postfix, given) + "/master.cf");
    const auto attached = parse_attached(master_cf && *master_cf ? **master_cf : std::string{});
    for (Service& service : all) {
        if (const auto own = attached.find(service.where()); own != attached.end()) {
            service.overrides = own->second;
            service.misread = true;
        }
        const bool delivers = service.runs("smtp") && service.type == "unix";
        (delivers ? postfix.services : postfix.others).push_back(std::move(service));
    }
    if (!postconf.trouble().empty()) return base::unexpected(postconf.trouble());
    postfix.version_text = base::printable(postfix.value("mail_version"), 60);
    const auto version = parse_version(postfix.version_text);
    if (!version) return base::unexpected("postconf tells no version: \"" + postfix.version_text + '"');
    postfix.version = *version;
    postfix.folder = given;
    expand(host, given, postfix);
    if (const auto types = host.run(postfix_command("postconf", given, {"-m"})); types && types->status == 0)
        for (const std::string& type : split_maps(types->out)) postfix.map_types.insert(type);
    read_routes(host, given, postfix);
    return postfix;
}

base::Expected<Survey, std::string> make_survey(Host& host, const SurveyOptions& options) {
    auto installed = read_installed(host, options.config_directory);
    if (!installed) return base::unexpected(std::move(installed.error()));
    Survey survey{std::move(*installed), {}, {}};
    Installed& postfix = survey.postfix;
    Surroundings& around = survey.around;
    survey.main_cf = folder_of(postfix, options.config_directory) + "/main.cf";
    around.main_cf_is_link = host.is_link(survey.main_cf);
    around.ours.listen = options.listen;
    around.ours.queue_directory = postfix.value("queue_directory");
    if (options.dane_off) around.dane = Surroundings::Dane::off;
    look_at_trust(host, postfix, around);
    ask_around(host, postfix, around);
    around.systemd = options.systemd;
    const bool dnssec = around.dane != Surroundings::Dane::off;
    around.resolvers = survey_resolvers(host, postfix, {options.signed_name, dnssec});
    // Last, because it takes the longest, and there is a limit for all of them together.
    if (options.root) try_starts(host, postfix);
    return survey;
}

} // namespace setup
