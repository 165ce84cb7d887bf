// server/listener.hpp - listening sockets: unix, TCP, inherited. Made, checked and, where ours, removed again
// here.
//
// Every function works at once (no wait) and may be called from any thread; a Listener has one owner. Errors
// are words for an operator that name the address. Descriptors are non-blocking and close-on-exec.
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

/// Words when the user or the group does not exist.
[[nodiscard]] base::Expected<void, std::string> check_owner(const SocketOwner& owner);

/// One listening socket. A unix socket's file goes with it, unless the file is no longer the one it made.
class Listener {
public:
    /// Binds and listens. A unix socket file that nobody answers on is replaced; one that is answered on, or
    /// a file of another kind, is left alone and an error.
    [[nodiscard]] static base::Expected<Listener, std::string> open(const net::ListenAddress& address,
                                                                    const SocketOwner& owner, int backlog);
    /// What open() would refuse, as far as a look can tell, in the same words: no such user, group or folder,
    /// a path that is no socket, an address that this host does not have. Makes, removes and connects to
    /// nothing, so that a socket that is there passes, with its owner. False: this user may not look into the
    /// folder.
    [[nodiscard]] static base::Expected<bool, std::string> check(const net::ListenAddress& address,
                                                                 const SocketOwner& owner);
    /// Takes over a socket somebody else made (a service manager, another thread of ours) and never removes
    /// its file. Closes `fd` on error, too. Fails when it is not a listening stream socket.
    [[nodiscard]] static base::Expected<Listener, std::string> adopt(int fd);

    Listener(Listener&&) noexcept;
    Listener& operator=(Listener&&) = delete;
    ~Listener();

    [[nodiscard]] int fd() const noexcept { return fd_.get(); }
    /// The address as bound, the system's choice of port included; in the form of net::to_string().
    [[nodiscard]] const std::string& name() const noexcept { return name_; }
    /// A new length for the queue of connections waiting to be accepted; the kernel's own limit stays.
    void set_backlog(int backlog) noexcept;

private:
    struct File { ///< the unix socket's file when it was made
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
