// tool/setup/real_host.hpp - the machine itself, for tool/setup/host.hpp.
#pragma once

#include "tool/setup/host.hpp"

#include <chrono>
#include <optional>
#include <set>
#include <string>

namespace setup {

class RealHost final : public Host {
public:
    struct Limits {
        /// postconf takes some ms, of a main.cf that was just written 2 s and more: it waits until the file is no longer
        /// new; `postfix reload` takes a second. With room for a busy machine.
        std::chrono::milliseconds program{15000};
        std::chrono::milliseconds question{2000};
        /// Every call ends at this time at the latest: a limit for all of them together.
        std::chrono::steady_clock::time_point until = std::chrono::steady_clock::time_point::max();
        std::chrono::milliseconds lookup{5000}; ///< asking all name servers at once; libc's limit for one try
    };
    RealHost(Ask ask, Limits limits) : ask_(std::move(ask)), limits_(limits) {}
    explicit RealHost(Ask ask) : RealHost(std::move(ask), Limits{}) {}

    [[nodiscard]] base::Expected<Ran, std::string> run(const std::vector<std::string>& command) override;
    [[nodiscard]] base::Expected<Ran, std::string> run_in(const std::string& folder,
                                                          const std::vector<std::string>& command) override;
    [[nodiscard]] base::Expected<std::optional<std::string>, std::string>
    read(const std::string& file) override;
    [[nodiscard]] base::Expected<std::optional<std::string>, std::string>
    read_as(const std::string& user, const std::string& root, const std::string& file) override;
    [[nodiscard]] base::Expected<void, std::string> write(const std::string& file, const std::string& content,
                                                          const std::string& like) override;
    void remove(const std::string& file) override;
    [[nodiscard]] bool is_link(const std::string& file) override;
    [[nodiscard]] std::string attributes(const std::string& file) override;
    [[nodiscard]] base::Expected<std::string, std::string> make_folder(const std::string& folder) override;
    void remove_folder(const std::string& folder) override;
    [[nodiscard]] CaFile ca_file(const std::string& path) override;
    [[nodiscard]] std::size_t ca_folder(const std::string& path) override;
    [[nodiscard]] std::string system_ca() override;
    [[nodiscard]] base::Expected<std::string, std::string> status(const std::string& address,
                                                                  const std::string& key) override;
    [[nodiscard]] Reached reach(const std::string& address, const Way& way, const std::string& key) override;
    [[nodiscard]] bool is_root() override;
    [[nodiscard]] bool systemd_runs() override;
    [[nodiscard]] std::vector<std::vector<ServerReply>>
    ask_servers(const std::vector<AskedServer>& servers, const std::vector<DnsLookup>& lookups) override;

private:
    [[nodiscard]] std::chrono::milliseconds within(std::chrono::milliseconds limit) const;

    Ask ask_;
    Limits limits_;
    std::optional<std::set<std::string>> system_roots_; ///< fingerprints, once they are read
};

} // namespace setup
