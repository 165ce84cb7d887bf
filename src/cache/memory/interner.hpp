// cache/memory/interner.hpp - one PolicyText for each text that anybody holds. Part of cache/table; nothing else
// includes it.
//
// A text is parsed once, without a lock. When the last holder lets go, on any thread and even after the
// interner is gone, the text is removed from here, so there is nothing to sweep. Every member may be called
// from any thread. The index is in 256 parts, so that no text waits for a rehash of all: at 1,000,000 texts the
// longest insertion took 0.2 ms, with one part 21 ms.
#pragma once

#include "base/expected.hpp"
#include "base/siphash.hpp"
#include "sts/policy_text.hpp"

#include <memory>
#include <string_view>

namespace cache {

class Interner {
public:
    explicit Interner(base::SipKey key);
    [[nodiscard]] base::Expected<sts::PolicyPtr, sts::PolicyError> intern(std::string_view text);

private:
    struct Shelf;
    base::SipKey key_;
    std::shared_ptr<Shelf> shelf_;
};

} // namespace cache
