#include "tool/tool_commands.hpp"

#include "base/text.hpp"
#include "base/version.hpp"
#include "config/load.hpp"
#include "tool/check/explained.hpp"
#include "tool/check/here.hpp"
#include "tool/check/judge.hpp"
#include "tool/client/control_client.hpp"
#include "tool/doctor/finger.hpp"
#include "tool/doctor/fleet_probe.hpp"
#include "tool/doctor/network_probe.hpp"
#include "tool/doctor/probes.hpp"
#include "tool/doctor/report.hpp"
#include "tool/explain/collect.hpp"
#include "tool/preview/eyes.hpp"
#include "tool/setup/real_host.hpp"
#include "tool/setup/undo.hpp"
#include "tool/show/times.hpp"
#include "wiring/real_time.hpp"

#include <algorithm>
#include <cerrno>
#include <ostream>

#include <unistd.h>

namespace app {
namespace {

using std::chrono::milliseconds;

/// The limits of the doctor's parts. They run one after the other: 20 s at most, without --mx.
constexpr milliseconds host_limit{6000};   ///< systemctl, postconf, name servers, smtp(8)'s starts
constexpr milliseconds daemon_limit{2000}; ///< its version, at each of its addresses
constexpr milliseconds one_program{3000}, one_question{1500}, name_servers{2500};
constexpr milliseconds again_limit{1000}; ///< what is asked again at the end
constexpr milliseconds mx_limit{60000};   ///< --mx: posttls-finger, with connections of 10 s to each address
constexpr milliseconds store_limit{2000};
constexpr milliseconds network_limit{5000};

base::Expected<config::Loaded, std::vector<config::Problem>> load(const std::string& file) {
    const config::Environment environment = config::environment(environ);
    if (!file.empty()) return config::load(file, true, environment);
    return config::load(std::string(config::default_file), false, environment);
}

std::vector<std::string> listen_texts(const config::Config& config, const std::string& socket) {
    if (!socket.empty()) return {socket};
    return listen_addresses(config);
}

bool systemd_runs() { return ::access("/run/systemd/system", F_OK) == 0; } // sd_booted(3)

setup::SurveyOptions survey_options(const config::Config& config, const tool::CommonOptions& common,
                                    const std::string& postfix) {
    setup::SurveyOptions options;
    options.config_directory = postfix;
    options.listen = listen_texts(config, common.socket);
    options.dane_off = config.dane == config::Dane::off;
    options.signed_name = config.dns.signed_name;
    options.systemd = systemd_runs();
    options.root = ::geteuid() == 0;
    return options;
}

base::Exit postfix_setup(const tool::CommonOptions& common, setup::CommandOptions options, std::ostream& out,
                         std::ostream& err) {
    const auto loaded = load(common.config);
    if (!loaded) {
        for (const config::Problem& problem : loaded.error()) err << "stsmap: " << to_string(problem) << '\n';
        return base::Exit::usage;
    }
    options.survey = survey_options(loaded->config, common, options.survey.config_directory);
    setup::RealHost host(doctor::ask_status);
    return setup::postfix_setup(options, host, out, err);
}

doctor::ConfigFacts config_facts(const std::string& file,
                                 const base::Expected<config::Loaded, std::vector<config::Problem>>& loaded) {
    doctor::ConfigFacts facts;
    facts.file = file.empty() ? std::string(config::default_file) : file;
    facts.there = ::access(facts.file.c_str(), F_OK) == 0;
    facts.unseen = ::access(facts.file.c_str(), R_OK) != 0 && errno == EACCES;
    if (!loaded)
        for (const config::Problem& problem : loaded.error()) facts.problems.push_back(to_string(problem));
    return facts;
}

doctor::PlaceFacts place_facts(const tool::CommonOptions& common, const std::string& postfix) {
    doctor::PlaceFacts facts;
    if (!common.config.empty()) facts.options = "--config " + setup::shell_quoted(common.config);
    if (!common.socket.empty()) facts.options = "--socket " + setup::shell_quoted(common.socket);
    if (!postfix.empty()) facts.postfix_folder = setup::shell_quoted(postfix);
    facts.systemd = systemd_runs();
    return facts;
}

setup::RealHost::Limits limits_of_doctor(milliseconds all) {
    setup::RealHost::Limits limits;
    limits.program = std::min(one_program, all);
    limits.question = one_question;
    limits.lookup = name_servers;
    limits.until = std::chrono::steady_clock::now() + all;
    return limits;
}

bool is_permission(const std::string& words) {
    return words.find("no permission") != std::string::npos ||
           words.find("ermission denied") != std::string::npos;
}

void ask_for_dane(setup::Host& host, const std::string& address, doctor::DaemonFacts& facts) {
    if (const auto dane = host.status(address, "dane"); dane && dane->starts_with("OK "))
        facts.dane = base::printable(dane->substr(3), 200);
}

/// Asks at all addresses, those of the map first; returns the one that answered.
std::string look_at_daemon(const std::vector<std::string>& addresses, setup::Host& host,
                           doctor::DaemonFacts& facts) {
    facts.tool_version = base::version();
    std::string answering;
    for (const std::string& address : addresses) {
        const auto reply = host.status(address, "version");
        if (!reply) {
            facts.unseen |= is_permission(reply.error());
            continue;
        }
        const std::optional<std::string> version =
            reply->starts_with("OK ") ? std::optional(base::printable(reply->substr(3), 40)) : std::nullopt;
        if (answering.empty()) {
            answering = address;
            facts.answers = true;
            facts.version = version;
            ask_for_dane(host, address, facts);
        } else if (version != facts.version) {
            facts.others.push_back(version.value_or("older than it tells") + " at " + address);
        }
    }
    return answering;
}

/// The facts that depend on Postfix: its settings, the socket as Postfix asks it, the daemon that answers.
/// Returns where the daemon answers, and the survey.
std::pair<std::string, std::optional<setup::Survey>>
look_at_postfix(const setup::SurveyOptions& options, setup::Host& host, doctor::Facts& facts) {
    auto survey = setup::make_survey(host, options);
    if (survey) {
        setup::Wishes wishes;
        wishes.without_daemon = true; // a daemon that does not answer has its own line
        facts.postfix.version = survey->postfix.version_text;
        facts.postfix.owner = survey->postfix.value("mail_owner");
        facts.postfix.plan = setup::make_plan(survey->postfix, survey->around, wishes);
    } else {
        facts.postfix.trouble = survey.error();
        facts.postfix.unseen = ::geteuid() != 0 && is_permission(survey.error());
    }
    facts.socket =
        doctor::probe_socket(survey ? &*survey : nullptr, facts.postfix.plan.map, options.listen, host);
    std::vector<std::string> addresses = options.listen;
    if (const auto map = setup::parse_socketmap(facts.postfix.plan.map); survey && map)
        addresses.insert(addresses.begin(),
                         setup::address_of(*map, survey->postfix.value("queue_directory")));
    setup::RealHost asker(doctor::ask_status, limits_of_doctor(daemon_limit));
    std::string answering = look_at_daemon(addresses, asker, facts.daemon);
    return {std::move(answering), survey ? std::optional(std::move(*survey)) : std::nullopt};
}

/// The listeners of systemd are in no configuration.
void add_open(const tool::Json& status, std::vector<std::string>& web_open) {
    for (const tool::Json& one : tool::member_of(status, "web_open")) {
        if (!one.is_string()) continue;
        std::string address = base::printable(one.get_ref<const std::string&>(), 100);
        if (std::ranges::find(web_open, address) == web_open.end()) web_open.push_back(std::move(address));
    }
}

/// What the configuration and, where it may be asked, the daemon say about observing, overrides and its health.
void look_at_its_word(const config::Config& config, const std::string& control, doctor::DaemonFacts& facts,
                      doctor::FleetFacts& fleet) {
    constexpr std::size_t most = 100; // octets of a text of the daemon's that is shown
    const base::Instant now = SystemClock{}.now();
    facts.now = now;
    facts.observes = config.mode == config::Mode::observe;
    for (const auto& one : config.overrides)
        if (one.weakens && (!one.until || *one.until > now))
            facts.weakening.push_back({one.domain, std::string(to_string(one.action)), one.until, true});
    for (const auto& address : config.web.listen)
        if (!config::stays_on_this_host(address)) facts.web_open.push_back(to_string(address));
    if (control.empty()) {
        fleet = doctor::probe_fleet(config.shared, nullptr);
        return;
    }
    tool::ControlOptions options;
    options.path = control;
    options.connect_limit = options.reply_limit = daemon_limit;
    tool::ControlClient client(std::move(options));
    fleet = doctor::probe_fleet(config.shared, &client);
    // That nobody answers, or this user may not ask, is no finding of its own. The file may have changed since the
    // daemon has read it.
    tool::ControlRequest question;
    question.target = "/v1/status";
    if (const auto status = client.ask(question)) {
        facts.observes = tool::text_of(*status, "mode") == "observe";
        add_open(*status, facts.web_open);
    }
    if (const auto ready = client.document("/ready"); ready && ready->status != 200) {
        std::string text = ready->text;
        std::ranges::replace(text, '\n', ';');
        facts.not_ready = base::printable(text, 4 * most);
    }
    question.target = "/v1/overrides";
    const auto listed = client.ask(question);
    if (!listed) return;
    for (const tool::Json& one : tool::member_of(*listed, "overrides"))
        if (tool::flag_of(one, "weakens") && !tool::flag_of(one, "ended") &&
            tool::text_of(one, "source") == "run-time")
            facts.weakening.push_back({base::printable(tool::text_of(one, "domain"), most),
                                       base::printable(tool::text_of(one, "action"), most),
                                       tool::parse_time(tool::text_of(one, "until")), false});
}

/// All that needs the configuration.
void look_at_all(const config::Config& config, const tool::CommonOptions& common,
                 const doctor::CommandOptions& options, setup::Host& host, doctor::Facts& facts) {
    const setup::SurveyOptions survey_with = survey_options(config, common, options.postfix_directory);
    const auto [answering, survey] = look_at_postfix(survey_with, host, facts);
    look_at_its_word(config, common.control.empty() ? config.control.socket : common.control, facts.daemon,
                     facts.fleet);
    // The unit and its user apply to the packaged folder; for another folder the user is not known.
    const bool packaged = config.state_dir == config::Config{}.state_dir;
    const auto user = packaged ? doctor::daemon_user(host, facts.systemd.running) : std::nullopt;
    facts.state = doctor::probe_state(config.state_dir, user, store_limit);
    facts.ca = doctor::probe_ca(config.fetch.ca_file, host);
    NetworkFacts network = probe_network(config, options.domain, network_limit);
    facts.resolver = std::move(network.resolver);
    facts.egress = std::move(network.egress);
    facts.egress.default_domain = options.default_domain;
    facts.clock = {SystemClock{}.now(), network.date, facts.state.written, facts.egress.fetched,
                   doctor::clock_is_kept()};
    // Right after its start the daemon does not know yet what this run has found out: ask it again.
    setup::RealHost at_the_end(doctor::ask_status, limits_of_doctor(again_limit));
    if (!answering.empty() && facts.daemon.dane != "active")
        ask_for_dane(at_the_end, answering, facts.daemon);
    doctor::look_again(at_the_end, facts.systemd);
    if (options.mx.empty()) return;
    setup::RealHost patient(doctor::ask_status, [] {
        setup::RealHost::Limits limits;
        limits.program = mx_limit;
        limits.until = std::chrono::steady_clock::now() + mx_limit;
        return limits;
    }());
    facts.mx.domain = options.mx;
    if (survey)
        facts.mx = doctor::probe_mx(patient, survey->postfix, options.postfix_directory, options.mx);
    else
        facts.mx.trouble = "Postfix cannot be asked for its settings";
}

base::Exit ask_doctor(const tool::CommonOptions& common, const doctor::CommandOptions& options,
                      std::ostream& out) {
    const auto loaded = load(common.config);
    setup::RealHost host(doctor::ask_status, limits_of_doctor(host_limit));
    doctor::Facts facts;
    facts.place = place_facts(common, options.postfix_directory);
    facts.config = config_facts(common.config, loaded);
    facts.systemd = doctor::probe_systemd(host);
    if (loaded && !facts.config.unseen) look_at_all(loaded->config, common, options, host, facts);
    const doctor::Findings findings = doctor::report(facts);
    const doctor::Findings shown = options.quiet ? doctor::troubles(findings) : findings;
    if (shown.empty()) return base::Exit::done;
    if (options.json)
        doctor::print_json(shown, base::version(), out);
    else
        doctor::print_text(shown, out);
    return doctor::worst(findings) == doctor::Verdict::fail ? base::Exit::trouble : base::Exit::done;
}

/// For `explain --smtp`: only a domain's own mail hosts at port 25 are connected to.
void look_at_mail_hosts(const tool::CommonOptions& common, const explain::CommandOptions& options,
                        const tool::World& world, explain::Evidence& evidence) {
    explain::Smtp made;
    made.at = world.now();
    made.outcome = "unknown";
    const auto target = check::parse_target(options.next_hop);
    if (!target) {
        made.words = "only the mail hosts of a domain are connected to, at port 25";
        evidence.smtp = std::move(made);
        return;
    }
    const explain::Postfix postfix =
        options.postfix ? explain::with(evidence.postfix, *options.postfix) : evidence.postfix;
    check::Wanted wanted;
    wanted.targets = {*target};
    wanted.postfix_directory = options.postfix_directory;
    wanted.service = options.service;
    wanted.found = [&](const check::Evidence& seen) {
        made = check::smtp_of(seen, *evidence.daemon, postfix);
    };
    made.words = "they were not looked at";
    if (const auto looked = check_from_here(doctor::ask_status, common, wanted, world); !looked)
        made.words = looked.error();
    evidence.smtp = std::move(made);
}

base::Expected<explain::Evidence, std::string>
collect(const tool::CommonOptions& common, const explain::CommandOptions& options, const tool::World& world) {
    auto evidence = collect_evidence(doctor::ask_status, common, options, world);
    if (evidence && options.smtp && evidence->daemon) look_at_mail_hosts(common, options, world, *evidence);
    return evidence;
}

base::Expected<bool, std::string> check_from_this_host(const tool::CommonOptions& common,
                                                       const check::Wanted& wanted,
                                                       const tool::World& world) {
    return check_from_here(doctor::ask_status, common, wanted, world);
}

/// For `override list --check`.
base::Expected<std::vector<tool::WithoutOverride>, std::string>
without_overrides(const tool::CommonOptions& common, const std::vector<std::string>& domains,
                  const tool::World& world) {
    std::vector<tool::WithoutOverride> all;
    check::Wanted wanted;
    for (const std::string& domain : domains)
        if (auto target = check::parse_target(domain)) wanted.targets.push_back(std::move(*target));
    wanted.found = [&all](const check::Evidence& evidence) {
        const check::Verdict verdict = check::judge(evidence).verdict;
        all.push_back({evidence.domain, std::string(to_string(verdict.outcome)), verdict.words});
    };
    const auto whole = check_from_this_host(common, wanted, world);
    if (!whole) return base::unexpected(whole.error());
    return all;
}

} // namespace

std::vector<std::string> listen_addresses(const config::Config& config) {
    std::vector<std::string> addresses;
    for (const net::ListenAddress& address : config.listen)
        if (address.kind == net::ListenAddress::Kind::unix_socket || address.port != 0)
            addresses.push_back(to_string(address));
    return addresses;
}

base::Expected<std::vector<std::string>, std::string> find_addresses(const std::string& file) {
    const auto loaded = load(file);
    if (!loaded) return base::unexpected(to_string(loaded.error().front()));
    return listen_addresses(loaded->config);
}

base::Expected<std::string, std::string> find_control(const std::string& file) {
    const auto loaded = load(file);
    if (!loaded) return base::unexpected(to_string(loaded.error().front()));
    if (loaded->config.control.socket.empty())
        return base::unexpected(std::string("control.socket is empty: the daemon has no control socket"));
    return loaded->config.control.socket;
}

tool::Commands tool_commands() {
    return {postfix_setup,     ask_doctor,
            collect,           check_from_this_host,
            without_overrides, preview::make_eyes(doctor::ask_status, check_from_this_host)};
}

} // namespace app
