// tool/setup/host.hpp - the port to the machine that Postfix runs on. The tests' fake is in
// tests/unit/setup_command_test.cpp; the real one is tool/setup/real_host.hpp.
//
// Blocking; every call has a time limit. One thread at a time.
#pragma once

#include "base/expected.hpp"
#include "tool/setup/ask_servers.hpp"
#include "tool/setup/plan.hpp"
#include "tool/setup/process.hpp"
#include "tool/setup/reach.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace setup {

class Host {
public:
    virtual ~Host() = default;

    [[nodiscard]] virtual base::Expected<Ran, std::string> run(const std::vector<std::string>& command) = 0;
    /// The same with this working folder.
    [[nodiscard]] virtual base::Expected<Ran, std::string>
    run_in(const std::string& folder, const std::vector<std::string>& command) = 0;

    /// nullopt: there is no such file. The error is a message.
    [[nodiscard]] virtual base::Expected<std::optional<std::string>, std::string>
    read(const std::string& file) = 0;
    /// As setup::read_as(), within the port's limit.
    [[nodiscard]] virtual base::Expected<std::optional<std::string>, std::string>
    read_as(const std::string& user, const std::string& root, const std::string& file) = 0;
    /// Replaces the file as a whole, or does not change it. Owner, group, mode and access list are those of
    /// `like`.
    [[nodiscard]] virtual base::Expected<void, std::string>
    write(const std::string& file, const std::string& content, const std::string& like) = 0;
    virtual void remove(const std::string& file) = 0;
    [[nodiscard]] virtual bool is_link(const std::string& file) = 0;
    /// "root:postfix 0640", followed by "+" if there is an access list; "" when they cannot be read.
    [[nodiscard]] virtual std::string attributes(const std::string& file) = 0;
    /// Creates a folder in `folder` that nobody else can look into. The error is a message.
    [[nodiscard]] virtual base::Expected<std::string, std::string> make_folder(const std::string& folder) = 0;
    /// Removes a folder that make_folder() created, with its content.
    virtual void remove_folder(const std::string& folder) = 0;

    /// Equal certificates count once, also those of the system's roots that are in it.
    [[nodiscard]] virtual CaFile ca_file(const std::string& path) = 0;
    /// Certificates in a folder under the names that OpenSSL looks for (c_rehash).
    [[nodiscard]] virtual std::size_t ca_folder(const std::string& path) = 0;
    /// The system's bundle of CA certificates; "" when there is none.
    [[nodiscard]] virtual std::string system_ca() = 0;

    /// The reply of a daemon at "unix:/path" or "inet:host:port" to the question for its status under `key`
    /// (postfix/request.hpp), or a message why there is none.
    [[nodiscard]] virtual base::Expected<std::string, std::string> status(const std::string& address,
                                                                          const std::string& key) = 0;
    /// The same, asked with the user and chroot of a process of Postfix (tool/setup/reach.hpp).
    [[nodiscard]] virtual Reached reach(const std::string& address, const Way& way,
                                        const std::string& key) = 0;
    [[nodiscard]] virtual bool is_root() = 0;
    [[nodiscard]] virtual bool systemd_runs() = 0;
    /// As setup::ask_servers(), within the port's limit; no row when there is no time left to ask.
    [[nodiscard]] virtual std::vector<std::vector<ServerReply>>
    ask_servers(const std::vector<AskedServer>& servers, const std::vector<DnsLookup>& lookups) = 0;
};

} // namespace setup
