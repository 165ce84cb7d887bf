#include "tool/setup/command_line.hpp"

#include "base/text.hpp"
#include "tool/setup/main_cf.hpp"

#include <CLI/CLI.hpp>

#include <ostream>
#include <utility>

namespace setup {

namespace {

using base::Exit;

/// `stsmap postfix-setup`.
class SetupCommand final : public tool::Command {
public:
    explicit SetupCommand(Run run) : run_(std::move(run)) {}

    void add_options(CLI::App& app) override {
        auto* apply = app.add_flag("--apply", apply_, "Change main.cf, with postconf -e");
        auto* undo = app.add_flag("--undo", undo_, "Take the changes of --apply back")->excludes(apply);
        app.add_flag("--reload", options_.reload, "Run postfix reload after a change");
        app.add_flag("--replace", options_.wishes.replace_other_daemon,
                     "Take the place of another MTA-STS daemon in the list of maps")
            ->excludes(undo);
        app.add_flag("--without-daemon", options_.wishes.without_daemon,
                     "Go on although no stsmapd answers: Postfix defers all mail until one does")
            ->excludes(undo);
        app.add_option("-c", options_.survey.config_directory,
                       "Postfix's configuration folder (default: MAIL_CONFIG, or Postfix's own)")
            ->envname("MAIL_CONFIG")
            ->option_text("DIR");
        app.add_option("--print-lines", lines_for_,
                       "Print the lines for main.cf of this version of Postfix, such as 3.10, and do no more")
            ->option_text("VERSION")
            ->excludes(apply)
            ->excludes(undo);
    }

    Exit run(const tool::CommonOptions& common, tool::World& world) override {
        using Action = CommandOptions::Action;
        if (!lines_for_.empty()) return print_lines(common, world);
        options_.action = apply_ ? Action::apply : undo_ ? Action::undo : Action::show;
        if (options_.reload && options_.action == Action::show) {
            world.err << "stsmap: --reload goes with --apply or --undo\n";
            return Exit::usage;
        }
        return run_(common, options_, world.out, world.err);
    }

private:
    Exit print_lines(const tool::CommonOptions& common, tool::World& world) const {
        const auto version = parse_version(lines_for_);
        if (!version) {
            world.err << "stsmap: " << base::printable(lines_for_, 100)
                      << " is no version of Postfix, such as 3.7 or 3.10.4\n";
            return Exit::usage;
        }
        world.out << main_cf_lines(*version,
                                   common.socket.empty() ? std::string{packaged_socket} : common.socket);
        return Exit::done;
    }

    Run run_;
    CommandOptions options_;
    bool apply_ = false, undo_ = false;
    std::string lines_for_;
};

} // namespace

std::unique_ptr<tool::Command> command(Run run) { return std::make_unique<SetupCommand>(std::move(run)); }

} // namespace setup
