#include "tool/client/query_command_line.hpp"

#include "tool/client/control_client.hpp"
#include "tool/client/query_command.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <ostream>

namespace tool {

namespace {

using base::Exit;

/// `stsmap query`.
class QueryCommand final : public Command {
public:
    void add_options(CLI::App& app) override {
        auto* map_option = app.add_option("--map", options_.map, "The map name to ask under (default: sts)")
                               ->option_text("NAME");
        app.add_flag("--tlsrpt", tlsrpt_,
                     "Ask under the name sts-tlsrpt, for the answer to Postfix 3.10 and newer")
            ->excludes(map_option);
        app.add_flag("--json", options_.json, "Print one JSON object a line");
        app.add_option("--timeout", seconds_, "Seconds to wait for a reply (default: 100, as Postfix)")
            ->option_text("SECONDS")
            ->check(CLI::Range(0.001, 3600.0));
        app.add_option("domain", options_.domains,
                       "Next hops as Postfix asks for them; none or -: one a line of input")
            ->option_text("[DOMAIN...]");
    }

    Exit run(const CommonOptions& common, World& world) override {
        for (std::string& domain : options_.domains) unguard_brackets(domain);
        if (options_.map.empty() || options_.map.find_first_of(" \t\r\n") != std::string::npos) {
            world.err << "stsmap: a map name has no spaces\n";
            return Exit::usage;
        }
        if (tlsrpt_) options_.map = "sts-tlsrpt";
        options_.reply_limit = std::chrono::milliseconds(static_cast<std::int64_t>(seconds_ * 1000));
        if (!common.socket.empty()) {
            options_.addresses = {common.socket};
        } else {
            auto found = world.find_addresses(common.config);
            if (!found) {
                world.err << "stsmap: " << found.error() << '\n';
                return Exit::usage;
            }
            options_.addresses = std::move(*found);
            std::stable_partition(options_.addresses.begin(), options_.addresses.end(),
                                  [](const std::string& address) { return address.starts_with("unix:"); });
        }
        options_.behind = reasons(common, world);
        return query(options_, world.in, world.out, world.err);
    }

private:
    /// Asks the control socket of the same daemon, if we may. With --socket it is known only when --control names it.
    static decltype(QueryOptions::behind) reasons(const CommonOptions& common, const World& world) {
        ControlOptions control;
        control.path = common.control;
        if (control.path.empty() && common.socket.empty() && world.find_control)
            control.path = world.find_control(common.config).value_or("");
        if (control.path.empty()) return {};
        control.connect_limit = control.reply_limit = std::chrono::seconds{2};
        return [client = std::make_shared<ControlClient>(control)](
                   const std::string& domain) -> std::optional<Behind> {
            ControlRequest request;
            request.target = domain_target(domain);
            const auto document = client->ask(request);
            if (document) return behind(*document);
            // No domain, such as "a/b": the next one may be.
            if (document.error().kind == ControlError::Kind::refused) return Behind{};
            return std::nullopt;
        };
    }

    QueryOptions options_;
    bool tlsrpt_ = false;
    double seconds_ = 100;
};

} // namespace

std::unique_ptr<Command> query_command() { return std::make_unique<QueryCommand>(); }

} // namespace tool
