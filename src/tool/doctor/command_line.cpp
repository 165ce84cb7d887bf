#include "tool/doctor/command_line.hpp"

#include "base/domain.hpp"
#include "base/text.hpp"

#include <CLI/CLI.hpp>

#include <ostream>
#include <utility>

namespace doctor {

namespace {

using base::Exit;

/// A large mail provider that has had a policy for years: every host that sends mail can reach it.
constexpr const char* doctors_domain = "gmail.com";

/// `stsmap doctor`.
class DoctorCommand final : public tool::Command {
public:
    explicit DoctorCommand(Run run) : run_(std::move(run)) {}

    void add_options(CLI::App& app) override {
        app.add_option("--domain", options_.domain,
                       std::string("Fetch this domain's policy, to see whether any can be (default: ") +
                           doctors_domain + ")")
            ->option_text("DOMAIN");
        app.add_option("--mx", options_.mx,
                       "Connect to port 25 of this domain's mail host, with Postfix's own posttls-finger")
            ->option_text("DOMAIN");
        app.add_flag("--json", options_.json, "Print one JSON object");
        app.add_flag("--quiet", options_.quiet, "Print nothing of what is ok, so nothing when all is well");
        app.add_option("-c", options_.postfix_directory,
                       "Postfix's configuration folder (default: MAIL_CONFIG, or Postfix's own)")
            ->envname("MAIL_CONFIG")
            ->option_text("DIR");
    }

    Exit run(const tool::CommonOptions& common, tool::World& world) override {
        options_.default_domain = options_.domain.empty();
        const auto domain =
            base::Domain::parse(options_.default_domain ? std::string_view(doctors_domain) : options_.domain);
        if (!domain) {
            world.err << "stsmap: " << base::printable(options_.domain, 100) << " is not a domain\n";
            return Exit::usage;
        }
        options_.domain = domain->name();
        if (!options_.mx.empty()) {
            const auto mx = base::Domain::parse(options_.mx);
            if (!mx) {
                world.err << "stsmap: " << base::printable(options_.mx, 100) << " is not a domain\n";
                return Exit::usage;
            }
            options_.mx = mx->name();
        }
        return run_(common, options_, world.out);
    }

private:
    Run run_;
    CommandOptions options_;
};

} // namespace

std::unique_ptr<tool::Command> command(Run run) { return std::make_unique<DoctorCommand>(std::move(run)); }

} // namespace doctor
