#include "tool/publish/command_line.hpp"

#include "base/text.hpp"
#include "base/utc.hpp"
#include "tlsrpt/record.hpp"
#include "tool/check/judge.hpp"
#include "tool/check/judge_document.hpp"
#include "tool/check/print.hpp"
#include "tool/check/registrable.hpp"
#include "tool/cli/interrupts.hpp"
#include "tool/publish/folder.hpp"
#include "tool/publish/print.hpp"
#include "tool/publish/situation.hpp"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <ostream>
#include <utility>

namespace publish {

namespace {

using base::Exit;
using Json = nlohmann::ordered_json;

const std::map<std::string, sts::Mode> modes{
    {"testing", sts::Mode::testing}, {"enforce", sts::Mode::enforce}, {"none", sts::Mode::none}};

/// Into configuration files of web servers: nothing that would end a word there.
bool plain_path(const std::string& path) {
    return std::ranges::all_of(path, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               std::string_view{"/._-+@:"}.find(c) != std::string_view::npos;
    });
}

/// `stsmap publish`.
class PublishCommand final : public tool::Command {
public:
    explicit PublishCommand(check::Collect collect) : collect_(std::move(collect)) {}

    void add_options(CLI::App& app) override {
        auto* verify =
            app.add_flag("--verify", verify_, "Check what is published, and say what senders may still hold");
        auto* next = app.add_flag("--next", next_, "Propose the next step, such as enforce after testing")
                         ->excludes(verify);
        auto* withdraw = app.add_flag("--withdraw", wish_.withdraw, "With --next: the way out")->needs(next);
        auto* mode = app.add_option("--mode", mode_, "Of the policy: testing (the default) or enforce")
                         ->option_text("MODE")
                         ->check(CLI::IsMember({"testing", "enforce"}))
                         ->excludes(verify)
                         ->excludes(next);
        app.add_option("--max-age", max_age_, "Of the policy, in seconds (default: 604800)")
            ->option_text("SECONDS")
            ->check(CLI::Range(std::int64_t{0}, std::int64_t{sts::max_max_age.count()}))
            ->excludes(verify)
            ->excludes(withdraw);
        app.add_flag("--wildcard", wildcard_, "Cover MX hosts by wildcards, such as *.example.com")
            ->excludes(verify);
        app.add_option("--mx", mx_, "An MX host; without, they are those that DNS has")
            ->option_text("HOST")
            ->excludes(verify)
            ->excludes(next)
            ->excludes(mode);
        app.add_option("--rua", wish_.rua, "Where reports may go (TLSRPT): mailto:... or https://...")
            ->option_text("URI")
            ->excludes(verify);
        app.add_option("--out", out_, "Write what a web server and DNS need, and remember what was served")
            ->option_text("DIR");
        app.add_option("--root", server_.root, "The folder on the web server (default: /var/www/mta-sts)")
            ->option_text("DIR");
        auto* certificate =
            app.add_option("--certificate", server_.certificate, "Of the web server, PEM with the chain")
                ->option_text("FILE");
        auto* key = app.add_option("--key", server_.key, "Of the certificate")->option_text("FILE");
        certificate->needs(key);
        key->needs(certificate);
        app.add_option("-c", postfix_directory_,
                       "Postfix's configuration folder (default: MAIL_CONFIG, or Postfix's own)")
            ->envname("MAIL_CONFIG")
            ->option_text("DIR");
        app.add_flag("--json", json_, "Print one JSON object");
        app.add_option("domain", name_, "The domain, of which the mail addresses are")
            ->option_text("DOMAIN")
            ->required();
    }

    Exit run(const tool::CommonOptions& common, tool::World& world) override {
        const auto fail = [&](const std::string& words) {
            world.err << "stsmap: " << base::printable(words, 400) << '\n';
            return Exit::usage;
        };
        tool::unguard_brackets(name_);
        auto target = check::parse_target(name_);
        if (!target) return fail(target.error());
        if (const std::string wrong = wrong_option(); !wrong.empty()) return fail(wrong);
        if (max_age_) wish_.max_age = std::chrono::seconds{*max_age_};
        if (wildcard_) wish_.wildcard = check::registrable_part;
        now_ = world.now();
        domain_ = target->domain.name();
        auto history = load_history(out_, domain_);
        if (!history) return fail(history.error());
        history_ = std::move(*history);
        if (mx_.empty()) {
            const auto looked = look(common, std::move(*target), world);
            if (!looked) return fail(looked.error());
            if (!*looked || !evidence_) {
                world.err << "stsmap: stopped\n";
                return Exit::unreachable;
            }
            judgement_ = check::judge(*evidence_);
            situation_ = situation_of(*evidence_, *judgement_);
            history_ = seen(std::move(history_), situation_, now_);
        } else {
            situation_.domain = domain_;
            situation_.mx_known = true;
            for (std::string& host : mx_)
                situation_.hosts.push_back({std::move(host), Host::State::unknown, ""});
        }
        return verify_ ? verify(world) : propose(world);
    }

private:
    /// Words on what is wrong with a value; "" nothing.
    [[nodiscard]] std::string wrong_option() const {
        for (const std::string& uri : wish_.rua)
            if (tlsrpt::kind_of(uri) != tlsrpt::UriKind::supported)
                return uri + " is no URI of the form mailto:name@example.com or https://host/path; '!', ',' "
                             "and ';' have "
                             "to be written as %21, %2C and %3B";
        for (const std::string& path : {server_.root, server_.certificate, server_.key})
            if (!plain_path(path))
                return path + " has a character that configuration files do not take as it is";
        return {};
    }

