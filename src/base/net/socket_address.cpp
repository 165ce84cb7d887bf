#include "base/net/socket_address.hpp"

#include <netinet/in.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>

namespace net {
namespace {

ListenAddress of_unix(const sockaddr_storage& storage, socklen_t length) {
    sockaddr_un address;
    std::memcpy(&address, &storage, sizeof address);
    const std::size_t head = offsetof(sockaddr_un, sun_path);
    const std::size_t room =
        std::min<std::size_t>(length > head ? length - head : 0, sizeof address.sun_path);
    ListenAddress found;
    if (room > 0 && address.sun_path[0] == '\0') // the abstract namespace: the length is the end
        found.path = '@' + std::string(address.sun_path + 1, room - 1);
    else
        found.path.assign(address.sun_path, ::strnlen(address.sun_path, room));
    return found;
}

bool takes_both_families(int fd) {
    int only_v6 = 1;
    socklen_t size = sizeof only_v6;
    return ::getsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only_v6, &size) == 0 && only_v6 == 0;
}

} // namespace

SocketAddress::SocketAddress(const Endpoint& endpoint) noexcept {
    const IpAddress& ip = endpoint.address;
    if (ip.v6) {
        sockaddr_in6 in{};
        in.sin6_family = AF_INET6;
        in.sin6_port = htons(endpoint.port);
        in.sin6_scope_id = ip.scope_id;
        std::memcpy(&in.sin6_addr, ip.octets.data(), sizeof in.sin6_addr);
        std::memcpy(&storage_, &in, size_ = sizeof in);
    } else {
        sockaddr_in in{};
        in.sin_family = AF_INET;
        in.sin_port = htons(endpoint.port);
        std::memcpy(&in.sin_addr, ip.octets.data(), sizeof in.sin_addr);
        std::memcpy(&storage_, &in, size_ = sizeof in);
    }
}

std::optional<Endpoint> endpoint_of(const sockaddr_storage& address) noexcept {
    Endpoint found;
    if (address.ss_family == AF_INET) {
        sockaddr_in in;
        std::memcpy(&in, &address, sizeof in);
        std::memcpy(found.address.octets.data(), &in.sin_addr, sizeof in.sin_addr);
        found.port = ntohs(in.sin_port);
        return found;
    }
    if (address.ss_family != AF_INET6) return std::nullopt;
    sockaddr_in6 in;
    std::memcpy(&in, &address, sizeof in);
    found.address.v6 = true;
    std::memcpy(found.address.octets.data(), &in.sin6_addr, sizeof in.sin6_addr);
    found.port = ntohs(in.sin6_port);
    return found;
}

base::Expected<ListenAddress, int> bound_address(int fd) {
    sockaddr_storage storage{};
    socklen_t length = sizeof storage;
    if (::getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &length) != 0)
        return base::unexpected(int{errno});
    if (storage.ss_family == AF_UNIX) return of_unix(storage, length);
    const auto endpoint = endpoint_of(storage);
    if (!endpoint) return base::unexpected(int{EAFNOSUPPORT});
    ListenAddress found{ListenAddress::Kind::tcp, {}, endpoint->address, endpoint->port};
    if (found.host == IpAddress{true, {}, 0} && takes_both_families(fd)) found.host.reset();
    return found;
}

} // namespace net
