#include "tool/check/here.hpp"

#include "config/load.hpp"
#include "tool/check/settings.hpp"
#include "tool/explain/postfix_look.hpp"
#include "tool/setup/real_host.hpp"

#include <array>
#include <chrono>

#include <unistd.h>

namespace app {
namespace {

using std::chrono::milliseconds;

/// For reading Postfix's settings once, and for its tables about one domain.
constexpr milliseconds postfix_limit{20000}, tables_limit{5000}, one_program{5000};

setup::RealHost host_for(const setup::Ask& ask, milliseconds limit) {
    setup::RealHost::Limits limits;
    limits.program = one_program;
    limits.until = std::chrono::steady_clock::now() + limit;
    return setup::RealHost(ask, limits);
}

std::string host_name() {
    std::array<char, 256> name{};
    return ::gethostname(name.data(), name.size() - 1) == 0 && name[0] != '\0' ? name.data() : "localhost";
}

} // namespace

base::Expected<config::Config, std::string> load_config(const std::string& file) {
    const config::Environment environment = config::environment(environ);
    const auto loaded = file.empty() ? config::load(std::string(config::default_file), false, environment)
                                     : config::load(file, true, environment);
    if (loaded) return loaded->config;
    return base::unexpected(to_string(loaded.error().front()));
}

base::Expected<bool, std::string> check_from_here(const setup::Ask& ask, const tool::CommonOptions& common,
                                                  const check::Wanted& wanted, const tool::World& world) {
    const auto config = load_config(common.config);
    if (!config) return base::unexpected(config.error());
    auto listen = world.find_addresses(common.config);
    if (!listen) return base::unexpected(listen.error());
    if (!common.socket.empty()) listen = std::vector{common.socket};

    explain::PostfixQuestion question;
    question.folder = wanted.postfix_directory;
    question.service = wanted.service;
    question.listen = *listen;
    setup::RealHost host = host_for(ask, postfix_limit);
    const auto here = explain::PostfixHere::read(host, question);
    if (!here) return base::unexpected(here.error());

    check::RunOptions options;
    options.smtp = wanted.smtp;
    options.every_address = wanted.every_address;
    options.a_minute = wanted.a_minute;
    options.settings = here->installed() != nullptr ? check::settings_of(*here->installed(), here->service())
                                                    : check::settings_without_postfix(host_name());
    options.postfix = here->settings();
    if (here->has_tables())
        options.about_postfix = [&here, &ask](const std::string& domain) {
            setup::RealHost own = host_for(ask, tables_limit);
            return here->about(own, domain, std::nullopt);
        };
    options.progress = wanted.progress;
    options.stop = wanted.stop;
    options.now = world.now;
    return check::run(*config, wanted.targets, std::move(options), wanted.found);
}

} // namespace app
