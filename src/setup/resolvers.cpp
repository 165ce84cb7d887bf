#include "setup/resolvers.hpp"

#include "base/text.hpp"
#include "setup/host.hpp"

#include <algorithm>
#include <cerrno>
#include <map>
#include <set>
#include <system_error>

namespace setup {
namespace {

constexpr const char* system_file = "/etc/resolv.conf";
constexpr std::string_view blanks = " \t\r";

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

/// The options of a resolv.conf, without those that say what holds anyway.
std::set<std::string> options_of(std::string_view text) {
    std::map<std::string, std::string> found; // the last one holds
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

std::string listed(const std::vector<dns::Server>& servers) {
    std::string text;
    for (const dns::Server& server : servers) {
        std::string address = dns::to_string(server);
        address.resize(address.rfind(':')); // resolv.conf knows no port
        text += ' ' + address;
    }
    return text;
}

/// The level of DNS that this service has: Postfix compares words without their case.
bool wants_dnssec(const Service& service) {
    return base::ascii_lower(service.value("smtp_dns_support_level")) == "dnssec";
}

/// The view of a service, new or known.
Resolvers& view_of(const Service& service, const std::string& queue, std::vector<Resolvers>& views) {
    const auto known = std::ranges::find(views, service.chroot, &Resolvers::chroot);
    if (known != views.end()) return *known;
    Resolvers view;
    view.chroot = service.chroot;
    view.file = service.chroot ? queue + system_file : system_file;
    return views.emplace_back(std::move(view));
}

/// Reads the file of a view; the servers that are to be asked for it.
std::vector<AskedServer> look_into(Host& host, const std::string& queue, std::string_view system,
                                   Resolvers& view) {
    auto text = view.chroot ? host.read_within(queue, system_file) : host.read(system_file);
    if (!text) {
        view.trouble = text.error();
        view.unseen = view.trouble.ends_with(std::generic_category().message(EACCES));
        return {};
    }
    view.there = text->has_value();
    const std::string content = text->value_or("");
    if (view.there && view.chroot) view.difference = difference(content, system);
    const dns::ResolvConf conf = dns::parse_resolv_conf(content);
    view.rotate = conf.rotate;
    std::vector<AskedServer> servers;
    for (const dns::Server& server : conf.servers) servers.push_back({server, conf.use_tcp});
    return servers;
}

NameServer judged(const AskedServer& asked, const std::vector<ServerReply>& replies) {
    NameServer server;
    server.address = dns::to_string(asked.server);
    server.answers = !replies.empty() && std::ranges::all_of(replies, &ServerReply::answered);
    for (const ServerReply& reply : replies) {
        server.validates |= reply.data && reply.ad;
        if (server.trouble.empty()) server.trouble = reply.trouble;
    }
    return server;
}

/// Asks the servers of all views that want this form, each once.
void ask(Host& host, const std::string& name, bool dnssec,
         const std::vector<std::vector<AskedServer>>& servers, std::vector<Resolvers>& views) {
    std::vector<AskedServer> all;
    for (std::size_t i = 0; i < views.size(); ++i)
        if (views[i].dnssec == dnssec)
            for (const AskedServer& server : servers[i])
                if (std::ranges::find(all, server) == all.end()) all.push_back(server);
    if (all.empty()) return;
    const auto replies = host.ask_servers(
        all,
        {{name, LookupType::mx, dnssec}, {name, LookupType::a, dnssec}, {name, LookupType::soa, dnssec}});
    for (std::size_t i = 0; i < views.size(); ++i) {
        if (views[i].dnssec != dnssec) continue;
        for (const AskedServer& server : servers[i]) {
            const auto at = static_cast<std::size_t>(std::ranges::find(all, server) - all.begin());
            views[i].servers.push_back(judged(server, replies.at(at)));
        }
    }
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
    std::vector<Resolvers> views;
    const std::string queue = postfix.value("queue_directory");
    for (const Service& service : postfix.services) {
        if (service.use == Use::unused) continue;
        Resolvers& view = view_of(service, queue, views);
        view.services.push_back(service.where());
        view.dnssec |= questions.dnssec || wants_dnssec(service);
    }
    const auto text = host.read(system_file);
    const std::string system = text ? text->value_or("") : "";
    std::string name = base::ascii_lower(questions.signed_name);
    if (name.ends_with('.')) name.pop_back();
    std::vector<std::vector<AskedServer>> servers;
    for (Resolvers& view : views) {
        servers.push_back(look_into(host, queue, system, view));
        if (!text) view.difference.clear(); // there is nothing to compare with
    }
    for (const bool dnssec : {false, true}) ask(host, name, dnssec, servers, views);
    return views;
}

} // namespace setup
