// base/inbox.hpp - the port to another thread: hands it work. Tests give it an event loop of their own.
#pragma once

#include <functional>

namespace base {

class Inbox {
public:
    virtual ~Inbox() = default;
    /// Runs `work` once on the inbox's thread, later and in the order of posts. Safe from any thread. What
    /// has not run when the inbox goes is dropped.
    virtual void post(std::function<void()> work) = 0;
};

} // namespace base
