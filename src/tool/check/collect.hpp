// tool/check/collect.hpp - all that DNS and the policy host show about one domain: the evidence but for the mail hosts'
// answers on port 25.
//
// Threads: belongs to one single-threaded io_context; what Parts names outlives the coroutines.
#pragma once

#include "base/clock.hpp"
#include "base/domain.hpp"
#include "dns/resolver.hpp"
#include "lookup/dane_lookup.hpp"
#include "tool/check/evidence.hpp"
#include "tool/check/policy_host.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <functional>
#include <memory>
#include <string>

namespace check {

/// TLSA records of one mail host that are kept.
inline constexpr std::size_t max_tlsa = 64;

struct Parts {
    boost::asio::any_io_executor executor;
    dns::Resolver& resolver; ///< best one that asks each question once (tool/check/asked_once.hpp)
    PolicyHosts& policy_hosts;
    lookup::DaneLookup* dane = nullptr; ///< null: DANE is not looked at
    std::string no_dane;                ///< why not
    std::function<base::Instant()> now;
};

/// The addresses of mail hosts come without a sighting and without a reason for that. `asked`: as typed.
[[nodiscard]] boost::asio::awaitable<Evidence> collect(std::shared_ptr<const Parts> parts, base::Domain domain,
                                                       std::string asked);

} // namespace check
