#include "tool/control/asking.hpp"
#include "tool/control/commands.hpp"
#include "tool/control/texts.hpp"

#include <CLI/CLI.hpp>

#include <ostream>

namespace tool {

namespace {

using base::Exit;

std::string length_problem(const std::string& text) {
    return parse_length(text) ? "" : "a length of time is such as 12h or 7d";
}
std::string time_problem(const std::string& text) {
    return parse_length(text) || parse_time(text) ? "" : "such as 7d (ago), or 2026-11-28T20:35:20Z";
}

class ListCommand final : public Command {
public:
    void add_options(CLI::App& app) override {
        app.add_option("--mode", mode_, "Only policies of this mode: enforce, testing or none")
            ->option_text("MODE")
            ->check(CLI::IsMember({"enforce", "testing", "none"}));
        app.add_flag("--failing", failing_, "Only those whose last look at DNS or the policy host failed");
        app.add_option("--expiring", expiring_, "Only policies that expire within this time, such as 2d")
            ->option_text("TIME")
            ->check(length_problem);
        app.add_flag("--dane", dane_, "Only those that DANE secures");
        app.add_option("--asked-since", asked_since_,
                       "Only those that Postfix asked for since then, such as 7d")
            ->option_text("TIME")
            ->check(time_problem);
        app.add_option("--sort", sort_, "By domain, expires, asked or failures (default: as they come)")
            ->option_text("KEY")
            ->check(CLI::IsMember({"domain", "expires", "asked", "failures"}));
        app.add_flag("--json", json_, "Print one JSON object a line");
    }

    Exit run(const CommonOptions& common, World& world) override {
        auto options = control_options(common, world);
        if (!options) return options.error();
        ControlClient client(*std::move(options));
        const Moment moment{world.now(), world.zone};
        std::size_t rows = 0;
        const std::string target = with_query("/v1/domains", {{"mode", mode_},
                                                              {"failing", failing_ ? "true" : ""},
                                                              {"expiring", expiring_},
                                                              {"dane", dane_ ? "true" : ""},
                                                              {"asked_since", asked_since_},
                                                              {"sort", sort_}});
        const auto failed = client.lines({"GET", target}, [&](const Json& line) {
            if (!json_ && rows == 0) world.out << list_head();
            ++rows;
            if (json_)
                print_line(line, world);
            else
                world.out << list_row(line, moment);
            return static_cast<bool>(world.out);
        });
        if (failed) return report(*failed, world);
        if (rows == 0 && !json_) world.err << "stsmap: no domain fits\n";
        return flushed(Exit::done, world);
    }

private:
    std::string mode_, expiring_, asked_since_, sort_;
    bool failing_ = false, dane_ = false, json_ = false;
};

} // namespace

std::unique_ptr<Command> list_command() { return std::make_unique<ListCommand>(); }

} // namespace tool
