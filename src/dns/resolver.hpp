// dns/resolver.hpp - the DNS port: one question, one answer. Everything above it runs on a fake in tests.
//
// Threads: a resolver belongs to one io_context; call and await on it. Names are absolute (never a search
// list), lower-case, without the final dot; "" is the root. The tests' fake is
// tests/support/fake_resolver.hpp.
#pragma once

#include "base/expected.hpp"
#include "base/reason.hpp"
#include "dns/answer.hpp"

#include <boost/asio/awaitable.hpp>

#include <string>

namespace dns {

class Resolver {
public:
    virtual ~Resolver() = default;
    /// Asks for `name`; CNAMEs are followed. Fails only with Reason::dns_* (all of them temporary),
    /// overloaded, or shutting_down when the resolver is destroyed meanwhile.
    [[nodiscard]] virtual boost::asio::awaitable<base::Expected<Answer, base::Reason>>
    resolve(std::string name, Type type) = 0;
};

} // namespace dns
