#include "cache/memory/interner.hpp"

#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace cache {

using sts::PolicyPtr;
using sts::PolicyText;

/// The texts somebody holds, in a hash table without chains: one place read for a text that is known, however
/// many there are.
struct Interner::Shelf {
    struct Held final : PolicyText, std::enable_shared_from_this<Held> {
        Held(PolicyText it, std::uint64_t hash_, std::shared_ptr<Shelf> shelf_)
            : PolicyText(std::move(it)), hash(hash_), shelf(std::move(shelf_)) {}
        Held(const Held&) = delete;
        Held& operator=(const Held&) = delete;
        ~Held() { shelf->remove(this); }
        const std::uint64_t hash;
        const std::shared_ptr<Shelf> shelf;
    };
    struct Place {
        std::uint64_t hash = 0;
        Held* text = nullptr; ///< alive as long as it stands here; null: the place is free
    };

    mutable std::mutex mutex;
    std::vector<Place> places = std::vector<Place>(64); ///< a power of two, at most three quarters taken
    std::size_t count = 0;

    [[nodiscard]] std::size_t next(std::size_t at) const { return (at + 1) & (places.size() - 1); }
    [[nodiscard]] std::size_t home(std::uint64_t hash) const { return hash & (places.size() - 1); }

    [[nodiscard]] PolicyPtr find(std::uint64_t hash, std::string_view text) const {
        // Only what is returned may be locked: a pointer dropped here could be the last, and its destructor
        // locks too.
        for (std::size_t at = home(hash); places[at].text != nullptr; at = next(at))
            if (places[at].hash == hash && places[at].text->text == text)
                if (PolicyPtr found = places[at].text->weak_from_this().lock()) return found;
        return nullptr;
    }
    void add(Held* text) {
        if (4 * (count + 1) > 3 * places.size()) {
            std::vector<Place> old(2 * places.size());
            old.swap(places);
            for (const Place& place : old)
                if (place.text != nullptr) lay(place);
        }
        lay({text->hash, text});
        ++count;
    }
    void lay(Place place) {
        std::size_t at = home(place.hash);
        while (places[at].text != nullptr) at = next(at);
        places[at] = place;
    }
    void remove(const Held* text) {
        std::lock_guard lock{mutex};
        std::size_t hole = home(text->hash);
        while (places[hole].text != text) {
            if (places[hole].text == nullptr) return; // was never added: another thread was faster
            hole = next(hole);
        }
        --count;
        // Those behind move up unless they stand between their home and the hole already.
        for (std::size_t at = next(hole); places[at].text != nullptr; at = next(at)) {
            const std::size_t mask = places.size() - 1;
            if (((at - home(places[at].hash)) & mask) < ((at - hole) & mask)) continue;
            places[hole] = places[at];
            hole = at;
        }
        places[hole] = {};
    }
};

Interner::Interner(base::SipKey key) : key_(key), shelf_(std::make_shared<Shelf>()) {}

base::Expected<PolicyPtr, sts::PolicyError> Interner::intern(std::string_view text) {
    const std::uint64_t hash = base::siphash_1_3(text, key_);
    // A holder found and dropped again must be dropped without the lock: it may turn out to be the last.
    PolicyPtr found;
    {
        std::lock_guard lock{shelf_->mutex};
        found = shelf_->find(hash, text);
    }
    if (found) return found;

    base::Expected<sts::Policy, sts::PolicyError> policy = sts::parse_policy(text);
    if (!policy) return base::unexpected(policy.error());
    policy->mx.shrink_to_fit();
    auto made =
        std::make_shared<Shelf::Held>(PolicyText{std::string(text), std::move(*policy)}, hash, shelf_);
    {
        std::lock_guard lock{shelf_->mutex};
        found = shelf_->find(hash, text); // another thread may have been faster
        if (!found) shelf_->add(made.get());
    }
    return found ? found : made;
}

} // namespace cache
