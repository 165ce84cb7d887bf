#include "tool/preview/eyes.hpp"

#include "tool/check/document.hpp"
#include "tool/check/here.hpp"
#include "tool/check/settings.hpp"
#include "tool/preview/judged.hpp"
#include "tool/setup/real_host.hpp"

#include <chrono>
#include <functional>
#include <map>
#include <sstream>
#include <string>
#include <utility>

namespace preview {
namespace {

using std::chrono::milliseconds;

/// For reading Postfix's settings once.
constexpr milliseconds postfix_limit{15000}, one_program{5000};

/// Stands for all settings that a verdict hangs on: Postfix's, those of its service, and the daemon's.
std::string digest_of(const explain::Postfix& postfix, std::optional<smtp::Settings> settings,
                      const config::Config& config) {
    check::Evidence evidence; // whose document has them all
    evidence.postfix = postfix;
    evidence.postfix.unreached.clear(); // a daemon that is down is none
    evidence.settings = std::move(settings);
    evidence.strict_testing = config.strict_testing;
    std::string text = check::to_json(evidence).dump(-1, ' ', true);
    text += config.dane == config::Dane::off ? " no DANE " : " DANE ";
    text += config.fetch.allow_private_addresses ? "private " : "public ";
    text += config.fetch.ca_file;
    std::ostringstream digits;
    digits << std::hex << std::hash<std::string>{}(text);
    return digits.str();
}

class CheckingEyes final : public Eyes {
public:
    CheckingEyes(check::Collect collect, tool::CommonOptions common, EyesOptions options,
                 const tool::World& world, explain::Postfix postfix, const std::string& digest)
        : collect_(std::move(collect)), common_(std::move(common)), options_(std::move(options)),
          world_(world), postfix_(std::move(postfix)),
          name_(postfix_.version_text + '/' + postfix_.map + ' ' + postfix_.service + ' ' + digest) {}

    std::string name() const override { return name_; }
    std::string relayhost() const override { return postfix_.relayhost; }
    std::string trouble() const override { return postfix_.trouble; }

    base::Expected<bool, std::string> look(const Asked& asked) override {
        std::vector<check::Target> enforcing, in_testing;
        std::map<std::string, Checked> testing; // what is known without their mail hosts
        const auto hand_over = [&testing, &asked] {
            for (auto& [domain, checked] : testing) asked.found(std::move(checked));
        };
        const auto first = targets(asked);
        if (!first.empty()) {
            const auto whole = pass(first, false, asked, [&](const check::Evidence& evidence) {
                const check::Judgement judgement = judge(evidence);
                Checked checked = verdict_of(evidence, judgement);
                auto target = check::parse_target(evidence.domain);
                if (!target || !needs_mail_hosts(evidence, judgement)) {
                    asked.found(std::move(checked));
                } else if (checked.kind == Kind::testing) {
                    in_testing.push_back(*std::move(target));
                    testing.insert_or_assign(evidence.domain, std::move(checked));
                } else {
                    enforcing.push_back(*std::move(target));
                }
            });
            if (!whole || !*whole) {
                hand_over();
                return whole;
            }
        }
        enforcing.insert(enforcing.end(), in_testing.begin(), in_testing.end());
        if (enforcing.empty()) return true;
        auto whole = pass(enforcing, true, asked, [&](const check::Evidence& evidence) {
            // Cut off before its mail hosts were looked at, it says nothing.
            if (asked.stop.stop_requested()) return;
            testing.erase(evidence.domain);
            asked.found(verdict_of(evidence, judge(evidence)));
        });
        hand_over();
        return whole;
    }

private:
    /// What is no name that a policy can be for has none.
    std::vector<check::Target> targets(const Asked& asked) const {
        std::vector<check::Target> all;
        for (const std::string& domain : asked.domains) {
            auto target = check::parse_target(domain);
            if (target) {
                all.push_back(*std::move(target));
                continue;
            }
            Checked checked;
            checked.domain = domain;
            checked.kind = Kind::none;
            checked.at = world_.now();
            asked.found(std::move(checked));
        }
        return all;
    }

    base::Expected<bool, std::string> pass(const std::vector<check::Target>& targets, bool smtp,
                                           const Asked& asked,
                                           const std::function<void(const check::Evidence&)>& found) {
        check::Wanted wanted;
        wanted.targets = targets;
        wanted.smtp = smtp;
        wanted.a_minute = options_.a_minute;
        wanted.postfix_directory = options_.postfix_directory;
        wanted.service = options_.service;
        wanted.stop = asked.stop;
        wanted.progress = [&asked, smtp](const check::Progress& now) {
            if (asked.progress)
                asked.progress({now.done, now.domains, now.connected, smtp, now.port_25_closed});
        };
        wanted.found = [&](check::Evidence evidence) {
            if (options_.postfix) evidence.postfix = with(std::move(evidence.postfix), *options_.postfix);
            found(evidence);
        };
        return collect_(common_, wanted, world_);
    }

    check::Collect collect_;
    tool::CommonOptions common_;
    EyesOptions options_;
    const tool::World& world_;
    explain::Postfix postfix_;
    std::string name_;
};

} // namespace

MakeEyes make_eyes(setup::Ask ask, check::Collect collect) {
    return [ask = std::move(ask), collect = std::move(collect)](
               const tool::CommonOptions& common, const EyesOptions& options,
               const tool::World& world) -> base::Expected<std::unique_ptr<Eyes>, std::string> {
        const auto config = app::load_config(common.config);
        if (!config) return base::unexpected(config.error());
        auto listen = world.find_addresses(common.config);
        if (!listen) return base::unexpected(listen.error());
        explain::PostfixQuestion question;
        question.folder = options.postfix_directory;
        question.service = options.service;
        question.listen = common.socket.empty() ? *std::move(listen) : std::vector{common.socket};
        setup::RealHost::Limits limits;
        limits.program = one_program;
        limits.until = std::chrono::steady_clock::now() + postfix_limit;
        setup::RealHost host(ask, limits);
        const auto here = explain::PostfixHere::read(host, question);
        if (!here) return base::unexpected(here.error());
        explain::Postfix postfix = here->settings();
        if (options.postfix) postfix = with(std::move(postfix), *options.postfix);
        std::optional<smtp::Settings> settings;
        if (here->installed() != nullptr) settings = check::settings_of(*here->installed(), here->service());
        const std::string digest = digest_of(postfix, std::move(settings), *config);
        return std::make_unique<CheckingEyes>(collect, common, options, world, std::move(postfix), digest);
    };
}

} // namespace preview
