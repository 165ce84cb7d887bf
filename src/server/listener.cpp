#include "server/listener.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstring>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <arpa/inet.h>
#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pwd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace server {

namespace {

using Failure = tl::unexpected<std::string>;

std::string why(int error) { return std::generic_category().message(error); }

/// "unix:/x: words" for whatever could not be done about an address.
Failure failure(std::string_view name, std::string_view words) {
    return base::unexpected(std::string(name).append(": ").append(words));
}
Failure failure(std::string_view name, std::string_view what, int error) {
    return failure(name, std::string(what).append(": ").append(why(error)));
}

std::string tcp_name(const sockaddr_storage& address) {
    std::array<char, INET6_ADDRSTRLEN> host{};
    if (address.ss_family == AF_INET) {
        sockaddr_in v4;
        std::memcpy(&v4, &address, sizeof v4);
        inet_ntop(AF_INET, &v4.sin_addr, host.data(), host.size());
        return std::string("tcp:").append(host.data()).append(":").append(std::to_string(ntohs(v4.sin_port)));
    }
    sockaddr_in6 v6;
    std::memcpy(&v6, &address, sizeof v6);
    inet_ntop(AF_INET6, &v6.sin6_addr, host.data(), host.size());
    return std::string("tcp:[").append(host.data()).append("]:").append(std::to_string(ntohs(v6.sin6_port)));
}

/// The address a socket is bound to. A socket of both families on all addresses is "tcp::PORT".
std::string bound_name(int fd) {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    if (getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0)
        return "socket " + std::to_string(fd);
    if (address.ss_family == AF_UNIX) {
        sockaddr_un local;
        std::memcpy(&local, &address, sizeof local);
        const std::size_t head = offsetof(sockaddr_un, sun_path);
        if (size <= head) return "unix:(unnamed)";
        if (local.sun_path[0] == '\0') return "unix:@" + std::string(local.sun_path + 1, size - head - 1);
        return "unix:" + std::string(local.sun_path, strnlen(local.sun_path, size - head));
    }
    if (address.ss_family == AF_INET6) {
        int only = 1;
        socklen_t length = sizeof only;
        sockaddr_in6 v6;
        std::memcpy(&v6, &address, sizeof v6);
        if (getsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, &length) == 0 && only == 0 &&
            IN6_IS_ADDR_UNSPECIFIED(&v6.sin6_addr))
            return "tcp::" + std::to_string(ntohs(v6.sin6_port));
    }
    return tcp_name(address);
}

void set_on(int fd, int level, int option) noexcept {
    const int on = 1;
    // Only tuning: a socket without it works.
    (void)setsockopt(fd, level, option, &on, sizeof on);
}

