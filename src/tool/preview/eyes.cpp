#include "tool/preview/eyes.hpp"

#include "tool/preview/judged.hpp"
#include "tool/setup/real_host.hpp"

#include <chrono>
#include <map>
#include <string>
#include <utility>

namespace preview {
namespace {

using std::chrono::milliseconds;

/// For reading Postfix's settings once.
constexpr milliseconds postfix_limit{15000}, one_program{5000};

class CheckingEyes final : public Eyes {
public:
    CheckingEyes(check::Collect collect, tool::CommonOptions common, EyesOptions options,
                 const tool::World& world, explain::Postfix postfix)
        : collect_(std::move(collect)), common_(std::move(common)), options_(std::move(options)),
          world_(world), postfix_(std::move(postfix)) {}

    std::string name() const override {
        return postfix_.version_text + '/' + postfix_.map + ' ' + postfix_.service;
    }
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
};

} // namespace

MakeEyes make_eyes(setup::Ask ask, check::Collect collect) {
    return [ask = std::move(ask), collect = std::move(collect)](
               const tool::CommonOptions& common, const EyesOptions& options,
               const tool::World& world) -> base::Expected<std::unique_ptr<Eyes>, std::string> {
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
        return std::make_unique<CheckingEyes>(collect, common, options, world, std::move(postfix));
    };
}

} // namespace preview
