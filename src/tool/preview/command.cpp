#include "tool/preview/command.hpp"

#include "base/text.hpp"
#include "tool/cli/interrupts.hpp"
#include "tool/client/control_client.hpp"
#include "tool/preview/journal.hpp"
#include "tool/preview/kept.hpp"
#include "tool/preview/log_files.hpp"
#include "tool/preview/reading.hpp"
#include "tool/preview/result.hpp"
#include "tool/show/times.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <ostream>
#include <set>
#include <utility>

namespace preview {
namespace {

using base::Exit;

constexpr std::string_view default_since = "30d"; ///< of this host's own log

constexpr std::size_t most_a_minute = 100'000; ///< of --rate

std::string since_problem(const std::string& text) {
    return tool::parse_length(text) || tool::parse_time(text) ? ""
                                                              : "such as 30d (ago), or 2026-11-28T20:35:20Z";
}

/// One line on standard error that is written again and again; nothing where it is no terminal.
class Bar {
public:
    explicit Bar(tool::World& world) : world_(world) {}
    Bar(const Bar&) = delete;
    Bar& operator=(const Bar&) = delete;
    ~Bar() { clear(); }
    void show(const std::string& text) {
        if (!world_.err_is_terminal) return;
        clear();
        world_.err << text.substr(0, 79) << std::flush;
        shown_ = true;
    }
    void clear() {
        if (shown_) world_.err << '\r' << std::string(79, ' ') << '\r' << std::flush;
        shown_ = false;
    }

private:
    tool::World& world_;
    bool shown_ = false;
};

std::string progress_text(const Progress& progress) {
    std::string text = std::string(progress.mail_hosts ? "mail hosts of " : "policies of ") +
                       std::to_string(progress.done) + " of " + std::to_string(progress.all) + " domains";
    if (progress.mail_hosts) text += ", " + std::to_string(progress.connected) + " connections";
    if (progress.port_25_closed) text += ", port 25 is closed from here";
    return text;
}

class PreviewCommand final : public tool::Command {
public:
    explicit PreviewCommand(MakeEyes make_eyes) : make_eyes_(std::move(make_eyes)) {}

    void add_options(CLI::App& app) override {
        auto* const files = app.add_option("file", files_,
                                           "Log files of Postfix, also packed (.gz); -: standard input "
                                           "(default: this host's own log, with its rotated files)")
                                ->option_text("[FILE...|-]");
        auto* const journal = app.add_flag("--journal", journal_, "Read systemd's journal")->excludes(files);
        app.add_option("-D,--directory", folder_, "The folder with the journal's files, as of journalctl")
            ->option_text("DIR")
            ->needs(journal);
        app.add_option("--since", since_,
                       "Only what was logged since then, such as 7d (default: 30d; of files named here: all)")
            ->option_text("TIME")
            ->check(since_problem);
        app.add_flag("--daemon", daemon_, "Instead of a log: the domains with a policy that the daemon knows")
            ->excludes(files)
            ->excludes(journal);
        app.add_flag("--no-check", no_check_, "Only read the log, and look at no domain");
        app.add_option("--rate", eyes_.a_minute,
                       "Connections to mail servers a minute, at most (default: 60)")
            ->option_text("NUMBER")
            ->check(CLI::Range(std::size_t{1}, most_a_minute));
        app.add_flag("--fresh", fresh_, "Look at all domains again, also at those looked at within a day");
        app.add_option("--postfix", asked_,
                       "Say what another Postfix would do, such as 3.10.13/sts-tlsrpt or 3.7.11")
            ->option_text("VERSION[/FORM]");
        app.add_option("--service", eyes_.service,
                       "Of master.cf; otherwise the one that mail for domains goes by")
            ->option_text("NAME[/TYPE]");
        app.add_option("-c", eyes_.postfix_directory,
                       "Postfix's configuration folder (default: MAIL_CONFIG, or Postfix's own)")
            ->envname("MAIL_CONFIG")
            ->option_text("DIR");
        app.add_flag("--json", json_, "Print one JSON object a domain, and one for the whole");
    }

