#include "wiring/host_addresses.hpp"

#include "base/event.hpp"
#include "base/next_word.hpp"
#include "base/text.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <exception>
#include <fstream>
#include <memory>
#include <optional>
#include <utility>

namespace app {

namespace asio = boost::asio;
using std::chrono::steady_clock;

namespace {

/// How long addresses of one family wait for the other (RFC 8305 section 3).
constexpr std::chrono::milliseconds resolution_delay{50};

constexpr std::string_view blanks = " \t\r";

std::string read_start(const std::string& path) {
    std::string text(max_hosts_file, '\0');
    std::ifstream in{path, std::ios::binary};
    in.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(in.gcount()));
    return text;
}

std::optional<net::IpAddress> from_rdata(std::string_view rdata) {
    net::IpAddress address;
    if (rdata.size() != 4 && rdata.size() != 16) return std::nullopt;
    address.v6 = rdata.size() == 16;
    std::ranges::transform(rdata, address.octets.begin(),
                           [](char c) { return static_cast<std::uint8_t>(c); });
    return address;
}

/// What two questions have found.
struct Found {
    explicit Found(const asio::any_io_executor& executor) : changed(executor) {}
    std::vector<net::IpAddress> addresses;
    std::size_t unanswered = 0;
    base::Event changed;
};

void ask(const asio::any_io_executor& executor, dns::Resolver& resolver, const std::string& host,
         dns::Type type, const std::shared_ptr<Found>& found) {
    ++found->unanswered;
    asio::co_spawn(executor, resolver.resolve(host, type, dns::Purpose::address),
                   [found](std::exception_ptr error, dns::Result answer) {
                       --found->unanswered;
                       if (!error && answer)
                           for (const std::string& rdata : answer->records)
                               if (const auto address = from_rdata(rdata))
                                   found->addresses.push_back(*address);
                       found->changed.notify();
                   });
}

asio::awaitable<std::vector<net::IpAddress>> look_up(dns::Resolver* resolver, std::string file,
                                                     std::string host) {
    host = base::ascii_lower(host); // a Sentinel writes it as it likes
    if (host.ends_with('.')) host.pop_back();
    if (host.empty()) co_return std::vector<net::IpAddress>{};
    std::vector<net::IpAddress> addresses = addresses_in(read_start(file), host);
    if (!addresses.empty()) co_return addresses;
    const asio::any_io_executor executor = co_await asio::this_coro::executor;
    const auto found = std::make_shared<Found>(executor);
    constexpr std::array types{dns::Type::aaaa, dns::Type::a};
    for (const dns::Type type : types) ask(executor, *resolver, host, type, found);
    auto until = steady_clock::time_point::max();
    while (found->unanswered > 0 && steady_clock::now() < until) {
        co_await found->changed.wait_until(until);
        if (!found->addresses.empty()) until = std::min(until, steady_clock::now() + resolution_delay);
    }
    addresses = found->addresses;
    if (addresses.size() > max_host_addresses) addresses.resize(max_host_addresses);
    co_return addresses;
}

} // namespace

std::vector<net::IpAddress> addresses_in(std::string_view file, std::string_view host) {
    std::vector<net::IpAddress> addresses;
    while (!file.empty() && addresses.size() < max_host_addresses) {
        std::string_view line = file.substr(0, file.find('\n'));
        file.remove_prefix(std::min(line.size() + 1, file.size()));
        line = line.substr(0, line.find('#'));
        const auto address = net::parse_scoped_ip(base::next_word(line, blanks));
        if (!address) continue;
        for (std::string_view name = base::next_word(line, blanks); !name.empty();
             name = base::next_word(line, blanks))
            if (base::ascii_lower(name) == host) {
                addresses.push_back(*address);
                break;
            }
    }
    return addresses;
}

valkey::Resolve host_addresses(dns::Resolver& resolver, std::string file) {
    return [resolver = &resolver, file = std::move(file)](std::string host) {
        return look_up(resolver, file, std::move(host));
    };
}

} // namespace app