/// A number, or the result of looking a name up with getpwnam_r or getgrnam_r; `kind` is for the words.
template <class Entry, class Id>
base::Expected<Id, std::string> id_of(const std::string& name, const std::string& kind,
                                      int (*look)(const char*, Entry*, char*, std::size_t, Entry**),
                                      Id Entry::*member) {
    Id number{};
    const char* const end = name.data() + name.size();
    if (auto [stop, error] = std::from_chars(name.data(), end, number); error == std::errc{} && stop == end)
        return number;
    for (std::vector<char> buffer(1024); buffer.size() <= 1024 * 1024; buffer.resize(buffer.size() * 4)) {
        Entry entry{};
        Entry* found = nullptr;
        const int error = look(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
        if (error == ERANGE) continue; // a group with many members
        // Other errors may mean that there is none (getpwnam(3)).
        if (error == EMFILE || error == ENFILE || error == ENOMEM)
            return base::unexpected("cannot look up the " + kind + " \"" + name + "\": " + why(error));
        if (error != 0 || found == nullptr) break;
        return found->*member;
    }
    return base::unexpected("there is no " + kind + " \"" + name + "\" to own the socket");
}

struct Ids {
    uid_t user = static_cast<uid_t>(-1); ///< -1: leave as it is
    gid_t group = static_cast<gid_t>(-1);
};

base::Expected<Ids, std::string> ids_of(const SocketOwner& owner) {
    Ids ids;
    if (owner.user && !owner.user->empty()) {
        const auto user = id_of(*owner.user, "user", getpwnam_r, &passwd::pw_uid);
        if (!user) return base::unexpected(user.error());
        ids.user = *user;
    }
    if (owner.group && !owner.group->empty()) {
        const auto group = id_of(*owner.group, "group", getgrnam_r, &::group::gr_gid);
        if (!group) return base::unexpected(group.error());
        ids.group = *group;
    }
    return ids;
}

constexpr std::string_view no_socket = "the path exists and is not a socket; not removing it";

/// Makes `path` free to bind: removes a socket file that nobody listens on, and nothing else.
base::Expected<void, std::string> make_way(const std::string& name, const sockaddr_un& address) {
    struct stat found {};
    if (lstat(address.sun_path, &found) != 0) {
        if (errno == ENOENT) return {}; // free, or a folder is missing: bind tells
        return failure(name, "cannot look at the path", errno);
    }
    if (!S_ISSOCK(found.st_mode)) return failure(name, no_socket);

    const net::Descriptor probe{socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    if (probe.get() < 0) return failure(name, "cannot make a socket", errno);
    if (connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ||
        errno == EAGAIN || errno == EPROTOTYPE)
        return failure(name, "already in use by a running process");
    if (errno == ENOENT) return {};
    if (errno != ECONNREFUSED)
        return failure(name, "cannot tell whether the existing socket is in use", errno);
    if (unlink(address.sun_path) != 0 && errno != ENOENT)
        return failure(name, "cannot remove the socket of a process that is gone", errno);
    return {};
}

std::string folder_of(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    return slash == std::string::npos ? "." : path.substr(0, std::max<std::size_t>(slash, 1));
}

std::string bind_words(const std::string& path, int error) {
    const std::string folder = folder_of(path);
    switch (error) {
    case ENOENT: return "the folder " + folder + " does not exist";
    case EACCES: return "no permission to make a socket in " + folder;
    case EROFS: return folder + " is on a read-only file system";
    default: return "cannot bind: " + why(error);
    }
}

/// Gives the socket's file its owner and mode, through a handle on the file itself so that a file put in its
/// place meanwhile is never touched.
base::Expected<struct stat, std::string> dress(const std::string& name, const char* path,
                                               const SocketOwner& owner, const Ids& ids) {
    const net::Descriptor file{open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC)};
    struct stat made {};
    if (file.get() < 0 || fstat(file.get(), &made) != 0)
        return failure(name, "cannot look at the new socket", errno);
    if (!S_ISSOCK(made.st_mode)) return failure(name, "the path was taken by another file meanwhile");
    if (fchownat(file.get(), "", ids.user, ids.group, AT_EMPTY_PATH) != 0) {
        const std::string who = (owner.user ? *owner.user : "") + ":" + (owner.group ? *owner.group : "");
        return failure(name, "cannot give the socket to " + who, errno);
    }
    const std::string handle = "/proc/self/fd/" + std::to_string(file.get());
    if (chmod(handle.c_str(), owner.mode) != 0) {
        if (errno != ENOENT) return failure(name, "cannot set the socket's mode", errno);
        if (chmod(path, owner.mode) != 0)
            return failure(name, "cannot set the socket's mode", errno); // no /proc
    }
    return made;
}

} // namespace

base::Expected<void, std::string> check_owner(const SocketOwner& owner) {
    if (auto ids = ids_of(owner); !ids) return base::unexpected(ids.error());
    return {};
}

Listener::Listener(net::Descriptor fd, std::string name, std::optional<File> file)
    : fd_(std::move(fd)), name_(std::move(name)), file_(std::move(file)) {}

Listener::Listener(Listener&& other) noexcept
    : fd_(std::move(other.fd_)), name_(std::move(other.name_)),
      file_(std::exchange(other.file_, std::nullopt)) {}

Listener::~Listener() {
    if (!file_) return;
    struct stat now {};
    if (lstat(file_->path.c_str(), &now) == 0 && now.st_dev == file_->device && now.st_ino == file_->inode)
        unlink(file_->path.c_str());
}

void Listener::set_backlog(int backlog) noexcept { (void)::listen(fd_.get(), backlog); }

base::Expected<Listener, std::string> Listener::open(const net::ListenAddress& address,
                                                     const SocketOwner& owner, int backlog) {
    return address.kind == net::ListenAddress::Kind::unix_socket ? open_unix(address, owner, backlog)
                                                                 : open_tcp(address, backlog);
}

base::Expected<Listener, std::string> Listener::open_unix(const net::ListenAddress& address,
                                                          const SocketOwner& owner, int backlog) {
    const std::string name = to_string(address);
    sockaddr_un local{};
    local.sun_family = AF_UNIX;
    if (address.path.empty()) return failure(name, "the path is empty");
    if (address.path.size() >= sizeof local.sun_path || address.path.find('\0') != std::string::npos)
        return failure(name, "the path is too long for a socket (107 octets at most)");
    std::memcpy(local.sun_path, address.path.data(), address.path.size());

    const base::Expected<Ids, std::string> ids = ids_of(owner);
    if (!ids) return failure(name, ids.error());
    if (auto free = make_way(name, local); !free) return base::unexpected(free.error());

    net::Descriptor fd{socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    if (fd.get() < 0) return failure(name, "cannot make a socket", errno);
    // On Linux the file gets the mode of the unbound socket: nobody can connect before it has its owner. The
    // process-wide umask would do it too, for every thread.
    if (fchmod(fd.get(), S_IRUSR | S_IWUSR) != 0) return failure(name, "cannot set the socket's mode", errno);
    if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&local), sizeof local) != 0)
        return failure(name, bind_words(address.path, errno));

    // From here on the file is ours to remove again, whatever fails.
    File file{address.path, 0, 0};
    struct stat made {};
    if (lstat(local.sun_path, &made) == 0) file = File{address.path, made.st_dev, made.st_ino};
    Listener listener{std::move(fd), name, std::move(file)};
    if (auto dressed = dress(name, local.sun_path, owner, *ids); !dressed)
        return base::unexpected(dressed.error());
    if (::listen(listener.fd(), backlog) != 0) return failure(name, "cannot listen", errno);
    return listener;
}

