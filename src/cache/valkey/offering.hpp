// cache/valkey/offering.hpp - brings policies of this host to the engine: what lies there is looked at first, and a newer
// one is taken instead.
//
// Belongs to one single-threaded executor; owned by a shared_ptr.
#pragma once

#include "base/clock.hpp"
#include "cache/valkey/access.hpp"
#include "cache/valkey/offers.hpp"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace valkey {

/// Offers that are looked up at a time.
inline constexpr std::size_t max_offers_looked_up = 16;
/// After a look-up failed although the engine is up.
inline constexpr base::milliseconds offer_again{1000};

class Offering : public std::enable_shared_from_this<Offering> {
public:
    using Newer = std::function<void(Value)>;

    /// `newer` gets what is newer in the engine.
    Offering(std::shared_ptr<Access> access, base::Timers& timers, Newer newer)
        : access_(std::move(access)), timers_(timers), newer_(std::move(newer)) {}
    Offering(const Offering&) = delete;
    Offering& operator=(const Offering&) = delete;

    void push(Offer offer);
    /// What waits is not written, and what is being written is removed again.
    void forget(const base::Domain& domain);
    /// Whenever the engine may take some.
    void go_on();

    [[nodiscard]] std::size_t waiting() const noexcept { return offers_.size() + looked_up_; }
    [[nodiscard]] std::size_t waiting_octets() const noexcept { return offers_.octets(); }
    /// A notification came. How long ago it was sent; nothing: it is not ours.
    [[nodiscard]] std::optional<base::milliseconds> came_back(std::string_view name);

private:
    /// An offer from its look-up to the answer to its SET.
    struct UnderWay {
        Offer offer;
        bool forgotten = false;
    };
    using UnderWayPtr = std::shared_ptr<UnderWay>;
    [[nodiscard]] UnderWayPtr begin(Offer offer);
    void look_up(Offer offer);
    void looked(const UnderWayPtr& one, const std::vector<std::string>& names, const Answer& answer);
    void write(const UnderWayPtr& one, bool tell);
    void written(const UnderWay& one, const std::string& key, const Answer& answer);
    void back(Offer offer);
    void note() noexcept;

    static constexpr std::size_t max_sent = 64, few_under_way = 64;

    std::shared_ptr<Access> access_;
    base::Timers& timers_;
    Newer newer_;
    Offers offers_;
    std::size_t looked_up_ = 0;
    std::vector<std::weak_ptr<UnderWay>> under_way_; ///< with some that are over
    std::size_t sweep_at_ = few_under_way;
    bool again_ = false;                                    ///< go_on() is due in a moment
    std::map<std::string, base::Steady, std::less<>> sent_; ///< notifications, by name
};

} // namespace valkey
