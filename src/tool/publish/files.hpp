// tool/publish/files.hpp - the files that web servers and hosting need to serve a policy. Pure.
#pragma once

#include "tool/publish/plan.hpp"

#include <string>
#include <vector>

namespace publish {

struct File {
    std::string path; ///< below the folder of --out
    std::string content;
};

/// Where things are on the web server.
struct WebServer {
    std::string root = "/var/www/mta-sts"; ///< the folder "web" of --out goes there
    std::string certificate, key;          ///< PEM; "": where certbot puts them
};

/// The policy itself ("web/.well-known/mta-sts.txt"), configuration for nginx, Apache, Caddy, lighttpd and Traefik, a
/// repository for GitHub Pages, and the records in two forms. Without `text` in the plan only the records. Without
/// `configuration` none of the files that an administrator may have changed since.
[[nodiscard]] std::vector<File> files_for(const Plan& plan, const WebServer& server,
                                          bool configuration = true);

} // namespace publish
