// The part of the report about the way from Postfix to the daemon.
#include "tool/doctor/report.hpp"

#include "tool/setup/undo.hpp"

namespace doctor {
namespace {

Finding of_socket(Verdict verdict, std::string id, std::string words, std::string fix = {}) {
    return finding(verdict, std::move(id), "socket", std::move(words), std::move(fix));
}

constexpr const char* start_it = "systemctl enable --now stsmapd.socket stsmapd.service";

std::string asked(const Contact& contact) {
    const std::string way = to_string(contact.way);
    return (contact.services.empty() ? "" : contact.services + " asks ") + contact.map +
           (way.empty() ? "" : ' ' + way);
}

/// A contact that did not answer.
Finding judge_silence(const Contact& contact) {
    using Kind = setup::Reached::Kind;
    std::string words = contact.reached.words; // may start with the address, which may be the map itself
    if (const std::string who = asked(contact); !words.starts_with(who + ": ")) words.insert(0, who + ": ");
    const std::string file = contact.mode.empty() ? "" : " (" + contact.file + " is " + contact.mode + ")";
    switch (contact.reached.kind) {
    case Kind::not_seen:
        return of_socket(Verdict::warn, "socket-unseen", words + file,
                         contact.way == setup::Way{}
                             ? "run stsmap doctor as root"
                             : "ask it as smtp(8) does, or take other elements out of the lists");
    case Kind::no_permission:
        if (!contact.reached.closed.empty())
            return of_socket(Verdict::fail, "socket-folder-closed", words,
                             "chmod a+x " + setup::shell_quoted(contact.reached.closed));
        return of_socket(
            Verdict::fail, "socket-no-permission", words + file,
            "the socket must belong to Postfix's group: SocketGroup=postfix and SocketMode=0660 in "
            "stsmapd.socket, or the option socket in stsmapd.toml");
    case Kind::not_approved:
        return of_socket(Verdict::fail, "socket-not-approved", words,
                         "take \"proxy:\" out of it, or add it to proxy_read_maps");
    case Kind::absent:
    case Kind::stranger:
        if (contact.instead.empty()) break;
        return of_socket(Verdict::fail, "socket-elsewhere", words + "; stsmapd answers at " + contact.instead,
                         "Postfix asks " + contact.map + ", the daemon listens at " + contact.instead +
                             ": stsmap postfix-setup --apply --reload");
    case Kind::silent:
    case Kind::answers: break;
    }
    return of_socket(Verdict::fail, "socket-silent", words + file, start_it);
}

} // namespace

Findings judge(const SocketFacts& facts) {
    if (facts.contacts.empty())
        return {of_socket(Verdict::fail, "socket-no-address",
                          "stsmapd's configuration lists no address to ask at",
                          "set listen in stsmapd.toml")};
    Findings findings;
    for (const Contact& contact : facts.contacts) {
        if (!contact.reached.answers())
            findings.push_back(judge_silence(contact));
        else if (contact.way == setup::Way{} && !contact.file.empty())
            findings.push_back(of_socket(Verdict::warn, "socket-not-as-smtp",
                                         asked(contact) +
                                             " answers; whether it answers smtp(8) too, which runs as "
                                             "another user and perhaps in a chroot, was not checked",
                                         "run stsmap doctor as root"));
        else
            findings.push_back(of_socket(Verdict::ok, "socket-answers", asked(contact) + " answers"));
    }
    return findings;
}

} // namespace doctor
