// daemon/service_names.hpp - reads /etc/services.
#pragma once

#include "postfix/services.hpp"

#include <memory>
#include <string>

namespace app {

/// The services in the file; if it cannot be read, those that are built into Postfix. Reads the disk: do not
/// call it on a front thread.
[[nodiscard]] std::shared_ptr<const postfix::Services>
read_services(const std::string& path = "/etc/services");

} // namespace app
