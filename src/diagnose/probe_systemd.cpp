#include "diagnose/probes.hpp"

#include "base/text.hpp"

#include <pwd.h>
#include <unistd.h>

namespace diagnose {
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
        SystemdFacts::Unit unit{value_of(block, "Id"), value_of(block, "LoadState"),
                                value_of(block, "ActiveState"), value_of(block, "UnitFileState")};
        if (!unit.name.empty()) units.push_back(std::move(unit));
    }
    return units;
}

SystemdFacts probe_systemd(setup::Host& host) {
    SystemdFacts facts;
    facts.running = ::access("/run/systemd/system", F_OK) == 0; // sd_booted(3)
    if (!facts.running) return facts;
    auto ran = host.run({"systemctl", "--no-pager", "show", "-p", "Id,LoadState,ActiveState,UnitFileState",
                         "stsmapd.socket", "stsmapd.service"});
    if (!ran)
        facts.trouble = ran.error();
    else if (ran->status != 0)
        facts.trouble = base::printable(ran->err, 200);
    else
        facts.units = parse_units(ran->out);
    if (facts.trouble.empty() && facts.units.empty()) facts.trouble = "it says nothing of the units";
    return facts;
}

std::optional<std::string> daemon_user(setup::Host& host, bool systemd) {
    if (systemd)
        if (auto ran = host.run({"systemctl", "--no-pager", "show", "-p", "User", "stsmapd.service"}); ran)
            if (std::string user = value_of(ran->out, "User"); !user.empty()) return user;
    if (::getpwnam(package_user) != nullptr) return package_user;
    return std::nullopt;
}

} // namespace diagnose
