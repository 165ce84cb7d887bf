// fetch/https_fetcher.hpp - fetches policies over HTTPS (RFC 8461 section 3.3): DNS through the resolver
// port, sockets and TLS through Asio and OpenSSL.
//
// Threads: belongs to one single-threaded io_context, all members included. The resolver must outlive the
// fetcher, the fetcher must be destroyed before the io_context. Destroying it ends every get() with
// Reason::shutting_down; cancelling a get() does the same for that one. http_proxy and similar variables in
// the environment are never read.
#pragma once

#include "base/nat64.hpp"
#include "base/net/address.hpp"
#include "dns/resolver.hpp"
#include "events/sink.hpp"
#include "fetch/fetcher.hpp"

#include <boost/asio/any_io_executor.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace fetch {

struct Options {
    /// PEM file of the trusted roots; empty: the system's.
    std::string ca_file;
    /// Connect to policy hosts on private, loopback and other addresses that are not public.
    bool allow_private_addresses = false;
    /// The NAT64 prefixes of this network; empty: asked of the resolver when an address could be in one.
    std::vector<base::Nat64Prefix> nat64_prefixes;
    /// If set, every connection goes through this HTTP proxy by CONNECT. Then we do not look up policy hosts,
    /// and do not check their addresses. The resolver is asked for the proxy's own name.
    net::Proxy proxy;
    /// For one fetch from its start (not its turn in the queue) to the last octet (RFC 8461 section 3.3).
    std::chrono::milliseconds timeout{60000};
    /// Fetches at a time whose hosts answer; others wait in order. A fetch that has waited for its host for
    /// `patience` gives up its place but continues, so that hanging hosts do not delay others; see
    /// slow_factor.
    std::size_t max_concurrent = 64;
    std::chrono::milliseconds patience{300};
    /// Connections at a time that make progress to one remote address; others wait, without delaying other
    /// hosts. See fetch/address_gate for hanging ones.
    std::size_t max_per_address = 8;
    /// For tests: RFC 8461 knows only 443.
    std::uint16_t port = 443;
    /// How long an attempt may run before the next address is tried, too (RFC 8305 section 5).
    std::chrono::milliseconds attempt_delay{250};
};

/// Fetches that may wait for their turn; further ones fail with Reason::overloaded.
inline constexpr std::size_t max_queued = 10000;

/// This many times max_concurrent fetches may continue without a place: with the default of 64, up to 1,088
/// run at once. Beyond that, hanging hosts do delay others.
inline constexpr std::size_t slow_factor = 16;

struct Core; // fetch/core.hpp

class HttpsFetcher final : public Fetcher {
public:
    /// Throws std::runtime_error when the options cannot be used, e.g. an unreadable ca_file.
    HttpsFetcher(boost::asio::any_io_executor executor, dns::Resolver& resolver, Options options,
                 events::Sink& events);
    ~HttpsFetcher() override;
    HttpsFetcher(const HttpsFetcher&) = delete;
    HttpsFetcher& operator=(const HttpsFetcher&) = delete;

    [[nodiscard]] boost::asio::awaitable<Result> get(std::string policy_host) override;

    /// For fetches that start from now on; reads the CA file again. An error is a sentence; then the old
    /// options stay.
    [[nodiscard]] base::Expected<void, std::string> configure(Options options);

    /// Waits for a handshake that runs in the handshake thread, and begins no other. Call it before the
    /// handlers of the executor's context are dropped, because that thread posts to it. The destructor does
    /// it, too.
    void stop_thread() noexcept;

    [[nodiscard]] std::size_t running() const noexcept;
    [[nodiscard]] std::size_t queued() const noexcept;

private:
    [[nodiscard]] static boost::asio::awaitable<Result> await_job(std::shared_ptr<Core> core,
                                                                  std::string policy_host);

    std::shared_ptr<Core> core_;
};

} // namespace fetch
