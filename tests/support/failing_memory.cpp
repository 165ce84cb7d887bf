#include "support/failing_memory.hpp"

#include <atomic>
#include <cstdlib>
#include <new>

namespace {

std::atomic<bool> armed{false};
std::atomic<std::uint64_t> calls{0}, fails_from{0}, fails_count{0}, failures{0};
thread_local bool spared = false;

bool fails_now() {
    if (!armed.load() || spared) return false;
    const std::uint64_t number = ++calls, first = fails_from.load();
    if (number < first || number - first >= fails_count.load()) return false;
    ++failures;
    return true;
}

} // namespace

// All except those for special alignments. A sanitizer has its own of each, and needs them to be consistent.
void* operator new(std::size_t size) {
    if (fails_now()) throw std::bad_alloc{};
    for (;;) {
        if (void* const memory = std::malloc(size > 0 ? size : 1)) return memory;
        const std::new_handler more = std::get_new_handler();
        if (more == nullptr) throw std::bad_alloc{};
        more();
    }
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, const std::nothrow_t&) noexcept { std::free(memory); }

void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
    try {
        return ::operator new(size);
    } catch (const std::bad_alloc&) {
        return nullptr;
    }
}
void* operator new[](std::size_t size) { return ::operator new(size); }
void* operator new[](std::size_t size, const std::nothrow_t& none) noexcept {
    return ::operator new(size, none);
}
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, const std::nothrow_t&) noexcept { std::free(memory); }

namespace test {

FailingMemory::FailingMemory() { spared = true; }
FailingMemory::~FailingMemory() {
    heal();
    spared = false;
}

void FailingMemory::fail(std::uint64_t first, std::uint64_t count) {
    armed = false;
    calls = 0;
    failures = 0;
    fails_from = first;
    fails_count = count;
    armed = true;
}
void FailingMemory::heal() { armed = false; }
std::uint64_t FailingMemory::failed() const { return failures; }

} // namespace test
