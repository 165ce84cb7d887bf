#include "admin/web_host.hpp"

#include "admin/target.hpp"
#include "base/net/host_name.hpp"
#include "base/text.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

namespace admin {

namespace {

constexpr std::array<std::string_view, 3> always{"localhost", "127.0.0.1", "[::1]"};

base::Expected<void, NoMatch> misdirected(std::string_view host) {
    NoMatch wrong{{421, "misdirected",
                   "this server is asked as localhost, 127.0.0.1, [::1], or as a host of web.hosts in its "
                   "configuration",
                   {}}};
    wrong.host = base::printable(host, net::max_host_name);
    return base::unexpected(std::move(wrong));
}

} // namespace

bool is_admitted(std::string_view authority, std::span<const std::string> hosts) {
    const auto parsed = net::parse_authority(authority);
    return parsed && (std::ranges::find(always, parsed->host) != always.end() ||
                      std::ranges::find(hosts, parsed->host) != hosts.end());
}

base::Expected<void, NoMatch> admit(const Head& head, std::span<const std::string> hosts) {
    if (head.hosts != 1)
        return base::unexpected(
            NoMatch{{400, "bad-request", "a request has exactly one field Host", {}}});
    if (!is_admitted(head.host, hosts)) return misdirected(head.host);
    if (const auto authority = authority_of(head.target); authority && !is_admitted(*authority, hosts))
        return misdirected(*authority);
    return {};
}

} // namespace admin
