// tests/support/fake_fetcher.hpp - a Fetcher without a network: policy host -> body or failure, set and
// changed at any time. Belongs to one thread, as a real one does.
#pragma once

#include "fetch/fetcher.hpp"

#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace test {

class FakeFetcher final : public fetch::Fetcher {
public:
    /// Awaited by every get() before its outcome is looked up, so that a test can hold it or change the
    /// world.
    std::function<boost::asio::awaitable<void>(std::string policy_host)> delay;

    /// Of all that is set from now on.
    fetch::Circumstances how{"192.0.2.80", "TLSv1.3", "CN=Fake CA",
                             base::Instant{base::seconds{4'000'000'000}}};

    void set(const std::string& policy_host, std::string body) {
        fetch::Fetched fetched;
        fetched.body = std::move(body);
        fetched.how = how;
        outcomes_.insert_or_assign(policy_host, fetch::Result(std::move(fetched)));
    }
    void fail(const std::string& policy_host, base::Reason reason, std::string detail = "") {
        fetch::Failure failure;
        failure.reason = reason;
        failure.detail = std::move(detail);
        outcomes_.insert_or_assign(policy_host, fetch::Result(base::unexpected(std::move(failure))));
    }
    /// As if the host had no address; at first every host is like that.
    void forget(const std::string& policy_host) { outcomes_.erase(policy_host); }

    /// The policy hosts asked, in order; one element a GET.
    [[nodiscard]] const std::vector<std::string>& asked() const noexcept { return asked_; }
    [[nodiscard]] std::size_t gets() const noexcept { return asked_.size(); }
    [[nodiscard]] std::size_t gets(const std::string& policy_host) const {
        std::size_t n = 0;
        for (const std::string& host : asked_) n += host == policy_host;
        return n;
    }

    [[nodiscard]] boost::asio::awaitable<fetch::Result> get(std::string policy_host) override {
        asked_.push_back(policy_host);
        return answer(std::move(policy_host));
    }

private:
    boost::asio::awaitable<fetch::Result> answer(std::string policy_host) {
        if (delay) {
            co_await delay(policy_host);
        }
        const auto found = outcomes_.find(policy_host);
        // An Expected as a whole is copied without a throw, that is, not without memory.
        if (found != outcomes_.end() && found->second) {
            fetch::Fetched copy = *found->second;
            co_return fetch::Result(std::move(copy));
        }
        fetch::Failure failure;
        if (found != outcomes_.end()) {
            failure = found->second.error();
            co_return fetch::Result(base::unexpected(std::move(failure)));
        }
        failure.reason = base::Reason::host_unresolvable;
        failure.detail = "A: no such name, AAAA: no such name";
        co_return fetch::Result(base::unexpected(std::move(failure)));
    }

    std::map<std::string, fetch::Result> outcomes_;
    std::vector<std::string> asked_;
};

} // namespace test
