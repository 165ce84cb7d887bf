// support/bare_host.hpp - a setup::Host on which there is nothing: no programs, no files, no daemon. A test
// derives its own host and adds what it needs.
#pragma once

#include "tool/setup/host.hpp"

namespace test {

class BareHost : public setup::Host {
public:
    base::Expected<setup::Ran, std::string> run(const std::vector<std::string>& command) override {
        return base::unexpected(command.at(0) + " is not installed");
    }
    base::Expected<setup::Ran, std::string> run_in(const std::string&,
                                                   const std::vector<std::string>& command) override {
        return run(command);
    }
    base::Expected<std::optional<std::string>, std::string> read(const std::string&) override {
        return std::nullopt;
    }
    base::Expected<void, std::string> write(const std::string& file, const std::string&,
                                            const std::string&) override {
        return base::unexpected(file + ": Permission denied");
    }
    void remove(const std::string&) override {}
    bool is_link(const std::string&) override { return false; }
    std::string attributes(const std::string&) override { return {}; }
    base::Expected<std::string, std::string> make_folder(const std::string& folder) override {
        return base::unexpected(folder + ": Permission denied");
    }
    void remove_folder(const std::string&) override {}
    setup::CaFile ca_file(const std::string&) override { return {}; }
    std::size_t ca_folder(const std::string&) override { return 0; }
    std::string system_ca() override { return {}; }
    base::Expected<std::string, std::string> status(const std::string& address, const std::string&) override {
        return base::unexpected(address + ": nobody");
    }
    setup::Reached reach(const std::string& address, const setup::Way&, const std::string&) override {
        return {setup::Reached::Kind::absent, address + ": nobody", {}, {}};
    }
    bool is_root() override { return true; }
    bool systemd_runs() override { return false; }
};

} // namespace test
