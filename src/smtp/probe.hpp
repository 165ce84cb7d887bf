// smtp/probe.hpp - connects to a mail server and looks at it up to its certificate: the dialogue of smtp/dialogue over
// TCP, with the TLS of Postfix's smtp(8) where a certificate must be verified.
//
// A certificate that is not trusted does not end the handshake: what it shows is evidence. Limits: the times of the
// Settings, the octets of smtp/reply, those of fetch/tls_stream, and a chain within fetch/chain. Says neither MAIL nor
// RCPT, and ends with QUIT. Only the tool uses this: the daemon never connects to port 25.
//
// Belongs to one single-threaded executor; any number of looks at a time.
#pragma once

#include "base/expected.hpp"
#include "base/net/address.hpp"
#include "smtp/settings.hpp"
#include "smtp/sighting.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <memory>
#include <string>

namespace smtp {

class Probe : public std::enable_shared_from_this<Probe> {
public:
    /// Reads the trust anchors: blocking. The error is a sentence for an operator.
    [[nodiscard]] static base::Expected<std::shared_ptr<Probe>, std::string>
    make(boost::asio::any_io_executor executor, Settings settings);
    ~Probe();
    Probe(const Probe&) = delete;
    Probe& operator=(const Probe&) = delete;

    [[nodiscard]] const Settings& settings() const noexcept { return settings_; }

    /// `host`: the MX host's name, which is sent as SNI if the settings say so. `next_hop`: for servername = nexthop.
    /// Within whole_limit, and quit_limit. Never throws for what the server does.
    [[nodiscard]] boost::asio::awaitable<Sighting> look(std::string host, net::IpAddress address,
                                                        std::string next_hop = {});

private:
    struct Shared;
    Probe(boost::asio::any_io_executor executor, Settings settings, std::unique_ptr<Shared> shared);

    boost::asio::any_io_executor executor_;
    Settings settings_;
    std::unique_ptr<Shared> shared_;
};

} // namespace smtp