base::Expected<Listener, std::string> Listener::open_tcp(const net::ListenAddress& address, int backlog) {
    const std::string name = to_string(address);
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(address.port);
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(address.port);

    const bool all = address.host.empty();
    const bool is_v4 = !all && inet_pton(AF_INET, address.host.c_str(), &v4.sin_addr) == 1;
    if (!all && !is_v4 && inet_pton(AF_INET6, address.host.c_str(), &v6.sin6_addr) != 1)
        return failure(name, "\"" + address.host + "\" is no IP address");
    if (all) v6.sin6_addr = in6addr_any;

    bool use_v4 = is_v4;
    net::Descriptor fd{socket(use_v4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    if (fd.get() < 0 && all && errno == EAFNOSUPPORT) { // a kernel without IPv6
        use_v4 = true;
        v4.sin_addr.s_addr = htonl(INADDR_ANY);
        fd = net::Descriptor{socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    }
    if (fd.get() < 0) return failure(name, "cannot make a socket", errno);
    set_on(fd.get(), SOL_SOCKET, SO_REUSEADDR);
    set_on(fd.get(), IPPROTO_TCP, TCP_NODELAY); // accepted sockets inherit it
    if (!use_v4) {
        const int only = all ? 0 : 1;
        if (setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof only) != 0)
            return failure(name, "cannot set IPV6_V6ONLY", errno);
    }
    const auto* where =
        use_v4 ? reinterpret_cast<const sockaddr*>(&v4) : reinterpret_cast<const sockaddr*>(&v6);
    if (bind(fd.get(), where, use_v4 ? sizeof v4 : sizeof v6) != 0)
        return failure(name, "cannot bind", errno);
    if (::listen(fd.get(), backlog) != 0) return failure(name, "cannot listen", errno);
    std::string bound = bound_name(fd.get());
    return Listener{std::move(fd), std::move(bound), std::nullopt};
}

base::Expected<bool, std::string> Listener::check(const net::ListenAddress& address,
                                                  const SocketOwner& owner) {
    const std::string name = to_string(address);
    if (address.kind == net::ListenAddress::Kind::tcp) {
        if (address.host.empty()) return true;
        // Any port will do: ours may be taken by the daemon that runs. Where this process may bind none,
        // nothing is known.
        net::ListenAddress any = address;
        any.port = 0;
        const auto opened = open_tcp(any, 1);
        if (!opened && opened.error().ends_with(why(EADDRNOTAVAIL)))
            return failure(name, "cannot bind", EADDRNOTAVAIL);
        return true;
    }
    struct stat found {};
    if (lstat(address.path.c_str(), &found) == 0) {
        if (S_ISSOCK(found.st_mode)) return true;
        return failure(name, no_socket);
    }
    if (errno == EACCES) return false;
    if (auto known = check_owner(owner); !known) return failure(name, known.error());
    if (stat(folder_of(address.path).c_str(), &found) != 0)
        return failure(name, bind_words(address.path, errno));
    if (!S_ISDIR(found.st_mode)) return failure(name, bind_words(address.path, ENOTDIR));
    return true;
}

base::Expected<Listener, std::string> Listener::adopt(int raw) {
    net::Descriptor fd{raw};
    const std::string name = "inherited socket " + std::to_string(raw);
    int value = 0;
    socklen_t size = sizeof value;
    if (getsockopt(raw, SOL_SOCKET, SO_TYPE, &value, &size) != 0) return failure(name, "is no socket", errno);
    if (value != SOCK_STREAM) return failure(name, "is no stream socket");
    int family = AF_UNSPEC;
    size = sizeof family;
    if (getsockopt(raw, SOL_SOCKET, SO_DOMAIN, &family, &size) != 0 ||
        (family != AF_UNIX && family != AF_INET && family != AF_INET6))
        return failure(name, "is neither a unix nor a TCP socket");
    size = sizeof value;
    if (getsockopt(raw, SOL_SOCKET, SO_ACCEPTCONN, &value, &size) != 0 || value == 0)
        return failure(name, "is not listening");
    // Blocking or not, as inherited: accept() must never block us.
    const int flags = fcntl(raw, F_GETFL);
    if (flags < 0 || fcntl(raw, F_SETFL, flags | O_NONBLOCK) != 0 || fcntl(raw, F_SETFD, FD_CLOEXEC) != 0)
        return failure(name, "cannot be made non-blocking", errno);
    if (family != AF_UNIX) set_on(raw, IPPROTO_TCP, TCP_NODELAY);
    std::string bound = bound_name(raw);
    return Listener{std::move(fd), std::move(bound), std::nullopt};
}

} // namespace server
