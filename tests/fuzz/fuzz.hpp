// tests/fuzz/fuzz.hpp - what every fuzz target needs: the entry point's shape and a check that stops the run.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace fuzz {

/// Stops with a message when a property does not hold; unlike assert() also in builds with NDEBUG.
inline void require(bool holds, std::string_view property) {
    if (holds) return;
    std::fprintf(stderr, "property violated: %.*s\n", static_cast<int>(property.size()), property.data());
    std::abort();
}

inline std::string_view view(const std::uint8_t* data, std::size_t size) {
    return {reinterpret_cast<const char*>(data), size};
}

} // namespace fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
