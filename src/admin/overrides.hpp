// admin/overrides.hpp - handlers about overrides and observing: list, add, remove, observed.
//
// Threads: the back io_context. Coroutines that wait when this is destroyed must be dropped first.
#pragma once

#include "admin/exchange.hpp"
#include "admin/override_view.hpp"
#include "base/clock.hpp"
#include "cache/table.hpp"
#include "lookup/options.hpp"
#include "state/book.hpp"

#include <boost/asio/any_io_executor.hpp>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace admin {

class Overrides {
public:
    struct Parts { // all outlive it
        boost::asio::any_io_executor executor;
        cache::Table& table;
        state::Book& book;
        state::Keeper& keeper;
        const base::Clock& clock;
        std::function<lookup::ServiceOptions()> options; ///< in use now
        /// Calls back when each thread that answers uses these options.
        std::function<void(std::function<void()>)> when_in_use;
    };
    using Result = base::Expected<Reply, Error>;

    explicit Overrides(Parts parts) : parts_(std::move(parts)) {}
    Overrides(const Overrides&) = delete;
    Overrides& operator=(const Overrides&) = delete;

    [[nodiscard]] boost::asio::awaitable<Result> list(const Request& request);
    /// One that would weaken what is known now is added only with yes=true; the reply says what is lost.
    [[nodiscard]] boost::asio::awaitable<Result> add(const Request& request);
    [[nodiscard]] boost::asio::awaitable<Result> remove(const Request& request);
    [[nodiscard]] boost::asio::awaitable<Result> observed(const Request& request);

    /// Those that were added at run time and have not ended, for an export.
    [[nodiscard]] std::vector<Json> exported() const;
    /// Takes one of another daemon's export. Calls back when it is on the disk; false: it has ended, or the one that is
    /// known is as new. The error is words. What is taken without waiting is in use together, before the last calls back.
    void take(const Json& one, const Request& request,
              std::function<void(base::Expected<bool, std::string>)> done);

private:
    [[nodiscard]] boost::asio::awaitable<void> in_use() const;
    struct Judgement;
    [[nodiscard]] boost::asio::awaitable<void> judge(std::shared_ptr<Judgement> about);
    [[nodiscard]] std::shared_ptr<Judgement> about(std::vector<decision::Override> entries) const;

    Parts parts_;
    std::size_t taking_ = 0; ///< not on the disk yet
};

/// The body of GET /v1/observed. Pure.
[[nodiscard]] Json to_json(const state::Summary& summary);

} // namespace admin
