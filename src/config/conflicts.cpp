// Options that do not go together.
#include "config/options.hpp"

#include <algorithm>

namespace config {

namespace {

using Kind = EngineAddress::Kind;
using Conflicts = std::vector<Conflict>;

/// `one` is set, and `other`, which it needs, is not.
void needs(Conflicts& found, std::string_view one, std::string_view other, std::string_view why = {}) {
    found.push_back({one, other, std::string(one).append(" needs ").append(other).append(why)});
}

void never_together(Conflicts& found, std::string_view one, std::string_view other, std::string_view why) {
    found.push_back(
        {one, other,
         std::string(one).append(" and ").append(other).append(" do not go together: ").append(why)});
}

/// What is set, and needs an engine of a certain kind.
struct Dependent {
    std::string_view path;
    bool set;
};

void of_sentinels(const Shared& shared, Conflicts& found) {
    if (!shared.sentinels.empty()) return;
    const Dependent dependents[] = {
        {"shared.primary", shared.primary != Shared{}.primary},
        {"shared.read_replicas", shared.read_replicas},
        {"shared.sentinel_user", !shared.sentinel_user.empty()},
        {"shared.sentinel_password_file", !shared.sentinel_password_file.empty()},
    };
    for (const Dependent& one : dependents)
        if (one.set) needs(found, one.path, "shared.sentinels");
}

void of_tls(const Shared& shared, Conflicts& found) {
    struct Place {
        std::string_view path;
        const EngineAddress& address;
    };
    std::vector<Place> places{{"shared.engine", shared.engine}, {"shared.replica", shared.replica}};
    for (const EngineAddress& one : shared.sentinels) places.push_back({"shared.sentinels", one});
    const auto first = [&](Kind kind) {
        const auto at =
            std::ranges::find_if(places, [kind](const Place& one) { return one.address.kind == kind; });
        return at == places.end() ? nullptr : &*at;
    };
    const Place *tls = first(Kind::tls), *tcp = first(Kind::tcp);
    if (tls != nullptr && tcp != nullptr)
        found.push_back({tcp->path, tls->path,
                         std::string(tcp->path) + ": \"" + to_string(tcp->address) +
                             "\" is without TLS, and \"" + to_string(tls->address) +
                             "\" with it; all must be the same"});
    if (tls == nullptr) {
        const Dependent dependents[] = {
            {"shared.tls_ca_file", !shared.tls_ca_file.empty()},
            {"shared.tls_name", !shared.tls_name.empty()},
            {"shared.tls_certificate_file", !shared.tls_certificate_file.empty()},
            {"shared.tls_key_file", !shared.tls_key_file.empty()},
        };
        for (const Dependent& one : dependents)
            if (one.set)
                found.push_back(
                    {one.path, "shared.engine", std::string(one.path) + " needs an address with \"tls:\""});
    }
    const bool certificate = !shared.tls_certificate_file.empty(), key = !shared.tls_key_file.empty();
    if (certificate && !key) needs(found, "shared.tls_certificate_file", "shared.tls_key_file");
    if (key && !certificate) needs(found, "shared.tls_key_file", "shared.tls_certificate_file");
}

void of_shared(const Shared& shared, Conflicts& found) {
    if (shared.engine && !shared.sentinels.empty())
        never_together(found, "shared.engine", "shared.sentinels", "the Sentinels know where the engine is");
    if (shared.on() && shared.key_file.empty())
        needs(found, shared.engine ? "shared.engine" : "shared.sentinels", "shared.key_file",
              ": without a key there is no shared cache");
    if (shared.replica && !shared.on()) needs(found, "shared.replica", "shared.engine");
    if (shared.replica && shared.replica == shared.engine)
        never_together(found, "shared.replica", "shared.engine", "they are the same");
    if (shared.replica && shared.read_replicas)
        never_together(found, "shared.replica", "shared.read_replicas", "only one of them can be read from");
    if (!shared.user.empty() && shared.password_file.empty())
        needs(found, "shared.user", "shared.password_file");
    if (!shared.sentinel_user.empty() && shared.sentinel_password_file.empty())
        needs(found, "shared.sentinel_user", "shared.sentinel_password_file");
    of_sentinels(shared, found);
    of_tls(shared, found);
}

} // namespace

std::vector<Conflict> conflicts(const Config& config) {
    std::vector<Conflict> found;
    if (config.dns.try_timeout > config.dns.timeout)
        found.push_back({"dns.try_timeout", "dns.timeout",
                         "dns.try_timeout (" + format_duration(config.dns.try_timeout) +
                             ") must not be longer than dns.timeout (" + format_duration(config.dns.timeout) +
                             ")"});
    for (const ListenAddress& address : config.web.listen)
        if (config.web.hosts.empty() && !stays_on_this_host(address))
            found.push_back({"web.listen", "web.hosts",
                             "web.listen: other hosts can reach " + to_string(address) +
                                 "; name in web.hosts the hosts that it may be asked as"});
    of_shared(config.shared, found);
    return found;
}

} // namespace config
