#include "tool/cli/interrupts.hpp"
#include "tool/control/asking.hpp"
#include "tool/control/commands.hpp"
#include "tool/control/texts.hpp"

#include <CLI/CLI.hpp>

#include <ostream>

namespace tool {

namespace {

using base::Exit;

class TailCommand final : public Command {
public:
    void add_options(CLI::App& app) override {
        app.add_option("domain", domain_, "Only events of this domain")->option_text("[DOMAIN]");
        app.add_flag("--json", json_, "Print one JSON object a line");
    }

    Exit run(const CommonOptions& common, World& world) override {
        unguard_brackets(domain_);
        auto options = control_options(common, world);
        if (!options) return options.error();
        const Interrupts interrupts;
        options->stop = interrupts.token();
        ControlClient client(*std::move(options));
        const auto failed = client.lines(
            {"GET", with_query("/v1/events", {{"domain", domain_}})},
            [&](const Json& event) {
                if (json_)
                    print_line(event, world);
                else
                    world.out << event_text(event, {world.now(), world.zone}, world.out_is_terminal);
                return static_cast<bool>(world.out.flush());
            },
            true);
        if (interrupts.token().stop_requested()) return Exit::done;
        if (failed) return report(*failed, world);
        if (!world.out) return flushed(Exit::done, world);
        world.err << "stsmap: the daemon ended the stream: it stops, or restarts\n";
        return Exit::unreachable;
    }

private:
    std::string domain_;
    bool json_ = false;
};

} // namespace

std::unique_ptr<Command> tail_command() { return std::make_unique<TailCommand>(); }

} // namespace tool
