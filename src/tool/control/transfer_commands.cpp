// `stsmap export` and `stsmap import`.
#include "tool/cli/input.hpp"
#include "tool/control/asking.hpp"
#include "tool/control/commands.hpp"
#include "tool/control/texts.hpp"

#include <CLI/CLI.hpp>

#include <ostream>

namespace tool {

namespace {

using base::Exit;

class ExportCommand final : public Command {
public:
    void add_options(CLI::App&) override {}

    Exit run(const CommonOptions& common, World& world) override {
        auto options = control_options(common, world);
        if (!options) return options.error();
        ControlClient client(*std::move(options));
        std::int64_t policies = 0, overrides = 0;
        bool whole = false;
        const auto failed = client.lines({"GET", "/v1/export"}, [&](const Json& line) {
            const std::string_view kind = text_of(line, "kind");
            policies += kind == "policy" ? 1 : 0;
            overrides += kind == "override" ? 1 : 0;
            whole = kind == "end" && number_of(line, "policies") == policies &&
                    number_of(line, "overrides") == overrides;
            print_line(line, world);
            return static_cast<bool>(world.out);
        });
        const Exit written = flushed(Exit::done, world);
        if (written != Exit::done || (!failed && whole)) return written;
        const Exit status = failed ? report(*failed, world) : Exit::unreachable;
        if (!failed || policies + overrides > 0)
            world.err << "stsmap: the export is not whole: do not use it\n";
        return status;
    }
};

class ImportCommand final : public Command {
public:
    void add_options(CLI::App& app) override {
        app.add_option("file", file_, "An export; none or -: standard input")->option_text("[FILE|-]");
        app.add_flag("--overrides", overrides_, "Take the overrides in it as well");
        app.add_flag("--json", json_, "Print one JSON object");
    }

    Exit run(const CommonOptions& common, World& world) override {
        auto options = control_options(common, world);
        if (!options) return options.error();
        Input input(file_, world.in);
        if (!input.problem().empty()) {
            world.err << "stsmap: " << input.problem() << '\n';
            return Exit::trouble;
        }
        ControlClient client(*std::move(options));
        const auto reply =
            client.ask({"POST", with_query("/v1/import", {{"overrides", overrides_ ? "true" : ""}}), "",
                        [&input] { return input.piece(); }});
        if (!reply) return report(reply.error(), world);
        if (json_)
            print_line(*reply, world);
        else
            world.out << import_text(*reply);
        const Json& complete = member_of(*reply, "complete");
        const bool cut = complete.is_boolean() && !complete.get<bool>();
        if (cut) world.err << "stsmap: the export is not whole: it has been taken as far as it goes\n";
        const bool invalid = number_of(*reply, "invalid_count").value_or(0) > 0;
        return flushed(cut || invalid || !input.problem().empty() ? Exit::trouble : Exit::done, world);
    }

private:
    std::string file_;
    bool overrides_ = false, json_ = false;
};

} // namespace

std::unique_ptr<Command> export_command() { return std::make_unique<ExportCommand>(); }
std::unique_ptr<Command> import_command() { return std::make_unique<ImportCommand>(); }

} // namespace tool
