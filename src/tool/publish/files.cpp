#include "tool/publish/files.hpp"

#include <algorithm>

namespace publish {

namespace {

constexpr std::string_view path = "/.well-known/mta-sts.txt";

/// `text` with every $NAME of `values` replaced.
struct Value {
    std::string_view name, value;
};
std::string filled(std::string_view text, const std::vector<Value>& values) {
    std::string out(text);
    for (const auto& [name, value] : values)
        for (std::size_t at = out.find(name); at != out.npos; at = out.find(name, at + value.size()))
            out.replace(at, name.size(), value);
    return out;
}

constexpr std::string_view nginx = R"(# nginx: a file for /etc/nginx/conf.d or sites-enabled
server {
    listen 443 ssl;
    listen [::]:443 ssl;
    server_name @HOST@;
    ssl_certificate @CERTIFICATE@;
    ssl_certificate_key @KEY@;
    ssl_protocols TLSv1.2 TLSv1.3;

    location = @PATH@ {
        root @ROOT@;
        types { }
        default_type text/plain;
    }
    location / {
        return 404;
    }
}
)";

constexpr std::string_view apache = R"(# Apache 2.4, with mod_ssl: a file for sites-enabled or conf.d
<VirtualHost *:443>
    ServerName @HOST@
    DocumentRoot "@ROOT@"
    SSLEngine on
    SSLCertificateFile "@CERTIFICATE@"
    SSLCertificateKeyFile "@KEY@"
    SSLProtocol -all +TLSv1.2 +TLSv1.3

    <Directory "@ROOT@">
        AllowOverride None
        Require all denied
    </Directory>
    <Directory "@ROOT@/.well-known">
        AllowOverride None
        <Files "mta-sts.txt">
            Require all granted
            ForceType text/plain
        </Files>
    </Directory>
</VirtualHost>
)";

constexpr std::string_view caddy =
    R"(# Caddy 2: a site for /etc/caddy/Caddyfile. Caddy gets the certificate itself.
@HOST@ {
@TLS@    root * @ROOT@
    handle @PATH@ {
        header Content-Type text/plain
        file_server
    }
    handle {
        respond 404
    }
}
)";

constexpr std::string_view lighttpd =
    R"(# lighttpd 1.4, with mod_access and mod_openssl: a file for conf-enabled.
# Leave out the two blocks for port 443 where other hosts of this server have HTTPS already.
$SERVER["socket"] == ":443" {
    ssl.engine = "enable"
    ssl.pemfile = "@CERTIFICATE@"
    ssl.privkey = "@KEY@"
}
$SERVER["socket"] == "[::]:443" {
    ssl.engine = "enable"
    ssl.pemfile = "@CERTIFICATE@"
    ssl.privkey = "@KEY@"
}
$HTTP["host"] == "@HOST@" {
    ssl.pemfile = "@CERTIFICATE@"
    ssl.privkey = "@KEY@"
    server.document-root = "@ROOT@"
    mimetype.assign = ( ".txt" => "text/plain" )
    $HTTP["url"] != "@PATH@" {
        url.access-deny = ( "" )
    }
}
)";

constexpr std::string_view traefik =
    R"yaml(# Traefik: a compose file. A static server behind it has the policy; Traefik has the certificate (certresolver).
services:
  mta-sts:
    image: nginx:stable-alpine
    volumes:
      - ./web:/usr/share/nginx/html:ro
    labels:
      - "traefik.enable=true"
      - "traefik.http.routers.@LABEL@.rule=Host(`@HOST@`) && Path(`@PATH@`)"
      - "traefik.http.routers.@LABEL@.entrypoints=websecure"
      - "traefik.http.routers.@LABEL@.tls.certresolver=letsencrypt"
      - "traefik.http.routers.@LABEL@.middlewares=@LABEL@"
      - "traefik.http.middlewares.@LABEL@.headers.customresponseheaders.Content-Type=text/plain"
      - "traefik.http.services.@LABEL@.loadbalancer.server.port=80"
)yaml";

/// For a name of a router: no dots.
std::string label_of(std::string host) {
    std::ranges::replace(host, '.', '-');
    return host;
}

} // namespace

std::vector<File> files_for(const Plan& plan, const WebServer& server, bool configuration) {
    std::vector<File> files;
    if (!plan.text.empty()) {
        const std::string host = policy_host(plan.domain), label = label_of(host);
        const std::string folder = "/etc/letsencrypt/live/" + host + "/";
        const bool own = !server.certificate.empty();
        const std::string certificate = own ? server.certificate : folder + "fullchain.pem";
        const std::string key = own ? server.key : folder + "privkey.pem";
        const std::string tls = own ? "    tls " + certificate + " " + key + "\n" : "";
        const std::vector<Value> values{{"@HOST@", host}, {"@LABEL@", label},
                                        {"@PATH@", path}, {"@ROOT@", server.root},
                                        {"@TLS@", tls},   {"@CERTIFICATE@", certificate},
                                        {"@KEY@", key}};
        const std::string below(path.substr(1));
        for (const std::string_view place : {"web/", "traefik/web/", "github-pages/"})
            files.push_back({std::string(place) + below, plan.text});
        if (configuration)
            for (File& file : std::vector<File>{{"nginx.conf", filled(nginx, values)},
                                                {"apache.conf", filled(apache, values)},
                                                {"Caddyfile", filled(caddy, values)},
                                                {"lighttpd.conf", filled(lighttpd, values)},
                                                {"traefik/compose.yaml", filled(traefik, values)},
                                                {"github-pages/.nojekyll", ""},
                                                {"github-pages/CNAME", host + "\n"}})
                files.push_back(std::move(file));
    }
    std::string zone, plain;
    for (const Step& step : plan.steps) {
        if (!step.record) continue;
        zone += zone_line(*step.record) + "\n";
        plain += (plain.empty() ? "" : "\n") + plain_lines(*step.record);
    }
    if (!zone.empty()) {
        files.push_back(
            {"records.zone", "; Lines for the zone; TXT records of the same names are replaced.\n" + zone});
        files.push_back({"records.txt", plain});
    }
    return files;
}

} // namespace publish
