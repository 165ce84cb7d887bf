// daemon/service_names.hpp - reads /etc/services.
#pragma once

#include "postfix/services.hpp"

#include <memory>
#include <string>

namespace app {

/// What the file says, and of one that cannot be read what Postfix knows by itself. Waits for the disk: not
/// on a front thread.
[[nodiscard]] std::shared_ptr<const postfix::Services>
read_services(const std::string& path = "/etc/services");

} // namespace app
