// tool/preview/tally.hpp - what a mail log says about mail to recipients' domains, added up: messages, mail hosts, TLS.
// Pure.
//
// A message counts once per instance, queue id and recipient domain, whatever the tries and the recipients; queue ids
// are used again, so a message ends when the queue manager says "removed". The memory depends on the number of domains
// and of messages that are in the queue at one time, not on the length of the log. TLS lines have no queue id: they
// belong to the delivery that the same process logs next, if it is to the same host; those that no such delivery follows
// are counted, never guessed.
#pragma once

#include "base/clock.hpp"
#include "base/keyed_hash.hpp"
#include "tool/preview/line.hpp"
#include "tool/preview/names.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace preview {

/// Mail that MTA-STS has nothing to do with.
enum class LeftOut : std::uint8_t {
    local,     ///< to a mailbox or a program of this host
    socket,    ///< over LMTP, or to a socket
    internal,  ///< to a loopback or private address: a filter, a host of one's own
    relayed,   ///< by a service for relayed mail, or to another port than 25
    literal,   ///< to user@[192.0.2.1]
    no_domain, ///< what stands behind the @ is no domain, or nothing does
    refused,   ///< by error(8), as a table says
};
inline constexpr std::size_t left_out_kinds = 7;
[[nodiscard]] std::string_view to_string(LeftOut kind) noexcept; ///< "local", "socket", ...
[[nodiscard]] std::string_view words_of(LeftOut kind) noexcept;  ///< "to mailboxes and programs of this host"

/// Which lines do not count, and what they were.
struct Lines {
    std::uint64_t all = 0;
    std::uint64_t other = 0;   ///< of other programs, or of no form that is known
    std::uint64_t postfix = 0; ///< of the programs of Postfix that deliver
    std::uint64_t earlier = 0; ///< of these, written before --since
    std::uint64_t deliveries = 0;
    std::uint64_t broken = 0;  ///< deliveries that are cut or damaged
    std::uint64_t undated = 0; ///< of Postfix, with a time that is none
    std::uint64_t too_long = 0;
    std::uint64_t tls = 0;        ///< about TLS
    std::uint64_t unlinked = 0;   ///< of these, without the delivery that they belong to
    std::uint64_t over_limit = 0; ///< deliveries to domains beyond the limit on their number
    std::uint64_t forgotten = 0;  ///< messages that were in the queue when there was no more room for it
};

/// A mail host that was connected to for mail to the domain.
struct UsedHost {
    std::string name;
    std::uint64_t deliveries = 0;
};

struct DomainSum {
    std::string domain;   ///< lower-case A-labels
    std::string next_hop; ///< whose policy applied, where the log names it and it is another; "" the domain's
    std::uint64_t messages = 0, sent = 0;
    std::uint64_t waited =
        0; ///< messages that were put off for the reason of TLS (4.7.4, 4.7.5), once or more
    base::Instant first{}, last{};
    std::vector<UsedHost> hosts; ///< the most used first; see max_hosts
    bool more_hosts = false;
    std::array<std::uint64_t, levels>
        tls{};               ///< deliveries by the level of their connection, where the log says it
    std::uint64_t clear = 0; ///< deliveries that the log calls unencrypted (Postfix 3.11)
    std::uint64_t reports_good = 0, reports_bad = 0; ///< TLSRPT
    std::string failure;                             ///< of the last bad one
};

struct TallyLimits {
    std::size_t domains = 1'000'000;
    std::size_t relays = 200'000;     ///< names of mail hosts; those beyond are left out of `hosts`
    std::size_t in_queue = 1'000'000; ///< messages that are remembered until they are removed
    std::size_t processes = 16'384;   ///< of smtp(8), whose last TLS line is remembered
};
inline constexpr std::size_t max_hosts = 8; ///< of a domain

class Tally {
public:
    explicit Tally(std::optional<base::Instant> since = {}, TallyLimits limits = {});

    /// An event of a line of Postfix. `pid` 0: not known.
    void take(const Writer& writer, std::uint32_t pid, base::Instant at, const Event& event);
    [[nodiscard]] bool is_early(base::Instant at) const noexcept { return since_ && at < *since_; }

    Lines lines; ///< counted by the reader, but for what take() counts

    [[nodiscard]] std::uint64_t left_out(LeftOut kind) const noexcept {
        return left_out_[static_cast<std::size_t>(kind)]; ///< messages
    }
    [[nodiscard]] std::uint64_t messages() const noexcept { return messages_; } ///< all that count
    [[nodiscard]] std::optional<base::Instant> first() const noexcept { return first_; }
    [[nodiscard]] std::optional<base::Instant> last() const noexcept { return last_; }
    [[nodiscard]] std::size_t domains() const noexcept { return sums_.size(); }
    /// The domains with most messages first, then by name.
    [[nodiscard]] std::vector<DomainSum> sums() const;

private:
    struct HostCount {
        std::uint32_t relay = 0;
        std::uint32_t deliveries = 0;
    };
    struct Sum {
        std::uint64_t messages = 0, sent = 0, waited = 0, clear = 0, reports_good = 0, reports_bad = 0;
        base::Instant first{}, last{};
        std::vector<HostCount> hosts;
        bool more_hosts = false;
        std::array<std::uint64_t, levels> tls{};
        std::string next_hop, failure;
    };
    /// What a process of smtp(8) logged for the delivery that it is about.
    struct Process {
        std::uint64_t key = 0;     ///< of instance and pid; 0: free
        std::uint64_t owner = 0;   ///< of the instance
        std::uint64_t peer = 0;    ///< of its TLS line
        std::uint64_t message = 0; ///< its delivery has begun; 0: not yet
        Level level{};
        bool has_tls = false, reported = false, success = false;
        std::string hop, failure;
    };
    /// The domains of a message: each number with its marks, see tally.cpp; sorted.
    using Message = std::vector<std::uint32_t>;
    using Queue = std::unordered_map<std::uint64_t, Message, base::HashedAlready>;

    void deliver(const Writer& writer, std::uint32_t pid, base::Instant at, const Delivery& delivery);
    void hear(Process& process, const TlsLine& line);
    static void hear(Process& process, const HopLine& line);
    void start_again(const Writer& writer);
    [[nodiscard]] std::uint64_t key_of(const Writer& writer, std::string_view what);
    [[nodiscard]] Message& message_of(std::uint64_t key);
    [[nodiscard]] Process& process_of(const Writer& writer, std::uint32_t pid);
    void lose(const Process& process) noexcept;
    [[nodiscard]] std::optional<std::uint32_t> domain_number(std::string_view written);
    void count_host(Sum& sum, std::string_view host);
    /// `sum`: of `domain`; null: of a delivery that is left out.
    void link(Sum* sum, std::uint32_t domain, Process& process, std::uint64_t message,
              const Delivery& delivery);

    std::optional<base::Instant> since_;
    TallyLimits limits_;
    std::array<std::uint64_t, left_out_kinds> left_out_{};
    std::uint64_t messages_ = 0;
    std::optional<base::Instant> first_, last_;
    Names domains_, relays_;
    std::vector<Sum> sums_;
    Queue young_, old_; ///< young_ takes the newcomers; when it is full it becomes old_
    std::vector<Process> processes_;
    std::string scratch_;
};

/// Which mail a delivery is; nullopt: mail to recipients' domains over SMTP.
[[nodiscard]] std::optional<LeftOut> why_left_out(const Writer& writer, const Delivery& delivery) noexcept;

} // namespace preview
