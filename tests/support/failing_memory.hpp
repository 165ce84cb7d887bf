// tests/support/failing_memory.hpp - operator new throws std::bad_alloc when a test wants it.
//
// The test program defines operator new itself. The thread that creates a FailingMemory is not affected, so that only
// the tested code finds no memory; one FailingMemory at a time. What C libraries take with malloc(3) is not
// touched.
#pragma once

#include <cstdint>

namespace test {

class FailingMemory {
public:
    static constexpr std::uint64_t for_ever = ~std::uint64_t{0};

    FailingMemory();
    ~FailingMemory();
    FailingMemory(const FailingMemory&) = delete;
    FailingMemory& operator=(const FailingMemory&) = delete;

    /// Of the allocations of other threads, counted from now and from 1, number `first` and the following
    /// fail, `count` of them.
    void fail(std::uint64_t first, std::uint64_t count = for_ever);
    void heal();
    /// Allocations that failed since fail().
    [[nodiscard]] std::uint64_t failed() const;
};

} // namespace test
