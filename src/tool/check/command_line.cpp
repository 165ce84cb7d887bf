#include "tool/check/command_line.hpp"

#include "base/text.hpp"
#include "tool/check/document.hpp"
#include "tool/check/judge.hpp"
#include "tool/check/judge_document.hpp"
#include "tool/check/print.hpp"
#include "tool/check/store.hpp"
#include "tool/cli/input.hpp"
#include "tool/cli/interrupts.hpp"
#include "tool/explain/postfix_look.hpp"
#include "tool/show/safe_text.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <ostream>
#include <set>
#include <sstream>
#include <utility>

namespace check {
namespace {

using base::Exit;

constexpr std::size_t most_a_minute = 100'000; ///< of --rate

std::string counted(std::size_t count, std::string_view what) {
    std::string digits = std::to_string(count);
    for (std::size_t at = digits.size(); at > 3;) digits.insert(at -= 3, 1, ',');
    return digits.append(" ").append(what).append(count == 1 ? "" : "s");
}

constexpr std::chrono::seconds elsewhere{10}; ///< between lines of progress that do not go to a terminal

/// Where progress and results share a terminal.
class Progression {
public:
    explicit Progression(tool::World& world, bool shown) : world_(world), shown_(shown) {}
    void show(const Progress& progress) {
        if (progress.port_25_closed && !std::exchange(told_, true)) {
            clear();
            world_.err << "stsmap: port 25 seems to be closed here: no mail server of several could be connected to; "
                          "the rest goes on without\n";
        }
        if (!shown_ || progress.done == progress.domains) return;
        if (!world_.err_is_terminal) { // a line now and then
            const auto now = std::chrono::steady_clock::now();
            if (now < next_) return;
            next_ = now + elsewhere;
            world_.err << "stsmap: " << progress_text(progress) << std::endl;
            return;
        }
        clear();
        world_.err << progress_text(progress) << std::flush;
        there_ = true;
    }
    void clear() {
        if (std::exchange(there_, false)) world_.err << '\r' << std::string(79, ' ') << '\r' << std::flush;
    }

private:
    tool::World& world_;
    bool shown_, there_ = false, told_ = false;
    std::chrono::steady_clock::time_point next_ = std::chrono::steady_clock::now() + elsewhere;
};

/// `stsmap check`.
class CheckCommand final : public tool::Command {
public:
    explicit CheckCommand(Collect collect) : collect_(std::move(collect)) {}

    void add_options(CLI::App& app) override {
        app.add_flag("--json", json_, "Print one JSON object a line, for programs and for --from");
        auto* no_smtp = app.add_flag("--no-smtp", no_smtp_, "Connect to no mail server");
        auto* every = app.add_flag("--every-address", every_address_,
                                   "Connect to all addresses of a mail host, not only until one answers")
                          ->excludes(no_smtp);
        auto* rate = app.add_option("--rate", a_minute_,
                                    "At most so many connections to mail servers a minute (default: 60)")
                         ->option_text("NUMBER")
                         ->check(CLI::Range(std::size_t{1}, most_a_minute))
                         ->excludes(no_smtp);
        app.add_option("--postfix", asked_,
                       "Judge for another Postfix, such as 3.10.13/sts-tlsrpt or 3.7.11")
            ->option_text("VERSION[/FORM]");
        auto* service = app.add_option("--service", service_,
                                       "Of master.cf; otherwise the one that mail for domains goes by")
                            ->option_text("NAME[/TYPE]");
        app.add_option("-c", postfix_directory_,
                       "Postfix's configuration folder (default: MAIL_CONFIG, or Postfix's own)")
            ->envname("MAIL_CONFIG")
            ->option_text("DIR");
        auto* saves = app.add_option("--save", save_, "Keep what was found out, a file a domain, for --from")
                          ->option_text("DIR");
        auto* from = app.add_option("--from", from_, "Judge what --save or --json kept; a file, too, -: standard input")
                         ->option_text("DIR");
        for (CLI::Option* other : {no_smtp, every, rate, service, saves}) from->excludes(other);
        app.add_option("domain", names_, "A domain that mail is sent to; -: a list from standard input, one a line")
            ->option_text("DOMAIN...|-")
            ->excludes(from);
    }