    Exit run(const tool::CommonOptions& common, tool::World& world) override {
        if (!asked_.empty()) {
            auto asked = explain::parse_asked(asked_);
            if (!asked) return wrong(world, asked.error(), Exit::usage);
            eyes_.postfix = *std::move(asked);
        }
        now_ = world.now();
        const bool own_log = files_.empty() && !daemon_;
        if (since_.empty() && own_log) since_ = default_since;
        std::optional<base::Instant> since;
        if (const auto length = tool::parse_length(since_)) since = now_ - *length;
        if (const auto time = tool::parse_time(since_)) since = *time;

        Tally tally(since);
        std::vector<std::string> daemon_domains;
        if (daemon_) {
            if (const Exit failed = ask_daemon(common, world, daemon_domains); failed != Exit::done)
                return failed;
        } else if (const Exit failed = read_log(world, since, tally); failed != Exit::done) {
            return failed;
        }
        Verdicts verdicts;
        std::string relayhost;
        bool stopped = false;
        if (!no_check_) {
            std::set<std::string> domains(daemon_domains.begin(), daemon_domains.end());
            for (const DomainSum& sum : tally.sums())
                if (sum.messages != 0) domains.insert(decides(sum));
            const auto looked = look(common, world, domains, verdicts, relayhost);
            if (!looked) return wrong(world, looked.error(), Exit::unreachable);
            stopped = !*looked;
        }
        Result result = daemon_ ? add_up(daemon_domains, verdicts) : add_up(tally, verdicts);
        result.looked = !no_check_;
        result.stopped = stopped;
        result.source = source_;
        result.relayhost = relayhost;
        return report(result, world);
    }

private:
    static Exit wrong(tool::World& world, const std::string& words, Exit status) {
        world.err << "stsmap: " << words << '\n';
        return status;
    }

    Exit ask_daemon(const tool::CommonOptions& common, tool::World& world,
                    std::vector<std::string>& domains) {
        tool::ControlOptions options;
        options.path = common.control;
        if (options.path.empty()) {
            auto found = world.find_control(common.config);
            if (!found) return wrong(world, found.error(), Exit::usage);
            options.path = *std::move(found);
        }
        tool::ControlClient client(std::move(options));
        const auto failed = client.lines({"GET", "/v1/domains"}, [&](const tool::Json& line) {
            domains.emplace_back(tool::text_of(line, "domain"));
            return true;
        });
        std::erase(domains, std::string{});
        source_ = "the daemon";
        return failed ? wrong(world, failed->words, Exit::unreachable) : Exit::done;
    }

    Exit read_log(tool::World& world, std::optional<base::Instant> since, Tally& tally) {
        Bar bar(world);
        if (files_ == std::vector<std::string>{"-"}) {
            source_ = "standard input";
            auto octets = open_log(world.in);
            if (!octets) return wrong(world, octets.error(), Exit::unreachable);
            Times times(now_, world.zone);
            read_lines(world, **octets, times, tally);
            return Exit::done;
        }
        std::vector<LogFile> files;
        for (const std::string& path : files_) {
            auto file = look_at_file(path);
            if (!file) return wrong(world, file.error(), Exit::unreachable);
            files.push_back(*std::move(file));
        }
        files = files_.empty() && !journal_ ? default_files() : in_order(std::move(files));
        if (files.empty()) return read_journal(world, since, tally);
        for (const LogFile& file : files) {
            if (since && file.changed < *since) continue;
            bar.show("reading " + base::printable(file.path, 60));
            source_ += (source_.empty() ? "" : ", ") + base::printable(file.path, 200);
            auto octets = open_log(file.path);
            if (!octets) return wrong(world, octets.error(), Exit::unreachable);
            Times times(file.changed, world.zone, months_of(file));
            read_lines(world, **octets, times, tally);
        }
        if (source_.empty()) source_ = "files that are older than --since";
        return Exit::done;
    }

    static void read_lines(tool::World& world, Octets& octets, Times& times, Tally& tally) {
        LineReader lines(octets);
        while (const auto line = lines.next()) read_line(*line, times, tally);
        tally.lines.too_long += lines.cut();
        // What came before a damaged end counts.
        if (!octets.problem().empty()) world.err << "stsmap: " << octets.problem() << '\n';
    }

