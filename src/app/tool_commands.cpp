#include "app/tool_commands.hpp"

#include "app/network_probe.hpp"
#include "app/real_time.hpp"
#include "base/text.hpp"
#include "config/load.hpp"
#include "control/query_command.hpp"
#include "diagnose/probes.hpp"
#include "diagnose/report.hpp"
#include "setup/real_host.hpp"

#include <ostream>
#include <unistd.h>

namespace app {
namespace {

using std::chrono::milliseconds;

/// The limits of the doctor's parts. They go one after the other: 18 s at most.
constexpr milliseconds host_limit{6000}; ///< postconf, systemctl, the daemon's status
constexpr milliseconds one_program{3000}, one_question{1500};
constexpr milliseconds store_limit{2500};
constexpr milliseconds network_limit{6000};

base::Expected<config::Loaded, std::vector<config::Problem>> load(const std::string& file) {
    const config::Environment environment = config::environment(environ);
    if (!file.empty()) return config::load(file, true, environment);
    return config::load(std::string(config::default_file), false, environment);
}

std::vector<std::string> listen_texts(const config::Config& config, const std::string& socket) {
    if (!socket.empty()) return {socket};
    std::vector<std::string> texts;
    for (const config::ListenAddress& address : config.listen)
        if (address.kind == config::ListenAddress::Kind::unix_socket || address.port != 0)
            texts.push_back(to_string(address));
    return texts;
}

setup::SurveyOptions survey_options(const config::Config& config, const control::Place& place,
                                    const std::string& postfix) {
    setup::SurveyOptions options;
    options.config_directory = postfix;
    options.listen = listen_texts(config, place.socket);
    options.dane_off = config.dane == config::Dane::off;
    options.root = ::geteuid() == 0;
    return options;
}

int postfix_setup(const control::Place& place, setup::CommandOptions options, std::ostream& out,
                  std::ostream& err) {
    const auto loaded = load(place.config);
    if (!loaded) {
        for (const config::Problem& problem : loaded.error()) err << "stsmap: " << to_string(problem) << '\n';
        return static_cast<int>(control::Exit::usage);
    }
    options.survey = survey_options(loaded->config, place, options.survey.config_directory);
    setup::RealHost host(diagnose::ask_status);
    return static_cast<int>(setup::postfix_setup(options, host, out, err));
}

diagnose::ConfigFacts
config_facts(const std::string& file,
             const base::Expected<config::Loaded, std::vector<config::Problem>>& loaded) {
    diagnose::ConfigFacts facts;
    facts.file = file.empty() ? std::string(config::default_file) : file;
    facts.there = ::access(facts.file.c_str(), F_OK) == 0;
    if (!loaded)
        for (const config::Problem& problem : loaded.error()) facts.problems.push_back(to_string(problem));
    return facts;
}

/// What of the report hangs on Postfix: its settings, the socket as it asks it, the daemon behind.
void look_at_postfix(const config::Config& config, const control::Place& place, const std::string& postfix,
                     setup::Host& host, diagnose::Facts& facts) {
    const setup::SurveyOptions options = survey_options(config, place, postfix);
    auto survey = setup::make_survey(host, options);
    if (survey) {
        setup::Wishes wishes;
        wishes.without_daemon = true; // that nobody answers has a line of its own
        facts.postfix.version = survey->postfix.version_text;
        facts.postfix.owner = survey->postfix.value("mail_owner");
        facts.postfix.plan = setup::make_plan(survey->postfix, survey->around, wishes);
    } else {
        facts.postfix.trouble = survey.error();
    }
    facts.socket =
        diagnose::probe_socket(survey ? &*survey : nullptr, facts.postfix.plan.map, options.listen, host);
    facts.daemon.tool_version = STSMAPD_VERSION;
    std::vector<std::string> addresses = options.listen;
    if (const auto map = setup::parse_socketmap(facts.postfix.plan.map); survey && map)
        addresses.insert(addresses.begin(),
                         setup::address_of(*map, survey->postfix.value("queue_directory")));
    for (const std::string& address : addresses) {
        const auto version = host.status(address, "version");
        if (!version) continue;
        facts.daemon.answers = true;
        if (version->starts_with("OK ")) facts.daemon.version = base::printable(version->substr(3), 40);
        if (const auto dane = host.status(address, "dane"); dane && dane->starts_with("OK "))
            facts.daemon.dane = base::printable(dane->substr(3), 200);
        break;
    }
}

int doctor(const control::Place& place, const control::DoctorOptions& options, std::ostream& out) {
    const auto loaded = load(place.config);
    const config::Config config = loaded ? loaded->config : config::Config{};
    setup::RealHost::Limits limits{one_program, one_question, std::chrono::steady_clock::now() + host_limit};
    setup::RealHost host(diagnose::ask_status, limits);
    diagnose::Facts facts;
    facts.config = config_facts(place.config, loaded);
    look_at_postfix(config, place, options.postfix_directory, host, facts);
    facts.systemd = diagnose::probe_systemd(host);
    // The unit and its user are about the packaged folder; who uses another one cannot be known from here.
    const bool packaged = config.state_dir == config::Config{}.state_dir;
    const auto user = packaged ? diagnose::daemon_user(host, facts.systemd.running) : std::nullopt;
    facts.state = diagnose::probe_state(config.state_dir, user, store_limit);
    facts.ca = diagnose::probe_ca(config.fetch.ca_file, host);
    NetworkFacts network = probe_network(config, options.domain, network_limit);
    facts.resolver = std::move(network.resolver);
    facts.egress = std::move(network.egress);
    facts.egress.default_domain = options.default_domain;
    facts.clock = {SystemClock{}.now(), network.date};
    const diagnose::Findings findings = diagnose::report(facts);
    if (options.json)
        diagnose::print_json(findings, STSMAPD_VERSION, out);
    else
        diagnose::print_text(findings, out);
    return diagnose::worst(findings) == diagnose::Verdict::fail ? 1 : 0;
}

} // namespace

control::Commands tool_commands() { return {postfix_setup, doctor}; }

} // namespace app
