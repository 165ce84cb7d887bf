// stsmapd(8) - the daemon.
#include "base/exit_status.hpp"
#include "base/version.hpp"
#include "config/document.hpp"
#include "config/load.hpp"
#include "daemon/daemon.hpp"
#include "daemon/start_check.hpp"
#include "events/table.hpp"
#include "metrics/catalogue.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <string>
#include <system_error>

#include <sys/resource.h>
#include <unistd.h>

namespace {

constexpr int ok = base::status(base::Exit::done), start_failed = base::status(base::Exit::trouble),
              bad_usage = base::status(base::Exit::usage);

void print(const std::vector<config::Problem>& problems) {
    for (const config::Problem& problem : problems) std::cerr << "stsmapd: " << to_string(problem) << '\n';
}

/// `--check-config` on a file that was read well.
int check_start(const config::Loaded& loaded, const std::string& file) {
    const auto managed =
        app::managed_folders(std::getenv("STATE_DIRECTORY"), std::getenv("RUNTIME_DIRECTORY"));
    const app::StartCheck found = app::check_start(loaded, managed);
    for (const std::string& note : found.notes) std::cerr << "stsmapd: note: " << note << '\n';
    if (!found.problems.empty()) return print(found.problems), bad_usage;
    return std::cout << file << ": ok\n", ok;
}

/// std::thread says no more than "Resource temporarily unavailable" when the system gives it no thread.
std::string words(const std::exception& trouble) {
    const auto* system = dynamic_cast<const std::system_error*>(&trouble);
    const bool thread = system != nullptr && system->code() == std::errc::resource_unavailable_try_again;
    return (thread ? "no more threads for this user or service (RLIMIT_NPROC, TasksMax): " : "") +
           std::string(trouble.what());
}

/// Postfix alone may keep hundreds of connections open; the usual soft limit of 1024 is for select(2), not
/// used here.
void raise_descriptor_limit() {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, 65536);
    (void)setrlimit(RLIMIT_NOFILE, &limit); // a sandbox may forbid it: then the limit is what it is
}

} // namespace

int main(int argc, char** argv) {
    CLI::App cli{"TLS policy map daemon for Postfix: answers from MTA-STS policies (RFC 8461).", "stsmapd"};
    cli.set_version_flag("--version", "stsmapd " + std::string(base::version()),
                         "Print the version and exit");
    cli.set_help_flag("--help,-h", "Print this help and exit");
    std::string file;
    bool check = false, dump = false, example = false, man = false, man_events = false,
         man_metrics = false, metrics_table = false;
    cli.add_option("--config", file,
                   "The configuration file (default: " + std::string(config::default_file) + ")")
        ->option_text("FILE");
    auto* modes = cli.add_option_group("instead of serving");
    modes->add_flag(
        "--check-config", check,
        "Say what is wrong with the configuration or would stop the start, if anything, and exit");
    modes->add_flag("--dump-config", dump,
                    "Print the configuration in force and where it comes from, and exit");
    modes->add_flag("--print-example-config", example, "Print the commented example file and exit");
    modes->add_flag("--print-man-options", man, "Print the manual's option list (mdoc) and exit");
    modes->add_flag("--print-man-events", man_events,
                    "Print the manual's list of log events (mdoc) and exit");
    modes->add_flag("--print-man-metrics", man_metrics,
                    "Print the manual's list of metrics (mdoc) and exit");
    modes->add_flag("--print-metrics-table", metrics_table, "Print the table of metrics (JSON) and exit");
    modes->require_option(0, 1);
    cli.footer("Exit status: 0 after a clean stop, 1 when it cannot start, 2 for a bad command line or "
               "configuration.");
    try {
        cli.parse(argc, argv);
    } catch (const CLI::ParseError& e) {
        return cli.exit(e) == 0 ? ok : bad_usage;
    }
    if (example) return std::cout << config::example(), ok;
    if (man) return std::cout << config::man_fragment(), ok;
    if (man_events) return std::cout << events::man_events(), ok;
    if (man_metrics) return std::cout << metrics::man_metrics(), ok;
    if (metrics_table) return std::cout << metrics::table_json(), ok;

    const config::Environment environment = config::environment(environ);
    bool given = !file.empty();
    if (!given) {
        const auto variable = environment.find(config::file_variable);
        given = variable != environment.end();
        file = given ? variable->second : std::string(config::default_file);
    }
    const auto read = [&] { return config::load(file, given, environment); };
    auto loaded = read();
    if (!loaded) return print(loaded.error()), bad_usage;
    if (dump) return std::cout << config::dump(*loaded), ok;
    if (check) return check_start(*loaded, file);

    raise_descriptor_limit();
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGXFSZ, SIG_IGN); // a full file is an error the store reports, not the end
    try {
        app::LineLog log{loaded->config.log};
        try {
            app::Daemon daemon{*std::move(loaded), read, log};
            return daemon.run();
        } catch (const std::exception& e) {
            log.emit(events::CannotStart{.detail = words(e)});
        }
    } catch (const std::exception& e) { // not even a log
        std::cerr << "stsmapd: cannot start: " << words(e) << '\n';
    }
    return start_failed;
}
