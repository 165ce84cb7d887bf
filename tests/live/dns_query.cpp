// dns_query SERVER[,SERVER...] NAME TYPE [NAME TYPE...] - asks with the real resolver, prints JSON lines.
//
// TYPE is txt, a, aaaa, cname, mx, tlsa or soa; the empty NAME is the root. The log goes to standard error.
// For tests/live/dns_live.py.
#include "dns/stub_resolver.hpp"

#include "events/render.hpp"
#include "support/real_clock.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <nlohmann/json.hpp>

#include <cstdlib>
#include <iostream>
#include <map>
#include <sstream>

namespace {

class StderrLog final : public events::Sink {
public:
    [[nodiscard]] bool wants(base::Level) const noexcept override { return true; }
    void count(events::Id) noexcept override {}
    void emit(const events::Event& event) override {
        const events::Line line = events::render(event);
        std::cerr << line.name;
        for (const base::Field& f : line.fields()) {
            std::cerr << ' ' << f.key << '=';
            std::visit([](const auto& value) { std::cerr << value; }, f.value);
        }
        std::cerr << '\n';
    }
};

std::string hex(const std::string& octets) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string out;
    for (const char c : octets) {
        const auto value = static_cast<unsigned char>(c);
        out += digits[value >> 4];
        out += digits[value & 15];
    }
    return out;
}

nlohmann::json show(const dns::Result& result) {
    nlohmann::json out;
    if (!result) {
        out["failed"] = base::to_string(result.error().reason);
        return out;
    }
    constexpr const char* kinds[] = {"data", "nodata", "nxdomain"};
    out["kind"] = kinds[static_cast<int>(result->kind)];
    out["records"] = nlohmann::json::array(); // in hexadecimal: they may hold any octets
    for (const std::string& record : result->records) out["records"].push_back(hex(record));
    if (result->ttl) out["ttl"] = result->ttl->count();
    out["authentic"] = result->secure();
    out["canonical_name"] = result->canonical_name;
    return out;
}

} // namespace

int main(int argc, char** argv) {
    if (argc < 4 || argc % 2 != 0) {
        std::cerr << "usage: dns_query SERVER[,SERVER...] NAME TYPE [NAME TYPE...]\n";
        return EXIT_FAILURE;
    }
    dns::Options options;
    std::istringstream servers{argv[1]};
    for (std::string server; std::getline(servers, server, ',');)
        options.servers.push_back(net::parse_endpoint(server, 53).value());
    test::RealClock clock;
    StderrLog log;
    boost::asio::io_context context;
    dns::StubResolver resolver{context.get_executor(), options, clock, log};
    // The answers matter here; other tests check whether a server validates.
    for (const dns::ServerState& server : resolver.servers())
        resolver.judged(server.name, dns::Validates::yes, "taken for granted");
    const std::map<std::string, dns::Type> types{{"txt", dns::Type::txt},   {"a", dns::Type::a},
                                                 {"aaaa", dns::Type::aaaa}, {"cname", dns::Type::cname},
                                                 {"mx", dns::Type::mx},     {"tlsa", dns::Type::tlsa},
                                                 {"soa", dns::Type::soa}};
    for (int i = 2; i < argc; i += 2) {
        const auto known = types.find(argv[i + 1]);
        if (known == types.end()) {
            std::cerr << "unknown type " << argv[i + 1] << '\n';
            return EXIT_FAILURE;
        }
        const dns::Type wanted = known->second;
        boost::asio::co_spawn(
            context, resolver.resolve(argv[i], wanted, dns::Purpose::dane),
            [](std::exception_ptr, dns::Result result) { std::cout << show(result).dump() << std::endl; });
        context.restart();
        context.run();
    }
    return EXIT_SUCCESS;
}
