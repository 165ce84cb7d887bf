// lookup/census_walk.hpp - counts all policies in slices, so that nothing else waits for it.
//
// Belongs to the thread that it posts to.
#pragma once

#include "base/clock.hpp"
#include "cache/cursor.hpp"
#include "cache/table.hpp"
#include "lookup/census.hpp"

#include <cstddef>
#include <functional>
#include <memory>
#include <utility>

namespace lookup {

class CensusWalk {
public:
    /// A result older than this is renewed when somebody asks.
    static constexpr base::seconds renew_after{60};
    /// So many policies are counted at once, whenever somebody asks.
    static constexpr std::size_t few = 1500;

    struct Parts { // all outlive it
        const cache::Table& table;
        const base::Clock& clock;
        std::function<cache::Tuning()> tuning;            ///< in use now
        std::function<void(std::function<void()>)> later; ///< calls it on this thread, after other work
    };

    explicit CensusWalk(Parts parts) : parts_(std::move(parts)) {}
    ~CensusWalk() { *self_ = nullptr; }
    CensusWalk(const CensusWalk&) = delete;
    CensusWalk& operator=(const CensusWalk&) = delete;

    /// The last count; when that is too old, also begins the next.
    [[nodiscard]] const Census& latest();

private:
    void begin();
    void slice();
    void finish();
    void go_on();

    Parts parts_;
    Census done_;
    Census counted_;       ///< by the walk that is under way
    cache::Tuning tuning_; ///< of that walk
    cache::Cursor cursor_;
    bool walking_ = false;
    std::shared_ptr<CensusWalk*> self_ =
        std::make_shared<CensusWalk*>(this); ///< for posted work: null once it is gone
};

} // namespace lookup
