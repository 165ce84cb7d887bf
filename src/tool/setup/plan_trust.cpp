// The part of the plan about trust anchors: how smtp(8) verifies the certificates of mail hosts.
#include "tool/setup/plan_parts.hpp"

namespace setup {
namespace {

using Kind = Remark::Kind;
constexpr std::string_view file_name = "smtp_tls_CAfile", folder_name = "smtp_tls_CApath",
                           anchors_name = "smtp_tls_trust_anchor_file", append_name = "tls_append_default_CA";
constexpr std::string_view without =
    "Postfix trusts no certificate, and defers the mail of every domain with an enforced policy";

/// Does a holder have a setting that differs from main.cf's, by its own -o?
bool own(const Holder& holder, std::string_view name) {
    return holder.service != nullptr && holder.service->overrides.contains(name);
}

/// main.cf if the service takes the setting from there, else the service.
Holder where_set(const Holder& holder, std::string_view name) {
    return own(holder, name) ? holder : Holder{holder.postfix, nullptr, holder.use};
}

struct Anchors {
    std::size_t certificates = 0; ///< of all that are read
    bool enough = false;          ///< at least nine of ten of the system's roots
};

/// How many certificates a holder has: smtp(8) reads files before it enters its chroot, and folders within.
Anchors anchors_of(const Holder& holder, const Surroundings& around) {
    Anchors found;
    std::size_t of_system = 0;
    bool all = false;
    const auto file = [&](const std::string& path) {
        const auto read = around.ca_files.find(path);
        if (path.empty() || read == around.ca_files.end()) return;
        found.certificates += read->second.certificates;
        of_system += read->second.of_system;
        all = all || (path == around.system_ca && read->second.certificates > 0);
    };
    const auto folder = [&](const std::string& path) {
        if (path.empty()) return;
        const auto count =
            around.ca_folders.find((holder.any_chroot ? around.ours.queue_directory : "") + path);
        if (count == around.ca_folders.end()) return;
        found.certificates += count->second;
        of_system += count->second;
    };
    file(holder.value(file_name));
    folder(holder.value(folder_name));
    if (holder.yes(append_name)) {
        file(around.default_ca_file);
        folder(around.default_ca_folder);
    }
    // Count certificates, so that the bundle of another release of the system, or a folder, passes.
    found.enough = all || of_system * 10 >= around.system_roots * 9;
    return found;
}

std::string set_system(const Holder& holder, const Surroundings& around) {
    return around.system_ca.empty() ? "apt-get install ca-certificates"
                                    : holder.set(file_name, around.system_ca);
}

/// smtp_tls_CAfile is set: false when nothing more needs to be checked.
bool judge_file(const Holder& holder, const Surroundings& around, Plan& plan) {
    const std::string path = holder.value(file_name);
    if (path.empty()) return true;
    const Holder place = where_set(holder, file_name);
    const auto found = around.ca_files.find(path);
    const CaFile file = found == around.ca_files.end() ? CaFile{path} : found->second;
    if (file.readable && file.certificates > 0) return true;
    Kind kind = weight_of_policy(holder);
    if (kind == Kind::note) kind = Kind::warning; // a file that cannot be read switches TLS off
    plan.remarks.push_back({kind, place.about(file_name),
                            place.says(file_name) + (place.service != nullptr ? ", which" : "") +
                                (file.readable ? " has no certificate in it" : " cannot be read") + ": " +
                                std::string(without),
                            set_system(place, around), "ca-unusable"});
    return false;
}

void judge_none(const Holder& holder, const Surroundings& around, Plan& plan) {
    const std::string folder = holder.value(folder_name);
    if (around.system_ca.empty()) {
        plan.remarks.push_back(
            {weight_of_policy(holder), holder.about(file_name),
             "neither smtp_tls_CAfile nor smtp_tls_CApath leads to CA certificates, and the "
             "system's were not found: " +
                 std::string(without),
             "apt-get install ca-certificates", "ca-missing"});
        return;
    }
    std::string why = "trust anchors; without any " + std::string(without);
    if (!folder.empty())
        why = "smtp_tls_CApath = " + folder + " has no certificates" +
              (holder.any_chroot ? " within smtp(8)'s chroot" : "") + "; " + std::string(without);
    else if (holder.yes(append_name))
        why = "tls_append_default_CA = yes adds OpenSSL's default, " + around.default_ca_folder +
              ", which has no certificates" + (holder.any_chroot ? " within smtp(8)'s chroot" : "") + "; " +
              std::string(without);
    if (!own(holder, file_name)) { // main.cf's is right for the service, too
        const bool there = !plan.changes.empty() && plan.changes.back().name == file_name;
        if (!there)
            plan.changes.push_back({std::string(file_name), holder.postfix->written(file_name),
                                    around.system_ca, std::move(why), true, "set-smtp-tls-cafile"});
        return;
    }
    plan.remarks.push_back({weight_of_policy(holder), "master.cf",
                            "service " + holder.service->where() + " has no trust anchors: " + why,
                            holder.set(file_name, around.system_ca), "ca-missing"});
}

void judge_anchor_file(const Holder& holder, Plan& plan) {
    if (holder.value(anchors_name).empty()) return;
    const Holder place = where_set(holder, anchors_name);
    plan.remarks.push_back(
        {weight_of_policy(holder), place.about(anchors_name),
         place.says(anchors_name) +
             ": Postfix then trusts nothing but what is in it, neither smtp_tls_CAfile nor "
             "smtp_tls_CApath, and defers the mail of enforced domains with other certificates",
         "name trust anchors for single domains, with tafile= in a table before stsmapd's map: " +
             place.unset(anchors_name),
         "trust-anchor-file"});
}

} // namespace

void plan_trust(const Installed& postfix, const Surroundings& around, Plan& plan) {
    for (const Holder& holder : holders(postfix, {file_name, folder_name, anchors_name, append_name})) {
        if (holder.service != nullptr && !serves_domains(holder)) continue;
        judge_anchor_file(holder, plan);
        if (!judge_file(holder, around, plan)) continue;
        const Anchors anchors = anchors_of(holder, around);
        if (anchors.certificates == 0) {
            judge_none(holder, around, plan);
        } else if (!anchors.enough) {
            const std::string_view name = holder.value(file_name).empty() ? folder_name : file_name;
            const Holder place = where_set(holder, name);
            plan.remarks.push_back(
                {Kind::warning, place.about(name),
                 place.says(name) + " lacks more than a tenth of the system's " +
                     std::to_string(around.system_roots) +
                     " roots: mail to enforced domains whose certificates need one of them is "
                     "deferred",
                 set_system(where_set(holder, file_name), around) +
                     "; a private CA goes beside it: tafile= for its domains, in a table before "
                     "stsmapd's map",
                 "ca-private"});
        }
    }
}

} // namespace setup
