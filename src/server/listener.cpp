#include "server/listener.hpp"

#include "base/net/socket_address.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

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

/// An error about an address: "unix:/x: words".
Failure failure(std::string_view name, std::string_view words) {
    return base::unexpected(std::string(name).append(": ").append(words));
}
Failure failure(std::string_view name, std::string_view what, int error) {
    return failure(name, std::string(what).append(": ").append(why(error)));
}

/// The address a socket is bound to.
std::string bound_name(int fd) {
    const auto address = net::bound_address(fd);
    return address ? to_string(*address) : "socket " + std::to_string(fd);
}

void set_on(int fd, int level, int option) noexcept {
    const int on = 1;
    // Errors are ignored: this is tuning, the socket works without it.
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
        if (error == ERANGE) continue; // the buffer was too small: a group with many members
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

/// Makes the path free for bind(): removes a socket file that nobody listens on, and nothing else.
base::Expected<void, std::string> make_way(const std::string& name, const sockaddr_un& address) {
    struct stat found {};
    if (lstat(address.sun_path, &found) != 0) {
        if (errno == ENOENT) return {}; // free, or a folder is missing: bind() reports that
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

/// Sets owner and mode of the socket's file, through a descriptor of the file itself, so that a file that
/// somebody has put in its place is never changed.
base::Expected<struct stat, std::string> dress(const std::string& name, const char* path,
                                               const SocketOwner& owner, const Ids& ids) {
    const net::Descriptor file{open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC)};
    struct stat made {};
    if (file.get() < 0 || fstat(file.get(), &made) != 0)
        return failure(name, "cannot look at the new socket", errno);
    if (!S_ISSOCK(made.st_mode)) return failure(name, "the path was taken by another file meanwhile");
    const Ids as_it_is; // nothing to change: the unit's filter of system calls refuses even that
    const bool given = ids.user != as_it_is.user || ids.group != as_it_is.group;
    if (given && fchownat(file.get(), "", ids.user, ids.group, AT_EMPTY_PATH) != 0) {
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
    // On Linux the file gets the mode of the unbound socket, so nobody can connect before the owner is set.
    // umask() would do it too, but for every thread of the process.
    if (fchmod(fd.get(), S_IRUSR | S_IWUSR) != 0) return failure(name, "cannot set the socket's mode", errno);
    if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&local), sizeof local) != 0)
        return failure(name, bind_words(address.path, errno));

    // From here on we must remove the file if anything fails.
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
    const bool all = !address.host;
    net::SocketAddress where({address.host.value_or(net::IpAddress{true, {}, 0}), address.port});
    const auto make_socket = [&where] {
        return net::Descriptor{socket(where.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    };
    net::Descriptor fd = make_socket();
    if (fd.get() < 0 && all && errno == EAFNOSUPPORT) { // a kernel without IPv6
        where = net::SocketAddress({{}, address.port});
        fd = make_socket();
    }
    if (fd.get() < 0) return failure(name, "cannot make a socket", errno);
    set_on(fd.get(), SOL_SOCKET, SO_REUSEADDR);
    set_on(fd.get(), IPPROTO_TCP, TCP_NODELAY); // accepted sockets inherit it
    if (where.family() == AF_INET6) {
        const int only = all ? 0 : 1;
        if (setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof only) != 0)
            return failure(name, "cannot set IPV6_V6ONLY", errno);
    }
    if (bind(fd.get(), where.get(), where.size()) != 0) return failure(name, "cannot bind", errno);
    if (::listen(fd.get(), backlog) != 0) return failure(name, "cannot listen", errno);
    std::string bound = bound_name(fd.get());
    return Listener{std::move(fd), std::move(bound), std::nullopt};
}

base::Expected<bool, std::string> Listener::check(const net::ListenAddress& address,
                                                  const SocketOwner& owner) {
    const std::string name = to_string(address);
    if (address.kind == net::ListenAddress::Kind::tcp) {
        if (!address.host) return true;
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
    // Whatever mode was inherited: accept() must never block.
    const int flags = fcntl(raw, F_GETFL);
    if (flags < 0 || fcntl(raw, F_SETFL, flags | O_NONBLOCK) != 0 || fcntl(raw, F_SETFD, FD_CLOEXEC) != 0)
        return failure(name, "cannot be made non-blocking", errno);
    if (family != AF_UNIX) set_on(raw, IPPROTO_TCP, TCP_NODELAY);
    std::string bound = bound_name(raw);
    return Listener{std::move(fd), std::move(bound), std::nullopt};
}

} // namespace server
