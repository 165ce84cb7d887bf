#include "postfix/request.hpp"
#include "tool/client/socketmap_client.hpp"
#include "tool/doctor/probes.hpp"
#include "tool/setup/plan_reach.hpp"

#include <algorithm>
#include <cerrno>

namespace doctor {
namespace {

using Kind = setup::Reached::Kind;

setup::NoReply no_reply(const tool::ClientError& error) {
    if (error.kind == tool::ClientError::Kind::timeout) return {ETIMEDOUT, error.words};
    return {error.system_error, error.words};
}

/// Where the daemon answers, if it does not answer at this map.
std::string elsewhere(const setup::Contacts& contacts, const setup::MapList& list, const std::string& place) {
    for (const setup::Socketmap& candidate : contacts.candidates) {
        const auto answers = [&](const setup::Way& way) {
            const setup::Reached* reached = contacts.find(place_of(candidate), way);
            return reached != nullptr && reached->answers();
        };
        if (place_of(candidate) != place && std::ranges::all_of(list.ways, answers))
            return place_of(candidate).substr(0, place_of(candidate).size() - 1);
    }
    return {};
}

std::string joined(const std::vector<std::string>& words) {
    std::string text;
    for (const std::string& word : words) text.append(text.empty() ? "" : ", ").append(word);
    return text;
}

void take_file(Contact& contact, const std::string& address) {
    if (!address.starts_with("unix:")) return;
    contact.file = address.substr(5);
    contact.mode = setup::mode_of(contact.file);
}

void take_element(const setup::Survey& survey, const setup::MapList& list, const std::string& element,
                  SocketFacts& facts) {
    const setup::Contacts& contacts = survey.around.contacts;
    const auto map = setup::parse_socketmap(element);
    if (!map) return;
    for (const setup::Way& way : ways_to(*map, list, contacts)) {
        const setup::Reached* reached = contacts.find(place_of(*map), way);
        if (reached == nullptr) continue;
        Contact contact;
        contact.map = element;
        if (!list.main_cf) contact.services = joined(list.services);
        contact.way = way;
        contact.reached = *reached;
        take_file(contact, address_outside(*map, way, survey.around.ours.queue_directory));
        const bool nobody = reached->kind == Kind::absent || reached->kind == Kind::stranger;
        if (nobody && !is_told_to_listen(*map, way, contacts, survey.around.ours.queue_directory))
            contact.instead = elsewhere(contacts, list, place_of(*map));
        facts.contacts.push_back(std::move(contact));
    }
}

} // namespace

base::Expected<std::string, setup::NoReply> ask_status(const std::string& address, const std::string& key,
                                                       std::chrono::milliseconds limit) {
    auto client = tool::SocketmapClient::connect(address, limit / 2);
    if (!client) return base::unexpected(no_reply(client.error()));
    auto reply = client->ask(postfix::status_map, key, limit / 2);
    if (!reply) return base::unexpected(no_reply(reply.error()));
    return std::move(*reply);
}

SocketFacts probe_socket(const setup::Survey* survey, const std::string& map,
                         const std::vector<std::string>& listen, setup::Host& host) {
    SocketFacts facts;
    if (survey != nullptr) {
        const auto lists = lists_of(survey->postfix, survey->around.contacts.root);
        for (const setup::MapList& list : lists)
            for (const std::string& element : list.elements)
                if (kind_of(element, survey->around.ours) == setup::MapKind::ours)
                    take_element(*survey, list, element, facts);
        if (facts.contacts.empty()) take_element(*survey, lists.front(), map, facts);
    }
    if (facts.contacts.empty() && !listen.empty()) {
        Contact contact;
        contact.map = listen.front();
        contact.reached = host.reach(listen.front(), {}, "version");
        take_file(contact, listen.front());
        facts.contacts.push_back(std::move(contact));
    }
    return facts;
}

} // namespace doctor
