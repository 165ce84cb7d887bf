// dns/resolv_conf.hpp - /etc/resolv.conf as glibc reads it.
//
// glibc's res_ninit takes no path. So this reads the few lines that matter to a stub that asks only absolute
// names, with glibc's limits: three name servers, timeout at most 30 s, attempts at most 5; an unreadable
// line is skipped; no name server at all means 127.0.0.1. search, domain, sortlist and ndots are ignored.
#pragma once

#include "base/clock.hpp"
#include "base/net/address.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dns {

inline constexpr std::uint16_t dns_port = 53;

/// Whose AD bit counts.
enum class TrustAd {
    automatic, ///< of loopback servers, and of those in a resolv.conf that says `options trust-ad`
    yes,
    no,
};

struct ResolvConf {
    std::vector<net::Endpoint> servers;   ///< one to three
    std::optional<base::seconds> timeout; ///< for one try; 1 to 30
    std::optional<unsigned> attempts;     ///< tries per server; 1 to 5
    bool trust_ad = false;
    bool use_tcp = false; ///< use-vc
    bool rotate = false;
    friend bool operator==(const ResolvConf&, const ResolvConf&) = default;
};

[[nodiscard]] ResolvConf parse_resolv_conf(std::string_view text);

/// The file, read again when it changed; checked when asked for, at most once a second. If it cannot be read,
/// the previous values stay (at first: 127.0.0.1, as in glibc).
class ResolvConfFile {
public:
    explicit ResolvConfFile(std::string path) : path_(std::move(path)), conf_(parse_resolv_conf({})) {}

    /// The present values. `now` never goes backwards.
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
