#include "lookup/commit.hpp"

#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <memory>
#include <optional>
#include <utility>

namespace lookup {

namespace asio = boost::asio;

asio::awaitable<bool> commit(asio::any_io_executor executor, base::Timers& timers, cache::Store& store,
                             cache::Row row) {
    auto initiate = [executor, &timers, &store, row = std::move(row)](auto handler) mutable {
        using Handler = decltype(handler);
        // The first of store and timer completes; the other one finds nothing left to do.
        struct Once {
            std::optional<Handler> handler;
            base::Timers::Id timer = 0;
        };
        auto once = std::make_shared<Once>();
        once->handler.emplace(std::move(handler));
        auto complete = [once](bool durable) {
            if (!once->handler) return;
            Handler waiting = std::move(*once->handler);
            once->handler.reset();
            std::move(waiting)(durable);
        };
        once->timer = timers.after(commit_patience, [complete] { complete(false); });
        store.save(std::move(row), [executor, &timers, once, complete](bool durable) {
            asio::post(executor, [&timers, once, complete, durable] {
                timers.cancel(once->timer);
                complete(durable);
            });
        });
    };
    auto committed = asio::async_initiate<const asio::use_awaitable_t<>, void(bool)>(std::move(initiate),
                                                                                     asio::use_awaitable);
    const bool durable = co_await std::move(committed);
    co_return durable;
}

} // namespace lookup
