// lookup/dane_lookup.hpp - finds out over DNS whether a next hop is secured by DANE. Asks; dane/ decides.
//
// Threads: lives on one io_context, as the resolver does; every member is called there. The resolver outlives
// it. It may be destroyed with lookups under way: each then ends, as when its caller is cancelled, with no
// verdict. Questions that no longer matter are left to end by themselves, within the resolver's limit on a
// question.
#pragma once

#include "base/domain.hpp"
#include "cache/entry.hpp"
#include "dane/validation.hpp"
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

    struct Options {
        std::string signed_name; ///< any case, with or without final dot; "" or "." is the root
        std::string broken_name; ///< "": none
    };

    DaneLookup(boost::asio::any_io_executor executor, dns::Resolver& resolver, Options options = {});
    ~DaneLookup();
    DaneLookup(const DaneLookup&) = delete;
    DaneLookup& operator=(const DaneLookup&) = delete;

    /// For validating() calls from now on.
    void configure(Options options);

    /// Throws nothing; what prevents a verdict is Advice::no_verdict with words.
    [[nodiscard]] boost::asio::awaitable<dane::Verdict> verdict(base::Domain name,
                                                                dane::Destination destination = {});

    /// Asks for the SOA of the names in the options. Throws nothing.
    [[nodiscard]] boost::asio::awaitable<dane::Validation> validating();

    [[nodiscard]] std::size_t running() const noexcept; ///< verdicts under way

private:
    struct Core;
    class Job;
    [[nodiscard]] static boost::asio::awaitable<dane::Verdict>
    inquire(std::shared_ptr<Core> core, base::Domain name, dane::Destination destination);
    [[nodiscard]] static boost::asio::awaitable<dane::Validation> validate(std::shared_ptr<Core> core,
                                                                           Options options);

    std::shared_ptr<Core> core_;
    Options options_;
};

/// A verdict as cache/entry remembers it.
[[nodiscard]] cache::DaneFinding finding_of(const dane::Verdict& verdict);
/// "dane-only", "sts" or "unknown": the words of the log.
[[nodiscard]] std::string_view word_of(cache::DaneVerdict verdict) noexcept;

} // namespace lookup
