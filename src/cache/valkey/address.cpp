#include "cache/valkey/address.hpp"

#include "base/text.hpp"

namespace valkey {

std::string to_string(const Address& address) {
    if (!address.path.empty()) return "unix:" + base::printable(address.path);
    const std::string host = base::printable(address.host);
    const bool v6 = host.find(':') != std::string::npos;
    return (v6 ? "[" + host + "]" : host) + ":" + std::to_string(address.port);
}

} // namespace valkey
