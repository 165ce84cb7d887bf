// sts/policy_text.hpp - a policy as fetched and as parsed. Immutable, shared by all domains that serve the
// same text.
#pragma once

#include "sts/policy.hpp"

#include <memory>
#include <string>

namespace sts {

struct PolicyText {
    std::string text; ///< as served; the only form that is stored
    Policy policy;
};
using PolicyPtr = std::shared_ptr<const PolicyText>;

} // namespace sts
