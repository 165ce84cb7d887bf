#include "tool/tool.hpp"

#include "base/domain.hpp"
#include "base/text.hpp"
#include "base/version.hpp"
#include "tool/client/query_command.hpp"
#include "tool/commands.hpp"
#include "tool/setup/main_cf.hpp"
#include "tool/suggestions.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <optional>
#include <ostream>

namespace tool {

namespace {

using base::Exit;

/// A large mail provider that has had a policy for years: every host that sends mail can reach it.
constexpr const char* doctors_domain = "gmail.com";

/// CLI11 reads "[a]" as a list and removes the brackets, but they have a meaning in a next hop.
constexpr std::string_view bracket_guard = "\x01";

CLI::App* add_command(CLI::App& app, const CommandRow& row) {
    CLI::App* const command = app.add_subcommand(std::string(row.name), std::string(row.help));
    command->footer(help_footer(row));
    return command;
}

/// `stsmap query`.
class QueryCommand {
public:
    explicit QueryCommand(CLI::App& app) : app_(add_command(app, command_row("query"))) {
        auto* map_option = app_->add_option("--map", options_.map, "The map name to ask under (default: sts)")
                               ->option_text("NAME");
        app_->add_flag("--tlsrpt", tlsrpt_,
                       "Ask under the name sts-tlsrpt, for the answer to Postfix 3.10 and newer")
            ->excludes(map_option);
        app_->add_flag("--json", options_.json, "Print one JSON object a line");
        app_->add_option("--timeout", seconds_, "Seconds to wait for a reply (default: 100, as Postfix)")
            ->option_text("SECONDS")
            ->check(CLI::Range(0.001, 3600.0));
        app_->add_option("domain", options_.domains,
                         "Next hops as Postfix asks for them; none or -: one a line of input")
            ->option_text("[DOMAIN...]");
    }

    Exit run(const CommonOptions& common, const FindAddresses& find_addresses, std::istream& in,
             std::ostream& out, std::ostream& err) {
        for (std::string& domain : options_.domains)
            if (domain.starts_with(bracket_guard)) domain.erase(0, bracket_guard.size());
        if (options_.map.empty() || options_.map.find_first_of(" \t\r\n") != std::string::npos) {
            err << "stsmap: a map name has no spaces\n";
            return Exit::usage;
        }
        if (tlsrpt_) options_.map = "sts-tlsrpt";
        options_.reply_limit = std::chrono::milliseconds(static_cast<std::int64_t>(seconds_ * 1000));
        if (!common.socket.empty()) {
            options_.addresses = {common.socket};
        } else {
            auto found = find_addresses(common.config);
            if (!found) {
                err << "stsmap: " << found.error() << '\n';
                return Exit::usage;
            }
            options_.addresses = std::move(*found);
            std::stable_partition(options_.addresses.begin(), options_.addresses.end(),
                                  [](const std::string& address) { return address.starts_with("unix:"); });
        }
        return query(options_, in, out, err);
    }

private:
    CLI::App* app_;
    QueryOptions options_;
    bool tlsrpt_ = false;
    double seconds_ = 100;
};

/// `stsmap postfix-setup`.
class SetupCommand {
public:
    explicit SetupCommand(CLI::App& app) : app_(add_command(app, command_row("postfix-setup"))) {
        auto* apply = app_->add_flag("--apply", apply_, "Change main.cf, with postconf -e");
        auto* undo = app_->add_flag("--undo", undo_, "Take the changes of --apply back")->excludes(apply);
        app_->add_flag("--reload", options_.reload, "Run postfix reload after a change");
        app_->add_flag("--replace", options_.wishes.replace_other_daemon,
                       "Take the place of another MTA-STS daemon in the list of maps")
            ->excludes(undo);
        app_->add_flag("--without-daemon", options_.wishes.without_daemon,
                       "Go on although no stsmapd answers: Postfix defers all mail until one does")
            ->excludes(undo);
        app_->add_option("-c", options_.survey.config_directory,
                         "Postfix's configuration folder (default: MAIL_CONFIG, or Postfix's own)")
            ->envname("MAIL_CONFIG")
            ->option_text("DIR");
        app_->add_option(
                "--print-lines", lines_for_,
                "Print the lines for main.cf of this version of Postfix, such as 3.10, and do no more")
            ->option_text("VERSION")
            ->excludes(apply)
            ->excludes(undo);
    }

    [[nodiscard]] bool chosen() const { return app_->parsed(); }

    Exit run(const CommonOptions& common, const Commands& commands, std::ostream& out, std::ostream& err) {
        using Action = setup::CommandOptions::Action;
        if (!lines_for_.empty()) return print_lines(common, out, err);
        options_.action = apply_ ? Action::apply : undo_ ? Action::undo : Action::show;
        if (options_.reload && options_.action == Action::show) {
            err << "stsmap: --reload goes with --apply or --undo\n";
            return Exit::usage;
        }
        return commands.postfix_setup(common, options_, out, err);
    }

private:
    Exit print_lines(const CommonOptions& common, std::ostream& out, std::ostream& err) const {
        const auto version = setup::parse_version(lines_for_);
        if (!version) {
            err << "stsmap: " << base::printable(lines_for_, 100)
                << " is no version of Postfix, such as 3.7 or 3.10.4\n";
            return Exit::usage;
        }
        out << setup::main_cf_lines(*version, common.socket.empty() ? std::string{setup::packaged_socket}
                                                                    : common.socket);
        return Exit::done;
    }

