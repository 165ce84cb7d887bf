// daemon/fleet.hpp - the shared cache that the configuration asks for, and the files that it needs. Belongs to the back
// thread.
#pragma once

#include "base/expected.hpp"
#include "cache/valkey/key_ring.hpp"
#include "cache/valkey/shared_cache.hpp"
#include "config/config.hpp"
#include "dns/resolver.hpp"

#include <memory>
#include <optional>
#include <string>

namespace app {

class Fleet {
public:
    /// Reads the files: blocking. One that is missing or wrong is an event, and there is no shared cache then: mail goes
    /// on without.
    Fleet(const config::Shared& shared, valkey::SharedCache::Parts parts, dns::Resolver& resolver);

    /// Null: the configuration asks for none, or it could not be made.
    [[nodiscard]] valkey::SharedCache* cache() const noexcept { return cache_.get(); }
    [[nodiscard]] bool wanted() const noexcept { return wanted_; }
    /// After what this host knows was loaded. Nothing waits for an engine.
    void start();
    void stop();

    /// Reads the key file again. None: there is no shared cache, or `next` has another key file, which waits for a
    /// restart. The error is a sentence for an operator.
    using Keys = std::optional<valkey::KeyRing>;
    [[nodiscard]] base::Expected<Keys, std::string> read_keys(const config::Shared& next) const;
    void use(Keys keys);

private:
    [[nodiscard]] static std::unique_ptr<valkey::SharedCache>
    make(const config::Shared& shared, valkey::SharedCache::Parts parts, dns::Resolver& resolver);

    std::string key_file_;
    bool wanted_;
    std::unique_ptr<valkey::SharedCache> cache_;
};

} // namespace app
