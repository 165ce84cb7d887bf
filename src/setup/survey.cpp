#include "setup/survey.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <charconv>
#include <filesystem>

namespace setup {
namespace {

/// Elements of a list that are asked whether an stsmapd is behind them.
constexpr std::size_t max_asked = 4;

/// The last line of what a program complained of.
std::string complaint(const Ran& ran) {
    std::string_view text = ran.err;
    while (text.ends_with('\n')) text.remove_suffix(1);
    return base::printable(text.substr(text.rfind('\n') + 1), 300);
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

bool is_status(const base::Expected<std::string, std::string>& reply) {
    return reply && (reply->starts_with("OK active") || reply->starts_with("OK inactive"));
}

void take_status(std::string_view reply, Surroundings& around) {
    using Dane = Surroundings::Dane;
    around.daemon_answers = true;
    if (around.dane == Dane::off) return;
    around.dane = reply.starts_with("OK active") ? Dane::active : Dane::inactive;
    const std::size_t colon = reply.find(": ");
    if (colon != std::string_view::npos) around.dane_why = base::printable(reply.substr(colon + 2), 200);
    if (around.dane_why.starts_with("dane = ")) around.dane = Dane::off;
}

/// Asks the daemon itself where it should listen.
void ask_daemon(Host& host, Surroundings& around) {
    for (const std::string& listener : around.ours.listen) {
        const auto reply = host.status(listener, "dane");
        if (is_status(reply)) return take_status(*reply, around);
        std::string why = reply ? listener + " is not stsmapd" : reply.error();
        around.daemon_trouble.append(around.daemon_trouble.empty() ? "" : "; ").append(why);
    }
    if (around.dane != Surroundings::Dane::off) around.dane_why = "no stsmapd answers";
}

/// Finds stsmapd behind entries whose spelling does not give it away.
void ask_behind_maps(Host& host, const Installed& postfix, Surroundings& around) {
    std::size_t asked = 0;
    for (const std::string& element : split_maps(postfix.value("smtp_tls_policy_maps"))) {
        const auto map = parse_socketmap(element);
        if (!map || asked++ == max_asked) continue;
        const auto reply = host.status(address_of(*map, around.ours.queue_directory), "dane");
        if (!is_status(reply)) continue;
        around.ours.answered.insert(element);
        if (!around.daemon_answers) take_status(*reply, around);
    }
}

} // namespace

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

base::Expected<Survey, std::string> make_survey(Host& host, const SurveyOptions& options) {
    Survey survey;
    Installed& postfix = survey.postfix;
    Surroundings& around = survey.around;
    Asker postconf(host, options.config_directory);

    std::vector<std::string> wanted = parameters_of_interest();
    wanted.insert(wanted.begin(), {"-x", "mail_version"});
    postfix.effective = parse_parameters(postconf(std::move(wanted)));
    postfix.set = parse_parameters(postconf({"-n"}));
    const bool chroot = compatibility_level(postfix.value("compatibility_level")) < 1;
    const std::string services = postconf({"-M"});
    postfix.services = parse_services(services, postconf({"-P"}), chroot);
    if (!postconf.trouble().empty()) return base::unexpected(postconf.trouble());
    postfix.version_text = base::printable(postfix.value("mail_version"), 60);
    const auto version = parse_version(postfix.version_text);
    if (!version) return base::unexpected("postconf tells no version: \"" + postfix.version_text + '"');
    postfix.version = *version;

    // With -c, the postconf of Postfix 3.10 tells the default folder as config_directory now and then.
    const std::string& given = options.config_directory;
    survey.main_cf = (given.empty() ? postfix.value("config_directory") : given) + "/main.cf";
    around.main_cf_is_link = host.is_link(survey.main_cf);
    around.ours.listen = options.listen;
    around.ours.queue_directory = postfix.value("queue_directory");
    if (options.dane_off) around.dane = Surroundings::Dane::off;
    const std::string file = postfix.value("smtp_tls_CAfile"), folder = postfix.value("smtp_tls_CApath");
    if (!file.empty()) around.configured_ca = host.ca_file(file);
    // smtp(8) reads the file before it enters its chroot, and the folder within.
    if (!folder.empty())
        around.ca_path_certificates =
            host.ca_folder(any_chroot(postfix) ? around.ours.queue_directory + folder : folder);
    around.system_ca = host.system_ca();
    ask_daemon(host, around);
    ask_behind_maps(host, postfix, around);
    return survey;
}

} // namespace setup
