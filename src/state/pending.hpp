// state/pending.hpp - notes that wait until they are written: sums of observed domains, and whose protection began
// or ended. What concerns one domain is one note. Pure. Part of state/keeper.
#pragma once

#include "base/clock.hpp"
#include "state/rows.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace state {

class Pending {
public:
    /// Of protection; above, changes are lost, and a domain's "since" is missing or too early.
    static constexpr std::size_t max_notes = 100'000;

    struct Note {
        bool ended = false;                 ///< first: what the file says is over
        std::optional<base::Instant> since; ///< then: protected since
        base::Instant until{};              ///< and, for all that is known, until then
        friend bool operator==(const Note&, const Note&) = default;
    };

    /// `max_domains`: of observed ones; above, further domains are only counted (forgotten()).
    explicit Pending(std::size_t max_domains) : max_domains_(max_domains) {}

    void began(std::string_view domain, base::Instant at, base::Instant until);
    void ended(std::string_view domain);
    void add(const Observed& more);
    void add_forgotten(std::uint64_t domains) { forgotten_ += domains; }

    [[nodiscard]] bool empty() const noexcept {
        return notes_.empty() && observed_.empty() && forgotten_ == 0;
    }
    [[nodiscard]] const std::map<std::string, Note, std::less<>>& notes() const noexcept { return notes_; }
    [[nodiscard]] const std::map<std::string, Observed, std::less<>>& observed() const noexcept {
        return observed_;
    }
    [[nodiscard]] std::uint64_t forgotten() const noexcept { return forgotten_; }
    /// All of it is written.
    void clear() noexcept;

private:
    Note* note(std::string_view domain);

    std::size_t max_domains_;
    std::map<std::string, Note, std::less<>> notes_;
    std::map<std::string, Observed, std::less<>> observed_;
    std::uint64_t forgotten_ = 0;
};

} // namespace state
