// lookup/server_probe.hpp - asks each name server whether it validates, and reports what dane/ concludes.
//
// Threads: lives on one io_context, as the resolver does; every member is called there. `servers` outlives
// it. It may be destroyed with questions under way: they end by themselves and are not reported.
#pragma once

#include "dane/validation.hpp"
#include "dns/resolver.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace lookup {

class ServerProbe {
public:
    struct Options {
        std::string signed_name; ///< any case, with or without final dot; "" or "." is the root
        std::string broken_name; ///< "": none
    };
    using Findings = std::vector<dane::ServerFinding>;
    /// Called after each answer with what is known of all servers.
    using Report = std::function<void(const Findings&)>;

    ServerProbe(boost::asio::any_io_executor executor, dns::Servers& servers, Options options, Report report);
    ~ServerProbe();
    ServerProbe(const ServerProbe&) = delete;
    ServerProbe& operator=(const ServerProbe&) = delete;

    /// Applies to later runs.
    void configure(Options options);

    /// Asks all servers at once; a server with a pending question is asked again after its answer.
    /// The resolver gets each finding (dns::Servers::judged) before `report` is called.
    void run();

    /// Servers being asked.
    [[nodiscard]] std::size_t running() const noexcept;

private:
    struct Core;
    [[nodiscard]] static boost::asio::awaitable<dane::Validation> ask(std::shared_ptr<Core> core,
                                                                      std::string server, Options options);
    static void start(const std::shared_ptr<Core>& core, const std::string& server);

    std::shared_ptr<Core> core_;
};

} // namespace lookup
