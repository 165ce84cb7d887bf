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

namespace dns {

/// What a question is asked for: whose turn it is when there are more questions than places, and whether the
/// worth of the answer matters.
enum class Purpose : std::uint8_t {
    policy,  ///< the TXT record of a policy domain
    address, ///< the addresses of a policy host or a proxy
    dane,    ///< MX hosts, their addresses and TLSA: the worth matters
    probe,   ///< does the resolver validate: the worth matters
};

class Resolver {
public:
    virtual ~Resolver() = default;
    /// Asks for `name`; CNAMEs are followed. Reason::shutting_down: the resolver is destroyed meanwhile.
    [[nodiscard]] virtual boost::asio::awaitable<Result> resolve(std::string name, Type type,
                                                                 Purpose purpose) = 0;
};

} // namespace dns
