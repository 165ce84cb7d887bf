// tool/check/settings.hpp - how smtp(8) would talk to a mail server: from what postconf(1) says about the service that
// delivers the mail, with its -o settings. Pure.
#pragma once

#include "smtp/settings.hpp"
#include "tool/setup/postconf.hpp"

#include <string>

namespace check {

/// `service`: of `installed`; nullptr: main.cf alone. Its times stay those of the check. A folder of certificates is
/// taken within the chroot of the service, as smtp(8) finds it.
[[nodiscard]] smtp::Settings settings_of(const setup::Installed& installed, const setup::Service* service);

/// Where there is no Postfix: its defaults, with the system's trust anchors. `host_name`: of this machine, for EHLO.
[[nodiscard]] smtp::Settings settings_without_postfix(const std::string& host_name);

} // namespace check
