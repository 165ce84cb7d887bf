// daemon/health.hpp - handlers of GET /healthy and GET /ready: does each thread work, does Postfix get answers.
//
// Healthy: the loop of every answering thread does what is posted to it, in time. Ready: every answering thread answers
// a question that comes over a connection of its own, in time. Neither looks at what others do (domains of strangers,
// name servers, policy hosts) nor at the store: with trouble of theirs, restarting or taking away this daemon would only
// make things worse. Such trouble stands in the text, the status stays 200. However many ask at once, one round of
// questions serves all.
// Belongs to the back thread.
#pragma once

#include "admin/exchange.hpp"
#include "base/net/descriptor.hpp"
#include "server/loop.hpp"
#include "server/server.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace app {

class Health {
public:
    /// How long a loop may take, and an answer.
    static constexpr std::chrono::milliseconds patience{2000};

    /// An answering thread. Both outlive the loop of the back thread.
    struct Front {
        server::Loop& loop;
        server::Server& server;
    };
    struct Parts {
        boost::asio::any_io_executor executor;
        std::function<std::vector<Front>()> fronts;      ///< the same ones from the first question on
        std::function<std::vector<std::string>()> notes; ///< what is not as it should be, each a line of text
        std::chrono::milliseconds limit = patience;
    };

    explicit Health(Parts parts);

    using Outcome = base::Expected<admin::Reply, admin::Error>;
    [[nodiscard]] boost::asio::awaitable<Outcome> healthy();
    [[nodiscard]] boost::asio::awaitable<Outcome> ready();

private:
    struct Round;
    /// What one thread is asked.
    struct Asked {
        /// Owned by what was last posted to it alone: gone once that is done, or lost.
        std::weak_ptr<void> pending;
        [[nodiscard]] bool taken() const noexcept { return pending.expired(); }
    };
    /// One of the two, each by itself: that one is asked is no reason for the other to fail.
    struct Kind {
        bool with_question = false;
        std::vector<std::shared_ptr<Asked>> asked{}; ///< each front's
        std::shared_ptr<Round> round{};              ///< under way, or the last
    };

    [[nodiscard]] boost::asio::awaitable<Outcome> join(Kind& kind);
    [[nodiscard]] std::shared_ptr<Round> begin(Kind& kind);
    static void offer(const std::shared_ptr<Round>& round, std::size_t at, Front front,
                      const std::shared_ptr<Asked>& asked, const std::shared_ptr<net::Descriptor>& theirs);
    [[nodiscard]] static boost::asio::awaitable<void> ask(std::shared_ptr<Round> round, std::size_t front,
                                                          std::shared_ptr<net::Descriptor> owned);

    Parts parts_;
    Kind healthy_, ready_{.with_question = true};
};

} // namespace app
