// tool/client/socketmap_client.hpp - asks a running daemon over its socket, as Postfix does, one question at a
// time.
//
// Blocking, for command-line tools: every call has a time limit. One thread at a time.
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
        unreachable, ///< nobody listens, no permission, no such host
        timeout,     ///< no connection or no complete reply in time
        broken,      ///< the connection ended, or the reply is not a socketmap reply
    };
    Kind kind{};
    std::string words;    ///< for an operator; names the address
    int system_error = 0; ///< the errno, if there was one
};

class SocketmapClient {
public:
    using Milliseconds = std::chrono::milliseconds;

    /// Connects to "unix:/path", "tcp:host:port" or "tcp:[::1]:port" (also "inet:", as in Postfix). An empty
    /// host is this machine. All its addresses are tried within `limit`.
    [[nodiscard]] static base::Expected<SocketmapClient, ClientError> connect(const std::string& address,
                                                                              Milliseconds limit);

    /// The reply's payload for "MAP SP KEY", not interpreted. After an error the connection cannot be used.
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
