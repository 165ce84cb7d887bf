#include "tool/doctor/fleet_probe.hpp"

#include "base/text.hpp"
#include "wiring/secret_file.hpp"

#include <cerrno>
#include <string_view>
#include <utility>

#include <unistd.h>

namespace doctor {
namespace {

constexpr std::size_t most = 200;       // octets of a text of the daemon's that is shown
constexpr std::size_t most_hosts = 100; // that are named

std::string text(const tool::Json& object, std::string_view name) {
    return base::printable(tool::text_of(object, name), most);
}

/// What the daemon would say of the file; nothing when this user may not look.
template <class Read>
void look_at_file(std::string_view option, const std::string& file, Read read, FleetFacts& facts) {
    if (file.empty() || (::access(file.c_str(), R_OK) != 0 && errno == EACCES)) return;
    if (const auto done = read(file); !done)
        facts.files_refused.push_back(std::string(option) + ": " + done.error());
}

void look_at_files(const config::Shared& shared, FleetFacts& facts) {
    const auto password = [](const std::string& file) {
        valkey::WipedText ignored;
        return app::read_password(file, ignored);
    };
    const auto private_key = [](const std::string& file) {
        return app::check_secret(file, app::max_private_key_file);
    };
    look_at_file("shared.key_file", shared.key_file, app::read_key_ring, facts);
    look_at_file("shared.password_file", shared.password_file, password, facts);
    look_at_file("shared.sentinel_password_file", shared.sentinel_password_file, password, facts);
    look_at_file("shared.tls_key_file", shared.tls_key_file, private_key, facts);
}

} // namespace

void take_fleet(const tool::Json& said, FleetFacts& facts) {
    facts.asked = true;
    facts.in_use = tool::flag_of(said, "configured");
    facts.engine = text(said, "engine");
    facts.since = text(said, "since");
    facts.trouble = text(said, "trouble");
    facts.up = tool::flag_of(said, "up");
    facts.subscribed = tool::flag_of(said, "subscribed");
    facts.hosts_trouble = text(said, "hosts_trouble");
    for (const auto& [reason, count] : tool::member_of(said, "refused").items())
        if (count.is_number_unsigned() && count != 0 && reason != "expired" &&
            facts.refused.size() < most_hosts)
            facts.refused.push_back(base::printable(reason, most) + " (" + count.dump() + ")");
    for (const tool::Json& host : tool::member_of(said, "hosts"))
        if (tool::text_of(host, "presence") == "other-clock" && facts.other_clocks.size() < most_hosts)
            facts.other_clocks.push_back(text(host, "name"));
}

FleetFacts probe_fleet(const config::Shared& shared, tool::ControlClient* client) {
    FleetFacts facts;
    facts.configured = shared.on();
    if (facts.configured) look_at_files(shared, facts);
    if (client == nullptr) return facts;
    tool::ControlRequest question;
    question.target = "/v1/fleet";
    if (const auto said = client->ask(question)) take_fleet(*said, facts);
    return facts;
}

} // namespace doctor
