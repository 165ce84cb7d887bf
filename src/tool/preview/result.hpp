// tool/preview/result.hpp - the log's sums beside the verdicts: the table, in messages and in domains. Pure.
#pragma once

#include "tool/client/control_text.hpp"
#include "tool/preview/tally.hpp"
#include "tool/preview/verdict.hpp"
#include "tool/show/times.hpp"

#include <array>
#include <cstdint>
#include <iosfwd>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace preview {

/// One domain.
struct Row {
    DomainSum sum;
    Kind kind = Kind::unknown;
    const Checked* checked = nullptr; ///< of the domain, or of its next hop; null: it was not looked at
};

struct Sums {
    std::uint64_t domains = 0, messages = 0;
};

struct Result {
    bool from_log = true;  ///< false: the daemon's domains, without messages
    bool looked = true;    ///< false: only the log was read
    bool stopped = false;  ///< before all domains had been looked at
    std::string source;    ///< "/var/log/mail.log.1, /var/log/mail.log", "the journal"; printable
    std::string relayhost; ///< of this Postfix; "" none
    std::vector<Row> rows; ///< most messages first
    std::array<Sums, kinds> by_kind{};
    Sums all;
    Lines lines;
    std::array<std::uint64_t, left_out_kinds> left_out{};
    std::optional<base::Instant> first, last;
    [[nodiscard]] const Sums& of(Kind kind) const noexcept { return by_kind[static_cast<std::size_t>(kind)]; }
};

using Verdicts = std::map<std::string, Checked, std::less<>>;

/// The name whose policy decides about mail to the domain.
[[nodiscard]] const std::string& decides(const DomainSum& sum) noexcept;
/// Rows and sums. `verdicts` outlives the result.
[[nodiscard]] Result add_up(const Tally& tally, const Verdicts& verdicts);
/// The same of domains that the daemon knows.
[[nodiscard]] Result add_up(const std::vector<std::string>& domains, const Verdicts& verdicts);

struct Look {
    base::Instant now{};
    tool::Zone zone;
    std::size_t most = 20; ///< rows of each list but that of mail that would wait, which is whole
};
void print_text(const Result& result, const Look& look, std::ostream& out);

/// One object for a domain, and the last one for the whole.
[[nodiscard]] tool::Json row_json(const Result& result, const Row& row);
[[nodiscard]] tool::Json summary_json(const Result& result);

} // namespace preview
