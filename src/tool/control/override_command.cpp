// `stsmap override` and `stsmap observed`.
#include "base/text.hpp"
#include "tool/control/asking.hpp"
#include "tool/control/commands.hpp"
#include "tool/control/texts.hpp"

#include <CLI/CLI.hpp>

#include <ostream>
#include <utility>

namespace tool {

namespace {

using base::Exit;

/// "a,b c" as its names.
void add_names(const std::string& text, Json& names) {
    constexpr std::string_view between = ", :";
    for (std::size_t begin = text.find_first_not_of(between); begin != std::string::npos;) {
        const std::size_t end = text.find_first_of(between, begin);
        names.push_back(text.substr(begin, end - begin));
        begin = text.find_first_not_of(between, end);
    }
}

class OverrideCommand final : public Command {
public:
    explicit OverrideCommand(CheckDomains check) : check_(std::move(check)) {}

    void add_options(CLI::App& app) override {
        app.require_subcommand(1);
        add_ = app.add_subcommand("add", "Make an exception for a domain, until it ends by itself");
        add_->add_option("domain", domain_,
                         "A policy domain; with a dot in front: each name below it, not itself")
            ->option_text("DOMAIN")
            ->required();
        add_->add_option("action", action_, "off, observe, may, encrypt, secure (with --match) or dane-only")
            ->option_text("ACTION")
            ->required();
        add_->add_option("--match", match_,
                         "Of secure: names that the certificate may have, as in an mx line")
            ->option_text("NAMES");
        add_->add_option("--until", until_, "Its end: 12h, 14d, 2w, a date (24:00 UTC) or a time (RFC 3339)")
            ->option_text("TIME")
            ->required();
        add_->add_option("--reason", reason_, "Why, for those who find it later")
            ->option_text("TEXT")
            ->required();
        add_->add_flag("--yes", yes_, "Although it gives less than DANE or an enforced policy");
        add_->add_flag("--json", json_, "Print one JSON object");
        list_ = app.add_subcommand("list",
                                   "Print the exceptions, what each hides and whether it is still needed");
        list_->add_flag("--json", json_, "Print one JSON object");
        if (check_)
            list_->add_flag("--check", with_check_,
                            "Look at each domain, to see whether its mail would flow without the exception");
        remove_ = app.add_subcommand("remove", "Remove one that was added at run time");
        remove_->add_option("domain", domain_, "As it was added")->option_text("DOMAIN")->required();
        remove_->add_flag("--json", json_, "Print one JSON object");
    }

    Exit run(const CommonOptions& common, World& world) override {
        const Moment moment{world.now(), world.zone};
        if (list_->parsed() && with_check_) return list_with_check(common, world, moment);
        if (list_->parsed())
            return ask_and_print(common, world, {"GET", "/v1/overrides"}, json_,
                                 [&](const Json& reply) { return all_text(reply, moment); });
        if (remove_->parsed())
            return ask_and_print(common, world, {"DELETE", "/v1/overrides/" + percent_encoded(domain_)},
                                 json_, [&](const Json& reply) {
                                     Json gone = reply;
                                     for (const char* now : {"applies", "still_needed", "why_needed"})
                                         gone.erase(now);
                                     return "removed\n" + override_text(gone, moment);
                                 });
        Json body{{"domain", domain_}, {"action", action_}};
        if (!match_.empty()) {
            body["match"] = Json::array();
            for (const std::string& names : match_) add_names(names, body["match"]);
        }
        body["until"] = until_;
        body["reason"] = reason_;
        const ControlRequest request{"POST", with_query("/v1/overrides", {{"yes", yes_ ? "true" : ""}}),
                                     body.dump(-1, ' ', true, Json::error_handler_t::replace)};
        return ask_and_print(common, world, request, json_, [&](const Json& reply) {
            return "in force now\n" + override_text(reply, moment);
        });
    }

private:
    /// The list, and for each policy domain what `stsmap check` finds. An override of a suffix has no domain to check.
    Exit list_with_check(const CommonOptions& common, World& world, const Moment& moment) {
        auto options = control_options(common, world);
        if (!options) return options.error();
        ControlClient client(*std::move(options));
        auto reply = client.ask({"GET", "/v1/overrides"});
        if (!reply) return report(reply.error(), world);
        std::vector<std::string> domains;
        for (const Json& one : member_of(*reply, "overrides"))
            if (const std::string_view domain = text_of(one, "domain"); !domain.empty() && domain[0] != '.')
                domains.emplace_back(domain);
        const auto found = check_(common, domains, world);
        if (!found) {
            world.err << "stsmap: " << base::printable(found.error(), 300) << '\n';
            return Exit::usage;
        }
        if (reply->contains("overrides"))
            for (Json& one : (*reply)["overrides"])
                for (const WithoutOverride& each : *found)
                    if (each.domain == text_of(one, "domain"))
                        one["without"] = {{"outcome", each.outcome}, {"words", each.words}};
        if (json_)
            print_line(*reply, world);
        else
            world.out << all_text(*reply, moment);
        return flushed(Exit::done, world);
    }

    static std::string all_text(const Json& reply, const Moment& moment) {
        const Json& all = member_of(reply, "overrides");
        if (!all.is_array() || all.empty()) return "no overrides\n";
        std::string out;
        for (const Json& one : all) out += (out.empty() ? "" : "\n") + override_text(one, moment);
        return out;
    }

    CLI::App *add_ = nullptr, *list_ = nullptr, *remove_ = nullptr;
    std::string domain_, action_, until_, reason_;
    std::vector<std::string> match_;
    bool yes_ = false, json_ = false, with_check_ = false;
    CheckDomains check_;
};

class ObservedCommand final : public Command {
public:
    void add_options(CLI::App& app) override { app.add_flag("--json", json_, "Print one JSON object"); }
    Exit run(const CommonOptions& common, World& world) override {
        const Moment moment{world.now(), world.zone};
        return ask_and_print(common, world, {"GET", "/v1/observed"}, json_,
                             [&](const Json& reply) { return observed_text(reply, moment); });
    }

private:
    bool json_ = false;
};

} // namespace

std::unique_ptr<Command> override_command(CheckDomains check) {
    return std::make_unique<OverrideCommand>(std::move(check));
}
std::unique_ptr<Command> observed_command() { return std::make_unique<ObservedCommand>(); }

} // namespace tool
