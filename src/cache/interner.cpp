#include "cache/interner.hpp"

#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>

namespace cache {

using decision::PolicyPtr;
using decision::PolicyText;

struct Interner::Shelf {
    struct Place {
        const PolicyText*
            text; ///< alive as long as the place is there: the deleter takes the place away first
        std::weak_ptr<const PolicyText> holder;
    };
    mutable std::mutex mutex;
    std::unordered_multimap<std::uint64_t, Place> places;

    [[nodiscard]] PolicyPtr find(std::uint64_t hash, std::string_view text) const {
        const auto [from, to] = places.equal_range(hash);
        // Only what is returned may be locked: a pointer dropped here could be the last, and its deleter
        // locks too.
        for (auto it = from; it != to; ++it)
            if (it->second.text->text == text)
                if (PolicyPtr found = it->second.holder.lock()) return found;
        return nullptr;
    }
    void remove(std::uint64_t hash, const PolicyText* text) {
        std::lock_guard lock{mutex};
        const auto [from, to] = places.equal_range(hash);
        for (auto it = from; it != to; ++it)
            if (it->second.text == text) {
                places.erase(it);
                return;
            }
    }
};

Interner::Interner(SipKey key) : key_(key), shelf_(std::make_shared<Shelf>()) {}

base::Expected<PolicyPtr, sts::PolicyError> Interner::intern(std::string_view text) {
    const std::uint64_t hash = siphash(text, key_);
    // A holder found and dropped again must be dropped without the lock: it may turn out to be the last.
    PolicyPtr found;
    {
        std::lock_guard lock{shelf_->mutex};
        found = shelf_->find(hash, text);
    }
    if (found) return found;

    base::Expected<sts::Policy, sts::PolicyError> policy = sts::parse_policy(text);
    if (!policy) return base::unexpected(policy.error());
    const auto put_back = [shelf = shelf_, hash](const PolicyText* p) {
        shelf->remove(hash, p);
        delete p;
    };
    PolicyPtr made{new PolicyText{std::string(text), std::move(*policy)}, put_back};
    {
        std::lock_guard lock{shelf_->mutex};
        found = shelf_->find(hash, text); // another thread may have been faster
        if (!found) shelf_->places.emplace(hash, Shelf::Place{made.get(), made});
    }
    return found ? found : made;
}

std::size_t Interner::size() const {
    std::lock_guard lock{shelf_->mutex};
    return shelf_->places.size();
}

} // namespace cache
