// tool/setup/survey.hpp - asks postconf, the daemon and the file system for everything that a plan needs.
#pragma once

#include "tool/setup/host.hpp"
#include "tool/setup/plan.hpp"
#include "tool/setup/postconf.hpp"

#include <string>
#include <vector>

namespace setup {

struct SurveyOptions {
    std::string config_directory;    ///< of -c or MAIL_CONFIG; "": Postfix's default
    std::vector<std::string> listen; ///< the daemon's addresses, as in stsmapd.toml
    bool dane_off = false;           ///< dane = "off" in stsmapd.toml
    std::string signed_name;         ///< as dns.signed_name there
    bool systemd = true;             ///< systemd runs here
    bool root = false;               ///< we can start smtp(8) as master(8) does
};

struct Survey {
    Installed postfix;
    Surroundings around;
    std::string main_cf; ///< its path
};

/// "postconf", with the folder.
[[nodiscard]] std::vector<std::string> postfix_command(const std::string& program,
                                                       const std::string& config_directory,
                                                       std::vector<std::string> arguments);

/// Where a map leads, as "unix:/path" or "inet:host:port" for Host::status().
[[nodiscard]] std::string address_of(const Socketmap& map, const std::string& queue_directory);

/// The element as postmap(1) can open it from any folder.
[[nodiscard]] std::string for_postmap(const std::string& element, const std::string& queue_directory);

/// The command that starts smtp(8) with the settings of this service, in its chroot and as its user. It finds
/// nothing to deliver and ends. If a setting is fatal, it says so on its standard error. Pure.
[[nodiscard]] std::vector<std::string> start_command(const Installed& postfix, const Service& service);
/// From the output of such a start: what prevents delivery or TLS; "": nothing. Pure.
[[nodiscard]] std::string start_trouble(const Ran& ran);

/// What postconf says, and the routes: `folder` as of -c. The error: Postfix is not installed, or cannot be asked.
[[nodiscard]] base::Expected<Installed, std::string> read_installed(Host& host, const std::string& folder);

/// The error: Postfix is not installed, or cannot be asked.
[[nodiscard]] base::Expected<Survey, std::string> make_survey(Host& host, const SurveyOptions& options);

} // namespace setup
