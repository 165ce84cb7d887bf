// tests/support/sanitized.hpp - whether this build has a sanitizer's own allocator and slowness.
#pragma once

namespace test {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool sanitized = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
inline constexpr bool sanitized = true;
#else
inline constexpr bool sanitized = false;
#endif
#else
inline constexpr bool sanitized = false;
#endif

/// Bounds of processor time are for a build without optimisation; a sanitizer's are so many times longer.
inline constexpr int slowness = sanitized ? 10 : 1;

} // namespace test
