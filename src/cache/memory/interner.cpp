#include "cache/memory/interner.hpp"

#include "base/keyed_hash.hpp"

#include <boost/unordered/unordered_flat_map.hpp>

#include <array>
#include <cstdint>
#include <mutex>
#include <string>
#include <utility>

namespace cache {

using sts::PolicyPtr;
using sts::PolicyText;

/// The texts that somebody holds, by their keyed hash, in parts: a rehash moves only one part. Of two texts
/// with the same hash, the older one is no longer shared.
struct Interner::Shelf {
    struct Held final : PolicyText, std::enable_shared_from_this<Held> {
        Held(PolicyText it, std::uint64_t hash_, std::shared_ptr<Shelf> shelf_)
            : PolicyText(std::move(it)), hash(hash_), shelf(std::move(shelf_)) {}
        Held(const Held&) = delete;
        Held& operator=(const Held&) = delete;
        ~Held() { shelf->part(hash).remove(this); }
        const std::uint64_t hash;
        const std::shared_ptr<Shelf> shelf;
    };
    struct alignas(64) Part {
        std::mutex mutex;
        boost::unordered_flat_map<std::uint64_t, Held*, base::HashedAlready> texts; ///< each is alive

        /// Lock only the returned weak pointer: a shared pointer dropped here could be the last one, and its
        /// destructor locks the mutex, too. Hold the mutex.
        [[nodiscard]] PolicyPtr find(std::uint64_t hash, std::string_view text) const {
            const auto at = texts.find(hash);
            if (at == texts.end() || at->second->text != text) return nullptr;
            return at->second->weak_from_this().lock();
        }
        void remove(const Held* text) {
            std::lock_guard lock{mutex};
            const auto at = texts.find(text->hash);
            if (at != texts.end() && at->second == text) texts.erase(at);
        }
    };
    std::array<Part, 256> parts;

    [[nodiscard]] Part& part(std::uint64_t hash) { return parts[hash >> 56]; }
};

Interner::Interner(base::SipKey key) : key_(key), shelf_(std::make_shared<Shelf>()) {}

base::Expected<PolicyPtr, sts::PolicyError> Interner::intern(std::string_view text) {
    const std::uint64_t hash = base::siphash_1_3(text, key_);
    Shelf::Part& part = shelf_->part(hash);
    // A holder that was found must be dropped without the lock: it may be the last one.
    PolicyPtr found;
    {
        std::lock_guard lock{part.mutex};
        found = part.find(hash, text);
    }
    if (found) return found;

    base::Expected<sts::Policy, sts::PolicyError> policy = sts::parse_policy(text);
    if (!policy) return base::unexpected(policy.error());
    policy->mx.shrink_to_fit();
    auto made =
        std::make_shared<Shelf::Held>(PolicyText{std::string(text), std::move(*policy)}, hash, shelf_);
    {
        std::lock_guard lock{part.mutex};
        found = part.find(hash, text); // another thread may have added it meanwhile
        if (!found) part.texts.insert_or_assign(hash, made.get());
    }
    return found ? found : made;
}

} // namespace cache
