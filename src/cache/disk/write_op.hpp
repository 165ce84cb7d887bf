// cache/disk/write_op.hpp - what the store must write, and what is kept of it while the disk does not accept
// it. Part of cache/disk/sqlite_store; nothing else includes it. Belongs to one thread at a time.
#pragma once

#include "base/clock.hpp"
#include "base/domain.hpp"
#include "base/keyed_hash.hpp"
#include "cache/store.hpp"

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <unordered_map>
#include <variant>

namespace cache {

struct Refused {}; ///< there was no room for it, or it is not fit to be stored

struct Removal {
    base::Domain domain;
    std::optional<base::Instant> fetched_at; ///< of the row to remove; none: any row that was saved before
};

struct WriteOp {
    std::variant<Row, Removal, Refused> what; ///< save, forget, nothing
    std::function<void(bool)> done;

    [[nodiscard]] bool refused() const { return std::holds_alternative<Refused>(what); }
    [[nodiscard]] bool removes() const { return std::holds_alternative<Removal>(what); }
    [[nodiscard]] const base::Domain& domain() const {
        const Row* row = std::get_if<Row>(&what);
        return row ? row->domain : std::get<Removal>(what).domain;
    }
    /// Its approximate size in memory.
    [[nodiscard]] std::size_t octets() const;
};

/// Merges two operations on a domain, one after the other, into `first`. True when the owner must pass the
/// domain's row again to be sure.
bool merge(WriteOp& first, WriteOp then);

/// At most one operation per domain, without its `done`; bounded in octets of rows and in domains.
class KeptOps {
public:
    KeptOps(std::size_t most, std::size_t most_octets) : most_(most), most_octets_(most_octets) {}

    /// False: not all of it could be kept, and the owner must pass the domain's row again. Throws
    /// std::bad_alloc.
    [[nodiscard]] bool keep(WriteOp op);
    /// Takes one of them out; must not be empty.
    [[nodiscard]] WriteOp take();
    [[nodiscard]] bool contains(const base::Domain& domain) const { return ops_.contains(domain); }
    [[nodiscard]] bool empty() const noexcept { return ops_.empty(); }
    [[nodiscard]] std::size_t size() const noexcept { return ops_.size(); }
    [[nodiscard]] std::size_t octets() const noexcept { return octets_; }

private:
    std::size_t most_, most_octets_, octets_ = 0;
    std::unordered_map<base::Domain, WriteOp> ops_;
};

} // namespace cache
