#include "daemon/start_check.hpp"

#include "cache/disk/sqlite_store.hpp"
#include "fetch/certificate.hpp"
#include "wiring/fleet_settings.hpp"
#include "wiring/secret_file.hpp"
#include "wiring/settings.hpp"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

namespace app {

namespace {

namespace fs = std::filesystem;

/// The path without "//", "." and a final slash.
std::string plain(const fs::path& folder) {
    const fs::path normal = folder.lexically_normal();
    return (normal.has_filename() ? normal : normal.parent_path()).string();
}

class Checker {
public:
    Checker(const config::Loaded& loaded, const std::vector<std::string>& managed)
        : loaded_(loaded), managed_(managed) {}

    StartCheck run() {
        check_state();
        check_owner();
        if (loaded_.is_set("listen"))
            for (const net::ListenAddress& address : loaded_.config.listen)
                check_listen("listen", address, listen_owner());
        if (loaded_.is_set("control.socket") && !loaded_.config.control.socket.empty())
            check_listen("control.socket", control_address(loaded_.config), control_owner(loaded_.config));
        for (const net::ListenAddress& address : loaded_.config.web.listen)
            check_listen("web.listen", address, web_owner(loaded_.config));
        check_ca_file();
        check_shared();
        return std::move(found_);
    }

private:
    void problem(std::string_view option, const std::string& words) {
        const auto origin = loaded_.origins.find(option);
        config::Problem problem{"default", 0, 0, std::string(option) + ": " + words};
        if (origin != loaded_.origins.end()) {
            problem.source = origin->second.source;
            problem.line = origin->second.line;
            problem.column = origin->second.column;
        }
        found_.problems.push_back(std::move(problem));
    }

    [[nodiscard]] bool is_managed(const fs::path& folder) const {
        return std::ranges::find(managed_, plain(folder)) != managed_.end();
    }

    /// Will systemd create this folder?
    bool will_be_made(const fs::path& folder) {
        std::error_code error;
        if (!is_managed(folder) || fs::exists(folder, error) || error) return false;
        found_.notes.push_back(folder.string() +
                               " is not there yet: the service manager makes it at the start");
        return true;
    }

    void check_state() {
        const fs::path folder = loaded_.config.state_dir;
        if (will_be_made(folder)) return;
        if (auto there = cache::SqliteStore::find_folder(folder / "stsmapd.sqlite"); !there)
            problem("state_dir", there.error());
    }

    /// Checks the user and group in the configuration. The default group matters only if a socket is created.
    void check_owner() {
        server::SocketOwner owner = socket_owner(loaded_.config);
        owner.group.reset();
        if (auto known = server::check_owner(owner); !known) problem("socket.owner", known.error());
        owner = socket_owner(loaded_.config);
        owner.user.reset();
        if (loaded_.is_set("socket.group"))
            if (auto known = server::check_owner(owner); !known) problem("socket.group", known.error());
    }

    [[nodiscard]] server::SocketOwner listen_owner() const {
        server::SocketOwner owner = socket_owner(loaded_.config);
        owner.user.reset(); // reported already
        if (loaded_.is_set("socket.group")) owner.group.reset();
        return owner;
    }

    void check_listen(std::string_view option, const net::ListenAddress& address,
                      const server::SocketOwner& owner) {
        if (address.kind == net::ListenAddress::Kind::unix_socket &&
            will_be_made(fs::path(address.path).parent_path()))
            return;
        const auto good = server::Listener::check(address, owner);
        if (!good)
            problem(option, good.error());
        else if (!*good)
            found_.notes.push_back(to_string(address) + ": this user may not look there");
    }

    /// Whether there is such a file in the configuration that this user may look at.
    bool may_look(const std::string& file) {
        if (file.empty()) return false;
        if (::faccessat(AT_FDCWD, file.c_str(), R_OK, AT_EACCESS) == 0 || errno != EACCES) return true;
        found_.notes.push_back(file + ": this user may not read it");
        return false;
    }

    /// The files of the shared cache, as far as this user may see them.
    void check_shared() {
        const config::Shared& shared = loaded_.config.shared;
        if (!shared.on()) return;
        if (may_look(shared.key_file))
            if (auto keys = read_key_ring(shared.key_file); !keys) problem("shared.key_file", keys.error());
        check_password("shared.password_file", shared.password_file);
        check_password("shared.sentinel_password_file", shared.sentinel_password_file);
        const std::optional<valkey::TlsSettings> tls = tls_settings(shared);
        if (!tls) return;
        bool all = true;
        for (const std::string* file : {&tls->ca_file, &tls->certificate_file, &tls->key_file})
            all = (file->empty() || may_look(*file)) && all;
        if (!all) return;
        if (!tls->key_file.empty())
            if (auto checked = check_secret(tls->key_file, max_private_key_file); !checked)
                return problem("shared.tls_key_file", checked.error());
        const auto context = valkey::make_context(*tls);
        if (context) return;
        const bool of_ca = tls->certificate_file.empty() || context.error().find("CA ") != std::string::npos;
        problem(of_ca ? "shared.tls_ca_file" : "shared.tls_certificate_file", context.error());
    }

    void check_password(std::string_view option, const std::string& file) {
        if (!may_look(file)) return;
        valkey::WipedText password;
        if (auto read = read_password(file, password); !read) problem(option, read.error());
    }

    void check_ca_file() {
        const std::string& file = loaded_.config.fetch.ca_file;
        if (!may_look(file)) return;
        if (auto context = fetch::make_client_context(file); !context)
            problem("fetch.ca_file", context.error());
    }

    const config::Loaded& loaded_;
    const std::vector<std::string>& managed_;
    StartCheck found_;
};

void add_folders(const char* list, std::vector<std::string>& folders) {
    for (std::string_view rest = list == nullptr ? "" : list; !rest.empty();) {
        const std::string_view one = rest.substr(0, rest.find(':'));
        if (!one.empty()) folders.push_back(plain(one));
        rest.remove_prefix(std::min(one.size() + 1, rest.size()));
    }
}

} // namespace

std::vector<std::string> managed_folders(const char* state_directory, const char* runtime_directory) {
    std::vector<std::string> folders{"/var/lib/stsmapd", "/run/stsmapd"};
    add_folders(state_directory, folders);
    add_folders(runtime_directory, folders);
    return folders;
}

StartCheck check_start(const config::Loaded& loaded, const std::vector<std::string>& managed) {
    return Checker{loaded, managed}.run();
}

} // namespace app
