#include "daemon/fleet.hpp"

#include "events/event.hpp"
#include "wiring/fleet_settings.hpp"
#include "wiring/host_addresses.hpp"
#include "wiring/secret_file.hpp"

#include <array>
#include <stdexcept>
#include <string_view>
#include <utility>

#include <unistd.h>

namespace app {

namespace {

[[noreturn]] void cannot(std::string_view option, const std::string& words) {
    throw std::runtime_error(std::string(option) + ": " + words);
}

std::string system_name() {
    std::array<char, 256> name{};
    return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

void read_password_of(std::string_view option, const std::string& file, valkey::WipedText& password) {
    if (file.empty()) return;
    if (auto read = read_password(file, password); !read) cannot(option, read.error());
}

} // namespace

Fleet::Fleet(const config::Shared& shared, valkey::SharedCache::Parts parts, dns::Resolver& resolver)
    : key_file_(shared.key_file), wanted_(shared.on()) {
    if (!wanted_) return;
    events::Sink& events = parts.events;
    try {
        cache_ = make(shared, std::move(parts), resolver);
    } catch (const std::runtime_error& error) {
        events.emit(events::FleetUnusable{.detail = error.what()});
    }
}

std::unique_ptr<valkey::SharedCache> Fleet::make(const config::Shared& shared,
                                                 valkey::SharedCache::Parts parts, dns::Resolver& resolver) {
    auto keys = read_key_ring(shared.key_file);
    if (!keys) cannot("shared.key_file", keys.error());
    valkey::WipedText password, sentinel_password;
    read_password_of("shared.password_file", shared.password_file, password);
    read_password_of("shared.sentinel_password_file", shared.sentinel_password_file, sentinel_password);
    if (!shared.tls_key_file.empty())
        if (auto checked = check_secret(shared.tls_key_file, max_private_key_file); !checked)
            cannot("shared.tls_key_file", checked.error());
    const std::string name = system_name();
    valkey::FleetSettings settings =
        fleet_settings(shared, {password.octets, sentinel_password.octets, name, host_addresses(resolver)});
    auto made = valkey::SharedCache::make(std::move(parts), std::move(settings), std::move(*keys));
    if (!made) cannot("shared", made.error());
    return std::move(*made);
}

void Fleet::start() {
    if (cache_) cache_->start();
}

void Fleet::stop() {
    if (cache_) cache_->stop();
}

base::Expected<Fleet::Keys, std::string> Fleet::read_keys(const config::Shared& next) const {
    if (!cache_ || !next.on() || next.key_file != key_file_) return Keys{};
    auto keys = read_key_ring(key_file_);
    if (!keys) return base::unexpected("shared.key_file: " + keys.error());
    return Keys{std::move(*keys)};
}

void Fleet::use(Keys keys) {
    if (cache_ && keys) cache_->set_keys(std::move(*keys));
}

} // namespace app
