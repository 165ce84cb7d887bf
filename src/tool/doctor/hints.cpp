#include "tool/doctor/hints.hpp"

#include <array>
#include <string_view>

namespace doctor {
namespace {

/// A command as written in a fix.
struct Command {
    std::string_view program; ///< the option is inserted after it
    std::string_view rest;    ///< the text after the program
};

constexpr std::array of_postfix{Command{"stsmap postfix-setup", ""}, Command{"stsmap doctor", ""},
                                Command{"postconf", " -"},           Command{"postmap", " -"},
                                Command{"postfix", " reload"},       Command{"postfix", " start"},
                                Command{"postfix", " stop"}};
constexpr std::array of_stsmap{Command{"stsmap", " postfix-setup"}, Command{"stsmap", " doctor"},
                               Command{"stsmap", " query"}};

struct Instead {
    std::string_view command, words;
};
/// The words to use where systemd does not run; longer commands first.
constexpr std::array without_systemd{
    Instead{"systemctl enable --now stsmapd.socket stsmapd.service", "start stsmapd"},
    Instead{"systemctl restart stsmapd.service", "stop stsmapd, and start it again"},
    Instead{"systemctl restart stsmapd", "stop stsmapd, and start it again"},
    Instead{"systemctl reload stsmapd.service", "kill -HUP $(pidof stsmapd)"},
    Instead{"systemctl reload stsmapd", "kill -HUP $(pidof stsmapd)"},
    Instead{"systemctl restart postfix", "postfix stop; postfix start"},
    Instead{"systemctl reload postfix", "postfix reload"},
    Instead{"systemctl ", "without systemd, have whoever starts the services do: "},
};

bool begins_a_word(std::string_view text, std::size_t at) {
    constexpr std::string_view before = " \"'(;:\n";
    return at == 0 || before.find(text[at - 1]) != std::string_view::npos;
}

/// Inserts `option` after the program, wherever the command occurs without it.
void complete(std::string& text, const Command& command, const std::string& option) {
    const std::string whole = std::string(command.program) + std::string(command.rest);
    const std::string_view name = std::string_view(option).substr(0, option.find(' ', 1) + 1);
    for (std::size_t at = 0; (at = text.find(whole, at)) != std::string::npos; at += whole.size()) {
        const std::size_t end = at + command.program.size();
        if (!begins_a_word(text, at) || std::string_view(text).substr(end).starts_with(name)) continue;
        text.insert(end, option);
        at += option.size();
    }
}

void replace(std::string& text, const Instead& instead) {
    for (std::size_t at = 0; (at = text.find(instead.command, at)) != std::string::npos;
         at += instead.words.size())
        text.replace(at, instead.command.size(), instead.words);
}

} // namespace

std::string fitting(std::string fix, const PlaceFacts& place) {
    if (!place.systemd)
        for (const Instead& instead : without_systemd) replace(fix, instead);
    if (!place.postfix_folder.empty())
        for (const Command& command : of_postfix) complete(fix, command, " -c " + place.postfix_folder);
    if (!place.options.empty())
        for (const Command& command : of_stsmap) complete(fix, command, ' ' + place.options);
    if (place.options.starts_with("--config")) // not for --socket, which the daemon does not have
        complete(fix, {"stsmapd", " --check-config"}, ' ' + place.options);
    return fix;
}

} // namespace doctor
