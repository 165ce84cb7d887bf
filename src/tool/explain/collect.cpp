#include "tool/explain/collect.hpp"

#include "config/load.hpp"
#include "postfix/request.hpp"
#include "tool/client/control_client.hpp"
#include "tool/client/socketmap_client.hpp"
#include "tool/explain/document.hpp"
#include "tool/explain/live_look.hpp"
#include "tool/setup/real_host.hpp"

#include <algorithm>

#include <unistd.h>

namespace app {
namespace {

using explain::Evidence;
using std::chrono::milliseconds;

constexpr milliseconds control_limit{3000}, lookup_limit{20000}, postfix_limit{7000}, one_program{2000};
/// At all name servers that smtp(8) may ask, at once.
constexpr milliseconds name_servers_limit{2000};

base::Expected<config::Config, std::string> load(const std::string& file) {
    const config::Environment environment = config::environment(environ);
    const auto loaded = file.empty() ? config::load(std::string(config::default_file), false, environment)
                                     : config::load(file, true, environment);
    if (loaded) return loaded->config;
    return base::unexpected(to_string(loaded.error().front()));
}

void ask_daemon(tool::ControlClient& control, const std::string& next_hop, Evidence& evidence) {
    tool::ControlRequest request;
    request.target = tool::domain_target(next_hop);
    auto reply = control.ask(request);
    if (!reply) {
        evidence.daemon_error = reply.error().words;
        return;
    }
    auto daemon = explain::read_daemon(*reply);
    if (!daemon) {
        evidence.daemon_error = "the daemon's answer is not understood: " + daemon.error();
        return;
    }
    evidence.daemon = std::move(*daemon);
    evidence.daemon_document = std::move(*reply);
}

/// Asks as Postfix would, at the first address that answers.
void have_looked_up(std::vector<std::string> addresses, const std::string& next_hop) {
    std::stable_partition(addresses.begin(), addresses.end(),
                          [](const std::string& address) { return address.starts_with("unix:"); });
    for (const std::string& address : addresses) {
        auto client = tool::SocketmapClient::connect(address, control_limit);
        if (client && client->ask("sts", next_hop, lookup_limit)) return;
    }
}

base::Expected<explain::Postfix, std::string> look_at_postfix(const setup::Ask& ask,
                                                              const explain::PostfixQuestion& question) {
    setup::RealHost::Limits limits;
    limits.program = one_program;
    limits.lookup = name_servers_limit;
    limits.until = std::chrono::steady_clock::now() + postfix_limit;
    setup::RealHost host(ask, limits);
    return explain::look_at_postfix(host, question);
}

} // namespace

base::Expected<Evidence, std::string> collect_evidence(const setup::Ask& ask,
                                                       const tool::CommonOptions& common,
                                                       const explain::CommandOptions& options,
                                                       const tool::World& world) {
    const auto config = load(common.config);
    if (!config) return base::unexpected(config.error());
    const auto found = world.find_control(common.config);
    if (!found) return base::unexpected(found.error());
    auto listen = world.find_addresses(common.config);
    if (!listen) return base::unexpected(listen.error());
    if (!common.socket.empty()) listen = std::vector{common.socket};

    Evidence evidence;
    evidence.asked = options.next_hop;
    evidence.at = world.now();
    tool::ControlOptions control_options;
    control_options.path = common.control.empty() ? *found : common.control;
    control_options.connect_limit = control_options.reply_limit = control_limit;
    tool::ControlClient control(control_options);
    ask_daemon(control, options.next_hop, evidence);
    if (!options.offline && evidence.daemon && evidence.daemon->known == "nothing" &&
        !evidence.daemon->domain.empty()) {
        have_looked_up(*listen, options.next_hop);
        ask_daemon(control, options.next_hop, evidence);
    }
    if (const auto hop = postfix::next_hop(options.next_hop); hop && !options.offline)
        evidence.live = live_look(*config, *hop, live_limit);
    auto postfix = look_at_postfix(
        ask, {options.postfix_directory, options.service, *listen, options.next_hop, evidence.live});
    if (!postfix) return base::unexpected(postfix.error());
    evidence.postfix = std::move(*postfix);
    return evidence;
}

} // namespace app
