#include "tool/doctor/probes.hpp"

#include "base/text.hpp"

#include <algorithm>

#include <pwd.h>
#include <unistd.h>

namespace doctor {
namespace {

constexpr const char* package_user = "_stsmapd";

std::string value_of(std::string_view output, std::string_view name) {
    while (!output.empty()) {
        const std::string_view line = output.substr(0, output.find('\n'));
        if (line.starts_with(name) && line.substr(name.size()).starts_with('='))
            return base::printable(line.substr(name.size() + 1), 100);
        output.remove_prefix(std::min(output.size(), line.size() + 1));
    }
    return {};
}

} // namespace

std::vector<SystemdFacts::Unit> parse_units(std::string_view output) {
    std::vector<SystemdFacts::Unit> units;
    while (!output.empty()) {
        const std::size_t end = output.find("\n\n");
        const std::string_view block = output.substr(0, end);
        output.remove_prefix(end == std::string_view::npos ? output.size() : end + 2);
        SystemdFacts::Unit unit{value_of(block, "Id"),
                                value_of(block, "LoadState"),
                                value_of(block, "ActiveState"),
                                value_of(block, "UnitFileState"),
                                {}};
        if (!unit.name.empty()) units.push_back(std::move(unit));
    }
    return units;
}

namespace {

/// What systemctl shows about the units; a message when it shows nothing.
base::Expected<std::vector<SystemdFacts::Unit>, std::string> ask_systemctl(setup::Host& host) {
    auto ran = host.run({"systemctl", "--no-pager", "show", "-p", "Id,LoadState,ActiveState,UnitFileState",
                         "stsmapd.socket", "stsmapd.service"});
    if (!ran) return base::unexpected(ran.error());
    if (ran->status != 0) return base::unexpected(base::printable(ran->err, 200));
    auto units = parse_units(ran->out);
    if (units.empty()) return base::unexpected(std::string("it says nothing of the units"));
    return units;
}

} // namespace

SystemdFacts probe_systemd(setup::Host& host) {
    SystemdFacts facts;
    facts.running = ::access("/run/systemd/system", F_OK) == 0; // sd_booted(3)
    if (!facts.running) return facts;
    auto units = ask_systemctl(host);
    if (units)
        facts.units = std::move(*units);
    else
        facts.trouble = units.error();
    return facts;
}

void look_again(setup::Host& host, SystemdFacts& facts) {
    if (std::ranges::all_of(facts.units, [](const auto& unit) { return unit.active == "active"; })) return;
    const auto units = ask_systemctl(host);
    if (!units) return;
    for (SystemdFacts::Unit& known : facts.units)
        for (const SystemdFacts::Unit& now : *units)
            if (now.name == known.name) known.after = now.active;
}

std::optional<std::string> daemon_user(setup::Host& host, bool systemd) {
    if (systemd)
        if (auto ran = host.run({"systemctl", "--no-pager", "show", "-p", "User", "stsmapd.service"}); ran)
            if (std::string user = value_of(ran->out, "User"); !user.empty()) return user;
    if (::getpwnam(package_user) != nullptr) return package_user;
    return std::nullopt;
}

} // namespace doctor
