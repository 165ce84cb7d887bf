// lookup/options.hpp - what answers depend on besides what is known of the domain.
#pragma once

#include "base/clock.hpp"
#include "cache/entry.hpp"
#include "decision/override.hpp"
#include "postfix/services.hpp"

#include <memory>
#include <string>

namespace lookup {

struct ServiceOptions {
    base::milliseconds deadline{10000}; ///< an answer never takes longer
    cache::Tuning tuning;
    std::string dane_status = "inactive"; ///< shown to tools: "active", or "inactive: why"
    /// Ports by name; null: Postfix's own names alone.
    std::shared_ptr<const postfix::Services> services = {};
    /// Of the configuration and of run time; null: none.
    std::shared_ptr<const decision::Overrides> overrides = {};
    bool observe = false; ///< everything is looked up, and Postfix gets no opinion
};

} // namespace lookup
