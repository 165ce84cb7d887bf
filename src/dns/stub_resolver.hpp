// dns/stub_resolver.hpp - the resolver port over UDP and TCP: sockets and timers around Exchange.
//
// Threads: one io_context, run by one thread; every member is called there. `clock` and `events` outlive the
// io_context. The resolver may be destroyed with questions in flight: each then ends with
// Reason::shutting_down. A question whose caller is cancelled (terminal cancellation, as with `||`) closes
// its sockets at once. Spoofing: every try has a random id and a connected UDP socket of its own. The
// socket's random port is new for each try; only to a server on the loopback interface, under load, a socket
// is used for several tries (dns/udp_sockets.hpp).
//
// Places: questions for DANE have at most half of them, and wait behind all others. A question that has
// waited for `patience` lets younger ones pass, because its client has given up by then. When `max_waiting`
// questions of its kind already wait, a question fails with Reason::overloaded.
#pragma once

#include "base/clock.hpp"
#include "dns/counts.hpp"
#include "dns/resolv_conf.hpp"
#include "dns/resolver.hpp"
#include "events/sink.hpp"

#include <boost/asio/any_io_executor.hpp>

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace dns {

struct Options {
    std::vector<net::Endpoint> servers; ///< empty: those of resolv_conf
    TrustAd trust_ad = TrustAd::automatic;
    /// Read when a question is asked. Of its options, timeout (if shorter than try_for), attempts, use-vc,
    /// rotate and trust-ad are used, and only when `servers` is empty.
    std::string resolv_conf = "/etc/resolv.conf";
    base::milliseconds try_for{2000};
    base::milliseconds question_for{8000}; ///< from when it has a place; waiting for one does not count
    std::size_t max_in_flight = 1024;      ///< places; further questions wait
    friend bool operator==(const Options&, const Options&) = default;
};

class StubResolver final : public Resolver, public Servers {
public:
    /// Questions without a place; the limit is for DANE and for all others separately. One takes about 2.2
    /// KB.
    static constexpr std::size_t max_waiting = 16384;
    static constexpr base::milliseconds patience{8000};

    StubResolver(boost::asio::any_io_executor executor, Options options, base::Clock& clock,
                 events::Sink& events);
    ~StubResolver() override;
    StubResolver(const StubResolver&) = delete;
    StubResolver& operator=(const StubResolver&) = delete;

    /// For questions asked from now on. If the list of servers does not change, what is known of their
    /// health is kept.
    void configure(Options options);

    [[nodiscard]] boost::asio::awaitable<Result> resolve(std::string name, Type type,
                                                         Purpose purpose) override;

    [[nodiscard]] std::vector<ServerState> servers() override;
    [[nodiscard]] boost::asio::awaitable<Result> ask(std::string server, std::string name,
                                                     Type type) override;
    void judged(const std::string& server, Validates state, std::string_view why) override;
    /// Called when the list of servers has changed, or one must be judged again; never during a call of a
    /// member.
    void on_doubt(std::function<void()> call);

    [[nodiscard]] std::size_t in_flight() const noexcept; ///< questions with a place
    [[nodiscard]] std::size_t waiting() const noexcept;   ///< questions without
    [[nodiscard]] const Counts& counts() const noexcept;  ///< any thread

private:
    struct Impl;
    std::shared_ptr<Impl> impl_;
};

} // namespace dns
