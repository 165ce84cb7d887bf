#include "fetch/nat64.hpp"

#include <boost/asio/co_spawn.hpp>

#include <algorithm>
#include <utility>

namespace fetch {

namespace asio = boost::asio;
using std::chrono::seconds;
using std::chrono::steady_clock;

namespace {

constexpr seconds shortest{60}, longest{3600};

} // namespace

std::vector<base::Nat64Prefix> discovered_prefixes(const std::vector<std::string>& aaaa_rdata) {
    std::vector<base::Nat64Prefix> prefixes;
    for (const std::string& rdata : aaaa_rdata) {
        if (prefixes.size() == max_nat64_prefixes) break;
        const auto address = from_rdata(rdata);
        if (!address || !address->is_v6()) continue;
        const auto prefix = base::nat64_prefix_shown_by(address->to_v6().to_bytes());
        if (prefix && std::ranges::find(prefixes, *prefix) == prefixes.end()) prefixes.push_back(*prefix);
    }
    return prefixes;
}

seconds discovery_holds(const dns::Result& answer) {
    if (!answer) return shortest;
    return std::clamp(answer->ttl.value_or(shortest), shortest, longest);
}

void Nat64::configure(std::vector<base::Nat64Prefix> prefixes) {
    if (prefixes.empty() && !configured_) return; // the discovered prefixes are still valid
    configured_ = !prefixes.empty();
    prefixes_ = std::move(prefixes);
    holds_until_ = {};
}

bool Nat64::must_ask(std::span<const Address> addresses) const {
    if (configured_ || (!asking_ && steady_clock::now() < holds_until_)) return false;
    return std::ranges::any_of(addresses, nat64_decides);
}

void Nat64::ask(std::function<void()> done) {
    waiting_.push_back(std::move(done));
    if (std::exchange(asking_, true)) return;
    asio::co_spawn(executor_, resolver_.resolve("ipv4only.arpa", dns::Type::aaaa, dns::Purpose::address),
                   [weak = weak_from_this()](std::exception_ptr error, dns::Result answer) {
                       const auto self = weak.lock();
                       if (!self) return;
                       self->answered(error ? dns::Result(dns::failed(base::Reason::overloaded))
                                            : std::move(answer));
                   });
}

void Nat64::answered(const dns::Result& answer) {
    asking_ = false;
    holds_until_ = steady_clock::now() + discovery_holds(answer);
    // While the resolver fails, its earlier answer is still the best guess.
    if (answer && !configured_) prefixes_ = discovered_prefixes(answer->records);
    for (const auto& done : std::exchange(waiting_, {})) done();
}

} // namespace fetch
