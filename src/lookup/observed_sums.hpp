// lookup/observed_sums.hpp - how often domains that are only observed were asked for, until the sums are fetched.
//
// Bounded: above max_domains further domains are counted as forgotten. Belongs to one thread.
#pragma once

#include "base/clock.hpp"
#include "base/keyed_hash.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace lookup {

class ObservedSums {
public:
    static constexpr std::size_t max_domains = 100'000;

    struct Sum {
        std::string domain;
        std::string_view would; ///< static text: what Postfix would have got the last time
        std::uint64_t lookups = 0;
        base::Instant first{}, last{};
    };
    struct Taken {
        std::vector<Sum> sums;
        std::uint64_t forgotten = 0; ///< lookups of domains that found no room
    };

    /// `would` is static text. When memory runs out, the lookup is counted as forgotten.
    void note(std::string_view domain, std::string_view would, base::Instant now) noexcept;
    /// All since the last call.
    [[nodiscard]] Taken take();

private:
    struct Count {
        std::string_view would;
        std::uint64_t lookups = 0;
        base::Instant first{}, last{};
    };
    std::unordered_map<std::string, Count, base::KeyedHash, std::equal_to<>> counts_;
    std::uint64_t forgotten_ = 0;
};

} // namespace lookup
