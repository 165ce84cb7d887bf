// tool/check/registrable.hpp - the part of a host name that somebody has registered, by the public suffix list.
#pragma once

#include <string>
#include <string_view>

namespace check {

/// "example.co.uk" of "mx1.example.co.uk"; the name itself when it is a public suffix or the list has no opinion.
/// `name` is in lower-case A-labels, without a final dot.
[[nodiscard]] std::string registrable_part(std::string_view name);

} // namespace check
