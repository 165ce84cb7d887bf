#include "daemon/status_page.hpp"

#include "admin/page/page.hpp"
#include "base/version.hpp"
#include "config/options.hpp"
#include "sqlite/sqlite.hpp"

#include <openssl/crypto.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include <unistd.h>

namespace app {

namespace {

constexpr base::seconds every{60};

page::Resolver shown(const dns::ServerState& server) {
    using Validates = page::Resolver::Validates;
    return {.name = server.name,
            .validates = server.validates == dns::Validates::yes  ? Validates::yes
                         : server.validates == dns::Validates::no ? Validates::no
                                                                  : Validates::unknown,
            .trusted = server.trusted,
            .silent = server.silent};
}

/// Why DANE is not looked for; "": it is.
std::string why_inactive(std::string_view dane_status) {
    constexpr std::string_view inactive = "inactive: ";
    if (dane_status == "active") return "";
    if (dane_status.starts_with(inactive)) dane_status.remove_prefix(inactive.size());
    return std::string{dane_status};
}

} // namespace

StatusPage::StatusPage(Parts parts)
    : parts_(std::move(parts)), at_start_(parts_.config), started_(parts_.clock.now()),
      samples_(parts_.timers, every, [this] {
          hour_.take(parts_.clock.now(), parts_.clock.steady(), parts_.measures.snapshot());
      }) {
    hour_.take(started_, parts_.clock.steady(), metrics::Snapshot{}); // nothing has happened yet
}

bool StatusPage::shows_domains(const admin::Request& request) const {
    return request.entrance == admin::Entrance::control || parts_.config.web.show_domains;
}

page::Overview StatusPage::collect(bool show_domains) {
    samples_.keep_on();
    const lookup::ServiceOptions options = parts_.options();
    page::Overview overview;
    overview.version = base::version();
    overview.openssl = ::OpenSSL_version(OPENSSL_VERSION_STRING);
    overview.sqlite = sqlite::library_version();
    overview.host = parts_.host;
    overview.pid = ::getpid();
    overview.now = parts_.clock.now();
    overview.started = started_;
    overview.complete = parts_.table.complete();
    overview.numbers = parts_.measures.snapshot();
    overview.hour = hour_.view(overview.now, parts_.clock.steady(), overview.numbers);
    overview.census = parts_.measures.census();
    overview.dane = why_inactive(options.dane_status);
    for (const dns::ServerState& server : parts_.resolver.servers())
        if (overview.resolvers.size() < page::max_resolvers_shown)
            overview.resolvers.push_back(shown(server));
    if (options.overrides)
        overview.overrides =
            page::next_to_end(options.overrides->all(), overview.now, overview.overrides_in_all);
    for (const std::string_view name : config::changed(at_start_, parts_.config).restart)
        overview.needs_restart.emplace_back(name);
    overview.show_domains = show_domains;
    if (!show_domains) {
        page::without_names(overview);
        return overview;
    }
    for (const lookup::FailingPolicy& policy : overview.census.first_to_expire) {
        const auto failure = parts_.history.failure(policy.domain.name());
        std::string detail = failure && failure->reason == policy.reason ? failure->detail : "";
        detail.resize(std::min(detail.size(), page::max_detail));
        overview.failing.push_back({policy, std::move(detail)});
    }
    return overview;
}

admin::Reply StatusPage::overview(const admin::Request& request) {
    admin::Reply reply;
    reply.body = page::to_json(collect(shows_domains(request)));
    return reply;
}

base::Expected<admin::Reply, admin::Error> StatusPage::page(const admin::Request& request) {
    const std::string_view refresh = request.parameter("refresh");
    if (!refresh.empty() && refresh != "0")
        return base::unexpected(admin::Error{
            400, "bad-request", "refresh=0 is the only value: the page stays as it is", "refresh"});
    const auto again = refresh.empty() ? std::optional{page::refresh_every} : std::nullopt;
    admin::Reply reply;
    reply.document =
        admin::Document{"text/html; charset=utf-8", page::html(collect(shows_domains(request)), again)};
    return reply;
}

} // namespace app
