// tool/explain/collect.hpp - the evidence on this host: the daemon's word over its control socket, a look at DNS,
// Postfix's settings.
//
// Changes nothing, with one exception: a domain that the daemon does not know is asked for once, as Postfix would,
// so that the daemon looks for its policy; not with --offline. Blocking, some 10 s at most.
#pragma once

#include "tool/explain/command_line.hpp"
#include "tool/setup/reach.hpp"

namespace app {

/// `ask`: for the question whether smtp(8) reaches stsmapd.
[[nodiscard]] base::Expected<explain::Evidence, std::string>
collect_evidence(const setup::Ask& ask, const tool::CommonOptions& common,
                 const explain::CommandOptions& options, const tool::World& world);

} // namespace app
