// Any bytes as /etc/resolv.conf, and as a name server in the configuration.
#include "dns/resolv_conf.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text{reinterpret_cast<const char*>(data), size};
    const dns::ResolvConf conf = dns::parse_resolv_conf(text);
    if (conf.servers.empty() || conf.servers.size() > 3) std::abort();
    if (conf.timeout && (conf.timeout->count() < 1 || conf.timeout->count() > 30)) std::abort();
    if (conf.attempts && (*conf.attempts < 1 || *conf.attempts > 5)) std::abort();
    if (const auto server = dns::parse_server(text)) {
        const auto again = dns::parse_server(dns::to_string(*server));
        if (!again || !(*again == *server)) std::abort();
    }
    return 0;
}
