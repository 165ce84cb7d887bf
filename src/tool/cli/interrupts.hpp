// tool/cli/interrupts.hpp - SIGINT and SIGTERM for commands that end in an orderly way.
#pragma once

#include <memory>
#include <stop_token>

namespace tool {

/// While it exists, SIGINT and SIGTERM stop what has its token, and do not end the process; a second one does.
class Interrupts {
public:
    Interrupts();
    ~Interrupts();
    Interrupts(const Interrupts&) = delete;
    Interrupts& operator=(const Interrupts&) = delete;
    [[nodiscard]] std::stop_token token() const;

private:
    struct Watch;
    std::unique_ptr<Watch> watch_;
};

} // namespace tool
