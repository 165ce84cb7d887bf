// tool/findings/rows.hpp - the parts of the table of findings, each in a file of its own. For table.cpp alone.
#pragma once

#include "tool/findings/finding.hpp"

namespace findings {

[[nodiscard]] std::span<const Row> policy_rows() noexcept;  ///< "policy-...": the text of a policy
[[nodiscard]] std::span<const Row> record_rows() noexcept;  ///< "txt-...", "tlsrpt-...": TXT records
[[nodiscard]] std::span<const Row> host_rows() noexcept;    ///< "dns-...", "host-...": the way to the policy
[[nodiscard]] std::span<const Row> mail_rows() noexcept;    ///< "mx-...", "dane-...": the mail servers
[[nodiscard]] std::span<const Row> publish_rows() noexcept; ///< "publish-...": changing one's own policy

} // namespace findings
