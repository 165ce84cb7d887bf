#include "tool/check/connections.hpp"

#include "base/event.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <exception>
#include <list>
#include <map>
#include <system_error>
#include <utility>
#include <vector>

namespace check {

namespace asio = boost::asio;
using std::chrono::steady_clock;

/// One host and address.
struct Connections::One {
    std::string host, domain; ///< domain: who asked first
    net::IpAddress address;
    Operator whose;
    std::shared_ptr<const smtp::Sighting> sighting;
    std::string skipped;
    std::vector<base::Event*> waiting;
    [[nodiscard]] bool over() const noexcept { return sighting || !skipped.empty(); }
    void wake() const {
        for (base::Event* const event : waiting) event->notify();
    }
};

struct Connections::Core : std::enable_shared_from_this<Core> {
    Core(asio::any_io_executor e, Options o)
        : executor(std::move(e)), options(std::move(o)), manners(options.a_minute), timer(executor) {}

    void pump();
    void start(const std::shared_ptr<One>& one);
    void ended(const std::shared_ptr<One>& one, const std::exception_ptr& error, smtp::Sighting sighting);
    void note_port(const One& one, const smtp::Sighting& sighting);
    void skip_all(const std::string& why);
    void look_again(steady_clock::time_point when);

    asio::any_io_executor executor;
    Options options;
    Manners manners;
    std::map<std::pair<std::string, std::string>, std::shared_ptr<One>> known; ///< by host and address
    std::list<std::shared_ptr<One>> queue;
    std::size_t open = 0;
    bool stopped = false;
    Port port = Port::unknown;
    std::map<std::string, std::size_t> in_vain; ///< by network: what that counts
    asio::steady_timer timer;
};

Connections::Connections(asio::any_io_executor executor, Options options)
    : core_(std::make_shared<Core>(std::move(executor), std::move(options))) {}

namespace {

/// This host has no route or no address of that kind. That somebody on the way cannot reach the server
/// (EHOSTUNREACH) was said in answer to a packet.
bool nothing_sent(const smtp::Sighting& sighting) {
    if (sighting.trouble != smtp::Trouble::unreachable) return false;
    return std::ranges::any_of(std::array{ENETUNREACH, EADDRNOTAVAIL}, [&](int error) {
        return sighting.words == std::generic_category().message(error);
    });
}

} // namespace

Connections::~Connections() {
    core_->stopped = true;
    core_->timer.cancel();
}

Connections::Port Connections::port_25() const noexcept { return core_->port; }
std::size_t Connections::begun() const noexcept { return core_->manners.begun(); }
std::size_t Connections::open() const noexcept { return core_->open; }
std::size_t Connections::waiting() const noexcept { return core_->queue.size(); }

void Connections::stop() {
    core_->stopped = true;
    core_->timer.cancel();
    core_->skip_all("stopped");
}

void Connections::Core::skip_all(const std::string& why) {
    for (const auto& one : std::exchange(queue, {})) {
        one->skipped = why;
        one->wake();
    }
}

/// Begins what may begin now, in the order in which it was asked for.
void Connections::Core::pump() {
    const auto now = steady_clock::now();
    auto again = steady_clock::time_point::max();
    std::vector<std::shared_ptr<One>> begun;
    for (auto it = queue.begin(); it != queue.end() && open < max_connections;) {
        const std::shared_ptr<One> one = *it;
        const Manners::Next next = manners.next(one->whose, now);
        if (next.turn == Manners::Turn::wait) {
            again = std::min(again, next.look_again);
            ++it;
            continue;
        }
        it = queue.erase(it);
        if (next.turn == Manners::Turn::never) {
            one->skipped = "operator-refused";
            one->wake();
        } else {
            manners.begin(one->whose, now);
            ++open;
            begun.push_back(one);
        }
    }
    if (again != steady_clock::time_point::max())
        look_again(again);
    else
        timer.cancel();
    for (const auto& one : begun) start(one); // may end at once, and come back here
}

void Connections::Core::look_again(steady_clock::time_point when) {
    timer.expires_at(when);
    timer.async_wait([weak = weak_from_this()](const boost::system::error_code& cancelled) {
        const auto core = weak.lock();
        if (!cancelled && core && !core->stopped) core->pump();
    });
}

void Connections::Core::start(const std::shared_ptr<One>& one) {
    asio::co_spawn(executor, options.probe(one->host, one->address),
                   [core = shared_from_this(), one](const std::exception_ptr& error, smtp::Sighting sighting) {
                       core->ended(one, error, std::move(sighting));
                   });
}

void Connections::Core::ended(const std::shared_ptr<One>& one, const std::exception_ptr& error,
                              smtp::Sighting sighting) {
    --open;
    if (error) { // no memory
        one->skipped = "stopped";
        manners.end(one->whose, false);
    } else {
        const bool reply = sighting.trouble == smtp::Trouble::reply_4xx || sighting.trouble == smtp::Trouble::reply_5xx;
        const bool refused =
            reply && (sighting.stage == smtp::Stage::banner || sighting.words.starts_with("421"));
        if (sighting.stage == smtp::Stage::connect && nothing_sent(sighting))
            manners.take_back(one->whose);
        else
            manners.end(one->whose, refused);
        note_port(*one, sighting);
        one->sighting = std::make_shared<const smtp::Sighting>(std::move(sighting));
    }
    one->wake();
    if (stopped) return;
    if (port == Port::closed) skip_all("port-25-closed-here");
    pump();
}

void Connections::Core::note_port(const One& one, const smtp::Sighting& sighting) {
    if (sighting.stage != smtp::Stage::connect) {
        port = Port::open; // also when some had been in vain before
        in_vain.clear();
        return;
    }
    if (port != Port::unknown || one.address.v6 == options.v4) return;
    std::size_t& counts = in_vain[one.whose.network];
    counts = std::max(counts, sighting.trouble == smtp::Trouble::refused ? refusal_counts : silence_counts);
    std::size_t sum = 0;
    for (const auto& [network, its] : in_vain) sum += its;
    if (in_vain.size() >= closed_after_networks && sum >= closed_after) port = Port::closed;
}

asio::awaitable<Connections::Seen> Connections::look(std::string host, net::IpAddress address,
                                                     std::string domain) {
    const std::pair key{host, to_string(address)};
    std::shared_ptr<One>& one = core_->known[key];
    if (!one) {
        one = std::make_shared<One>();
        one->whose = {network_of(address), core_->options.registrable(host)};
        one->host = std::move(host);
        one->domain = domain;
        one->address = address;
        if (core_->stopped) {
            one->skipped = "stopped";
        } else if (core_->port == Port::closed) {
            one->skipped = "port-25-closed-here";
        } else {
            core_->queue.push_back(one);
            core_->pump();
        }
    }
    return wait_for(core_, one, std::move(domain));
}

asio::awaitable<Connections::Seen> Connections::wait_for(std::shared_ptr<Core> core, std::shared_ptr<One> one,
                                                         std::string domain) {
    if (!one->over()) {
        base::Event event(core->executor);
        one->waiting.push_back(&event);
        struct Leave {
            Leave(One& o, base::Event* e) : one(o), event(e) {}
            Leave(const Leave&) = delete;
            Leave& operator=(const Leave&) = delete;
            ~Leave() { std::erase(one.waiting, event); }
            One& one;
            base::Event* event;
        };
        const Leave leave(*one, &event);
        while (!one->over()) {
            co_await event.wait();
        }
    }
    Seen seen;
    seen.sighting = one->sighting;
    seen.skipped = one->skipped;
    if (seen.sighting && one->domain != domain) seen.see_domain = one->domain;
    co_return seen;
}

} // namespace check
