// tool/explain/postfix_look.hpp - what Postfix's settings say about mail to a domain, from tool/setup's reading of
// postconf(1). Pure, but look_at_postfix().
#pragma once

#include "base/expected.hpp"
#include "tool/explain/evidence.hpp"
#include "tool/setup/host.hpp"
#include "tool/setup/maps.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace explain {

/// How many tables before ours are asked.
inline constexpr std::size_t max_earlier_tables = 8;

/// The service of this name ("smtp/unix", or "smtp" alone); "": the one that delivers mail for recipients' domains.
/// nullptr: there is none that runs smtp(8).
[[nodiscard]] const setup::Service* service_of(const setup::Installed& installed, std::string_view name);
/// `service`: of `installed`, or nullptr.
[[nodiscard]] Postfix postfix_of(const setup::Installed& installed, const setup::OurPlaces& ours,
                                 const setup::Service* service);
/// The elements of its list that are asked before stsmapd; all of them when it is not asked.
[[nodiscard]] std::vector<std::string> earlier_tables(const setup::Installed& installed,
                                                      const setup::OurPlaces& ours,
                                                      const setup::Service* service);

struct PostfixQuestion {
    std::string folder;              ///< as of postfix -c
    std::string service;             ///< as of service_of()
    std::vector<std::string> listen; ///< the daemon's addresses
    std::string next_hop;
    std::optional<Live> live; ///< none: its name servers are not asked
};
/// Reads them, asks the earlier tables as smtp(8) does, its name servers, and, as root, whether smtp(8) reaches
/// stsmapd. Blocking, within the host's limits. The error: there is no such service.
[[nodiscard]] base::Expected<Postfix, std::string> look_at_postfix(setup::Host& host,
                                                                   const PostfixQuestion& question);

/// Postfix here, read once, for many next hops.
class PostfixHere {
public:
    /// `next_hop` and `live` of the question do not matter. Blocking; the error as of look_at_postfix().
    [[nodiscard]] static base::Expected<PostfixHere, std::string> read(setup::Host& host,
                                                                       const PostfixQuestion& question);
    /// Without Postfix: its `trouble`.
    [[nodiscard]] const Postfix& settings() const noexcept { return settings_; }
    /// nullptr: Postfix is not there, or has no such service.
    [[nodiscard]] const setup::Installed* installed() const noexcept { return installed_.get(); }
    [[nodiscard]] const setup::Service* service() const noexcept { return service_; }
    /// Some table may say something else for a single next hop.
    [[nodiscard]] bool has_tables() const noexcept { return has_tables_; }
    /// With what the tables say. Blocking.
    [[nodiscard]] Postfix about(setup::Host& host, const std::string& next_hop,
                                const std::optional<Live>& live) const;

private:
    std::shared_ptr<const setup::Installed> installed_; // `service_` points into it
    const setup::Service* service_ = nullptr;
    std::string folder_, queue_directory_;
    std::vector<std::string> before_; // the tables before ours
    bool has_tables_ = false;
    Postfix settings_;
};

/// Of `--postfix`: "3.10.13/sts-tlsrpt", or only the version, with the form that goes with it. The error is words.
struct Asked {
    std::string version_text;
    setup::Version version;
    std::string map;
};
[[nodiscard]] base::Expected<Asked, std::string> parse_asked(std::string_view text);
/// The settings as they are, with this version and form.
[[nodiscard]] Postfix with(Postfix postfix, const Asked& asked);

/// "3600s", "1h", "2d", as in main.cf; nullopt for anything else.
[[nodiscard]] std::optional<seconds> parse_time_value(std::string_view text);

} // namespace explain
