// dns/resolver.hpp - the DNS port: one question, one answer. Everything above it runs on a fake in tests.
//
// Threads: a resolver belongs to one io_context; call and await on it. Names are absolute (never a search
// list), lower-case, without the final dot; "" is the root. The tests' fake is
// tests/support/fake_resolver.hpp.
#pragma once

#include "dns/answer.hpp"

#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace dns {

/// The purpose of a question. It decides which question goes first when there are more questions than places,
/// and whether the worth of the answer matters.
enum class Purpose : std::uint8_t {
    policy,  ///< the TXT record of a policy domain
    address, ///< the addresses of a policy host or a proxy
    dane,    ///< MX hosts, their addresses and TLSA: the worth matters
    probe,   ///< to see whether the resolver validates: the worth matters
};

class Resolver {
public:
    virtual ~Resolver() = default;
    /// Asks for `name`; CNAMEs are followed. Reason::shutting_down: the resolver is destroyed meanwhile.
    [[nodiscard]] virtual boost::asio::awaitable<Result> resolve(std::string name, Type type,
                                                                 Purpose purpose) = 0;
};

/// Whether a name server has shown that it validates.
enum class Validates : std::uint8_t { unknown, no, yes };
[[nodiscard]] constexpr std::string_view to_string(Validates state) noexcept {
    return state == Validates::yes ? "yes" : state == Validates::no ? "no" : "unknown";
}

struct ServerState {
    std::string name;     ///< "127.0.0.1:53"
    bool trusted = false; ///< its AD bit counts when it has shown that it validates
    Validates validates{};
    bool silent = false; ///< it did not answer, and is asked last for a while
};

/// The name servers in use, for the code that finds out how much their answers are worth. Threads as
/// Resolver.
class Servers {
public:
    virtual ~Servers() = default;
    /// From the configuration and resolv.conf as they are now.
    [[nodiscard]] virtual std::vector<ServerState> servers() = 0;
    /// Asks only this server, as for DANE, and accepts its AD bit, trusted or not. dns_network when it is not
    /// one of servers().
    [[nodiscard]] virtual boost::asio::awaitable<Result> ask(std::string server, std::string name,
                                                             Type type) = 0;
    /// Reports the finding about one of servers(). `why`: words for the log.
    virtual void judged(const std::string& server, Validates state, std::string_view why) = 0;
};

} // namespace dns
