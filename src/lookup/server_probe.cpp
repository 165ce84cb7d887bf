#include "lookup/server_probe.hpp"

#include "base/text.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <exception>
#include <map>
#include <utility>

namespace lookup {

namespace asio = boost::asio;

namespace {

/// The form of names that the resolver expects.
std::string normal(std::string name) {
    if (name.ends_with('.')) name.pop_back();
    return base::ascii_lower(name);
}

dns::Validates as_validates(dane::Validation::State state) {
    switch (state) {
    case dane::Validation::State::yes: return dns::Validates::yes;
    case dane::Validation::State::no: return dns::Validates::no;
    case dane::Validation::State::unknown: break;
    }
    return dns::Validates::unknown;
}

} // namespace

/// What the questions share. Outlives the ServerProbe until the last of them has ended.
struct ServerProbe::Core {
    Core(asio::any_io_executor e, dns::Servers& s, Report r)
        : executor(std::move(e)), servers(s), report(std::move(r)) {}
    asio::any_io_executor executor;
    dns::Servers& servers; ///< must not be used after closing
    Report report;
    Options options;
    bool closed = false;
    struct Asking {
        bool again = false;
    };
    std::map<std::string, Asking> asking;
    std::map<std::string, dane::Validation> known;

    void found(const std::string& server, const dane::Validation& validation) {
        servers.judged(server, as_validates(validation.state), validation.why);
        known[server] = validation;
        Findings findings;
        std::map<std::string, dane::Validation> still;
        for (const dns::ServerState& state : servers.servers()) {
            const auto it = known.find(state.name);
            const dane::Validation seen =
                it == known.end() ? dane::Validation{dane::Validation::State::unknown, "not asked yet"}
                                  : it->second;
            findings.push_back({state.name, state.trusted, seen});
            if (it != known.end()) still.insert(*it);
        }
        known = std::move(still);
        report(findings);
    }
};

ServerProbe::ServerProbe(asio::any_io_executor executor, dns::Servers& servers, Options options,
                         Report report)
    : core_(std::make_shared<Core>(std::move(executor), servers, std::move(report))) {
    configure(std::move(options));
}

ServerProbe::~ServerProbe() { core_->closed = true; }

void ServerProbe::configure(Options options) {
    core_->options.signed_name = normal(std::move(options.signed_name));
    core_->options.broken_name = normal(std::move(options.broken_name));
}

std::size_t ServerProbe::running() const noexcept { return core_->asking.size(); }

void ServerProbe::run() {
    for (const dns::ServerState& server : core_->servers.servers()) start(core_, server.name);
}

void ServerProbe::start(const std::shared_ptr<Core>& core, const std::string& server) {
    if (const auto [it, fresh] = core->asking.emplace(server, Core::Asking{}); !fresh) {
        it->second.again = true;
        return;
    }
    auto asking = ask(core, server, core->options);
    asio::co_spawn(core->executor, std::move(asking),
                   [core, server](std::exception_ptr thrown, dane::Validation validation) {
                       const auto it = core->asking.find(server);
                       const bool again = it != core->asking.end() && it->second.again;
                       core->asking.erase(server);
                       if (core->closed) return;
                       if (thrown)
                           validation = {dane::Validation::State::unknown,
                                         "the lookup was given up"}; // out of memory, or cancelled
                       core->found(server, validation);
                       if (again && !core->closed) start(core, server);
                   });
}

asio::awaitable<dane::Validation> ServerProbe::ask(std::shared_ptr<Core> core, std::string server,
                                                   Options options) {
    dane::Validation given_up{dane::Validation::State::unknown, "the lookup was given up"};
    if (core->closed) co_return given_up;
    const dns::Result from_signed = co_await core->servers.ask(server, options.signed_name, dns::Type::soa);
    std::optional<dns::Result> from_broken;
    if (!options.broken_name.empty()) {
        if (core->closed) co_return given_up;
        dns::Result result = co_await core->servers.ask(server, options.broken_name, dns::Type::soa);
        from_broken = std::move(result);
    }
    co_return dane::judge_validation(options.signed_name, from_signed, options.broken_name, from_broken);
}

} // namespace lookup
