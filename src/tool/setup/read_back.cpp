#include "tool/setup/read_back.hpp"

#include <set>
#include <utility>

namespace setup {
namespace {

std::string shown(const Parameters& parameters, const std::string& name) {
    const auto found = parameters.find(name);
    return found == parameters.end() ? "not set" : '"' + found->second + '"';
}

} // namespace

std::vector<std::string> differences(const Parameters& before, const std::vector<Undo::Setting>& settings,
                                     const Parameters& after) {
    Parameters meant = before;
    for (const Undo::Setting& setting : settings) {
        if (setting.value)
            meant.insert_or_assign(setting.name, *setting.value);
        else
            meant.erase(setting.name);
    }
    std::set<std::string> names;
    for (const Parameters* each : {&std::as_const(meant), &after})
        for (const auto& [name, value] : *each) names.insert(name);
    names.erase("config_directory"); // postconf -c prints the folder that it was given
    std::vector<std::string> lines;
    for (const std::string& name : names) {
        const std::string is = shown(after, name), should_be = shown(meant, name);
        if (is != should_be) lines.push_back(name + " is " + is + " and should be " + should_be);
    }
    return lines;
}

std::string completed(std::string content) {
    if (!content.empty() && !content.ends_with('\n')) content += '\n';
    return content;
}

} // namespace setup