    Exit read_journal(tool::World& world, std::optional<base::Instant> since, Tally& tally) {
        source_ = "the journal";
        if (!folder_.empty()) source_ += " in " + base::printable(folder_, 200);
        const auto read = preview::read_journal({folder_, since},
                                                [&tally](const Entry& entry) { read_entry(entry, tally); });
        if (!read) return wrong(world, read.error(), Exit::unreachable);
        return Exit::done;
    }

    /// False: it was stopped.
    base::Expected<bool, std::string> look(const tool::CommonOptions& common, tool::World& world,
                                           const std::set<std::string>& domains, Verdicts& verdicts,
                                           std::string& relayhost) {
        if (domains.empty()) return true;
        const tool::Interrupts
            interrupts; // not before the log has been read: until then SIGINT ends the process
        const auto eyes = make_eyes_(common, eyes_, world);
        if (!eyes) return base::unexpected(eyes.error());
        relayhost = (*eyes)->relayhost();
        if (const std::string trouble = (*eyes)->trouble(); !trouble.empty())
            world.err << "stsmap: Postfix's settings are not known: " << base::printable(trouble, 300)
                      << "; judged for one that is set up for stsmapd\n";
        std::optional<Kept> kept;
        if (const std::string path = default_kept(); !path.empty()) {
            auto opened = Kept::open(path, (*eyes)->name(), now_, fresh_);
            if (opened)
                kept.emplace(*std::move(opened));
            else
                world.err << "stsmap: " << opened.error() << ": nothing is kept for the next run\n";
        }
        Eyes::Asked asked;
        for (const std::string& domain : domains) {
            const Checked* known = nullptr;
            if (kept)
                if (const auto found = kept->known().find(domain); found != kept->known().end())
                    known = &found->second;
            if (known != nullptr)
                verdicts.emplace(domain, *known);
            else
                asked.domains.push_back(domain);
        }
        if (asked.domains.empty()) return true;
        Bar bar(world);
        asked.found = [&](Checked checked) {
            if (kept && may_be_kept(checked)) kept->add(checked);
            std::string domain = checked.domain;
            verdicts.insert_or_assign(std::move(domain), std::move(checked));
        };
        asked.progress = [&bar, &world, told = false](const Progress& progress) mutable {
            if (progress.port_25_closed && !std::exchange(told, true)) {
                bar.clear();
                world.err << "stsmap: port 25 seems to be closed here: no mail server of several could be "
                             "connected to; "
                             "`stsmap check --save` on another host shows what would become of the mail\n";
            }
            bar.show(progress_text(progress));
        };
        asked.stop = interrupts.token();
        return (*eyes)->look(asked);
    }

    Exit report(const Result& result, tool::World& world) const {
        if (json_) {
            const auto line = [&world](const tool::Json& object) {
                world.out << object.dump(-1, ' ', true, tool::Json::error_handler_t::replace) << '\n';
            };
            for (const Row& row : result.rows) line(row_json(result, row));
            line(summary_json(result));
        } else {
            Look look;
            look.now = now_;
            look.zone = world.zone;
            print_text(result, look, world.out);
        }
        if (!world.out.flush()) return wrong(world, "the output cannot be written", Exit::unreachable);
        if (!result.looked) return Exit::done;
        if (result.of(Kind::waits).domains != 0) return Exit::trouble;
        return result.of(Kind::unknown).domains != 0 || result.stopped ? Exit::unreachable : Exit::done;
    }

    MakeEyes make_eyes_;
    EyesOptions eyes_;
    std::vector<std::string> files_;
    std::string folder_, since_, asked_;
    bool journal_ = false, daemon_ = false, no_check_ = false, fresh_ = false, json_ = false;
    base::Instant now_{};
    std::string source_;
};

} // namespace

std::unique_ptr<tool::Command> command(MakeEyes make_eyes) {
    return std::make_unique<PreviewCommand>(std::move(make_eyes));
}

} // namespace preview
