// fetch/handshake_thread.hpp - one thread for the rare handshakes that may take tens of milliseconds (long
// chains, large keys), so that they do not block the loop.
//
// Threads: run() and stop() from the loop's. The first run() starts the thread. Work that has not started
// when it stops is dropped.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace fetch {

class HandshakeThread {
public:
    HandshakeThread() = default;
    ~HandshakeThread() { stop(); }
    HandshakeThread(const HandshakeThread&) = delete;
    HandshakeThread& operator=(const HandshakeThread&) = delete;

    /// In the order they came; `work` must not throw. False if no thread could be started, or it was
    /// stopped.
    [[nodiscard]] bool run(std::function<void()> work);
    /// Waits for the running piece of work. Call it before the objects that the work uses are destroyed.
    void stop() noexcept;

private:
    void loop();

    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<std::function<void()>> waiting_;
    bool stopped_ = false;
    std::thread thread_;
};

} // namespace fetch
