#include "tool/explain/command_line.hpp"

#include "base/text.hpp"
#include "tool/cli/whole_file.hpp"
#include "tool/explain/document.hpp"
#include "tool/explain/judge.hpp"
#include "tool/explain/print.hpp"

#include <CLI/CLI.hpp>

#include <cstdlib>
#include <istream>
#include <ostream>
#include <utility>

namespace explain {
namespace {

using base::Exit;

base::Expected<Evidence, std::string> read_file(const std::string& name, std::istream& input) {
    const auto text = tool::whole_file(name, input, max_document);
    if (!text) return base::unexpected(std::string("cannot be read"));
    const auto document = parse_document(*text);
    if (!document) return base::unexpected(document.error());
    return read_evidence(*document);
}

/// `stsmap explain`.
class ExplainCommand final : public tool::Command {
public:
    explicit ExplainCommand(Collect collect) : collect_(std::move(collect)) {}

    void add_options(CLI::App& app) override {
        auto* offline =
            app.add_flag("--offline", options_.offline, "Ask neither DNS nor for what is not known yet");
        auto* smtp = app.add_flag("--smtp", options_.smtp,
                                  "Connect to the mail hosts, up to their certificates, as check does")
                         ->excludes(offline);
        app.add_flag("--json", options_.json, "Print one JSON object, for programs and for --from");
        auto* from = app.add_option("--from", options_.from, "Judge what --json printed; -: standard input")
                         ->option_text("FILE")
                         ->excludes(offline)
                         ->excludes(smtp);
        app.add_option("--postfix", asked_,
                       "Say what another Postfix would do, such as 3.10.13/sts-tlsrpt or 3.7.11")
            ->option_text("VERSION[/FORM]");
        app.add_option("--service", options_.service,
                       "Of master.cf; otherwise the one that mail for domains goes by")
            ->option_text("NAME[/TYPE]")
            ->excludes(from);
        app.add_option("-c", options_.postfix_directory,
                       "Postfix's configuration folder (default: MAIL_CONFIG, or Postfix's own)")
            ->envname("MAIL_CONFIG")
            ->option_text("DIR");
        app.add_option("domain", options_.next_hop, "A next hop as Postfix asks for it")
            ->option_text("DOMAIN")
            ->excludes(from);
    }

    Exit run(const tool::CommonOptions& common, tool::World& world) override {
        tool::unguard_brackets(options_.next_hop);
        if (options_.next_hop.empty() == options_.from.empty()) {
            world.err << "stsmap: explain needs a domain, or --from FILE\n";
            return Exit::usage;
        }
        if (!asked_.empty()) {
            auto asked = parse_asked(asked_);
            if (!asked) {
                world.err << "stsmap: " << asked.error() << '\n';
                return Exit::usage;
            }
            options_.postfix = std::move(*asked);
        }
        auto evidence =
            options_.from.empty() ? collect_(common, options_, world) : read_file(options_.from, world.in);
        if (!evidence) {
            world.err << "stsmap: ";
            if (!options_.from.empty()) world.err << base::printable(options_.from, 200) << ": ";
            world.err << base::printable(evidence.error(), 300) << '\n';
            return Exit::usage;
        }
        if (options_.postfix) {
            evidence->postfix = with(std::move(evidence->postfix), *options_.postfix);
            if (!options_.from.empty()) evidence->smtp.reset(); // judged for another Postfix
        }
        return report(std::move(*evidence), options_.json, world);
    }

private:
    Collect collect_;
    CommandOptions options_;
    std::string asked_;
};

} // namespace

std::unique_ptr<tool::Command> command(Collect collect) {
    return std::make_unique<ExplainCommand>(std::move(collect));
}

Exit report(Evidence evidence, bool json, const tool::World& world) {
    admit(evidence);
    const Verdict verdict = judge(evidence);
    if (json) {
        world.out << to_json(evidence, verdict).dump(2, ' ', false, Json::error_handler_t::replace) << '\n';
    } else {
        const char* const no_colour = std::getenv("NO_COLOR");
        const Look look{.colour = world.out_is_terminal && (no_colour == nullptr || *no_colour == '\0'),
                        .zone = world.zone};
        print(evidence, verdict, look, world.out);
    }
    if (!verdict.prediction) return Exit::unreachable;
    const Mail mail = verdict.prediction->mail;
    return mail == Mail::waits || mail == Mail::bounces ? Exit::trouble : Exit::done;
}

} // namespace explain
