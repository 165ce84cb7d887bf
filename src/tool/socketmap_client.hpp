// tool/socketmap_client.hpp - asks a running daemon over its socket, as Postfix does, one question at a
// time.
//
// Blocking, for command-line tools: every call has a limit in time. One thread at a time.
#pragma once

#include "base/expected.hpp"
#include "base/net/descriptor.hpp"
#include "postfix/netstring.hpp"

#include <chrono>
#include <string>
#include <string_view>

namespace tool {

struct ClientError {
    enum class Kind {
        bad_address, ///< not "unix:/path" or "tcp:host:port"
        unreachable, ///< nobody there, no permission, no such host
        timeout,     ///< no connection or no whole reply in time
        broken,      ///< the connection ended, or what came is no socketmap reply
    };
    Kind kind{};
    std::string words;    ///< for an operator; names the address
    int system_error = 0; ///< the errno that it was, where it was one
};

class SocketmapClient {
public:
    using Milliseconds = std::chrono::milliseconds;

    /// Connects to "unix:/path", "tcp:host:port" or "tcp:[::1]:port" ("inet:" as Postfix writes it does,
    /// too). A host that is empty stands for this machine. All of its addresses are tried within `limit`.
    [[nodiscard]] static base::Expected<SocketmapClient, ClientError> connect(const std::string& address,
                                                                              Milliseconds limit);

    /// The reply's payload for "MAP SP KEY", whatever it says. After an error the connection is of no use.
    [[nodiscard]] base::Expected<std::string, ClientError> ask(std::string_view map, std::string_view key,
                                                               Milliseconds limit);

    [[nodiscard]] const std::string& address() const noexcept { return address_; }

private:
    SocketmapClient(net::Descriptor socket, std::string address);

    net::Descriptor socket_;
    std::string address_;
    postfix::NetstringReader reader_;
};

} // namespace tool
