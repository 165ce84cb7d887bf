// tool/setup/plan.hpp - what Postfix needs to ask stsmapd and to obey its answers. Pure.
//
// Every service of master.cf that delivers over SMTP is judged by its effective settings; if services take a
// value from main.cf, main.cf is judged once. `stsmap postfix-setup` and `stsmap doctor` both use the plan.
//
// The rules and their reasons: README, "Set up Postfix"; stsmap(1), "postfix-setup". The plan only adds
// security: a setting that is stricter than our answers, or that they would switch off, is not changed but
// refused with a reason.
#pragma once

#include "tool/setup/contacts.hpp"
#include "tool/setup/maps.hpp"
#include "tool/setup/postconf.hpp"
#include "tool/setup/resolvers.hpp"

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace setup {

/// Older versions do not know "servername=" in a policy, and would defer the mail.
inline constexpr Version oldest_postfix{3, 4, 0};
/// Since this version a policy may have the attributes for TLSRPT and for the check of MX names.
inline constexpr Version attributes_since{3, 10, 0};

/// What a file of CA certificates contains.
struct CaFile {
    std::string path;
    bool readable = false;
    std::size_t certificates = 0;
    std::size_t of_system = 0; ///< how many of the system's roots are in it
};

/// What the plan needs to know and postconf does not say.
struct Surroundings {
    OurPlaces ours;
    bool daemon_answers = false;
    std::string daemon_trouble; ///< why it does not
    /// Each smtp_tls_CAfile and, where tls_append_default_CA is on, OpenSSL's default.
    std::map<std::string, CaFile, std::less<>> ca_files;
    /// Hashed names in each smtp_tls_CApath, likewise; by the path outside of any chroot.
    std::map<std::string, std::size_t, std::less<>> ca_folders;
    std::string default_ca_file, default_ca_folder; ///< OpenSSL's, for tls_append_default_CA
    std::string system_ca;                          ///< the system's bundle, "" when none was found
    std::size_t system_roots = 0;                   ///< certificates in it
    enum class Dane {
        off,      ///< dane = "off": "dane-only" is never answered
        active,   ///< the resolver validates, and its AD bit is trusted
        inactive, ///< the resolver does not validate, or is not trusted
        unknown,
    } dane = Dane::unknown;
    std::string dane_why;
    bool main_cf_is_link = false;
    Contacts contacts;                ///< what answers at the elements of the lists
    bool daemon_not_seen = false;     ///< no answer, but we have no permission to ask it
    std::vector<Resolvers> resolvers; ///< of the services that deliver
    bool systemd = true;              ///< systemd starts the services here
};

struct Wishes {
    bool replace_other_daemon = false; ///< our map replaces that of another MTA-STS daemon
    bool without_daemon = false;       ///< continue although our daemon does not answer now
};

struct Change {
    std::string name;
    std::optional<std::string> before; ///< as written in main.cf; nullopt: not set
    std::string after;
    std::string why;
    bool needed = true; ///< without it mail is deferred or the map is not asked; false: an improvement
    std::string id{};   ///< stable, one of plan_ids()
    friend bool operator==(const Change&, const Change&) = default;
};

struct Remark {
    enum class Kind {
        note,    ///< good to know
        warning, ///< something else is wrong, or has no effect
        refusal, ///< because of this nothing is changed
    } kind{};
    std::string about; ///< the parameter
    std::string words;
    std::string fix;  ///< what an administrator can do about it; "" for a note
    std::string id{}; ///< stable, one of plan_ids()
    friend bool operator==(const Remark&, const Remark&) = default;
};

struct Plan {
    std::vector<Change> changes; ///< made all together, or not at all if there is a refusal
    std::vector<Remark> remarks;
    std::string map;       ///< our element, as it is or as it would be; "" when there is none
    bool in_force = false; ///< the map is in main.cf's list, in the right form
    std::string folder;    ///< as Installed::folder, for commands in messages

    [[nodiscard]] bool refused() const;
};

/// Every id that a Change or a Remark may have, sorted; for programs that read `stsmap doctor --json`.
[[nodiscard]] const std::vector<std::string_view>& plan_ids();

[[nodiscard]] Plan make_plan(const Installed& postfix, const Surroundings& around, const Wishes& wishes = {});

/// Whether smtp(8) runs in a chroot for any service.
[[nodiscard]] bool any_chroot(const Installed& postfix);

} // namespace setup
