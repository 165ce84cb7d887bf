// base/net/socket_address.hpp - addresses as the system calls take and give them.
#pragma once

#include "base/expected.hpp"
#include "base/net/address.hpp"

#include <optional>

#include <sys/socket.h>

namespace net {

/// For connect(2) and bind(2).
class SocketAddress {
public:
    explicit SocketAddress(const Endpoint& endpoint) noexcept;
    [[nodiscard]] const sockaddr* get() const noexcept {
        return reinterpret_cast<const sockaddr*>(&storage_);
    }
    [[nodiscard]] socklen_t size() const noexcept { return size_; }
    [[nodiscard]] int family() const noexcept { return storage_.ss_family; }

private:
    sockaddr_storage storage_{};
    socklen_t size_ = 0;
};

/// nullopt: neither IPv4 nor IPv6. The interface of a link-local address is left out.
[[nodiscard]] std::optional<Endpoint> endpoint_of(const sockaddr_storage& address) noexcept;

/// Where a bound socket listens. An IPv6 socket on all addresses that takes IPv4 as well has no host. The
/// error is an errno, EAFNOSUPPORT for a socket that is neither unix nor IP.
[[nodiscard]] base::Expected<ListenAddress, int> bound_address(int fd);

} // namespace net
