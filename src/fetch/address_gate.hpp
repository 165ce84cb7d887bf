// fetch/address_gate.hpp - the limit of connections to one remote address, which may be that of thousands of
// policy hosts: some that hang must not keep the others from being reached.
//
// The limit is on connections that make progress. A connection whose peer has sent nothing for stalled_after
// does not count, up to max_at_address in total. At that number, the connection longest without progress is
// closed, if it had none for gives_way_after. Waiters are admitted by policy host: first those with the
// fewest connections there, among these in the order they came.
//
// Single-threaded; what to do next is a pure function of the connections and the time.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace fetch {

inline constexpr std::size_t max_at_address = 32;
inline constexpr std::chrono::milliseconds stalled_after{1000};
/// Used when more than this many wait, until none does: otherwise 50 hanging hosts would delay an honest one
/// by six seconds.
inline constexpr std::size_t crowd = 8;
inline constexpr std::chrono::milliseconds stalled_after_in_a_crowd{400};
inline constexpr std::chrono::milliseconds gives_way_after{1000};

struct AtAddress {
    using TimePoint = std::chrono::steady_clock::time_point;

    std::size_t limit = 0; ///< of connections that make progress
    std::chrono::milliseconds stalled = stalled_after;

    struct Next {
        bool admit = false;
        std::optional<std::size_t> gives_way; ///< the connection that must be closed first
        TimePoint look_again = TimePoint::max();
    };
    /// Whether one more may come in. The argument: when each connection inside last made progress.
    [[nodiscard]] Next next(std::span<const TimePoint> inside, TimePoint now) const;
};

class AddressGate : public std::enable_shared_from_this<AddressGate> {
    /// A policy host that is inside or waits.
    struct Host {
        std::size_t connections = 0, references = 0;
    };
    using Hosts = std::map<std::string, Host>;
    struct Inside {
        Hosts::iterator host;
        AtAddress::TimePoint progress{};
        std::function<void()> gives_way;
        bool counts = true; // false: gave way
    };
    using List = std::list<Inside>;

public:
    /// A place inside. Its destruction lets a waiter in.
    class Admission {
    public:
        Admission() = default;
        Admission(Admission&& other) noexcept : gate_(std::move(other.gate_)), inside_(other.inside_) {}
        Admission& operator=(Admission&& other) noexcept;
        ~Admission() { release(); }
        void release() noexcept;
        [[nodiscard]] explicit operator bool() const noexcept { return gate_ != nullptr; }
        /// The peer sent something.
        void progress() noexcept;
        /// True after the place was taken away.
        [[nodiscard]] bool gave_way() const noexcept { return gate_ && !inside_->counts; }
        /// Called once if the place is taken away. Must not throw or admit anybody, but may end the place.
        void when_it_gives_way(std::function<void()> call);

    private:
        friend class AddressGate;
        Admission(std::shared_ptr<AddressGate> gate, List::iterator inside)
            : gate_(std::move(gate)), inside_(inside) {}
        std::shared_ptr<AddressGate> gate_;
        List::iterator inside_{};
    };

    /// A turn in the queue; its destruction gives it up.
    class Waiter {
    public:
        Waiter(std::shared_ptr<AddressGate> gate, const std::string& host, std::function<void()> ready);
        Waiter(const Waiter&) = delete;
        Waiter& operator=(const Waiter&) = delete;
        ~Waiter();
        [[nodiscard]] bool granted() const noexcept { return static_cast<bool>(admission_); }
        /// Requires granted().
        [[nodiscard]] Admission take() noexcept { return std::move(admission_); }

    private:
        friend class AddressGate;
        std::shared_ptr<AddressGate> gate_;
        List place_to_be_; // so that letting it in needs no memory
        std::function<void()> ready_;
        Admission admission_;
        std::list<Waiter*>::iterator turn_;
    };

    AddressGate(boost::asio::any_io_executor executor, std::size_t limit);

    /// A place for this policy host when one is free and nobody waits for it, else an empty one.
    [[nodiscard]] Admission try_enter(const std::string& host);
    /// Joins the queue. `ready` is called once the place is granted; it must not throw or come back here.
    [[nodiscard]] std::unique_ptr<Waiter> wait(const std::string& host, std::function<void()> ready);
    /// A higher limit lets waiters in at once; a lower one closes no connection.
    void set_limit(std::size_t limit);
    /// From now on nobody is let in, and nobody gives way.
    void close() noexcept { closed_ = true; }

    [[nodiscard]] std::size_t inside() const noexcept { return inside_.size(); }
    [[nodiscard]] std::size_t waiting() const noexcept { return queue_.size(); }

private:
    void prepare(List& place, const std::string& host);
    void forget(Hosts::iterator host) noexcept;
    [[nodiscard]] AtAddress::Next next() noexcept;
    [[nodiscard]] Admission enter(List& place) noexcept;
    void leave(List::iterator gone) noexcept;
    void admit() noexcept;
    void look_again(AtAddress::TimePoint when);

    AtAddress rule_;
    bool closed_ = false;
    Hosts hosts_;
    List inside_, gave_way_;
    std::list<Waiter*> queue_;
    std::vector<AtAddress::TimePoint> progress_; // of those inside; has room for all
    boost::asio::steady_timer timer_;
    AtAddress::TimePoint timer_at_ = AtAddress::TimePoint::max();
};

/// One gate per remote address.
class AddressGates {
public:
    using Address = boost::asio::ip::address;
    AddressGates(boost::asio::any_io_executor executor, std::size_t limit)
        : executor_(std::move(executor)), limit_(limit) {}
    [[nodiscard]] std::shared_ptr<AddressGate> at(const Address& address);
    void set_limit(std::size_t limit);
    void close() noexcept;

private:
    boost::asio::any_io_executor executor_;
    std::size_t limit_;
    bool closed_ = false;
    std::map<Address, std::weak_ptr<AddressGate>> gates_; // a gate lives while somebody is inside or waits
    std::size_t sweep_at_ = 64;
};

} // namespace fetch
