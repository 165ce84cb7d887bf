#include "cache/disk/write_op.hpp"

#include <utility>

namespace cache {

std::size_t WriteOp::octets() const {
    if (refused()) return sizeof(WriteOp);
    const Row* row = std::get_if<Row>(&what);
    return sizeof(WriteOp) + domain().name().size() +
           (row ? row->policy_text.size() + row->txt_id.size() : 0);
}

bool merge(WriteOp& first, WriteOp then) {
    const auto* removal = std::get_if<Removal>(&then.what);
    if (removal == nullptr) {
        first = std::move(then);
        return false;
    }
    if (const Row* row = std::get_if<Row>(&first.what)) {
        // The removal means the row that would be written, or else one that this row replaces.
        if (!removal->fetched_at || *removal->fetched_at == row->fetched_at)
            first.what = Removal{removal->domain, std::nullopt};
        return false;
    }
    auto& both = std::get<Removal>(first.what);
    if (both.fetched_at == removal->fetched_at || !both.fetched_at) return false;
    both.fetched_at.reset(); // either of them; if neither is on the disk, the row there is passed again
    return removal->fetched_at.has_value();
}

bool KeptOps::keep(WriteOp op) {
    op.done = nullptr;
    const base::Domain domain = op.domain();
    const auto at = ops_.find(domain);
    const bool fits = op.removes() || octets_ + op.octets() <= most_octets_;
    // A row without room is dropped, with any row of the domain on the disk, and is passed again by its
    // owner.
    if (!fits) op = WriteOp{Removal{domain, std::nullopt}, nullptr};
    bool complete = fits;
    if (at == ops_.end()) {
        if (ops_.size() >= most_) return false;
        octets_ += op.octets();
        ops_.emplace(domain, std::move(op));
        return complete;
    }
    octets_ -= at->second.octets();
    complete = !merge(at->second, std::move(op)) && complete;
    octets_ += at->second.octets();
    return complete;
}

WriteOp KeptOps::take() {
    WriteOp op = std::move(ops_.extract(ops_.begin()).mapped());
    octets_ -= op.octets();
    return op;
}

} // namespace cache
