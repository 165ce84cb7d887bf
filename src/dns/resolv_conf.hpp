// dns/resolv_conf.hpp - name servers as administrators write them; /etc/resolv.conf as glibc reads it.
//
// glibc's res_ninit takes no path, so the few lines that matter to a stub which asks absolute names only are
// read here, with glibc's limits: three name servers, timeout at most 30 s, attempts at most 5; a line that
// cannot be read is skipped; no name server at all means 127.0.0.1. search, domain, sortlist and ndots mean
// nothing to us.
#pragma once

#include "base/clock.hpp"
#include "base/expected.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dns {

inline constexpr std::uint16_t dns_port = 53;

struct Server {
    bool v6 = false;
    std::array<std::uint8_t, 16> octets{}; ///< network order; IPv4 uses the first four
    std::uint32_t scope_id = 0;            ///< interface number of a link-local IPv6 address
    std::uint16_t port = dns_port;
    friend bool operator==(const Server&, const Server&) = default;
};

/// "127.0.0.1", "127.0.0.1:5300", "::1", "[::1]", "[::1]:53", "fe80::1%eth0". The error is words for a
/// person.
[[nodiscard]] base::Expected<Server, std::string> parse_server(std::string_view text);
/// With the port, as parse_server() reads it: "127.0.0.1:53", "[fe80::1%2]:53".
[[nodiscard]] std::string to_string(const Server& server);
[[nodiscard]] bool is_loopback(const Server& server) noexcept;

/// Whose AD bit is taken over.
enum class TrustAd {
    automatic, ///< of loopback servers, and of those in a resolv.conf that says `options trust-ad`
    yes,
    no,
};

struct ResolvConf {
    std::vector<Server> servers;          ///< one to three
    std::optional<base::seconds> timeout; ///< for one try; 1 to 30
    std::optional<unsigned> attempts;     ///< tries a server; 1 to 5
    bool trust_ad = false;
    bool use_tcp = false; ///< use-vc
    bool rotate = false;
    friend bool operator==(const ResolvConf&, const ResolvConf&) = default;
};

[[nodiscard]] ResolvConf parse_resolv_conf(std::string_view text);

/// The file, read again when it changed; looked at when asked for, at most once a second. A file that cannot
/// be read leaves what was read before (at first: 127.0.0.1, as glibc).
class ResolvConfFile {
public:
    explicit ResolvConfFile(std::string path) : path_(std::move(path)), conf_(parse_resolv_conf({})) {}

    /// As of now. `now` never goes backwards.
    [[nodiscard]] const ResolvConf& current(base::Steady now);

private:
    /// What changes when the file does: device, inode, size, and times of content and of status in
    /// nanoseconds.
    using Stamp = std::array<std::int64_t, 5>;
    void read_if_changed();

    std::string path_;
    ResolvConf conf_;
    std::optional<Stamp> stamp_;
    std::optional<base::Steady> looked_;
};

} // namespace dns
