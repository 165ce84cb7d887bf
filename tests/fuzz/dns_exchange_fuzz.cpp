// One question to several name servers, with any events in any order: honest, forged, broken or cut replies,
// failures, time. The exchange ends by its deadline, asks no more than its limits allow, and never asks after
// its end.
//
// The input is a script: octets for the number of servers, trust and form, then events.
#include "fuzz.hpp"

#include "dns/exchange.hpp"

#include <chrono>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace std::chrono_literals;

/// A reply to the sent query: its id and question, with the script's flags, counts and sections.
dns::Bytes reply_to(const dns::Send& send, fuzz::Script& input) {
    dns::Bytes reply = send.message;
    std::size_t end = 12;
    while (end < reply.size() && reply[end] != 0) end += 1 + reply[end];
    reply.resize(std::min(end + 5, reply.size()));
    const unsigned flags = input.octet();
    reply[2] = static_cast<std::uint8_t>(0x81 | (flags & 2)); // QR, RD, sometimes TC
    reply[3] = static_cast<std::uint8_t>(0x80 | (flags & 0x2f) >> 2);
    const unsigned counts = input.octet();
    reply[7] = counts & 7;
    reply[9] = counts >> 3 & 3;
    reply[11] = counts >> 5 & 1;
    if ((flags & 64) != 0) reply[2] ^= 0x80;
    if ((flags & 128) != 0) reply[1] ^= 1;
    for (const char c : input.octets(input.octet())) reply.push_back(static_cast<std::uint8_t>(c));
    return reply;
}

struct Run {
    explicit Run(std::size_t servers) : sent_to(servers) {}

    void take(const dns::Actions& actions, const dns::Exchange& exchange) {
        for (const dns::Note& note : actions.notes)
            fuzz::require(note.server < sent_to.size(), "a known server");
        fuzz::require(actions.sends.size() <= 2, "two at a time");
        for (const dns::Send& send : actions.sends) {
            fuzz::require(!over && !actions.done, "nothing is sent after the end");
            fuzz::require(send.attempt == sends.size(), "tries are numbered");
            fuzz::require(exchange.listens_to(send.attempt), "a new try is listened to");
            ++sent_to.at(send.server);
            sends.push_back(send);
        }
        if (actions.done) {
            fuzz::require(!over, "one end");
            over = true;
            result = actions.done;
        }
        fuzz::require(over == exchange.done(), "done() says so");
        wake = actions.wake;
    }

    std::vector<unsigned> sent_to;
    std::vector<dns::Send> sends;
    std::optional<dns::Result> result;
    base::Steady wake{};
    bool over = false;
};

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::Script input(fuzz::view(data, size));
    const unsigned form = input.octet();
    const std::size_t servers = form % 4; // may be none
    const unsigned trust = input.octet();
    std::vector<dns::Candidate> candidates;
    for (std::size_t i = 0; i < servers; ++i)
        candidates.push_back({i, (trust >> i & 1) != 0, (trust >> (i + 3) & 1) != 0, (trust & 0x40) != 0});
    const bool worth_matters = (trust & 0x80) != 0;
    dns::ExchangeOptions options;
    options.tcp_only = (form & 8) != 0;
    constexpr dns::Type types[] = {dns::Type::txt, dns::Type::mx, dns::Type::a, dns::Type::tlsa};
    base::Steady now{1000s};
    const base::Steady deadline = now + 8s;
    std::uint16_t id = 7;
    dns::Exchange exchange("a.example", types[form >> 4 & 3], worth_matters, candidates, options, deadline,
                           [&id] { return id = static_cast<std::uint16_t>(id * 31 + 5); });
    Run run(servers);
    run.take(exchange.start(now), exchange);
    while (!input.empty() && !run.over) {
        const unsigned event = input.octet();
        const std::size_t attempt = run.sends.empty() ? 0 : input.octet() % run.sends.size();
        if (run.sends.empty() || event % 4 == 0) {
            now += base::milliseconds{1 + event * 4};
            run.take(exchange.time_passed(now), exchange);
        } else if (event % 4 == 1) {
            run.take(
                exchange.failed(attempt, event < 128 ? dns::IoError::unreachable : dns::IoError::local, now),
                exchange);
        } else if (event % 4 == 2) {
            const dns::Bytes reply = reply_to(run.sends[attempt], input);
            run.take(exchange.message(attempt, reply, now), exchange);
        } else {
            const std::string_view any = input.octets(event);
            const dns::Bytes bytes(any.begin(), any.end());
            run.take(exchange.message(attempt, bytes, now), exchange);
        }
    }
    // Without events its own timers lead it to its end.
    for (int turns = 0; !run.over; ++turns) {
        fuzz::require(turns < 100, "it ends");
        fuzz::require(run.wake > now || run.wake >= deadline, "it wakes later than now");
        fuzz::require(run.wake <= deadline, "nothing extends the deadline");
        now = std::max(now, run.wake);
        run.take(exchange.time_passed(now), exchange);
    }
    for (const unsigned times : run.sent_to)
        fuzz::require(times <= options.tries_per_server + dns::max_repetitions, "tries have their limit");
    const std::string tried = exchange.tried([](std::size_t) { return std::string{"server"}; });
    fuzz::require(tried.size() <= dns::max_tried && fuzz::is_printable(tried),
                  "what was tried is a short line");
    if (run.result && !*run.result) {
        fuzz::require(run.result->error() != base::Reason::none, "a failure has a reason");
    } else if (run.result) {
        const dns::Worth worth = (*run.result)->worth;
        fuzz::require(exchange.answered_by().has_value(), "an answer is somebody's");
        if (worth == dns::Worth::indeterminate) return 0;
        fuzz::require((trust >> *exchange.answered_by() & 1) != 0,
                      "nothing is known from who is not believed");
        fuzz::require(worth == dns::Worth::secure || worth_matters, "unsigned is only what was asked about");
    }
    return 0;
}