    [[nodiscard]] base::Expected<bool, std::string> look(const tool::CommonOptions& common,
                                                         check::Target target, tool::World& world) {
        check::Wanted wanted;
        wanted.targets.push_back(std::move(target));
        // A proposal in mode testing does no harm to anybody: no need to connect to mail servers for it.
        wanted.smtp = verify_ || next_ || mode_ == "enforce";
        wanted.postfix_directory = postfix_directory_;
        const tool::Interrupts interrupts;
        wanted.stop = interrupts.token();
        wanted.found = [this](check::Evidence evidence) { evidence_ = std::move(evidence); };
        return collect_(common, wanted, world);
    }

    [[nodiscard]] Json head() const { return {{"schema", 1}, {"domain", domain_}, {"at", base::utc(now_)}}; }

    static void put(const Json& document, tool::World& world) {
        world.out << document.dump(2, ' ', false, Json::error_handler_t::replace) << '\n';
    }

    Exit verify(tool::World& world) {
        const std::vector<Held> kept = held(history_, now_);
        if (json_) {
            Json document = head(), check = Json::object();
            check::put_judgement(check, *judgement_);
            document["check"] = std::move(check);
            put_held(document, kept);
            put(document, world);
        } else {
            const char* const no_colour = std::getenv("NO_COLOR");
            const check::Look look{.colour =
                                       world.out_is_terminal && (no_colour == nullptr || *no_colour == '\0'),
                                   .zone = world.zone};
            check::print(*evidence_, *judgement_, look, world.out);
            print_held(kept, now_, world.zone, world.out);
        }
        const Exit saved = remember(world);
        const Exit judged =
            findings::any_error(judgement_->findings) || !situation_.policy || situation_.id.empty()
                ? Exit::trouble
                : check::exit_of(*judgement_);
        return saved == Exit::done ? judged : saved;
    }

    Exit propose(tool::World& world) {
        const Next result = next_
                                ? next_step(situation_, history_, wish_, now_)
                                : first(situation_, wish_, modes.at(mode_.empty() ? "testing" : mode_), now_);
        std::vector<File> files;
        if (result.plan && !out_.empty())
            files = files_for(*result.plan, server_, !next_ || result.step == "start");
        const std::vector<Held> kept = held(history_, now_);
        if (json_) {
            Json document = head();
            put_next(document, result);
            put_held(document, kept);
            if (!files.empty()) {
                document["files"] = Json::array();
                for (const File& file : files) document["files"].push_back(file.path);
            }
            put(document, world);
        } else {
            print_next(domain_, result, world.out);
            print_held(kept, now_, world.zone, world.out);
        }
        if (const auto written = write_files(out_, files); !written) {
            world.err << "stsmap: " << written.error() << '\n';
            return Exit::trouble;
        }
        if (!files.empty() && !json_) say_files(result.plan->text.empty(), world.out);
        const Exit saved = remember(world);
        if (saved != Exit::done) return saved;
        if (result.step != "refused") return Exit::done;
        return !situation_.mx_known && !situation_.no_mail ? Exit::unreachable : Exit::trouble;
    }

    void say_files(bool only_records, std::ostream& out) const {
        const std::string folder = base::printable(out_, 300);
        out << '\n'
            << wrapped("", only_records
                               ? "The records are in " + folder + "."
                               : "Folder " + folder + "/web goes to " + server_.root +
                                     " on the web server; beside it are its configuration (for nginx, "
                                     "Apache, Caddy or "
                                     "lighttpd), folders for Traefik and GitHub Pages, and the records.");
    }

    Exit remember(tool::World& world) const {
        if (out_.empty() || history_.served.empty()) return Exit::done;
        const auto saved = save_history(out_, history_);
        if (saved) return Exit::done;
        world.err << "stsmap: " << saved.error() << '\n';
        return Exit::trouble;
    }

    check::Collect collect_;
    std::string name_, mode_, out_, postfix_directory_;
    std::vector<std::string> mx_;
    std::optional<std::int64_t> max_age_;
    NextWish wish_;
    WebServer server_;
    bool verify_ = false, next_ = false, wildcard_ = false, json_ = false;

    base::Instant now_{};
    std::string domain_;
    History history_;
    Situation situation_;
    std::optional<check::Evidence> evidence_;
    std::optional<check::Judgement> judgement_;
};

} // namespace

std::unique_ptr<tool::Command> command(check::Collect collect) {
    return std::make_unique<PublishCommand>(std::move(collect));
}

} // namespace publish
