// tool/check/asked_once.hpp - a resolver in front of another that asks each question once: a run sees one state of
// DNS, and a mail host that a thousand domains share costs its questions once.
//
// Threads: as the resolver below it, which outlives it. Failures are kept like answers. A caller that is cancelled
// leaves the question to the others.
#pragma once

#include "dns/resolver.hpp"

#include <boost/asio/any_io_executor.hpp>

#include <cstddef>
#include <memory>
#include <string>

namespace check {

/// Octets of the answers that are kept, about; the oldest go first, and are asked for again.
inline constexpr std::size_t max_kept_answers = std::size_t{64} << 20;

class AskedOnce final : public dns::Resolver {
public:
    AskedOnce(boost::asio::any_io_executor executor, dns::Resolver& below,
              std::size_t most = max_kept_answers);
    ~AskedOnce() override;
    AskedOnce(const AskedOnce&) = delete;
    AskedOnce& operator=(const AskedOnce&) = delete;

    /// `purpose` counts for the first who asks.
    [[nodiscard]] boost::asio::awaitable<dns::Result> resolve(std::string name, dns::Type type,
                                                              dns::Purpose purpose) override;

    [[nodiscard]] std::size_t asked() const noexcept; ///< questions to the resolver below

private:
    struct Core;
    struct Question;
    [[nodiscard]] static boost::asio::awaitable<dns::Result> wait_for(std::shared_ptr<Core> core,
                                                                      std::shared_ptr<Question> question);
    [[nodiscard]] static std::shared_ptr<Question> ask(const std::shared_ptr<Core>& core, std::string name,
                                                       dns::Type type, dns::Purpose purpose);

    std::shared_ptr<Core> core_;
};

} // namespace check
