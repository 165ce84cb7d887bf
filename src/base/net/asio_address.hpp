// base/net/asio_address.hpp - an address as Asio has it. Pure.
#pragma once

#include "base/net/address.hpp"

#include <boost/asio/ip/address.hpp>

#include <algorithm>

namespace net {

[[nodiscard]] inline boost::asio::ip::address to_asio(const IpAddress& ip) {
    if (ip.v6) return boost::asio::ip::address_v6{ip.octets, ip.scope_id};
    boost::asio::ip::address_v4::bytes_type octets{};
    std::copy_n(ip.octets.begin(), octets.size(), octets.begin());
    return boost::asio::ip::address_v4{octets};
}

} // namespace net
