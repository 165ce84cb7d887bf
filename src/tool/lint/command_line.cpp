#include "tool/lint/command_line.hpp"

#include "base/text.hpp"
#include "tool/cli/whole_file.hpp"
#include "tool/findings/show.hpp"
#include "tool/lint/policy_text.hpp"
#include "tool/lint/tlsrpt_text.hpp"
#include "tool/lint/txt_text.hpp"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <optional>
#include <ostream>
#include <utility>
#include <vector>

namespace lint {

namespace {

using base::Exit;
using nlohmann::json;

/// One text and what was found.
struct Linted {
    std::string kind, name; ///< name: of the file, "" none
    bool usable = false;
    json value; ///< what a sender reads in it; null: nothing
    std::vector<findings::Finding> findings;
};

json value_of(const sts::Policy& policy) {
    json mx = json::array();
    for (const sts::MxPattern& pattern : policy.mx)
        mx.push_back((pattern.wildcard ? "*." : "") + pattern.name);
    return {
        {"mode", sts::to_string(policy.mode)}, {"max_age_s", policy.max_age.count()}, {"mx", std::move(mx)}};
}

class LintCommand final : public tool::Command {
public:
    void add_options(CLI::App& app) override {
        app.add_option("--txt", txt_, "The TXT record at _mta-sts, such as 'v=STSv1; id=1'")
            ->option_text("TEXT");
        app.add_option("--tlsrpt", tlsrpt_,
                       "The TXT record at _smtp._tls, such as 'v=TLSRPTv1; rua=mailto:...'")
            ->option_text("TEXT");
        app.add_flag("--json", json_, "Print one JSON object");
        app.add_option("file", files_, "The policy, mta-sts.txt; -: standard input")->option_text("FILE");
    }

    Exit run(const tool::CommonOptions&, tool::World& world) override {
        if (files_.empty() && !txt_ && !tlsrpt_) {
            world.err << "stsmap: lint needs a file, - for standard input, --txt or --tlsrpt\n";
            return Exit::usage;
        }
        std::vector<Linted> all;
        for (const std::string& file : files_) {
            const auto text = tool::whole_file(file, world.in, max_text);
            if (!text || text->size() > max_text) {
                world.err << "stsmap: " << base::printable(file, 200)
                          << (text ? ": is longer than 1 MiB, so no policy\n" : ": cannot be read\n");
                return Exit::usage;
            }
            all.push_back(policy(file, *text));
        }
        if (txt_) all.push_back(txt(*txt_));
        if (tlsrpt_) all.push_back(tlsrpt(*tlsrpt_));
        bool usable = true;
        for (const Linted& one : all) usable = usable && one.usable;
        if (json_)
            print_json(all, usable, world.out);
        else
            print_text(all, world.out);
        return usable ? Exit::done : Exit::trouble;
    }

private:
    static Linted policy(const std::string& file, const std::string& text) {
        PolicyLook look = policy_text(text);
        return {"policy", file == "-" ? "(standard input)" : file, look.usable,
                look.usable ? value_of(*look.parsed) : json(), std::move(look.findings)};
    }
    static Linted txt(const std::string& text) {
        TxtLook look = txt_text(text);
        return {"txt", "", look.id.has_value(), look.id ? json{{"id", *look.id}} : json(),
                std::move(look.findings)};
    }
    static Linted tlsrpt(const std::string& text) {
        TlsrptLook look = tlsrpt_text(text);
        return {"tlsrpt", "", look.record.has_value(), look.record ? json{{"rua", look.record->rua}} : json(),
                std::move(look.findings)};
    }

    static void print_text(const std::vector<Linted>& all, std::ostream& out) {
        for (const Linted& one : all)
            for (const findings::Finding& finding : one.findings)
                out << shown_in(one.name.empty() ? one.kind : one.name, finding);
    }

    static void print_json(const std::vector<Linted>& all, bool usable, std::ostream& out) {
        nlohmann::ordered_json document{{"schema", 1}, {"usable", usable}, {"texts", json::array()}};
        for (const Linted& one : all) {
            nlohmann::ordered_json text{{"kind", one.kind}};
            if (!one.name.empty()) text["name"] = base::printable(one.name, 4096);
            text["usable"] = one.usable;
            if (!one.value.is_null()) text["value"] = one.value;
            text["findings"] = json::array();
            for (const findings::Finding& finding : one.findings)
                text["findings"].push_back(to_json(finding));
            document["texts"].push_back(std::move(text));
        }
        out << document.dump(2, ' ', false, json::error_handler_t::replace) << '\n';
    }

    std::vector<std::string> files_;
    std::optional<std::string> txt_, tlsrpt_;
    bool json_ = false;
};

} // namespace

std::unique_ptr<tool::Command> command() { return std::make_unique<LintCommand>(); }

} // namespace lint
