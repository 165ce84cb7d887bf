#include "fetch/handshake_thread.hpp"

#include <csignal>
#include <system_error>
#include <utility>

namespace fetch {

bool HandshakeThread::run(std::function<void()> work) {
    {
        const std::lock_guard lock{mutex_};
        if (stopped_) return false;
        waiting_.push_back(std::move(work));
    }
    changed_.notify_one();
    if (thread_.joinable()) return true;
    // Other threads handle signals.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    try {
        thread_ = std::thread([this] { loop(); });
    } catch (const std::system_error&) {
        const std::lock_guard lock{mutex_};
        waiting_.clear();
    }
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return thread_.joinable();
}

void HandshakeThread::stop() noexcept {
    {
        const std::lock_guard lock{mutex_};
        stopped_ = true;
    }
    changed_.notify_one();
    if (thread_.joinable()) thread_.join();
    waiting_.clear();
}

void HandshakeThread::loop() {
    std::unique_lock lock{mutex_};
    for (;;) {
        changed_.wait(lock, [this] { return stopped_ || !waiting_.empty(); });
        if (stopped_) return;
        std::function<void()> work = std::move(waiting_.front());
        waiting_.pop_front();
        lock.unlock();
        work();
        work = nullptr;
        lock.lock();
    }
}

} // namespace fetch
