// cache/valkey/engine.hpp - the client of one Valkey or Redis, alone, behind Sentinels, or with a replica for reads.
//
// Commands are sent on one connection as they come; a connection of its own has the subscription. When the engine is
// away, everything fails at once and the client comes back by itself: after 1 s to 60 s, asking the Sentinels each time.
// Commands that fail are not sent again; whoever learns that a connection is new, or that the subscription was
// interrupted, knows what to look at again.
//
// Needs Redis 6.2 or newer or Valkey (ACLs, PXAT). Not for Cluster: its redirections are `refused`. The ACL needs, besides
// the commands that are asked: auth, select (if a database is set), role, ping, subscribe, set on Options::expiry_key.
//
// Belongs to one single-threaded executor; the counts may be read by any thread. Handlers are called from the loop, never
// from within a member but stop(); they must not throw, and may call any member.
#pragma once

#include "cache/valkey/address.hpp"
#include "cache/valkey/connection.hpp"
#include "cache/valkey/counts.hpp"
#include "cache/valkey/lane.hpp"
#include "cache/valkey/tls_context.hpp"
#include "cache/valkey/trouble.hpp"
#include "cache/valkey/write_queue.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace valkey {

struct Options {
    Address engine;                 ///< without Sentinels
    std::vector<Address> sentinels; ///< any: they know the address
    std::string primary_name;       ///< as they know it
    std::optional<Address> replica; ///< reads go there while it is up
    bool read_replicas = false;     ///< the same, with a replica that the Sentinels name
    bool read_only = false;         ///< nothing is written; a replica will do as the engine

    std::string user, password;                   ///< see Login
    std::string sentinel_user, sentinel_password; ///< of the Sentinels
    int database = 0;
    std::optional<TlsSettings> tls; ///< for engines and Sentinels; never over a unix socket
    Resolve resolve;                ///< null: hosts must be IP addresses

    std::string channel;    ///< "": no subscription
    std::string expiry_key; ///< see Login

    base::milliseconds write_limit{50}; ///< for the reply to a queued write
    base::milliseconds ping_limit{50};  ///< for the PING that ends a pause of the breaker
    base::milliseconds connect_limit = base::seconds(2);
    Backoff backoff;
    LinkTuning link;
    std::size_t max_waiting = valkey::max_waiting;
    std::size_t max_waiting_octets = valkey::max_waiting_octets;
};

struct Events {
    /// The primary answers again, or for the first time: what it holds is not known. Words for an operator.
    std::function<void(std::string_view words)> up;
    /// From now on commands fail. Once for each up, and once for the first failure after the start or after another
    /// trouble; not again for each attempt.
    std::function<void(const Failure& why)> down;
    std::function<void(std::string_view channel, std::string_view payload)> message;
    /// From now on messages come; those before are not known.
    std::function<void()> subscribed;
    /// Messages may be missing from now on. Once for each subscribed.
    std::function<void(const Failure& why)> interrupted;
};

/// Queued writes without a reply at a time: so that what is asked beside them does not wait.
inline constexpr std::size_t max_writes_sent = 32;
inline constexpr std::size_t max_write_octets_sent = 128 * 1024;

class Engine {
public:
    using Done = std::function<void(Answer)>;
    enum class Use : std::uint8_t { read, write };
    enum class Patience : std::uint8_t {
        short_, ///< its time-out counts for the breaker
        long_,  ///< a bulk read: it does not
    };

    /// Reads the TLS files: blocking. The error is a sentence for an operator.
    [[nodiscard]] static base::Expected<std::unique_ptr<Engine>, std::string>
    make(boost::asio::any_io_executor executor, Options options, Events events);
    ~Engine();
    Engine(const Engine&) = delete;
    Engine& operator=(const Engine&) = delete;

    void start();
    /// For good: everything unanswered and queued gets `stopping`. The destructor does the same.
    void stop();

    /// `done` is called once, later. Error replies are failures.
    void ask(const Arguments& arguments, Use use, base::Steady deadline, Patience patience, Done done);
    /// The same. Ends with `stopping` when the engine is destroyed.
    [[nodiscard]] boost::asio::awaitable<Answer> command(Arguments arguments, Use use, base::Steady deadline,
                                                         Patience patience);
    /// A write that waits while the engine is away; the oldest are pushed out (`overloaded`). Those that wait or are sent
    /// when the engine goes away end with its trouble and are not repeated. `done` may be null.
    void offer(const Arguments& arguments, Done done);

    /// Commands are sent to the primary now.
    [[nodiscard]] bool up() const noexcept;
    /// Where the primary is, or was looked for last; empty when no address is known.
    [[nodiscard]] Address address() const;
    [[nodiscard]] std::shared_ptr<const Counts> counts() const noexcept;

private:
    struct Impl;
    explicit Engine(std::shared_ptr<Impl> impl);
    std::shared_ptr<Impl> impl_;
};

} // namespace valkey
