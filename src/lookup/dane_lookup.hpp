// lookup/dane_lookup.hpp - finds out over DNS whether a next hop is secured by DANE. Asks; dane/ decides.
//
// Threads: lives on one io_context, as the resolver does; every member is called there. The resolver outlives
// it. It may be destroyed with lookups under way: each then ends, as when its caller is cancelled, with no
// verdict. Questions that no longer matter end by themselves, within the resolver's time limit for a question.
//
// The limit on all questions is shared fairly between domains. When a question has ended, the next one is for
// the domain with the fewest questions under way. When the limit is reached and a domain has no question under
// way, the domain with the most gives one up: its latest question is asked again later. So the many slow MX
// hosts of one domain do not hold up another domain.
#pragma once

#include "base/domain.hpp"
#include "dane/verdict.hpp"
#include "dns/resolver.hpp"
#include "lookup/counts.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace lookup {

class DaneLookup {
public:
    /// Questions that one verdict asks at the same time: the addresses of ten hosts. The resolver limits the
    /// time of a question, and a host needs at most five questions in a row, so this limits a verdict's time
    /// too.
    static constexpr std::size_t max_questions_at_once = 20;
    /// Questions of all verdicts together: as many as the resolver asks for DANE at once.
    static constexpr std::size_t max_questions_in_all = 512;

    DaneLookup(boost::asio::any_io_executor executor, dns::Resolver& resolver);
    ~DaneLookup();
    DaneLookup(const DaneLookup&) = delete;
    DaneLookup& operator=(const DaneLookup&) = delete;

    /// Never throws. Without a verdict the result is Advice::no_verdict, with the reason.
    [[nodiscard]] boost::asio::awaitable<dane::Verdict> verdict(base::Domain name,
                                                                dane::Destination destination = {});

    [[nodiscard]] std::size_t running() const noexcept;      ///< verdicts under way
    [[nodiscard]] const DaneCounts& counts() const noexcept; ///< verdicts that were given; any thread

private:
    struct Core;
    class Job;
    [[nodiscard]] static boost::asio::awaitable<dane::Verdict>
    inquire(std::shared_ptr<Core> core, base::Domain name, dane::Destination destination);

    std::shared_ptr<Core> core_;
};

} // namespace lookup
