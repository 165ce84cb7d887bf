// postfix/services.hpp - the ports of services by name, as smtp(8) looks them up. Pure.
//
// Postfix's own names come first (its known_tcp_ports), then those of /etc/services; both are case-sensitive
// there, and so they are here. The file is read once, by whoever owns a Services: no answer waits for a disk.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace postfix {

class Services {
public:
    /// Octets of /etc/services that are looked at; Debian's has some 13,000.
    static constexpr std::size_t max_octets = 1'000'000;

    /// Postfix's own names alone.
    Services() = default;
    /// `text` as in services(5): "name port/tcp alias... # comment". Lines of other protocols, and lines that
    /// are none, are skipped; the first line with a name counts.
    explicit Services(std::string_view text);

    /// The port, or NextHop::unknown_port. Allocates nothing.
    [[nodiscard]] std::uint16_t port(std::string_view name) const noexcept;

private:
    std::vector<std::pair<std::string, std::uint16_t>> ports_; ///< by name, each once
};

/// The value of `Services{}`.
[[nodiscard]] const Services& own_services();

} // namespace postfix
