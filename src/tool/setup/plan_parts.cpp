#include "tool/setup/plan_parts.hpp"

#include "base/text.hpp"
#include "tool/setup/undo.hpp"

#include <algorithm>
#include <array>

namespace setup {
namespace {

const std::string& folder_of(const Holder& holder) { return holder.postfix->folder; }

/// "postconf -c DIR " with what comes after it.
std::string postconf(const Holder& holder) {
    return "postconf " + (folder_of(holder).empty() ? "" : "-c " + shell_quoted(folder_of(holder)) + ' ');
}

} // namespace

std::string Holder::value(std::string_view name) const {
    return service != nullptr ? service->value(name) : postfix->value(name);
}

bool Holder::yes(std::string_view name) const { return base::ascii_lower(value(name)) == "yes"; }

bool Holder::has(std::string_view name) const {
    return (service != nullptr ? service->effective : postfix->effective).contains(name);
}

std::string Holder::says(std::string_view name) const {
    const std::string setting = std::string(name) + " = " + value(name);
    return service != nullptr ? "service " + service->where() + " has its own " + setting : setting;
}

std::string Holder::about(std::string_view name) const {
    return service != nullptr ? "master.cf" : std::string(name);
}

std::string Holder::set(std::string_view name, std::string_view to) const {
    if (service != nullptr &&
        to.find_first_of(" \t") != std::string_view::npos) // postconf -P does not accept blanks
        return "write it into the service's lines in master.cf, as -o { " + std::string(name) + " = " +
               std::string(to) + " }";
    if (service != nullptr)
        return postconf(*this) + "-P " +
               shell_quoted(service->where() + '/' + std::string(name) + '=' + std::string(to));
    const std::string setting = std::string(name) + (to.empty() ? " =" : " = ") + std::string(to);
    return postconf(*this) + "-e " + shell_quoted(setting);
}

std::string Holder::unset(std::string_view name) const {
    if (service == nullptr) return command_for(std::string(name), std::nullopt, folder_of(*this));
    if (!service->overrides.contains(name))
        return "correct the other -o setting that it comes from: " + postconf(*this) + "-P " +
               shell_quoted(service->where());
    return postconf(*this) + "-P -X " + shell_quoted(service->where() + '/' + std::string(name));
}

std::vector<Holder> holders(const Installed& postfix, std::initializer_list<std::string_view> names) {
    std::vector<Holder> found;
    Holder main{&postfix, nullptr, Use::unused, false, false};
    bool takers = false;
    for (const Service& service : postfix.services) {
        if (service.effective.empty()) continue; // could not be found out
        const bool same = std::ranges::all_of(names, [&](std::string_view name) {
            return !service.overrides.contains(name) && service.value(name) == postfix.value(name);
        });
        if (same) {
            takers = true;
            main.use = std::min(main.use, service.use);
            (service.chroot ? main.any_chroot : main.any_outside) = true;
        } else {
            found.push_back({&postfix, &service, service.use, service.chroot, !service.chroot});
        }
    }
    if (postfix.services.empty()) main = {&postfix, nullptr, Use::default_route, false, true};
    if (takers || postfix.services.empty()) found.insert(found.begin(), main);
    return found;
}

bool serves_domains(const Holder& holder) {
    return holder.use == Use::default_route || holder.use == Use::routed || holder.use == Use::unknown;
}

Remark::Kind weight_of_failure(const Holder& holder) {
    const bool used = holder.use != Use::unknown && holder.use != Use::unused;
    return used ? Remark::Kind::refusal : Remark::Kind::warning;
}

Remark::Kind weight_of_policy(const Holder& holder) {
    if (holder.use == Use::fixed_hop) return Remark::Kind::note;
    const bool relayed = holder.use == Use::default_route && !holder.value("relayhost").empty();
    return serves_domains(holder) && holder.use != Use::unknown && !relayed ? Remark::Kind::refusal
                                                                            : Remark::Kind::warning;
}

bool asks_ours(std::string_view maps, const OurPlaces& ours) {
    return std::ranges::any_of(split_maps(maps), [&](const std::string& element) {
        return kind_of(element, ours) == MapKind::ours;
    });
}

bool is_stricter(std::string_view level) {
    constexpr std::array stricter{"dane-only", "fingerprint", "verify", "secure"};
    return std::ranges::find(stricter, level) != stricter.end();
}

Level level_of(const Holder& holder) {
    const std::string level = base::ascii_lower(holder.value("smtp_tls_security_level"));
    if (!level.empty()) return {level};
    if (holder.yes("smtp_enforce_tls"))
        return {base::ascii_lower(holder.value("smtp_tls_enforce_peername")) == "no" ? "encrypt" : "verify",
                "smtp_enforce_tls"};
    if (holder.yes("smtp_use_tls")) return {"may", "smtp_use_tls"};
    return {};
}

std::string setup_command(const Installed& postfix, std::string_view options) {
    return "stsmap postfix-setup " +
           (postfix.folder.empty() ? "" : "-c " + shell_quoted(postfix.folder) + ' ') + std::string(options);
}

} // namespace setup
