// tool/setup/main_cf.hpp - the lines of main.cf for who writes them by hand. Pure.
//
// They stand here and nowhere else: README.md, README.Debian, stsmapd(8) and the quickstart show what this
// says, and tests compare (setup_main_cf_test, and tests/package/test_walk with what `postfix-setup --apply`
// makes).
#pragma once

#include "tool/setup/postconf.hpp"

#include <string>
#include <string_view>

namespace setup {

/// Where the packaged socket is, as in stsmapd.toml, and Postfix's queue directory on Debian.
inline constexpr std::string_view packaged_socket = "unix:/var/spool/postfix/stsmapd/socketmap";
inline constexpr std::string_view debian_queue_directory = "/var/spool/postfix";
inline constexpr std::string_view debian_ca_file = "/etc/ssl/certs/ca-certificates.crt";

/// "name = value" a line, each ended by a newline. `listens`: where the daemon does, as in stsmapd.toml.
[[nodiscard]] std::string main_cf_lines(const Version& postfix, const std::string& listens);

} // namespace setup
