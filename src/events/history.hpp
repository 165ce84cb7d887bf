// events/history.hpp - what happened to each domain lately, to explain its state: the last events, the last failure
// in full, and where its policy came from. Pure.
//
// Keeps what the domain's cache entry does not have: why a fetch failed, which policy was replaced, the reason
// for DANE's verdict. An event that repeats with the same text takes one place, with its first and last time. The
// last failure stays among the events, whatever else happens. Bounded in octets, 16 MiB in all: the events of domains
// that have a policy, the failures of those that have none (strangers choose these), and the sources; of each, what was
// noted longest ago goes first. Not thread-safe.
#pragma once

#include "base/clock.hpp"
#include "events/event.hpp"
#include "events/recently.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace events {

class History {
public:
    static constexpr std::size_t max_octets = std::size_t{16} << 20; ///< some 15,000 domains
    static constexpr std::size_t max_events = 8;                     ///< of a domain
    static constexpr std::size_t max_value = 100;                    ///< octets in the value of one field
    static constexpr std::size_t max_detail = 500;                   ///< the same in the detail of a failure

    struct Kept {
        base::Instant first{}, last{};
        std::uint32_t times = 1; ///< stops at its largest value
        Id kind{};
        std::string text; ///< "key=value key=value", without the domain and fields that always change
    };
    /// How the policy that was fetched last came: fetch::Circumstances.
    struct Source {
        std::string address, tls, issuer;
        base::Instant certificate_ends{};
        [[nodiscard]] std::size_t octets() const noexcept;
    };
    struct Failure {
        base::Instant at{};
        base::Reason reason{};
        std::string detail; ///< printable
    };

    explicit History(std::size_t most = max_octets)
        : events_(most / 8 * 5), failures_(most / 8), sources_(most / 8 * 2) {}

    /// Ignores events that are not about a domain with a policy, except failures. May throw std::bad_alloc.
    void note(const Event& event, base::Instant now);
    /// Forgets all about the domain.
    void forget(std::string_view domain);

    /// Oldest first. "" names no domain.
    [[nodiscard]] std::vector<Kept> of(std::string_view domain) const;
    [[nodiscard]] std::optional<Source> source(std::string_view domain) const;
    /// Of the last attempt to fetch a policy, or to look for its record, that failed.
    [[nodiscard]] std::optional<Failure> failure(std::string_view domain) const;

    [[nodiscard]] std::size_t octets() const noexcept {
        return events_.octets() + failures_.octets() + sources_.octets();
    }
    [[nodiscard]] std::size_t domains() const noexcept { return events_.size(); }

private:
    struct Events {
        std::vector<Kept> kept;
        std::optional<Failure> failure;
        [[nodiscard]] std::size_t octets() const noexcept;
    };

    static void add(std::vector<Kept>& events, Id kind, std::string text, base::Instant now);

    Recently<Events> events_;
    Recently<Events> failures_; ///< of domains without a policy
    Recently<Source> sources_;
};

} // namespace events
