#include "tool/setup/resolvers.hpp"

#include "base/text.hpp"
#include "dns/resolv_conf.hpp"
#include "tool/setup/host.hpp"

#include <algorithm>
#include <cerrno>
#include <map>
#include <set>
#include <system_error>

namespace setup {
namespace {

constexpr const char* system_file = "/etc/resolv.conf";
constexpr std::chrono::seconds usual_timeout{5}; // of glibc
constexpr unsigned usual_attempts = 2;
constexpr std::string_view blanks = " \t\r";
/// A domain of the public DNS, reserved for examples (RFC 2606) and signed.
constexpr const char* usual_name = "example.com";

std::vector<std::string> words_of(std::string_view line) {
    std::vector<std::string> words;
    while (true) {
        line.remove_prefix(std::min(line.find_first_not_of(blanks), line.size()));
        if (line.empty()) return words;
        const std::string_view word = line.substr(0, line.find_first_of(blanks));
        words.emplace_back(word);
        line.remove_prefix(word.size());
    }
}

/// The options of a resolv.conf, without those that only repeat the default.
std::set<std::string> options_of(std::string_view text) {
    std::map<std::string, std::string> found; // the last one counts
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        const std::vector<std::string> words = words_of(text.substr(0, end));
        const bool options = text.starts_with("options") && !words.empty() && words[0] == "options";
        text.remove_prefix(std::min(end + 1, text.size()));
        if (!options) continue;
        for (auto word = words.begin() + 1; word != words.end(); ++word)
            found[word->substr(0, word->find(':'))] = *word;
    }
    std::set<std::string> options;
    for (const auto& [name, option] : found)
        if (option != "timeout:5" && option != "attempts:2" && name != "ndots") options.insert(option);
    return options;
}

std::string listed(const std::set<std::string>& words) {
    std::string text;
    for (const std::string& word : words) text += ' ' + base::printable(word, 60);
    return text.empty() ? " none" : text;
}

std::string listed(const std::vector<net::Endpoint>& servers) {
    std::string text;
    for (const net::Endpoint& server : servers) {
        std::string address = to_string(server);
        address.resize(address.rfind(':')); // resolv.conf knows no port
        text += ' ' + address;
    }
    return text;
}

/// Does this service have the level dnssec? Postfix ignores the case of words.
bool wants_dnssec(const Service& service) {
    return base::ascii_lower(service.value("smtp_dns_support_level")) == "dnssec";
}

/// A view, and what it comes from.
struct View {
    Resolvers told;
    std::string user, root; ///< the user and the root of the process that reads the file
    std::vector<AskedServer> servers;
    std::chrono::seconds patience{}; ///< for one server
};

/// The view of a service; adds it if it is new.
View& view_of(const Service& service, const Installed& postfix, std::vector<View>& views) {
    View view;
    if (service.unprivileged) view.user = postfix.value("mail_owner");
    if (service.chroot) view.root = postfix.value("queue_directory");
    const auto known = std::ranges::find_if(
        views, [&](const View& other) { return other.user == view.user && other.root == view.root; });
    if (known != views.end()) return *known;
    view.told.chroot = service.chroot;
    view.told.file = view.root + system_file;
    return views.emplace_back(std::move(view));
}

void look_into(Host& host, const std::optional<std::string>& system, View& view) {
    Resolvers& told = view.told;
    const auto text = host.read_as(view.user, view.root, system_file);
    if (!text) {
        told.trouble = text.error();
        told.unseen = told.trouble.ends_with(std::generic_category().message(EACCES)) ||
                      told.trouble.ends_with("in time");
        return;
    }
    told.there = text->has_value();
    const std::string content = text->value_or("");
    if (told.there && told.chroot && system) told.difference = difference(content, *system);
    const dns::ResolvConf conf = dns::parse_resolv_conf(content);
    told.rotate = conf.rotate;
    view.patience = conf.timeout.value_or(usual_timeout) * conf.attempts.value_or(usual_attempts);
    for (const net::Endpoint& server : conf.servers) view.servers.push_back({server, conf.use_tcp});
}

/// MX and A of two names: a forwarder may refuse questions about the root, and answer all others. SOA shows
/// whether it validates.
std::vector<DnsLookup> lookups_for(const std::string& signed_name, bool dnssec) {
    return {{signed_name, LookupType::mx, dnssec},
            {signed_name, LookupType::a, dnssec},
            {usual_name, LookupType::mx, dnssec},
            {usual_name, LookupType::a, dnssec},
            {signed_name, LookupType::soa, dnssec}};
}

/// `replies`: to lookups_for().
NameServer judged(const AskedServer& asked, const std::vector<ServerReply>& replies) {
    NameServer server;
    server.address = to_string(asked.server);
    const auto both = [&replies](std::size_t mx) {
        return replies.at(mx).answered && replies.at(mx + 1).answered;
    };
    server.answers = both(0) || both(2);
    for (const ServerReply& reply : replies) {
        server.validates |= reply.data && reply.ad;
        if (!server.trouble.empty() || server.answers || reply.answered) continue;
        server.trouble = reply.trouble;
        server.last_word = reply.last_word;
    }
    return server;
}

/// Asks the servers of all views with this form of question, each server once.
void ask(Host& host, const std::string& name, bool dnssec, std::vector<View>& views) {
    std::vector<AskedServer> all;
    for (const View& view : views)
        for (const AskedServer& server : view.servers)
            if (view.told.dnssec == dnssec && std::ranges::find(all, server) == all.end())
                all.push_back(server);
    if (all.empty()) return;
    const auto replies = host.ask_servers(all, lookups_for(name, dnssec));
    if (replies.empty()) {
        for (View& view : views)
            if (view.told.dnssec == dnssec && view.told.trouble.empty()) {
                view.told.trouble = view.told.file + ": there was no time left to ask its name servers";
                view.told.unseen = true;
            }
        return;
    }
    for (View& view : views)
        for (const AskedServer& server : view.servers)
            if (view.told.dnssec == dnssec)
                view.told.servers.push_back(judged(
                    server,
                    replies.at(static_cast<std::size_t>(std::ranges::find(all, server) - all.begin()))));
}

} // namespace

