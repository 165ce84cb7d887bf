// dane/validation.hpp - is a trusted validating resolver in use? Pure.
//
// Without one no answer is ever secure, and DANE is for nobody here to see. A name known to be signed must
// come with AD; a name known to be badly signed, where one is configured, must not come at all.
#pragma once

#include "dane/host.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace dane {

struct Validation {
    enum class State {
        yes,
        no,      ///< the resolver does not validate, or its AD bit is not trusted
        unknown, ///< a lookup failed in a way that says nothing: ask again
    };
    State state = State::unknown;
    std::string why; ///< one printable line
    friend bool operator==(const Validation&, const Validation&) = default;
};
[[nodiscard]] std::string_view to_string(Validation::State state) noexcept; ///< "yes", "no", "unknown"

/// `from_signed` is what came of asking for `signed_name` ("" is the root); `from_broken`, where asked, of
/// `broken_name`.
[[nodiscard]] Validation judge_validation(std::string_view signed_name, const Result& from_signed,
                                          std::string_view broken_name = {},
                                          const std::optional<Result>& from_broken = {});

} // namespace dane
