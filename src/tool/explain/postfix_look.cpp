#include "tool/explain/postfix_look.hpp"

#include "base/text.hpp"
#include "postfix/request.hpp"
#include "tool/explain/host_look.hpp"
#include "tool/setup/contacts.hpp"
#include "tool/setup/plan_parts.hpp"
#include "tool/setup/routes.hpp"
#include "tool/setup/survey.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

namespace explain {
namespace {

using setup::MapKind;

/// The service's values, or main.cf's.
setup::Holder holder_of(const setup::Installed& installed, const setup::Service* service) {
    if (service != nullptr && service->effective.empty()) service = nullptr;
    return {&installed, service, setup::Use::default_route, false, true};
}

/// Ours, or one whose name only our manuals use: a second daemon, or one that listens elsewhere.
bool may_be_ours(const std::string& element, const setup::OurPlaces& ours) {
    const MapKind kind = setup::kind_of(element, ours);
    if (kind == MapKind::ours) return true;
    const auto map = setup::parse_socketmap(element);
    return kind == MapKind::table && map && (map->name == "sts" || map->name == "sts-tlsrpt");
}

std::vector<std::string> elements_of(const setup::Installed& installed, const setup::Service* service) {
    return setup::split_maps(holder_of(installed, service).value("smtp_tls_policy_maps"));
}

/// Words of a list in main.cf, separated by blanks, commas or colons.
std::vector<std::string> words_of(std::string_view list) {
    std::vector<std::string> words;
    constexpr std::string_view between = ", \t\r\n:";
    while (true) {
        list.remove_prefix(std::min(list.find_first_not_of(between), list.size()));
        if (list.empty()) return words;
        words.emplace_back(list.substr(0, list.find_first_of(between)));
        list.remove_prefix(words.back().size());
    }
}

seconds time_of(const setup::Holder& holder, std::string_view name, seconds otherwise) {
    return parse_time_value(holder.value(name)).value_or(otherwise);
}

/// Why smtp(8) gets no answer of stsmapd at this element; "": it does, or that cannot be known.
std::string unreached(setup::Host& host, const setup::Installed& installed, const setup::Service* service,
                      const std::string& element) {
    const auto map = setup::parse_socketmap(element);
    if (!host.is_root() || service == nullptr || !map) return {};
    if (map->proxied && !setup::is_approved(to_string(*map), installed))
        return "proxy_read_maps does not list " + to_string(*map);
    const setup::Way way =
        map->proxied ? setup::proxymap_way(installed, true) : setup::way_of(*service, installed);
    const auto reached =
        host.reach(setup::address_for(*map, way, installed.value("queue_directory")), way, "dane");
    const bool known = reached.kind != setup::Reached::Kind::not_seen;
    return reached.answers() || !known ? std::string{} : element + ": " + base::printable(reached.words, 200);
}

/// main.cf's, or the service's own.
bool is_on(const setup::Installed& installed, const setup::Service* service, std::string_view name) {
    const auto own = service == nullptr ? setup::Parameters::const_iterator{} : service->overrides.find(name);
    const bool has_own = service != nullptr && own != service->overrides.end();
    return base::ascii_lower(has_own ? own->second : installed.written(name).value_or("")) == "yes";
}

std::size_t number_of(const setup::Holder& holder, const char* name, std::size_t otherwise) {
    const std::string text = holder.value(name);
    std::size_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc{} && end == text.data() + text.size() ? number : otherwise;
}

/// Asks tables as Postfix does: each key in all of them, before the next key.
class Tables {
public:
    struct Answer {
        std::string table, result;
    };

    Tables(setup::Host& host, const std::string& folder, const std::string& queue,
           std::vector<std::string> elements)
        : host_(host), folder_(folder), queue_(queue), elements_(std::move(elements)) {}

    std::optional<Answer> find(const std::vector<std::string>& keys) {
        for (const std::string& key : keys)
            for (std::size_t i = 0; i < elements_.size(); ++i)
                if (auto result = ask(i, key)) return Answer{elements_[i], std::move(*result)};
        return std::nullopt;
    }
    [[nodiscard]] std::vector<std::string> take_unread() { return std::move(unread_); }

private:
    std::optional<std::string> ask(std::size_t at, const std::string& key) {
        const std::string& element = elements_[at];
        std::optional<setup::Ran> ran;
        if (at < max_earlier_tables && element.find('$') == std::string::npos)
            if (auto made = host_.run(setup::postfix_command(
                    "postmap", folder_, {"-q", key, setup::for_postmap(element, queue_)})))
                ran = std::move(*made);
        if (ran && ran->status == 0) return ran->out.substr(0, ran->out.find_last_not_of('\n') + 1);
        if ((!ran || !ran->err.empty()) && std::ranges::find(unread_, element) == unread_.end())
            unread_.push_back(element);
        return std::nullopt;
    }