std::string difference(std::string_view theirs, std::string_view system) {
    const dns::ResolvConf here = dns::parse_resolv_conf(theirs), there = dns::parse_resolv_conf(system);
    std::string words;
    if (here.servers != there.servers)
        words = "it names" + listed(here.servers) + ", and the system's" + listed(there.servers);
    const std::set<std::string> own = options_of(theirs), wanted = options_of(system);
    if (own != wanted)
        words += (words.empty() ? "it has" : "; it has") + std::string(" the options") + listed(own) +
                 ", and the system's" + listed(wanted);
    return words;
}

std::vector<Resolvers> survey_resolvers(Host& host, const Installed& postfix,
                                        const ResolverQuestions& questions) {
    std::vector<View> views;
    for (const Service& service : postfix.services) {
        if (service.use == Use::unused) continue;
        Resolvers& told = view_of(service, postfix, views).told;
        told.services.push_back(service.where());
        told.dnssec |= questions.dnssec || wants_dnssec(service);
    }
    const auto system = host.read(system_file);
    for (View& view : views)
        look_into(host, system ? std::optional(system->value_or("")) : std::nullopt, view);
    std::string name = base::ascii_lower(questions.signed_name);
    if (name.ends_with('.')) name.pop_back();
    for (const bool dnssec : {false, true}) ask(host, name, dnssec, views);
    std::vector<Resolvers> told;
    for (View& view : views) told.push_back(std::move(view.told));
    return told;
}

ServiceServers servers_of(Host& host, const Installed& postfix, const Service& service) {
    std::vector<View> views;
    View& view = view_of(service, postfix, views);
    look_into(host, std::nullopt, view);
    return {std::move(view.told.file), std::move(view.told.trouble), std::move(view.servers),
            wants_dnssec(service), view.patience};
}

} // namespace setup