    Exit run(const tool::CommonOptions& common, tool::World& world) override {
        if (names_.empty() == from_.empty()) {
            world.err << "stsmap: check needs a domain, or --from DIR\n";
            return Exit::usage;
        }
        if (!asked_.empty()) {
            auto asked = explain::parse_asked(asked_);
            if (!asked) {
                world.err << "stsmap: " << asked.error() << '\n';
                return Exit::usage;
            }
            postfix_ = std::move(*asked);
        }
        return from_.empty() ? look(common, world) : look_back(world);
    }

private:
    Exit look(const tool::CommonOptions& common, tool::World& world) {
        Wanted wanted;
        if (!targets(wanted, world)) return Exit::usage;
        if (!save_.empty())
            if (const auto made = prepare_folder(save_); !made) {
                world.err << "stsmap: " << made.error() << '\n';
                return Exit::usage;
            }
        Progression progress(world, wanted.targets.size() > 1 || world.out_is_terminal);
        wanted.smtp = !no_smtp_;
        wanted.every_address = every_address_;
        wanted.a_minute = a_minute_;
        wanted.postfix_directory = postfix_directory_;
        wanted.service = service_;
        const tool::Interrupts interrupts; // not before the list has been read: until then SIGINT ends the process
        wanted.stop = interrupts.token();
        wanted.progress = [&progress](const Progress& now) { progress.show(now); };
        wanted.found = [&](Evidence evidence) {
            progress.clear();
            if (!save_.empty())
                if (const auto saved = save(save_, evidence); !saved && unsaved_.empty()) unsaved_ = saved.error();
            take(std::move(evidence), world);
        };
        const auto whole = collect_(common, wanted, world);
        progress.clear();
        if (!whole) {
            world.err << "stsmap: " << base::printable(whole.error(), 300) << '\n';
            return Exit::usage;
        }
        if (!*whole) {
            world.err << "stsmap: stopped after " << counted(done_, "domain") << " of "
                      << wanted.targets.size() << '\n';
            worst_ = worse(worst_, Exit::unreachable);
        }
        if (!unsaved_.empty()) {
            world.err << "stsmap: " << unsaved_ << '\n';
            worst_ = Exit::trouble;
        }
        return finish(world);
    }

    Exit look_back(tool::World& world) {
        const auto files = saved_files(from_);
        if (!files) {
            world.err << "stsmap: " << files.error() << '\n';
            return Exit::usage;
        }
        for (const std::string& file : *files) {
            auto all = load(file, world.in);
            if (!all) {
                world.err << "stsmap: " << all.error() << '\n';
                return Exit::usage;
            }
            for (Evidence& evidence : *all) take(std::move(evidence), world);
        }
        return finish(world);
    }

    /// False: there is none, or an argument is no domain, which has been said. A bad line of a list is left out.
    bool targets(Wanted& wanted, tool::World& world) {
        std::set<std::string, std::less<>> seen;
        bool good = true;
        const auto add = [&](const std::string& text) {
            auto target = parse_target(text);
            if (!target)
                world.err << "stsmap: " << target.error() << '\n';
            else if (seen.insert(target->domain.name()).second)
                wanted.targets.push_back(std::move(*target));
            return target.has_value();
        };
        for (std::string& name : names_) {
            tool::unguard_brackets(name);
            if (name != "-")
                good &= add(name);
            else
                for (const std::string& line : tool::read_names(world.in))
                    if (!add(line)) worst_ = worse(worst_, Exit::unreachable);
        }
        if (good && wanted.targets.empty()) world.err << "stsmap: there is no domain in the list\n";
        return good && !wanted.targets.empty();
    }

    void take(Evidence evidence, tool::World& world) {
        if (postfix_) evidence.postfix = explain::with(std::move(evidence.postfix), *postfix_);
        ++done_;
        const Judgement judgement = judge(evidence);
        std::ostringstream text;
        if (json_) {
            Json object = to_json(evidence);
            put_judgement(object, judgement);
            text << object.dump(-1, ' ', true, Json::error_handler_t::replace) << '\n';
        } else {
            const char* const no_colour = std::getenv("NO_COLOR");
            if (done_ > 1) text << '\n';
            print(evidence, judgement,
                  {.colour = world.out_is_terminal && (no_colour == nullptr || *no_colour == '\0'),
                   .zone = world.zone},
                  text);
        }
        // One write each, so that an end in between leaves whole lines.
        world.out << text.str() << std::flush;
        worst_ = worse(worst_, exit_of(judgement));
    }

    Exit finish(tool::World& world) const {
        if (world.out.flush()) return worst_;
        world.err << "stsmap: the output cannot be written\n";
        return Exit::trouble;
    }

    Collect collect_;
    std::vector<std::string> names_;
    bool json_ = false, no_smtp_ = false, every_address_ = false;
    std::size_t a_minute_ = Manners::all_a_minute;
    std::string asked_, service_, postfix_directory_, save_, from_;
    std::optional<explain::Asked> postfix_;
    std::string unsaved_;
    std::size_t done_ = 0;
    Exit worst_ = Exit::done;
};

} // namespace

std::unique_ptr<tool::Command> command(Collect collect) {
    return std::make_unique<CheckCommand>(std::move(collect));
}

std::string progress_text(const Progress& progress) {
    std::string text = counted(progress.done, "domain");
    text.replace(text.find(' '), std::string::npos, " of " + counted(progress.domains, "domain"));
    if (progress.connected > 0) text += ", " + counted(progress.connected, "connection");
    if (progress.waiting > 0) text += ", " + counted(progress.waiting, "host") + " to come";
    return tool::fitted(text, 79);
}

} // namespace check
