// `stsmap refresh` and `stsmap forget`.
#include "tool/control/asking.hpp"
#include "tool/control/commands.hpp"
#include "tool/control/texts.hpp"

#include <CLI/CLI.hpp>

#include <utility>

namespace tool {

namespace {

using base::Exit;

class RefreshCommand final : public Command {
public:
    explicit RefreshCommand(Explain explain) : explain_(std::move(explain)) {}

    void add_options(CLI::App& app) override {
        app.add_option("domain", domain_, "A domain, or a next hop of another form")
            ->option_text("DOMAIN")
            ->required();
        app.add_flag("--json", json_, "Print one JSON object");
    }
    Exit run(const CommonOptions& common, World& world) override {
        unguard_brackets(domain_);
        const Moment moment{world.now(), world.zone};
        const bool explained = !json_ && explain_;
        const Exit status = ask_and_print(
            common, world, {"POST", domain_target(domain_, "refresh")}, json_,
            [&](const Json& evidence) { return explained ? std::string{} : domain_text(evidence, moment); });
        if (status == Exit::done && explained) explain_(common, domain_, world);
        return status;
    }

private:
    Explain explain_;
    std::string domain_;
    bool json_ = false;
};

class ForgetCommand final : public Command {
public:
    void add_options(CLI::App& app) override {
        app.add_option("domain", domain_, "The domain")->option_text("DOMAIN")->required();
        app.add_flag("--fleet", fleet_,
                     "Before that in the shared cache; when it cannot be asked, nothing is forgotten");
        app.add_flag("--yes", yes_, "Also an enforced policy that has not expired: its protection is lost");
        app.add_flag("--json", json_, "Print one JSON object");
    }
    Exit run(const CommonOptions& common, World& world) override {
        unguard_brackets(domain_);
        const Moment moment{world.now(), world.zone};
        const std::string target =
            with_query(domain_target(domain_), {{"yes", yes_ ? "true" : ""}, {"fleet", fleet_ ? "1" : ""}});
        return ask_and_print(common, world, {"DELETE", target}, json_,
                             [&](const Json& reply) { return forgotten_text(reply, moment); });
    }

private:
    std::string domain_;
    bool fleet_ = false, yes_ = false, json_ = false;
};

} // namespace

std::unique_ptr<Command> refresh_command(Explain explain) {
    return std::make_unique<RefreshCommand>(std::move(explain));
}
std::unique_ptr<Command> forget_command() { return std::make_unique<ForgetCommand>(); }

} // namespace tool
