// admin/listing.hpp - the list of domains with a policy: filters, order, and the stream.
//
// It is read in slices, with other work of the back thread between them; nothing is held meanwhile. In an order, keys
// are collected first (12 octets for a domain, max_key_octets of all lists together); a policy that is forgotten before its
// turn is left out, one that comes meanwhile is not in the list. Threads: the back io_context.
#pragma once

#include "admin/exchange.hpp"
#include "base/clock.hpp"
#include "cache/table.hpp"
#include "lookup/options.hpp"

#include <boost/asio/any_io_executor.hpp>

#include <cstddef>
#include <functional>
#include <optional>

namespace admin {

/// Which policies; all conditions hold.
struct Filter {
    std::optional<sts::Mode> mode{};
    bool failing = false; ///< the last GET failed
    std::optional<base::Instant> expires_before{};
    bool dane = false; ///< DANE secures the domain
    std::optional<base::Instant> asked_since{};
};
enum class Sort { none, domain, expires, asked, failures };

struct Wanted {
    Filter filter;
    Sort sort = Sort::none;
};
/// The query's parameters. Pure.
[[nodiscard]] base::Expected<Wanted, Error> wanted(const Request& request, base::Instant now);
/// Pure.
[[nodiscard]] bool fits(const Filter& filter, const cache::Entry& entry, base::Instant now);

class Listing {
public:
    static constexpr std::size_t max_key_octets = std::size_t{16} << 20;
    static constexpr std::size_t max_piece =
        64UL * 1024; ///< octets of a slice of lines; one line more at most

    struct Parts {
        boost::asio::any_io_executor executor;
        cache::Table& table;
        const base::Clock& clock;
        std::function<lookup::ServiceOptions()> options; ///< as they are now
    };

    explicit Listing(Parts parts, std::size_t max_octets = max_key_octets)
        : parts_(std::move(parts)), max_octets_(max_octets) {}
    Listing(const Listing&) = delete;
    Listing& operator=(const Listing&) = delete;

    /// GET /v1/domains. Streams end before this does.
    [[nodiscard]] boost::asio::awaitable<base::Expected<Reply, Error>> list(const Request& request);

private:
    Parts parts_;
    std::size_t max_octets_;
    std::size_t octets_in_use_ = 0; ///< by the keys of all lists that are being read
};

} // namespace admin
