// setup/plan.hpp - what main.cf needs so that Postfix asks stsmapd and can do what it answers. Pure.
//
// The rules and their reasons: README, "Set up Postfix"; stsmap(1), "postfix-setup". The plan only ever adds
// security: what is stricter than our answers, or would be switched off by them, is a refusal with a reason
// and not a change.
#pragma once

#include "setup/maps.hpp"
#include "setup/postconf.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace setup {

/// Older ones do not know "servername=" in a policy, and would defer the mail.
inline constexpr Version oldest_postfix{3, 4, 0};
/// From here on a policy may have the attributes of TLSRPT and of the check of MX names.
inline constexpr Version attributes_since{3, 10, 0};

/// What a file of CA certificates is good for.
struct CaFile {
    std::string path;
    bool readable = false;
    std::size_t certificates = 0;
};

/// What the plan must know that postconf does not say.
struct Surroundings {
    OurPlaces ours;
    bool daemon_answers = false;
    std::string daemon_trouble;           ///< why it does not
    CaFile configured_ca;                 ///< smtp_tls_CAfile; path "" when that is empty
    std::size_t ca_path_certificates = 0; ///< hashed names in smtp_tls_CApath, of the chroot if there is one
    std::string system_ca;                ///< the system's bundle, "" when none was found
    enum class Dane {
        off,      ///< dane = "off": "dane-only" is never answered
        active,   ///< the resolver validates, and its AD bit is trusted
        inactive, ///< it does not, or is not trusted
        unknown,
    } dane = Dane::unknown;
    std::string dane_why;
    bool main_cf_is_link = false;
};

struct Wishes {
    bool replace_other_daemon = false; ///< our map takes the place of another MTA-STS daemon's
    bool without_daemon = false;       ///< although nobody answers there now
};

struct Change {
    std::string name;
    std::optional<std::string> before; ///< as written in main.cf; nullopt: not there
    std::string after;
    std::string why;
    bool needed = true; ///< without it mail is deferred or the map is not asked; else: it is only better so
    friend bool operator==(const Change&, const Change&) = default;
};

struct Remark {
    enum class Kind {
        note,    ///< good to know
        warning, ///< something else is wrong, or stays without effect
        refusal, ///< nothing is changed because of this
    } kind{};
    std::string about; ///< the parameter
    std::string words;
    std::string fix; ///< what an administrator does about it; "" for a note
    friend bool operator==(const Remark&, const Remark&) = default;
};

struct Plan {
    std::vector<Change> changes; ///< made all together or, where there is a refusal, not at all
    std::vector<Remark> remarks;
    std::string map;       ///< the element of ours, as it is or as it would be; "" when there is none
    bool in_force = false; ///< the map is in the list, in the right form

    [[nodiscard]] bool refused() const;
};

[[nodiscard]] Plan make_plan(const Installed& postfix, const Surroundings& around, const Wishes& wishes = {});

/// Whether smtp(8) runs in a chroot for any service.
[[nodiscard]] bool any_chroot(const Installed& postfix);

} // namespace setup
