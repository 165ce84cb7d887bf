// cache/valkey/exchange.hpp - one command on a connection of its own, which is closed again: a question to a Sentinel.
#pragma once

#include "cache/valkey/connection.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

namespace valkey {

/// Within dialing.limit, greeting and reply together. `turn`: as of Connection::open().
[[nodiscard]] boost::asio::awaitable<Answer> exchange(boost::asio::any_io_executor executor, Address address,
                                                      Dialing dialing, Login login, LinkTuning tuning,
                                                      Arguments command, std::size_t turn);

} // namespace valkey
