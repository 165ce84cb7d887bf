// postfix/services.hpp - the ports of services by name, as smtp(8) looks them up. Pure.
//
// Names built into Postfix come first (its known_tcp_ports), then those of /etc/services. Both are
// case-sensitive, as in Postfix. The owner reads the file once, so no answer waits for a disk.
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
    /// Octets of /etc/services that are read; Debian's has some 13,000.
    static constexpr std::size_t max_octets = 1'000'000;

    /// Only the names built into Postfix.
    Services() = default;
    /// `text` as in services(5): "name port/tcp alias... # comment". Lines of other protocols, and lines in
    /// another form, are skipped. If a name occurs twice, the first line counts.
    explicit Services(std::string_view text);

    /// The port, or NextHop::unknown_port. Allocates nothing.
    [[nodiscard]] std::uint16_t port(std::string_view name) const noexcept;

private:
    std::vector<std::pair<std::string, std::uint16_t>> ports_; ///< by name, each once
};

/// The value of `Services{}`.
[[nodiscard]] const Services& own_services();

} // namespace postfix
