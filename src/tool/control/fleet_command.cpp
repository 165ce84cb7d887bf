// `stsmap fleet`.
#include "tool/control/asking.hpp"
#include "tool/control/commands.hpp"
#include "tool/control/fleet_text.hpp"

#include <CLI/CLI.hpp>

#include <chrono>
#include <ostream>
#include <string>
#include <thread>
#include <utility>

namespace tool {

namespace {

using base::Exit;
using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr auto look_every = 250ms;
/// A comparison of a million policies takes less.
constexpr auto longest_comparison = 30min;

class FleetCommand final : public Command {
public:
    void add_options(CLI::App& app) override {
        app.require_subcommand(1);
        status_ = app.add_subcommand("status", "Print how the shared cache is, and the hosts of the fleet");
        status_->add_flag("--json", json_, "Print one JSON object");
        sync_ = app.add_subcommand("sync", "Compare what is known here with what the shared cache has");
        sync_->add_flag("--no-wait", no_wait_, "Only begin");
        sync_->add_flag("--json", json_, "Print one JSON object");
    }

    Exit run(const CommonOptions& common, World& world) override {
        auto options = control_options(common, world);
        if (!options) return options.error();
        ControlClient client(*std::move(options));
        return sync_->parsed() ? sync(client, world) : status(client, world);
    }

private:
    Exit status(ControlClient& client, World& world) const {
        const auto reply = client.ask({"GET", "/v1/fleet"});
        if (!reply) return report(reply.error(), world);
        if (json_)
            print_line(*reply, world);
        else
            world.out << fleet_text(*reply, {world.now(), world.zone});
        return flushed(fleet_well(*reply) ? Exit::done : Exit::trouble, world);
    }

    Exit sync(ControlClient& client, World& world) const {
        const auto begun = client.ask({"POST", "/v1/fleet/sync"});
        if (!begun) return report(begun.error(), world);
        Json sync = member_of(*begun, "sync");
        if (no_wait_) return print(sync, Exit::done, world);
        for (const auto end = Clock::now() + longest_comparison; !compared(sync);) {
            if (Clock::now() >= end) {
                world.err << "stsmap: it still runs: `stsmap fleet status` tells when it is over\n";
                return print(sync, Exit::trouble, world);
            }
            std::this_thread::sleep_for(look_every);
            const auto reply = client.ask({"GET", with_query("/v1/fleet", {{"hosts", "0"}})});
            if (!reply) return report(reply.error(), world);
            sync = member_of(*reply, "sync");
        }
        return print(sync, compared_well(sync) ? Exit::done : Exit::trouble, world);
    }

    Exit print(const Json& sync, Exit status, World& world) const {
        if (json_)
            print_line(Json{{"schema", control_schema}, {"sync", sync}}, world);
        else
            world.out << wrapped("", compared_text(sync, {world.now(), world.zone}));
        return flushed(status, world);
    }

    CLI::App *status_ = nullptr, *sync_ = nullptr;
    bool json_ = false, no_wait_ = false;
};

} // namespace

std::unique_ptr<Command> fleet_command() { return std::make_unique<FleetCommand>(); }

} // namespace tool
