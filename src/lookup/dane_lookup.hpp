// lookup/dane_lookup.hpp - finds out over DNS whether a next hop is secured by DANE. Asks; dane/ decides.
//
// Threads: lives on one io_context, as the resolver does; every member is called there. The resolver outlives
// it. It may be destroyed with lookups under way: each then ends, as when its caller is cancelled, with no
// verdict. Questions that no longer matter are left to end by themselves, within the resolver's limit on a
// question.
//
// Places are shared fairly between domains: a place that comes free goes to the domain with the fewest
// questions under way, and when none is free, a domain that has none takes one from the domain that has the
// most, whose youngest question is asked again later. So one domain's many slow MX hosts take nothing from
// another's.
#pragma once

#include "base/domain.hpp"
#include "dane/verdict.hpp"
#include "dns/resolver.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace lookup {

class DaneLookup {
public:
    /// Questions one verdict asks at the same time: the addresses of ten hosts. With the resolver's limit of
    /// time on a question, and at most five questions of a host one after the other, this bounds a verdict's
    /// time too.
    static constexpr std::size_t max_questions_at_once = 20;
    /// Questions of all verdicts together: the places that the resolver has for DANE.
    static constexpr std::size_t max_questions_in_all = 512;

    DaneLookup(boost::asio::any_io_executor executor, dns::Resolver& resolver);
    ~DaneLookup();
    DaneLookup(const DaneLookup&) = delete;
    DaneLookup& operator=(const DaneLookup&) = delete;

    /// Throws nothing; what prevents a verdict is Advice::no_verdict with words.
    [[nodiscard]] boost::asio::awaitable<dane::Verdict> verdict(base::Domain name,
                                                                dane::Destination destination = {});

    [[nodiscard]] std::size_t running() const noexcept; ///< verdicts under way

private:
    struct Core;
    class Job;
    [[nodiscard]] static boost::asio::awaitable<dane::Verdict>
    inquire(std::shared_ptr<Core> core, base::Domain name, dane::Destination destination);

    std::shared_ptr<Core> core_;
};

} // namespace lookup
