// tool/preview/command.hpp - `stsmap preview`: which mail of the last weeks would have waited, had MTA-STS been enforced.
#pragma once

#include "base/expected.hpp"
#include "tool/cli/command.hpp"
#include "tool/explain/postfix_look.hpp"
#include "tool/preview/verdict.hpp"

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace preview {

struct Progress {
    std::size_t done = 0, all = 0; ///< domains
    std::size_t connected = 0;     ///< connections to mail servers so far
    bool mail_hosts = false;       ///< the second part: mail hosts
    bool port_25_closed = false;
};

/// Looks at domains as the Postfix of this host would. Blocking.
class Eyes {
public:
    Eyes() = default;
    Eyes(const Eyes&) = delete;
    Eyes& operator=(const Eyes&) = delete;
    virtual ~Eyes() = default;
    /// Whose: "3.7.11/sts", and all settings that matter; verdicts by other eyes are not used again.
    [[nodiscard]] virtual std::string name() const = 0;
    [[nodiscard]] virtual std::string relayhost() const = 0; ///< "" none
    [[nodiscard]] virtual std::string
    trouble() const = 0; ///< why Postfix's settings are not known; "" they are
    struct Asked {
        std::vector<std::string> domains;
        std::function<void(Checked)> found; ///< once for each domain, as they are complete
        std::function<void(const Progress&)> progress;
        std::stop_token stop;
    };
    /// False: it was stopped. The error is words for a person.
    [[nodiscard]] virtual base::Expected<bool, std::string> look(const Asked& asked) = 0;
};

struct EyesOptions {
    std::size_t a_minute = 60;             ///< connections to mail servers
    std::string postfix_directory;         ///< as of postfix -c
    std::string service;                   ///< of master.cf
    std::optional<explain::Asked> postfix; ///< --postfix
};
using MakeEyes = std::function<base::Expected<std::unique_ptr<Eyes>, std::string>(
    const tool::CommonOptions&, const EyesOptions&, const tool::World&)>;

[[nodiscard]] std::unique_ptr<tool::Command> command(MakeEyes make_eyes);

} // namespace preview
