// Any octets as a mail log, and as a line kept by `stsmap preview`: what is taken from a line is a part of it, a message
// is never counted more often than its deliveries, domains are domains, and a kept verdict is read as it was written.
#include "fuzz.hpp"

#include "base/domain.hpp"
#include "tool/preview/kept.hpp"
#include "tool/preview/reading.hpp"

#include <algorithm>
#include <string_view>

namespace {

void inside(std::string_view part, std::string_view line) {
    fuzz::require(part.empty() ||
                      (part.data() >= line.data() && part.data() + part.size() <= line.data() + line.size()),
                  "a part of the line");
}

void look(std::string_view line) {
    using namespace preview;
    const auto front = parse_front(line);
    if (!front) return;
    for (const std::string_view part : {front->time, front->host, front->tag, front->message})
        inside(part, line);
    const Event event = parse_message(parse_tag(front->tag).program, front->message);
    if (const auto* const delivery = std::get_if<Delivery>(&event)) {
        for (const std::string_view part :
             {delivery->queue_id, delivery->recipient_domain, delivery->peer.host, delivery->peer.address,
              delivery->tls, delivery->dsn, delivery->words})
            inside(part, line);
        fuzz::require(!delivery->queue_id.empty() && !delivery->peer.host.empty(), "a whole delivery");
        fuzz::require(delivery->recipient_domain.find('>') == std::string_view::npos,
                      "an address ends at its >");
    }
    if (const auto* const hop = std::get_if<HopLine>(&event)) inside(hop->domain, line);
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace preview;
    const std::string_view text = fuzz::view(data, size);
    TallyLimits limits;
    limits.domains = 5;
    limits.in_queue = 6;
    limits.processes = 2;
    limits.relays = 3;
    const base::Instant now{base::seconds{1'795'953'600}};
    Tally tally(std::nullopt, limits);
    Times times(now, [](base::Instant) { return base::seconds{3600}; });
    for (std::string_view rest = text; !rest.empty();) {
        const std::string_view line = rest.substr(0, rest.find('\n'));
        rest.remove_prefix(std::min(rest.size(), line.size() + 1));
        look(line);
        read_line(line, times, tally);
    }
    std::uint64_t messages = 0;
    for (const DomainSum& sum : tally.sums()) {
        const auto domain = base::Domain::parse(sum.domain);
        fuzz::require(domain && domain->name() == sum.domain, "a domain");
        fuzz::require(sum.sent <= sum.messages && sum.waited <= sum.messages, "parts of the messages");
        fuzz::require(sum.hosts.size() <= max_hosts, "so many hosts");
        messages += sum.messages;
    }
    fuzz::require(messages == tally.messages() && messages <= tally.lines.deliveries,
                  "as many as deliveries at most");
    fuzz::require(tally.domains() <= limits.domains, "so many domains");
    fuzz::require(tally.lines.other + tally.lines.postfix == tally.lines.all, "every line is of one kind");
    fuzz::require(tally.lines.unlinked <= tally.lines.tls, "a part of the TLS lines");

    if (const auto kept = read_kept(text, "3.7.11/sts", now)) {
        const std::string line =
            kept_line(*kept, "3.7.11/sts").dump(-1, ' ', true, tool::Json::error_handler_t::replace);
        const auto again = read_kept(line, "3.7.11/sts", now);
        fuzz::require(again == kept || line.size() > max_kept_line, "the same verdict");
    }
    return 0;
}
