// admin/transfer.hpp - policies out of one daemon and into another, as JSON lines: export and import.
//
// An import believes nothing but the claim that the text was fetched at that time: each text is parsed again, what has
// expired, lies in the future or is older than what is known is left. A policy is on the disk before it is answered from
// (for commit_patience at most), and the next slice waits for it, so a million lines do not fill the store's queue.
// Threads: the back io_context.
#pragma once

#include "admin/exchange.hpp"
#include "admin/import_line.hpp"
#include "base/clock.hpp"
#include "base/domain.hpp"
#include "cache/store.hpp"
#include "cache/table.hpp"
#include "events/sink.hpp"

#include <boost/asio/any_io_executor.hpp>

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

namespace admin {

/// Clocks of two hosts may differ by this: a policy fetched so little in the future counts as fetched now.
inline constexpr base::seconds import_grace{300};

/// What became of an override: taken, left alone, or words why not.
using OverrideTaken = std::function<void(base::Expected<bool, std::string>)>;

class Transfer {
public:
    /// Policies whose commit is awaited at once.
    static constexpr std::size_t at_once = 500;
    static constexpr std::size_t max_octets_at_once = std::size_t{4} << 20;
    static constexpr std::size_t max_problems = 20; ///< of invalid lines, that the reply shows

    /// All outlive it. What may be empty is not done.
    struct Parts {
        boost::asio::any_io_executor executor;
        cache::Table& table;
        cache::Store& store;
        base::Timers& timers; ///< of the executor's thread
        events::Sink& sink;
        const base::Clock& clock;
        std::function<void(const base::Domain&)> replan =
            {}; ///< Refresher::add(), for each policy that was taken
        std::function<std::vector<Json>()> overrides = {}; ///< those added at run time, as they are listed
        /// Takes an override of another daemon's list, and calls back on the executor's thread, perhaps at once: false:
        /// one that is known is newer. `request` says who asks. The error says why it is not in use.
        std::function<void(const Json& one, const Request& request, OverrideTaken done)> take_override = {};
    };

    explicit Transfer(Parts parts) : parts_(std::move(parts)) {}
    Transfer(const Transfer&) = delete;
    Transfer& operator=(const Transfer&) = delete;

    /// GET /v1/export. The stream ends before this does.
    [[nodiscard]] Reply export_policies() const;
    /// POST /v1/import
    [[nodiscard]] boost::asio::awaitable<base::Expected<Reply, Error>>
    import_policies(const Request& request);

private:
    class Import;
    Parts parts_;
};

} // namespace admin
