// tests/support/allocated.hpp - how much memory is in use, by malloc's own account.
#pragma once

#include <cstddef>

#include <malloc.h>

namespace test {

/// Octets; 0 with an allocator that does not count them (a sanitizer's).
inline std::size_t allocated() {
    const struct mallinfo2 now = ::mallinfo2();
    return now.uordblks + now.hblkhd;
}

} // namespace test
