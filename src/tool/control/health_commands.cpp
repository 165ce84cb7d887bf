#include "tool/control/asking.hpp"
#include "tool/control/commands.hpp"
#include "tool/control/texts.hpp"
#include "tool/control/whole_file.hpp"

#include <CLI/CLI.hpp>

#include <chrono>
#include <ostream>

namespace tool {

namespace {

using base::Exit;

class HealthCommand final : public Command {
public:
    void add_options(CLI::App& app) override {
        app.add_flag("--live", live_,
                     "Only whether each thread that answers Postfix works: otherwise a restart would help");
    }

    Exit run(const CommonOptions& common, World& world) override {
        auto options = control_options(common, world);
        if (!options) return options.error();
        options->connect_limit = std::chrono::seconds{2};
        options->reply_limit = std::chrono::seconds{4}; // the daemon decides within two
        ControlClient client(*std::move(options));
        const auto reply = client.document(live_ ? "/healthy" : "/ready");
        if (!reply) return report(reply.error(), world);
        const bool good = reply->status == 200;
        (good ? world.out : world.err) << reply->text;
        return flushed(good ? Exit::done : Exit::trouble, world);
    }

private:
    bool live_ = false;
};

class MetricsCommand final : public Command {
public:
    void add_options(CLI::App& app) override {
        app.add_option("--textfile", file_,
                       "Replace this file instead, for the textfile collector of node_exporter: without the "
                       "families process_*, which node_exporter has of its own")
            ->option_text("FILE");
    }

    Exit run(const CommonOptions& common, World& world) override {
        auto options = control_options(common, world);
        if (!options) return options.error();
        options->reply_limit = std::chrono::seconds{30};
        ControlClient client(*std::move(options));
        const auto reply = client.document("/metrics");
        if (!reply) return report(reply.error(), world);
        if (reply->status != 200) {
            world.err << "stsmap: the daemon replied with status " << reply->status << '\n';
            return Exit::trouble;
        }
        if (file_.empty()) {
            world.out << reply->text;
            return flushed(Exit::done, world);
        }
        const auto replaced = replace_file(file_, own_families(reply->text));
        if (replaced) return Exit::done;
        world.err << "stsmap: " << replaced.error() << '\n';
        return Exit::trouble;
    }

private:
    std::string file_;
};

} // namespace

std::unique_ptr<Command> health_command() { return std::make_unique<HealthCommand>(); }
std::unique_ptr<Command> metrics_command() { return std::make_unique<MetricsCommand>(); }

} // namespace tool
