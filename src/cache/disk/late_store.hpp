// cache/disk/late_store.hpp - the store port while the store is still being opened.
//
// Front threads may already answer, and pass other questions to the learner. Its thread is the one that opens
// the store, so nobody saves or forgets before set(). Running time before set() is not noted.
#pragma once

#include "cache/store.hpp"

#include <functional>
#include <optional>
#include <utility>

namespace cache {

class LateStore final : public Store {
public:
    /// `store` must outlive the last call.
    void set(Store& store) noexcept { store_ = &store; }

    void save(Row row, std::function<void(bool)> done) override {
        store_->save(std::move(row), std::move(done));
    }
    void forget(base::Domain domain, std::optional<base::Instant> fetched_at) override {
        store_->forget(std::move(domain), fetched_at);
    }
    void note_running(base::seconds total) override {
        if (store_ != nullptr) store_->note_running(total);
    }

private:
    Store* store_ = nullptr;
};

} // namespace cache
