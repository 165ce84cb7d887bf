// base/expected.hpp - the one place that names the vocabulary type for "a value or why not".
// With a C++23 library this becomes std::expected.
#pragma once

#include <tl/expected.hpp>

#include <utility>

namespace base {

template <class T, class E>
using Expected = tl::expected<T, E>;

/// To make the value in its place: Expected<T, E>{in_place, ...}.
using tl::in_place;

template <class E>
[[nodiscard]] auto unexpected(E error) {
    return tl::unexpected<E>(std::move(error));
}

} // namespace base