    CLI::App* app_;
    setup::CommandOptions options_;
    bool apply_ = false, undo_ = false;
    std::string lines_for_;
};

/// `stsmap doctor`.
class DoctorCommand {
public:
    explicit DoctorCommand(CLI::App& app) : app_(add_command(app, command_row("doctor"))) {
        app_->add_option("--domain", options_.domain,
                         std::string("Fetch this domain's policy, to see whether any can be (default: ") +
                             doctors_domain + ")")
            ->option_text("DOMAIN");
        app_->add_option("--mx", options_.mx,
                         "Connect to port 25 of this domain's mail host, with Postfix's own posttls-finger")
            ->option_text("DOMAIN");
        app_->add_flag("--json", options_.json, "Print one JSON object");
        app_->add_flag("--quiet", options_.quiet, "Print nothing of what is ok, so nothing when all is well");
        app_->add_option("-c", options_.postfix_directory,
                         "Postfix's configuration folder (default: MAIL_CONFIG, or Postfix's own)")
            ->envname("MAIL_CONFIG")
            ->option_text("DIR");
    }

    [[nodiscard]] bool chosen() const { return app_->parsed(); }

    Exit run(const CommonOptions& common, const Commands& commands, std::ostream& out, std::ostream& err) {
        options_.default_domain = options_.domain.empty();
        const auto domain =
            base::Domain::parse(options_.default_domain ? std::string_view(doctors_domain) : options_.domain);
        if (!domain) {
            err << "stsmap: " << base::printable(options_.domain, 100) << " is not a domain\n";
            return Exit::usage;
        }
        options_.domain = domain->name();
        if (!options_.mx.empty()) {
            const auto mx = base::Domain::parse(options_.mx);
            if (!mx) {
                err << "stsmap: " << base::printable(options_.mx, 100) << " is not a domain\n";
                return Exit::usage;
            }
            options_.mx = mx->name();
        }
        return commands.doctor(common, options_, out);
    }

private:
    CLI::App* app_;
    DoctorOptions options_;
};

Exit run(const std::vector<std::string>& arguments, const FindAddresses& find_addresses, std::istream& in,
         std::ostream& out, std::ostream& err, const Commands& commands) {
    CLI::App app{"Asks a running stsmapd, and looks after what it needs.", "stsmap"};
    app.set_version_flag("--version", "stsmap " + std::string(base::version()), "Print the version and exit");
    app.set_help_flag("--help,-h", "Print this help and exit");
    app.require_subcommand(1);
    app.footer("Exit status: 0 when all is well, 2 for a wrong command line or configuration; else see\n"
               "stsmap COMMAND --help.");
    CommonOptions common;
    auto* socket_option =
        app.add_option("--socket", common.socket, "The daemon's socket: unix:/path or tcp:host:port")
            ->option_text("ADDRESS");
    app.add_option("--config", common.config, "The daemon's configuration file, for where it listens")
        ->option_text("FILE")
        ->excludes(socket_option);
    QueryCommand query_command(app);
    std::optional<SetupCommand> setup_command;
    if (commands.postfix_setup) setup_command.emplace(app);
    std::optional<DoctorCommand> doctor_command;
    if (commands.doctor) doctor_command.emplace(app);

    std::vector<std::string_view> names;
    std::vector<std::string> kept;
    for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; }))
        kept.push_back(command->get_name());
    names.assign(kept.begin(), kept.end());
    constexpr std::string_view valued[] = {"--socket", "--config"};
    const std::string_view word = command_word(arguments, valued);
    if (!word.empty() && std::ranges::find(names, word) == names.end()) {
        suggest_command(word, names, err);
        return Exit::usage;
    }

    try {
        std::vector<std::string> reversed(arguments.rbegin(), arguments.rend()); // as CLI11 expects
        for (std::string& argument : reversed)
            if (argument.starts_with('[')) argument.insert(0, bracket_guard);
        app.parse(reversed);
    } catch (const CLI::ParseError& e) {
        if (app.exit(e, out, err) == 0) return Exit::done;
        suggest_options(app, err);
        return Exit::usage;
    }
    if (setup_command && setup_command->chosen()) return setup_command->run(common, commands, out, err);
    if (doctor_command && doctor_command->chosen()) return doctor_command->run(common, commands, out, err);
    return query_command.run(common, find_addresses, in, out, err);
}

} // namespace

int run_tool(const std::vector<std::string>& arguments, const FindAddresses& find_addresses, std::istream& in,
             std::ostream& out, std::ostream& err, const Commands& commands) {
    return base::status(run(arguments, find_addresses, in, out, err, commands));
}

} // namespace tool
