// setup/survey.hpp - asks postconf, the daemon and the file system for all that a plan needs.
#pragma once

#include "setup/host.hpp"
#include "setup/plan.hpp"
#include "setup/postconf.hpp"

#include <string>
#include <vector>

namespace setup {

struct SurveyOptions {
    std::string config_directory;    ///< of -c or MAIL_CONFIG; "": Postfix's default
    std::vector<std::string> listen; ///< the daemon's addresses, as in stsmapd.toml
    bool dane_off = false;           ///< dane = "off" in stsmapd.toml
    std::string signed_name;         ///< as dns.signed_name there
    bool systemd = true;             ///< it runs here
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

/// The error: Postfix is not there, or cannot be asked.
[[nodiscard]] base::Expected<Survey, std::string> make_survey(Host& host, const SurveyOptions& options);

} // namespace setup