    setup::Host& host_;
    const std::string &folder_, &queue_;
    std::vector<std::string> elements_, unread_;
};

/// By which settings mail for any domain may go another way.
std::vector<Detour> detours_without_tables(const setup::Installed& installed) {
    std::vector<Detour> found;
    for (const char* name : {"sender_dependent_relayhost_maps", "sender_dependent_default_transport_maps"})
        if (!installed.value(name).empty()) found.push_back({name, ""});
    return found;
}

/// The same of mail for one domain.
std::vector<Detour> detours(setup::Host& host, const std::string& folder, const setup::Installed& installed,
                            const std::vector<std::string>& keys) {
    std::vector<Detour> found = detours_without_tables(installed);
    const std::string maps = installed.value("transport_maps");
    if (maps.empty()) return found;
    const std::string queue = installed.value("queue_directory");
    Tables tables(host, folder, queue, setup::split_maps(maps));
    std::vector<std::string> all = keys;
    all.emplace_back("*");
    const auto answer = tables.find(all);
    found.push_back({"transport_maps", answer ? answer->result : std::string{}});
    return found;
}

} // namespace

std::optional<seconds> parse_time_value(std::string_view text) {
    std::uint32_t count = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
    if (error != std::errc{}) return std::nullopt;
    const std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
    const std::int64_t size = unit.empty() || unit == "s" ? 1
                              : unit == "m"               ? 60
                              : unit == "h"               ? 3600
                              : unit == "d"               ? 86400
                              : unit == "w"               ? 7 * 86400
                                                          : 0;
    return size == 0 ? std::nullopt : std::optional(seconds{count * size});
}

const setup::Service* service_of(const setup::Installed& installed, std::string_view name) {
    if (name.empty()) return setup::service_for_domains(installed);
    const auto found = std::ranges::find_if(installed.services, [name](const setup::Service& service) {
        return service.where() == name || (service.name == name && service.type == "unix");
    });
    return found == installed.services.end() ? nullptr : &*found;
}

Postfix postfix_of(const setup::Installed& installed, const setup::OurPlaces& ours,
                   const setup::Service* service) {
    const setup::Holder holder = holder_of(installed, service);
    Postfix made;
    made.version_text = installed.version_text;
    made.version = installed.version;
    if (holder.service != nullptr) made.service = holder.service->where();
    for (const std::string& element : elements_of(installed, service))
        if (may_be_ours(element, ours)) {
            made.map = setup::parse_socketmap(element)->name;
            break;
        }
    made.level = setup::level_of(holder).name;
    if (made.level.empty()) made.level = "none";
    const std::string lookup = base::ascii_lower(holder.value("smtp_host_lookup"));
    const std::string resolver = base::ascii_lower(holder.value("smtp_dns_resolver_options"));
    made.dnssec = base::ascii_lower(holder.value("smtp_dns_support_level")) == "dnssec" &&
                  (lookup.empty() || lookup.find("dns") != std::string::npos) &&
                  !holder.yes("ignore_mx_lookup_error") &&
                  resolver.find("res_defnames") == std::string::npos &&
                  resolver.find("res_dnsrch") == std::string::npos;
    made.enforces_patterns =
        !holder.has("smtp_tls_enforce_sts_mx_patterns") || holder.yes("smtp_tls_enforce_sts_mx_patterns");
    made.trusts_some_ca =
        !holder.value("smtp_tls_CAfile").empty() || !holder.value("smtp_tls_CApath").empty() ||
        !holder.value("smtp_tls_trust_anchor_file").empty() || holder.yes("tls_append_default_CA");
    if (holder.has("smtp_tls_secure_cert_match"))
        made.secure_match = words_of(holder.value("smtp_tls_secure_cert_match"));
    if (holder.has("smtp_tls_verify_cert_match"))
        made.verify_match = words_of(holder.value("smtp_tls_verify_cert_match"));
    made.relayhost = holder.value("relayhost");
    made.fallback_relay = holder.value("smtp_fallback_relay");
    made.trust_anchor_file = holder.value("smtp_tls_trust_anchor_file");
    if (!holder.value("smtp_tls_session_cache_database").empty())
        made.session_cache = time_of(holder, "smtp_tls_session_cache_timeout", seconds{3600});
    if (holder.yes("smtp_tls_connection_reuse"))
        made.connection_reuse = time_of(holder, "smtp_connection_reuse_time_limit", seconds{300});
    made.soft_bounce = is_on(installed, service, "soft_bounce");
    made.mx_address_limit = number_of(holder, "smtp_mx_address_limit", made.mx_address_limit);
    made.minimal_backoff = time_of(holder, "minimal_backoff_time", made.minimal_backoff);
    made.maximal_backoff = time_of(holder, "maximal_backoff_time", made.maximal_backoff);
    return made;
}

std::vector<std::string> earlier_tables(const setup::Installed& installed, const setup::OurPlaces& ours,
                                        const setup::Service* service) {
    std::vector<std::string> tables = elements_of(installed, service);
    const auto first =
        std::ranges::find_if(tables, [&](const std::string& each) { return may_be_ours(each, ours); });
    tables.erase(first, tables.end());
    return tables;
}

base::Expected<PostfixHere, std::string> PostfixHere::read(setup::Host& host,
                                                           const PostfixQuestion& question) {
    PostfixHere made;
    auto installed = setup::read_installed(host, question.folder);
    if (!installed) {
        made.settings_.trouble = installed.error();
        return made;
    }
    made.installed_ = std::make_shared<const setup::Installed>(std::move(*installed));
    const setup::Installed& postfix = *made.installed_;
    made.service_ = service_of(postfix, question.service);
    if (made.service_ == nullptr && !question.service.empty())
        return base::unexpected("master.cf has no service " + question.service + " that runs smtp(8)");
    setup::OurPlaces ours;
    ours.listen = question.listen;
    ours.queue_directory = postfix.value("queue_directory");
    made.folder_ = question.folder;
    made.queue_directory_ = ours.queue_directory;
    made.settings_ = postfix_of(postfix, ours, made.service_);
    made.before_ = earlier_tables(postfix, ours, made.service_);
    if (!made.settings_.map.empty())
        made.settings_.unreached = unreached(host, postfix, made.service_,
                                             elements_of(postfix, made.service_)[made.before_.size()]);
    made.has_tables_ = !made.before_.empty() || !postfix.value("transport_maps").empty();
    made.settings_.detours = detours_without_tables(postfix);
    return made;
}

Postfix PostfixHere::about(setup::Host& host, const std::string& next_hop,
                           const std::optional<Live>& live) const {
    Postfix made = settings_;
    if (!installed_) return made;
    const std::vector<std::string> keys = setup::map_keys(next_hop);
    Tables tables(host, folder_, queue_directory_, before_);
    if (auto answer = tables.find(keys)) {
        made.earlier_table = std::move(answer->table);
        made.earlier_reply = "OK " + answer->result;
    }
    made.unread_tables = tables.take_unread();
    const auto hop = postfix::next_hop(next_hop);
    made.detours.clear();
    if (hop && !hop->brackets) made.detours = detours(host, folder_, *installed_, keys);
    if (live && hop && service_ != nullptr) {
        made.found = look_for_hosts(
            host, *installed_, *service_,
            questions_for(*live, hop->host.name(), hop->brackets, *installed_, *service_));
        // This setting is about hosts that MX records name.
        const bool named = std::ranges::any_of(
            live->mx, [&](const MxHost& each) { return !hop->brackets && each.host != hop->host.name(); });
        if (made.found->kind == Found::Kind::absent && named &&
            is_on(*installed_, service_, "smtp_defer_if_no_mx_address_found"))
            made.found->kind = Found::Kind::fails;
    }
    return made;
}

base::Expected<Postfix, std::string> look_at_postfix(setup::Host& host, const PostfixQuestion& question) {
    const auto here = PostfixHere::read(host, question);
    if (!here) return base::unexpected(here.error());
    return here->about(host, question.next_hop, question.live);
}

base::Expected<Asked, std::string> parse_asked(std::string_view text) {
    const std::size_t slash = text.find('/');
    Asked asked;
    asked.version_text = text.substr(0, slash);
    const auto version = setup::parse_version(asked.version_text);
    if (!version)
        return base::unexpected(base::printable(asked.version_text, 60) +
                                " is no version of Postfix, such as 3.7.11 or 3.10.13/sts-tlsrpt");
    asked.version = *version;
    asked.map = *version < setup::attributes_since ? "sts" : "sts-tlsrpt";
    if (slash == std::string_view::npos) return asked;
    asked.map = text.substr(slash + 1);
    if (asked.map != "sts" && asked.map != "sts-tlsrpt")
        return base::unexpected(base::printable(asked.map, 60) + " is none of the forms sts and sts-tlsrpt");
    return asked;
}

Postfix with(Postfix postfix, const Asked& asked) {
    postfix.version_text = asked.version_text;
    postfix.version = asked.version;
    postfix.map = asked.map;
    postfix.assumed = true;
    postfix.trouble.clear();
    postfix.unreached.clear();
    return postfix;
}

} // namespace explain
