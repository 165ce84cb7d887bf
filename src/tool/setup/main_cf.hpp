// tool/setup/main_cf.hpp - the lines of main.cf for administrators who write them by hand. Pure.
//
// This is their only source. README.md, README.Debian, stsmapd(8) and the quickstart have the same lines; tests
// compare them (setup_main_cf_test; tests/package/test_walk compares with `postfix-setup --apply`).
#pragma once

#include "tool/setup/postconf.hpp"

#include <string>
#include <string_view>

namespace setup {

/// Where the packaged socket is, as in stsmapd.toml, and Postfix's queue directory on Debian.
inline constexpr std::string_view packaged_socket = "unix:/var/spool/postfix/stsmapd/socketmap";
inline constexpr std::string_view debian_queue_directory = "/var/spool/postfix";
inline constexpr std::string_view debian_ca_file = "/etc/ssl/certs/ca-certificates.crt";

/// Lines "name = value", each ended by a newline. `listens`: the daemon's address, as in stsmapd.toml.
[[nodiscard]] std::string main_cf_lines(const Version& postfix, const std::string& listens);

} // namespace setup
