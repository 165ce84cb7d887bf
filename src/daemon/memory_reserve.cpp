#include "daemon/memory_reserve.hpp"

#include <atomic>
#include <cstdlib>
#include <new>

namespace app {

namespace {

std::atomic<void*> reserve{nullptr};

/// The new-handler: operator new calls it when there is no memory, and then tries again.
void give_back() {
    void* const held = reserve.exchange(nullptr);
    if (held == nullptr) throw std::bad_alloc{};
    std::free(held);
}

} // namespace

MemoryReserve::MemoryReserve(base::Clock& clock, events::Sink& events) : clock_(clock), events_(events) {
    reserve = std::malloc(octets);
    std::set_new_handler(give_back);
}

MemoryReserve::~MemoryReserve() {
    std::set_new_handler(nullptr);
    std::free(reserve.exchange(nullptr));
}

bool MemoryReserve::available() noexcept {
    if (reserve.load(std::memory_order_relaxed) != nullptr && !short_) return true;
    const base::Steady now = clock_.steady();
    if (short_ && now < try_at_) return false;
    const bool news = !short_;
    short_ = true;
    try_at_ = now + retry;
    // Wait a second before taking the memory again: running work needs it.
    if (!news && reserve.load(std::memory_order_relaxed) == nullptr) reserve = std::malloc(octets);
    short_ = reserve.load(std::memory_order_relaxed) == nullptr;
    try {
        if (news)
            events_.emit(events::MemoryShort{.detail = "out of memory: answering known domains only"});
        else if (!short_)
            events_.emit(events::MemoryBack{.detail = "new lookups start again"});
    } catch (const std::bad_alloc&) {
        // There is no memory for a log line. The next change may log it.
    }
    return !short_;
}

} // namespace app
