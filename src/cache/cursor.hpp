// cache/cursor.hpp - where a walk over the policies in memory is, and how to find a policy seen on it again.
//
// Values without pointers: they may be kept as long as the table, whatever happens to it meanwhile.
#pragma once

#include <cstddef>
#include <cstdint>

namespace cache {

/// Begins at the first policy. Only Table::slice() moves it.
class Cursor {
public:
    static constexpr std::size_t shards = 64;
    [[nodiscard]] bool over() const noexcept { return shard_ == shards; }

private:
    friend class PolicyTable;
    std::size_t shard_ = 0, chunk_ = 0;
};

/// Where a policy was seen. Eight octets, for those who keep one for each of a million.
struct Place {
    std::uint32_t where = 0;
    std::uint32_t hash = 0; ///< of the name, keyed: shows whether another domain has the place now
};

} // namespace cache
