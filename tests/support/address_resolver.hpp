// tests/support/address_resolver.hpp - a Resolver that knows addresses only, and can be slow or never answer.
#pragma once

#include "dns/resolver.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <chrono>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace test {

/// Names that were not set do not exist.
class AddressResolver final : public dns::Resolver {
public:
    using Result = dns::Result;
    /// A delay that no test waits for.
    static constexpr std::chrono::hours never{1};

    /// Each address goes to the A or the AAAA answer, in order; a type without any is answered NODATA.
    void set(const std::string& name, const std::vector<std::string>& addresses) {
        std::vector<std::string> a, aaaa;
        for (const std::string& text : addresses) {
            const auto address = boost::asio::ip::make_address(text);
            if (address.is_v4()) {
                const auto octets = address.to_v4().to_bytes();
                a.emplace_back(octets.begin(), octets.end());
            } else {
                const auto octets = address.to_v6().to_bytes();
                aaaa.emplace_back(octets.begin(), octets.end());
            }
        }
        known_.insert_or_assign({name, dns::Type::a}, answer(name, std::move(a)));
        known_.insert_or_assign({name, dns::Type::aaaa}, answer(name, std::move(aaaa)));
    }
    void fail(const std::string& name, dns::Type type, base::Reason reason) {
        known_.insert_or_assign({name, type}, Result(base::unexpected(reason)));
    }
    void slow(const std::string& name, dns::Type type, std::chrono::milliseconds delay) {
        delays_[{name, type}] = delay;
    }
    /// The owner of the records is another name: the end of a CNAME.
    void alias(const std::string& name, const std::string& target) {
        for (const dns::Type type : {dns::Type::a, dns::Type::aaaa})
            if (const auto found = known_.find({name, type}); found != known_.end() && found->second)
                found->second->canonical_name = target;
    }

    [[nodiscard]] const std::vector<std::string>& asked() const noexcept { return asked_; }

    boost::asio::awaitable<Result> resolve(std::string name, dns::Type type, dns::Purpose) override {
        asked_.push_back(name);
        const std::pair<std::string, dns::Type> question(name, type);
        if (const auto delay = delays_.find(question); delay != delays_.end()) {
            auto executor = co_await boost::asio::this_coro::executor;
            boost::asio::steady_timer timer(executor, delay->second);
            co_await timer.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
        }
        if (const auto found = known_.find(question); found != known_.end()) co_return found->second;
        dns::Answer none;
        none.kind = dns::Answer::Kind::nxdomain;
        none.canonical_name = name;
        co_return Result(std::move(none));
    }

private:
    static Result answer(const std::string& name, std::vector<std::string> records) {
        dns::Answer made;
        made.kind = records.empty() ? dns::Answer::Kind::nodata : dns::Answer::Kind::data;
        made.records = std::move(records);
        made.ttl = std::chrono::seconds{300};
        made.canonical_name = name;
        return Result(std::move(made));
    }

    std::map<std::pair<std::string, dns::Type>, Result> known_;
    std::map<std::pair<std::string, dns::Type>, std::chrono::milliseconds> delays_;
    std::vector<std::string> asked_;
};

} // namespace test
