// fetch/nat64.hpp - the NAT64 prefixes of this network: configured, or discovered with the resolver (RFC
// 7050).
//
// A host behind NAT64 sees every IPv4-only policy host at an address within such a prefix. But a stranger can
// also write 10.0.0.1 into one. So an address within a prefix is judged by the IPv4 address in it
// (fetch/address.hpp).
//
// Threads: belongs to one single-threaded executor. The resolver must outlive it.
#pragma once

#include "base/nat64.hpp"
#include "dns/resolver.hpp"
#include "fetch/address.hpp"

#include <boost/asio/any_io_executor.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace fetch {

/// At most this many prefixes are taken from an answer; no network has as many.
inline constexpr std::size_t max_nat64_prefixes = 8;

/// The prefixes that the AAAA records of ipv4only.arpa show (RFC 7050 section 3): each holds 192.0.0.170 or
/// 192.0.0.171 at exactly one of the places of RFC 6052. At most max_nat64_prefixes, each once. Pure.
[[nodiscard]] std::vector<base::Nat64Prefix> discovered_prefixes(const std::vector<std::string>& aaaa_rdata);

/// How long the answer is valid: its TTL, from a minute to an hour; a minute if it had none. Pure.
[[nodiscard]] std::chrono::seconds discovery_holds(const dns::Result& answer);

class Nat64 : public std::enable_shared_from_this<Nat64> {
public:
    Nat64(boost::asio::any_io_executor executor, dns::Resolver& resolver)
        : executor_(std::move(executor)), resolver_(resolver) {}

    /// With prefixes here the resolver is not asked; without, its earlier answer is forgotten.
    void configure(std::vector<base::Nat64Prefix> prefixes);

    /// Like fetch::not_public(), with the prefixes that are known now.
    [[nodiscard]] std::string_view not_public(const Address& address) const noexcept {
        return fetch::not_public(address, prefixes_);
    }
    /// True if the verdict on one of them depends on prefixes that are not known: then call ask() first.
    /// Never twice for one fetch: a failed question is not asked again for a minute, and the addresses are
    /// then judged without prefixes.
    [[nodiscard]] bool must_ask(std::span<const Address> addresses) const;
    /// Calls `done` when the question has ended, with or without an answer; all callers share one question.
    /// `done` must not throw.
    void ask(std::function<void()> done);

private:
    void answered(const dns::Result& answer);

    boost::asio::any_io_executor executor_;
    dns::Resolver& resolver_;
    std::vector<base::Nat64Prefix> prefixes_;
    bool configured_ = false;
    bool asking_ = false;
    std::chrono::steady_clock::time_point holds_until_{}; // the discovered prefixes, if there are any
    std::vector<std::function<void()>> waiting_;
};

} // namespace fetch
