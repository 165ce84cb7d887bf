// cache/valkey/sentinel.hpp - which Sentinel to ask next for the address of the primary and its replicas, and what its
// replies say. Pure.
//
// As Sentinel's documentation asks of clients: the Sentinels in order; one that answered stands first from then on; the
// address is asked for again before every connection, and the role checked by ROLE (Login::role).
#pragma once

#include "base/expected.hpp"
#include "cache/valkey/address.hpp"
#include "cache/valkey/resp.hpp"
#include "cache/valkey/trouble.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace valkey {

inline constexpr std::size_t max_sentinels = 16; ///< that are asked; further ones are not
inline constexpr std::size_t max_replicas = 64;  ///< that are taken from one reply
inline constexpr std::size_t max_host = 255;     ///< octets of a host in a reply

class Sentinels {
public:
    /// `name`: of the primary, as the Sentinels know it.
    Sentinels(std::vector<Address> addresses, std::string name);

    [[nodiscard]] Arguments ask_primary() const;
    /// REPLICAS, which Redis 5 and newer have.
    [[nodiscard]] Arguments ask_replicas() const;

    /// In the order to ask them.
    [[nodiscard]] const std::vector<Address>& order() const noexcept { return addresses_; }
    /// This one is asked first from now on.
    void answered(const Address& sentinel);

private:
    std::vector<Address> addresses_;
    std::string name_;
};

/// The reply to ask_primary(). The failure has words for an operator.
[[nodiscard]] base::Expected<Address, Failure> primary_in(const Answer& answer);

/// The reply to ask_replicas(): the replicas that a client may read from: neither down nor disconnected, and with a
/// link to their primary. A reply of another form has none.
[[nodiscard]] std::vector<Address> replicas_in(const Answer& answer);

} // namespace valkey
