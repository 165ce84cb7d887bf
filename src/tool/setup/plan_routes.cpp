// The part of the plan about where Postfix sends mail, and what that means for MTA-STS: one line for each
// setting.
#include "tool/setup/plan_parts.hpp"
#include "tool/setup/routes.hpp"

#include <algorithm>
#include <set>

namespace setup {
namespace {

using Kind = Remark::Kind;
constexpr std::size_t max_named = 2; ///< next hops, and services, that one line names

/// "a, b and 4 more".
std::string some_of(const std::set<std::string>& names) {
    std::string text;
    std::size_t count = 0;
    for (const std::string& name : names) {
        if (count++ == max_named) break;
        text.append(text.empty() ? "" : ", ").append(name);
    }
    if (names.size() > max_named) text += " and " + std::to_string(names.size() - max_named) + " more";
    return text;
}

void say_relayhost(const Installed& postfix, Plan& plan) {
    const std::string relay = postfix.value("relayhost");
    if (relay.empty()) return;
    plan.remarks.push_back(
        {Kind::warning, "relayhost",
         "relayhost = " + relay +
             ": mail goes there, and only that name is looked up. The policies of recipients' "
             "domains are for the relay to obey",
         "run stsmapd on the host that sends to the recipients' domains", "relayhost"});
}

/// default_transport: mail for all other domains.
void say_default(const Installed& postfix, Plan& plan) {
    const std::string value = postfix.value("default_transport");
    if (value.empty()) return;
    const Route route = parse_route({"default_transport", value, ""}, value);
    const Service* service = postfix.transport(route.transport);
    const std::string says = "default_transport = " + value;
    if (service == nullptr) {
        plan.remarks.push_back(
            {Kind::refusal, "default_transport",
             says + ": master.cf has no service " + route.transport +
                 "/unix, and mail to other domains is deferred",
             Holder{&postfix}.unset("default_transport") + ", or add the service to master.cf",
             "transport-missing"});
    } else if (!service->runs("smtp")) {
        plan.remarks.push_back({Kind::warning, "default_transport",
                                says + ": mail to other domains is not sent over SMTP, but by " +
                                    service->program + "(8), which does not ask stsmapd",
                                "if that is not meant: " + Holder{&postfix}.unset("default_transport"),
                                "default-transport"});
    } else if (!route.next_hop.empty()) {
        plan.remarks.push_back(
            {Kind::warning, "default_transport",
             says + ": all mail goes to " + route.next_hop +
                 ", and only that name is looked up. The policies of recipients' domains are for "
                 "that host to obey",
             "run stsmapd on the host that sends to the recipients' domains", "default-transport"});
    }
}

/// Tables of routes: which mail does not go to the MX of its domain.
void say_table(const Installed& postfix, std::string_view parameter, bool relays, Plan& plan) {
    if (postfix.value(parameter).empty()) return;
    std::set<std::string> hops;
    std::set<std::string> services;
    for (const Route& route : postfix.routes) {
        if (route.source != parameter) continue;
        const Service* service = postfix.transport(route.transport);
        if (relays || (service != nullptr && service->runs("smtp"))) {
            if (!route.next_hop.empty() && route.next_hop != "DUNNO")
                hops.insert(route.next_hop);
            else if (service != nullptr)
                services.insert(service->where());
        }
    }
    const std::string by = relays || parameter.starts_with("sender") ? "of some senders" : "for some domains";
    std::string words = std::string(parameter) + ": ";
    if (!hops.empty())
        words += "mail " + by + " goes to " + some_of(hops) +
                 ", and only that name is looked up, not the recipient's domain";
    if (!services.empty())
        words += std::string(hops.empty() ? "" : "; ") + "mail " + by + " goes through " +
                 (services.size() > max_named ? std::to_string(services.size()) + " services"
                                              : some_of(services)) +
                 ", by the policies of the recipients' domains";
    for (const std::string& unread : postfix.unread)
        if (unread.starts_with(std::string(parameter) + " = "))
            words +=
                std::string(words.ends_with(": ") ? "" : "; ") + unread.substr(parameter.size() + 3) +
                " cannot be read here: what it sends elsewhere does not go by the policy of the recipient's "
                "domain";
    if (words.ends_with(": ")) words += "nothing in it changes where stsmapd is asked";
    std::string id(parameter);
    std::ranges::replace(id, '_', '-');
    plan.remarks.push_back({Kind::note, std::string(parameter), std::move(words), "", std::move(id)});
}

void say_fallback(const Installed& postfix, Plan& plan) {
    constexpr std::string_view name = "smtp_fallback_relay";
    for (const Holder& holder : holders(postfix, {name})) {
        if (holder.value(name).empty()) continue;
        const Kind kind = serves_domains(holder) ? Kind::warning : Kind::note;
        plan.remarks.push_back(
            {kind, holder.about(name),
             holder.says(name) +
                 ": mail that cannot be delivered to a domain's own hosts, also because they do "
                 "not fulfil its policy, goes there without the domain's policy",
             kind == Kind::note ? "" : "if that is not meant: " + holder.unset(name), "fallback-relay"});
    }
}

} // namespace

void plan_routes(const Installed& postfix, Plan& plan) {
    say_default(postfix, plan);
    say_relayhost(postfix, plan);
    say_table(postfix, "sender_dependent_relayhost_maps", true, plan);
    say_table(postfix, "sender_dependent_default_transport_maps", false, plan);
    say_table(postfix, "transport_maps", false, plan);
    say_fallback(postfix, plan);
}

} // namespace setup
