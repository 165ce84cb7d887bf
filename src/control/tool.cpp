#include "control/tool.hpp"

#include "control/query_command.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <ostream>

namespace control {

namespace {

constexpr const char* footer = R"(Exit status:
  0  every domain got OK or NOTFOUND
  1  some domain got TEMP or PERM: Postfix would defer its mail
  2  the command line or the configuration is wrong
  3  the daemon cannot be reached, or stopped answering)";

/// CLI11 takes "[a]" for a list and drops the brackets, which mean something in a next hop.
constexpr std::string_view bracket_guard = "\x01";

int status(Exit exit) { return static_cast<int>(exit); }

} // namespace

int run_tool(const std::vector<std::string>& arguments, const FindAddresses& find_addresses, std::istream& in,
             std::ostream& out, std::ostream& err) {
    CLI::App app{"Asks a running stsmapd.", "stsmap"};
    app.set_version_flag("--version", "stsmap " STSMAPD_VERSION, "Print the version and exit");
    app.set_help_flag("--help,-h", "Print this help and exit");
    app.require_subcommand(1);
    app.footer(footer);
    std::string socket, config;
    auto* socket_option =
        app.add_option("--socket", socket, "The daemon's socket: unix:/path or tcp:host:port")
            ->option_text("ADDRESS");
    app.add_option("--config", config, "The daemon's configuration file, for where it listens")
        ->option_text("FILE")
        ->excludes(socket_option);

    QueryOptions options;
    bool tlsrpt = false;
    double seconds = 100;
    CLI::App* query_app = app.add_subcommand("query", "Print what Postfix gets for a domain");
    auto* map_option = query_app->add_option("--map", options.map, "The map name to ask under (default: sts)")
                           ->option_text("NAME");
    query_app
        ->add_flag("--tlsrpt", tlsrpt,
                   "Ask under the name sts-tlsrpt, for the answer to Postfix 3.10 and newer")
        ->excludes(map_option);
    query_app->add_flag("--json", options.json, "Print one JSON object a line");
    query_app->add_option("--timeout", seconds, "Seconds to wait for a reply (default: 100, as Postfix)")
        ->option_text("SECONDS")
        ->check(CLI::Range(0.001, 3600.0));
    query_app
        ->add_option("domain", options.domains,
                     "Next hops as Postfix asks for them; none or -: one a line of input")
        ->option_text("[DOMAIN...]");
    query_app->footer(footer);

    try {
        std::vector<std::string> reversed(arguments.rbegin(), arguments.rend()); // as CLI11 wants it
        for (std::string& argument : reversed)
            if (argument.starts_with('[')) argument.insert(0, bracket_guard);
        app.parse(reversed);
        for (std::string& domain : options.domains)
            if (domain.starts_with(bracket_guard)) domain.erase(0, bracket_guard.size());
    } catch (const CLI::ParseError& e) {
        return app.exit(e, out, err) == 0 ? status(Exit::answered) : status(Exit::usage);
    }

    if (options.map.empty() || options.map.find_first_of(" \t\r\n") != std::string::npos) {
        err << "stsmap: a map name has no spaces\n";
        return status(Exit::usage);
    }
    if (tlsrpt) options.map = "sts-tlsrpt";
    options.reply_limit = std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1000));
    if (!socket.empty()) {
        options.addresses = {socket};
    } else {
        auto found = find_addresses(config);
        if (!found) {
            err << "stsmap: " << found.error() << '\n';
            return status(Exit::usage);
        }
        options.addresses = std::move(*found);
        std::stable_partition(options.addresses.begin(), options.addresses.end(),
                              [](const std::string& address) { return address.starts_with("unix:"); });
    }
    return status(query(options, in, out, err));
}

} // namespace control
