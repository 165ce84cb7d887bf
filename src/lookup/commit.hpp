// lookup/commit.hpp - waits until a row is on the disk, for a limited time.
#pragma once

#include "base/clock.hpp"
#include "cache/store.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

namespace lookup {

/// Nobody waits longer for a commit.
inline constexpr base::milliseconds commit_patience{3000};

/// Saves `row` and waits until it is on the disk, but no longer than commit_patience. True: it is on the
/// disk. False: the store failed, or did not answer in time. `timers` and `store` outlive the coroutine, and
/// the store's answer, which may come on any thread. `timers` belong to the thread of `executor`.
[[nodiscard]] boost::asio::awaitable<bool> commit(boost::asio::any_io_executor executor, base::Timers& timers,
                                                  cache::Store& store, cache::Row row);

} // namespace lookup
