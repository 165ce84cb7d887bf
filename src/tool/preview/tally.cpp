#include "tool/preview/tally.hpp"

#include "base/domain.hpp"
#include "base/net/address.hpp"
#include "base/text.hpp"

#include <algorithm>

namespace preview {
namespace {

/// Of a domain's number in a Message.
constexpr std::uint32_t sent_mark = 1, waited_mark = 2, mark_bits = 2;
/// Mail that is left out counts once per message, too: as if it were to these "domains".
constexpr std::uint32_t first_left_out = (UINT32_MAX >> mark_bits) - left_out_kinds;

constexpr std::size_t longest_domain = 1000; ///< octets as written, U-labels

bool is_private(const net::IpAddress& address) noexcept {
    const auto& o = address.octets;
    if (net::is_loopback(address)) return true;
    if (address.v6)
        return (o[0] & 0xfe) == 0xfc || (o[0] == 0xfe && (o[1] & 0xc0) == 0x80); // fc00::/7, fe80::/10
    return o[0] == 10 || (o[0] == 172 && (o[1] & 0xf0) == 16) || (o[0] == 192 && o[1] == 168) ||
           (o[0] == 169 && o[1] == 254) || (o[0] == 100 && (o[1] & 0xc0) == 64);
}

/// Put off for TLS, in Postfix's own words, not those of a mail host.
bool waits_for_tls(const Delivery& delivery) noexcept {
    return delivery.status == Status::deferred && (delivery.dsn == "4.7.4" || delivery.dsn == "4.7.5") &&
           !delivery.words.starts_with("host ");
}

/// What tls= of Postfix 3.11 says: the level applied, "!" it was violated, "?" undecided, ":x" what it came down to.
bool is_clear(std::string_view tls) noexcept { return tls == "none" || tls.ends_with(":none"); }
bool is_verified(std::string_view tls) noexcept {
    constexpr std::array<std::string_view, 5> proven{"secure", "verify", "dane", "dane-only", "fingerprint"};
    tls = tls.substr(0, tls.find('/')); // "secure/requiretls"
    return std::ranges::find(proven, tls) != proven.end();
}

} // namespace

std::string_view to_string(LeftOut kind) noexcept {
    constexpr std::array<std::string_view, left_out_kinds> names{
        "local", "socket", "internal", "relayed", "literal", "no_domain", "refused"};
    return names[static_cast<std::size_t>(kind)];
}

std::string_view words_of(LeftOut kind) noexcept {
    constexpr std::array<std::string_view, left_out_kinds> words{
        "to mailboxes and programs of this host",
        "over LMTP or to a socket",
        "to a loopback or private address",
        "by a relay service, or to another port than 25",
        "to an address literal",
        "to something that is no domain",
        "refused by a table of this host",
    };
    return words[static_cast<std::size_t>(kind)];
}

std::optional<LeftOut> why_left_out(const Writer& writer, const Delivery& delivery) noexcept {
    const Peer peer = delivery.peer.none() ? meant_peer(delivery.words) : delivery.peer;
    if (writer.program == Program::local) return LeftOut::local;
    if (writer.program == Program::lmtp) return LeftOut::socket;
    if (writer.program == Program::retry && !delivery.words.starts_with("delivery temporarily suspended"))
        return LeftOut::refused;
    if (writer.service == "relay") return LeftOut::relayed;
    if (!peer.none()) {
        const auto address = net::parse_ip(peer.address);
        if (!address) return LeftOut::socket;
        if (is_private(*address)) return LeftOut::internal;
        if (peer.port != 25) return LeftOut::relayed;
    }
    if (delivery.recipient_domain.starts_with('[')) return LeftOut::literal;
    return std::nullopt;
}

Tally::Tally(std::optional<base::Instant> since, TallyLimits limits)
    : since_(since), limits_(limits), domains_(std::min<std::size_t>(limits.domains, first_left_out)),
      relays_(limits.relays), processes_(std::max<std::size_t>(limits.processes, 1)) {}

void Tally::take(const Writer& writer, std::uint32_t pid, base::Instant at, const Event& event) {
    if (const auto* const delivery = std::get_if<Delivery>(&event))
        deliver(writer, pid, at, *delivery);
    else if (const auto* const removed = std::get_if<Removed>(&event)) {
        const std::uint64_t key = key_of(writer, removed->queue_id);
        if (young_.erase(key) == 0) old_.erase(key);
    } else if (const auto* const tls = std::get_if<TlsLine>(&event)) {
        ++lines.tls;
        if (pid == 0)
            ++lines.unlinked;
        else
            hear(process_of(writer, pid), *tls);
    } else if (const auto* const hop = std::get_if<HopLine>(&event)) {
        if (pid != 0) hear(process_of(writer, pid), *hop);
    } else if (std::holds_alternative<Started>(event))
        start_again(writer);
    else if (std::holds_alternative<Broken>(event))
        ++lines.broken;
}

void Tally::deliver(const Writer& writer, std::uint32_t pid, base::Instant at, const Delivery& delivery) {
    if (delivery.status == Status::other) return;
    ++lines.deliveries;
    auto left = why_left_out(writer, delivery);
    std::uint32_t number = 0;
    if (!left) {
        const auto found = domain_number(delivery.recipient_domain);
        if (!found && domains_.size() >= limits_.domains) {
            ++lines.over_limit;
            return;
        }
        if (found)
            number = *found;
        else
            left = LeftOut::no_domain;
    }
    if (left) number = first_left_out + static_cast<std::uint32_t>(*left);

    const std::uint64_t key = key_of(writer, delivery.queue_id);
    Message& message = message_of(key);
    auto place = std::ranges::lower_bound(message, number << mark_bits);
    const bool is_new = place == message.end() || *place >> mark_bits != number;
    if (is_new) place = message.insert(place, number << mark_bits);
    Process* const process = pid != 0 && writer.program == Program::smtp ? &process_of(writer, pid) : nullptr;
    if (left) {
        if (is_new) ++left_out_[static_cast<std::size_t>(*left)];
        if (process != nullptr) link(nullptr, 0, *process, key, delivery);
        return;
    }
    Sum& sum = sums_[number];
    if (is_new) {
        ++sum.messages;
        ++messages_;
    }
    const auto mark = [&](std::uint32_t which, bool holds, std::uint64_t& counter) {
        if (!holds || (*place & which) != 0) return;
        *place |= which;
        ++counter;
    };
    mark(sent_mark, delivery.status == Status::sent, sum.sent);
    mark(waited_mark, waits_for_tls(delivery), sum.waited);
    if (sum.first == base::Instant{} || at < sum.first) sum.first = at;
    sum.last = std::max(sum.last, at);
    if (!first_ || at < *first_) first_ = at;
    if (!last_ || at > *last_) last_ = at;
    if (!delivery.peer.none()) count_host(sum, delivery.peer.host);
    if (process != nullptr) link(&sum, number, *process, key, delivery);
}

void Tally::link(Sum* sum, std::uint32_t domain, Process& process, std::uint64_t message,
                 const Delivery& delivery) {
    bool linked = false;
    if (process.message != 0 && process.message != message) { // what it logged was about another message
        Process fresh;
        fresh.key = process.key;
        fresh.owner = process.owner;
        process = std::move(fresh);
    }
    if (process.has_tls) {
        const std::string& peer = scratch_ = base::ascii_lower(delivery.peer.host);
        linked = process.peer ==
                 base::keyed_hash(peer) + base::keyed_hash(delivery.peer.address) + delivery.peer.port;
        if (!linked) {
            lose(process);
            process.has_tls = false;
        }
    }
    const bool begins = process.message == 0;
    process.message = message;
    if (sum == nullptr) return;
    if (linked) ++sum->tls[static_cast<std::size_t>(process.level)];
    if (!delivery.tls.empty()) {
        if (is_clear(delivery.tls)) ++sum->clear;
        if (!linked && is_verified(delivery.tls)) ++sum->tls[static_cast<std::size_t>(Level::verified)];
    }
    if (!process.hop.empty()) sum->next_hop = process.hop == domains_.text(domain) ? "" : process.hop;
    if (begins && process.reported) {
        ++(process.success ? sum->reports_good : sum->reports_bad);
        if (!process.success) sum->failure = process.failure;
    }
}

void Tally::hear(Process& process, const TlsLine& line) {
    const std::uint64_t peer = base::keyed_hash(base::ascii_lower(line.peer.host)) +
                               base::keyed_hash(line.peer.address) + line.peer.port;
    if (process.message != 0) {
        process.message = 0;
        process.hop.clear();
        process.reported = false;
    } else if (process.has_tls && process.peer == peer) {
        lose(process); // to another host it is the next one of the same delivery
    }
    process.has_tls = true;
    process.level = line.level;
    process.peer = peer;
}

void Tally::hear(Process& process, const HopLine& line) {
    if (process.message != 0) {
        process.message = 0;
        process.has_tls = false;
        process.reported = false;
    }
    const auto domain = base::Domain::parse(line.domain);
    if (!domain) return;
    process.hop = domain->name();
    if (!line.reported) return;
    process.reported = true;
    process.success = line.success;
    process.failure = base::printable(line.failure, 60);
}

void Tally::start_again(const Writer& writer) {
    const std::uint64_t owner = key_of(writer, {});
    for (Process& process : processes_)
        if (process.key != 0 && process.owner == owner) {
            lose(process);
            process = {};
        }
}

void Tally::lose(const Process& process) noexcept {
    if (process.has_tls && process.message == 0) ++lines.unlinked;
}

std::uint64_t Tally::key_of(const Writer& writer, std::string_view what) {
    scratch_.assign(writer.host).push_back(' ');
    scratch_.append(writer.instance).push_back(' ');
    return base::keyed_hash(scratch_.append(what)) | 1U; // never 0
}

Tally::Message& Tally::message_of(std::uint64_t key) {
    if (const auto found = young_.find(key); found != young_.end()) return found->second;
    Message known;
    if (const auto found = old_.find(key); found != old_.end()) {
        known = std::move(found->second);
        old_.erase(found);
    }
    if (young_.size() >= std::max<std::size_t>(limits_.in_queue / 2, 1)) {
        lines.forgotten += old_.size();
        old_ = std::move(young_);
        young_.clear();
    }
    return young_.emplace(key, std::move(known)).first->second;
}

Tally::Process& Tally::process_of(const Writer& writer, std::uint32_t pid) {
    const std::uint64_t owner = key_of(writer, {});
    const std::uint64_t key = (owner ^ pid * 0x9e3779b97f4a7c15U) | 1U;
    Process& process = processes_[static_cast<std::size_t>(key >> 1U) % processes_.size()];
    if (process.key != key) {
        if (process.key != 0) lose(process);
        process = {};
        process.key = key;
        process.owner = owner;
    }
    return process;
}

std::optional<std::uint32_t> Tally::domain_number(std::string_view written) {
    if (written.empty() || written.size() > longest_domain) return std::nullopt;
    scratch_.assign(written);
    for (char& c : scratch_) c = base::ascii_lower(c);
    if (const auto known = domains_.find(scratch_)) return known;
    const auto domain = base::Domain::parse(scratch_);
    if (!domain) return std::nullopt;
    const auto made = domains_.number(domain->name());
    if (made && *made >= sums_.size()) sums_.resize(*made + std::size_t{1});
    return made;
}

void Tally::count_host(Sum& sum, std::string_view host) {
    scratch_.assign(host.substr(0, 255));
    for (char& c : scratch_) c = base::ascii_lower(c);
    const auto relay = relays_.number(scratch_);
    const auto known = relay ? std::ranges::find(sum.hosts, *relay, &HostCount::relay) : sum.hosts.end();
    if (known != sum.hosts.end())
        ++known->deliveries;
    else if (relay && sum.hosts.size() < max_hosts)
        sum.hosts.push_back({*relay, 1});
    else
        sum.more_hosts = true;
}

std::vector<DomainSum> Tally::sums() const {
    std::vector<DomainSum> all;
    all.reserve(sums_.size());
    for (std::uint32_t number = 0; number < sums_.size(); ++number) {
        const Sum& sum = sums_[number];
        DomainSum& made = all.emplace_back();
        made.domain = domains_.text(number);
        made.next_hop = sum.next_hop;
        made.messages = sum.messages;
        made.sent = sum.sent;
        made.waited = sum.waited;
        made.first = sum.first;
        made.last = sum.last;
        made.more_hosts = sum.more_hosts;
        made.tls = sum.tls;
        made.clear = sum.clear;
        made.reports_good = sum.reports_good;
        made.reports_bad = sum.reports_bad;
        made.failure = sum.failure;
        for (const HostCount& host : sum.hosts)
            made.hosts.push_back({relays_.text(host.relay), host.deliveries});
        std::ranges::stable_sort(made.hosts, std::ranges::greater{}, &UsedHost::deliveries);
    }
    std::ranges::sort(all, [](const DomainSum& a, const DomainSum& b) {
        return a.messages != b.messages ? a.messages > b.messages : a.domain < b.domain;
    });
    return all;
}

} // namespace preview
