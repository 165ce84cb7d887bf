#include "tool/doctor/ids.hpp"

#include "tool/setup/plan.hpp"

#include <algorithm>
#include <array>

namespace doctor {
namespace {

constexpr std::array own_ids = std::to_array<std::string_view>({
    "fetch-ca-good",
    "fetch-ca-missing",
    "clock-impossible",
    "clock-not-compared",
    "clock-off",
    "clock-plausible",
    "clock-right",
    "clock-synchronised",
    "clock-went-back",
    "config-bad",
    "config-good",
    "config-unseen",
    "daemon-not-ready",
    "daemon-observes",
    "daemon-older",
    "daemon-other-version",
    "daemon-runs",
    "daemon-second",
    "daemon-silent",
    "daemon-unseen",
    "dane-not-noticed",
    "egress-expired",
    "egress-no-address",
    "egress-no-connection",
    "egress-no-policy",
    "egress-refused-address",
    "egress-untrusted",
    "egress-works",
    "mx-encrypted",
    "mx-foreign-host",
    "mx-in-clear",
    "mx-map-failed",
    "mx-no-dane",
    "mx-no-tls",
    "mx-not-asked",
    "mx-not-connected",
    "mx-not-found",
    "mx-not-verified",
    "mx-verified",
    "override-weakens",
    "postfix-asks",
    "postfix-does-not-ask",
    "postfix-silent",
    "postfix-unseen",
    "resolver-dane-off",
    "resolver-none",
    "resolver-not-asked-about-dane",
    "resolver-not-believed",
    "resolver-second",
    "resolver-silent",
    "resolver-unreliable",
    "resolver-validates",
    "resolver-without-dnssec",
    "shared-file-refused",
    "shared-not-asked",
    "shared-not-in-use",
    "shared-not-notified",
    "shared-off-now",
    "shared-other-clock",
    "shared-refuses",
    "shared-unknown-hosts",
    "shared-works",
    "socket-answers",
    "socket-elsewhere",
    "socket-folder-closed",
    "socket-no-address",
    "socket-no-permission",
    "socket-not-approved",
    "socket-not-as-smtp",
    "socket-silent",
    "socket-unseen",
    "state-foreign",
    "state-full",
    "state-good",
    "state-missing",
    "state-nearly-full",
    "state-no-folder",
    "state-not-writable",
    "state-read-only",
    "state-set-aside",
    "state-trouble",
    "state-unseen",
    "store-damaged",
    "store-newer",
    "store-not-looked",
    "systemd-absent",
    "systemd-silent",
    "unit-active",
    "unit-disabled",
    "unit-masked",
    "unit-missing",
    "unit-not-active",
    "unit-was-stopped",
    "web-open",
});

} // namespace

const std::vector<std::string_view>& ids() {
    static const std::vector<std::string_view> all = [] {
        std::vector<std::string_view> sorted(own_ids.begin(), own_ids.end());
        const auto& of_plan = setup::plan_ids();
        sorted.insert(sorted.end(), of_plan.begin(), of_plan.end());
        std::ranges::sort(sorted);
        sorted.erase(std::unique(sorted.begin(), sorted.end()), sorted.end()); // ids that are in both lists
        return sorted;
    }();
    return all;
}

} // namespace doctor
