#include "tool/tool.hpp"

#include "base/version.hpp"
#include "tool/client/query_command_line.hpp"
#include "tool/commands.hpp"
#include "tool/control/commands.hpp"
#include "tool/findings/show.hpp"
#include "tool/lint/command_line.hpp"
#include "tool/publish/command_line.hpp"
#include "tool/suggestions.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <ostream>
#include <string_view>

namespace tool {

namespace {

using base::Exit;

/// A command beside its row.
struct Entry {
    const CommandRow& row;
    std::unique_ptr<Command> command; ///< null: not here
    CLI::App* app = nullptr;
};

/// What `refresh` prints: as `explain`, with its defaults.
Explain explainer(const explain::Collect& collect) {
    if (!collect) return {};
    return [collect](const CommonOptions& common, const std::string& next_hop, World& world) {
        explain::CommandOptions options;
        options.next_hop = next_hop;
        auto evidence = collect(common, options, world);
        if (evidence) (void)explain::report(*std::move(evidence), false, world);
    };
}

/// All commands, in the order of the table.
std::vector<Entry> all_commands(const Commands& commands) {
    std::vector<Entry> all;
    const auto add = [&all](const CommandRow& row, std::unique_ptr<Command> command) {
        if (command) all.push_back({row, std::move(command)});
    };
    add(command_row("query"), query_command());
    add(command_row("explain"), commands.explain ? explain::command(commands.explain) : nullptr);
    add(command_row("check"), commands.check ? check::command(commands.check) : nullptr);
    add(command_row("preview"), commands.preview ? preview::command(commands.preview) : nullptr);
    add(command_row("list"), list_command());
    add(command_row("refresh"), refresh_command(explainer(commands.explain)));
    add(command_row("forget"), forget_command());
    add(command_row("override"), override_command(commands.without_overrides));
    add(command_row("observed"), observed_command());
    add(command_row("tail"), tail_command());
    add(command_row("top"), top_command());
    add(command_row("warm"), warm_command());
    add(command_row("export"), export_command());
    add(command_row("import"), import_command());
    add(command_row("fleet"), fleet_command());
    add(command_row("health"), health_command());
    add(command_row("metrics"), metrics_command());
    add(command_row("postfix-setup"),
        commands.postfix_setup ? setup::command(commands.postfix_setup) : nullptr);
    add(command_row("doctor"), commands.doctor ? doctor::command(commands.doctor) : nullptr);
    add(command_row("lint"), lint::command());
    add(command_row("publish"), commands.check ? publish::command(commands.check) : nullptr);
    return all;
}

Exit run(const std::vector<std::string>& arguments, World& world, const Commands& commands) {
    // For those who change the table of findings: no option that a user needs.
    if (arguments == std::vector<std::string>{"--print-man-findings"})
        return world.out << findings::manual(), Exit::done;
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
    app.add_option("--control", common.control, "The path of the daemon's control socket")
        ->option_text("FILE");
    std::vector<Entry> entries = all_commands(commands);
    std::vector<std::string_view> names;
    for (Entry& entry : entries) {
        entry.app = app.add_subcommand(std::string(entry.row.name), std::string(entry.row.help));
        entry.app->footer(help_footer(entry.row));
        entry.command->add_options(*entry.app);
        names.push_back(entry.row.name);
    }
    constexpr std::string_view valued[] = {"--socket", "--config", "--control"};
    const std::string_view word = command_word(arguments, valued);
    if (!word.empty() && std::ranges::find(names, word) == names.end()) {
        suggest_command(word, names, world.err);
        return Exit::usage;
    }

    try {
        std::vector<std::string> reversed(arguments.rbegin(), arguments.rend()); // as CLI11 expects
        for (std::string& argument : reversed) guard_brackets(argument);
        app.parse(reversed);
    } catch (const CLI::ParseError& e) {
        if (app.exit(e, world.out, world.err) == 0) return Exit::done;
        suggest_options(app, world.err);
        return Exit::usage;
    }
    const auto chosen = std::ranges::find_if(entries, [](const Entry& entry) { return entry.app->parsed(); });
    return chosen->command->run(common, world);
}

} // namespace

int run_tool(const std::vector<std::string>& arguments, World& world, const Commands& commands) {
    return base::status(run(arguments, world, commands));
}

} // namespace tool
