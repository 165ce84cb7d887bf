#include "tool/setup/main_cf.hpp"

#include "tool/setup/maps.hpp"
#include "tool/setup/plan.hpp"

namespace setup {

std::string main_cf_lines(const Version& postfix, const std::string& listens) {
    OurPlaces ours;
    ours.listen = {listens};
    ours.queue_directory = debian_queue_directory;
    const auto map = our_element(ours, postfix < attributes_since ? "sts" : "sts-tlsrpt");
    std::string lines;
    const auto line = [&lines](std::string_view name, std::string_view value) {
        lines.append(name).append(" = ").append(value).append("\n");
    };
    line("smtp_tls_policy_maps", map ? to_string(*map) : "");
    line("smtp_tls_security_level", "may");
    line("smtp_tls_CAfile", debian_ca_file);
    line("smtp_dns_support_level", "dnssec");
    return lines;
}

} // namespace setup
