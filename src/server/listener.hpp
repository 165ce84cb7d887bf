// server/listener.hpp - listening sockets: unix, TCP, inherited. Creates and checks them, and removes the
// socket files it has created.
//
// No function waits; each may be called from any thread. A Listener has one owner. Errors are messages for an
// operator and name the address. Descriptors are non-blocking and close-on-exec.
#pragma once

#include "base/expected.hpp"
#include "base/net/address.hpp"
#include "base/net/descriptor.hpp"

#include <cstdint>
#include <optional>
#include <string>

#include <sys/types.h>

namespace server {

/// Who may connect to a unix socket: connecting needs write permission on it.
struct SocketOwner {
    mode_t mode = 0660;
    std::optional<std::string> user;  ///< a name or a number; not set or empty: as created
    std::optional<std::string> group; ///< likewise
};

/// An error message when the user or the group does not exist.
[[nodiscard]] base::Expected<void, std::string> check_owner(const SocketOwner& owner);

/// One listening socket. Removes the file of its unix socket, unless that is no longer the file it created.
class Listener {
public:
    /// Binds and listens. A unix socket file that nobody listens on is replaced. One with a listener, and a
    /// file of another kind, is not changed and is an error.
    [[nodiscard]] static base::Expected<Listener, std::string> open(const net::ListenAddress& address,
                                                                    const SocketOwner& owner, int backlog);
    /// Finds what open() would refuse, as far as possible without opening, with the same messages: no such
    /// user, group or folder, a path that is not a socket, an address that this host does not have. Creates,
    /// removes and connects to nothing, so an existing socket passes, whoever listens on it. False: this user
    /// has no permission to look into the folder.
    [[nodiscard]] static base::Expected<bool, std::string> check(const net::ListenAddress& address,
                                                                 const SocketOwner& owner);
    /// Takes over a socket created elsewhere (by a service manager, by another of our threads) and never
    /// removes its file. Closes `fd` even on error. Fails when it is not a listening stream socket.
    [[nodiscard]] static base::Expected<Listener, std::string> adopt(int fd);

    Listener(Listener&&) noexcept;
    Listener& operator=(Listener&&) = delete;
    ~Listener();

    [[nodiscard]] int fd() const noexcept { return fd_.get(); }
    /// The address as bound, with the port that the system chose; in the form of net::to_string().
    [[nodiscard]] const std::string& name() const noexcept { return name_; }
    /// Sets the length of the queue of connections waiting to be accepted; the kernel's limit also applies.
    void set_backlog(int backlog) noexcept;

private:
    struct File { ///< the unix socket's file as it was created
        std::string path;
        dev_t device = 0;
        ino_t inode = 0;
    };
    Listener(net::Descriptor fd, std::string name, std::optional<File> file);
    [[nodiscard]] static base::Expected<Listener, std::string>
    open_unix(const net::ListenAddress& address, const SocketOwner& owner, int backlog);
    [[nodiscard]] static base::Expected<Listener, std::string> open_tcp(const net::ListenAddress& address,
                                                                        int backlog);

    net::Descriptor fd_;
    std::string name_;
    std::optional<File> file_;
};

} // namespace server
