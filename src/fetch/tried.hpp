// fetch/tried.hpp - which addresses of a policy host were tried and with which results, for the failure's
// detail. Bounded in the number of addresses and in octets for each.
#pragma once

#include "fetch/address.hpp"

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace fetch {

class Tried {
public:
    static constexpr std::size_t max_named = 8;
    static constexpr std::size_t max_outcome = 100;

    /// For each address the first outcome counts.
    void add(const Address& address, std::string_view outcome) {
        if (std::find(addresses_.begin(), addresses_.end(), address) != addresses_.end()) return;
        addresses_.push_back(address);
        if (addresses_.size() > max_named) return;
        if (!text_.empty()) text_ += "; ";
        text_ += address.to_string() + ": ";
        text_ += outcome.substr(0, max_outcome);
    }
    [[nodiscard]] std::size_t count() const noexcept { return addresses_.size(); }
    /// "192.0.2.1: Connection refused; 192.0.2.2: no octet for 2500 ms; and 3 more"; "" when none was tried.
    [[nodiscard]] std::string text() const {
        return count() <= max_named ? text_
                                    : text_ + "; and " + std::to_string(count() - max_named) + " more";
    }

private:
    std::vector<Address> addresses_;
    std::string text_;
};

} // namespace fetch
