// daemon/signals_blocked.hpp - blocks signals while threads start that must not get any.
#pragma once

#include <pthread.h>

#include <csignal>

namespace app {

/// Blocks signals: only the back thread waits for them, no answering thread gets one.
class SignalsBlocked {
public:
    SignalsBlocked() {
        sigset_t all;
        sigfillset(&all);
        pthread_sigmask(SIG_BLOCK, &all, &before_);
    }
    ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
    SignalsBlocked(const SignalsBlocked&) = delete;
    SignalsBlocked& operator=(const SignalsBlocked&) = delete;

private:
    sigset_t before_{};
};

} // namespace app
