// base/memo.hpp - a value made on first use from data that does not change. Safe from any thread.
//
// Costs a pointer until then, and an atomic read afterwards. Threads that come first at the same time may all
// make it; one value is kept, and all of them are equal.
#pragma once

#include <atomic>
#include <memory>

namespace base {

template <class T>
class Memo {
public:
    Memo() = default;
    Memo(Memo&& other) noexcept : value_(other.value_.exchange(nullptr)) {}
    Memo& operator=(Memo&&) = delete;
    ~Memo() { delete value_.load(std::memory_order_relaxed); }

    /// The value; made by `make()` when there is none yet.
    template <class Make>
    const T& get(Make make) const {
        if (const T* held = value_.load(std::memory_order_acquire)) return *held;
        auto made = std::make_unique<const T>(make());
        const T* held = nullptr;
        const bool first = value_.compare_exchange_strong(held, made.get(), std::memory_order_acq_rel,
                                                          std::memory_order_acquire);
        return first ? *made.release() : *held;
    }

private:
    mutable std::atomic<const T*> value_{nullptr};
};

} // namespace base
