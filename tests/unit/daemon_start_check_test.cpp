// What --check-config finds besides the file, with the messages of the parts that would refuse to start.
#include "daemon/start_check.hpp"

#include "fetch/certificate.hpp"
#include "server/listener.hpp"
#include "support/temp_folder.hpp"
#include "support/test_ca.hpp"

#include <gtest/gtest.h>
#include <openssl/pem.h>

#include <filesystem>
#include <fstream>
#include <memory>

#include <grp.h>
#include <pwd.h>
#include <unistd.h>

namespace {

namespace fs = std::filesystem;
using app::check_start;

config::Loaded load(const std::string& text) {
    auto loaded = config::parse(text, "f", {});
    if (!loaded) throw std::runtime_error(to_string(loaded.error().front()));
    return *loaded;
}

std::vector<std::string> problems(const std::string& text, const std::vector<std::string>& managed = {}) {
    std::vector<std::string> told;
    for (const config::Problem& problem : check_start(load(text), managed).problems)
        told.push_back(to_string(problem));
    return told;
}

using Told = std::vector<std::string>;

std::string state_line(const test::TempFolder& folder) {
    return "state_dir = \"" + folder.path().string() + "\"\n";
}

TEST(StartCheck, FindsNothingWrongWithWhatIsThere) {
    const test::TempFolder folder;
    EXPECT_EQ(problems(state_line(folder)), Told{});
    EXPECT_EQ(problems(state_line(folder) + "listen = [\"unix:" + (folder / "s") +
                       "\", \"tcp:127.0.0.1:8461\", \"tcp::8462\"]\nsocket = { group = \"\" }\n"),
              Told{});
}

TEST(StartCheck, FindsFoldersThatDoNotExist) {
    const test::TempFolder folder;
    EXPECT_EQ(problems("state_dir = \"/no/such\"\n"),
              Told{"f:1:13: state_dir: the folder /no/such does not exist"});
    std::ofstream{folder.path() / "file"} << "x";
    EXPECT_EQ(problems("state_dir = \"" + (folder / "file") + "\"\n"),
              Told{"f:1:13: state_dir: " + (folder / "file") + " is not a folder"});
    const std::string start = state_line(folder) + "socket = { group = \"\" }\n";
    EXPECT_EQ(problems(start + "listen = [\"unix:/no/such/s\"]\n"),
              Told{"f:3:10: listen: unix:/no/such/s: the folder /no/such does not exist"});
    EXPECT_EQ(problems(start + "listen = [\"unix:" + (folder / "file") + "\"]\n"),
              Told{"f:3:10: listen: unix:" + (folder / "file") +
                   ": the path exists and is not a socket; not removing it"});
    EXPECT_EQ(problems(start + "listen = [\"unix:" + (folder / "file/s") + "\"]\n").size(), 1u);
}

TEST(StartCheck, SaysWhatTheStartSays) {
    const test::TempFolder folder;
    const std::pair<std::string, net::ListenAddress> rows[] = {
        {"unix:/no/such/s", {net::ListenAddress::Kind::unix_socket, "/no/such/s", {}, 0}},
        {"unix:" + folder.path().string(),
         {net::ListenAddress::Kind::unix_socket, folder.path().string(), {}, 0}},
        {"tcp:192.0.2.1:8461", {net::ListenAddress::Kind::tcp, "", net::parse_ip("192.0.2.1"), 8461}},
    };
    for (const auto& [text, address] : rows) {
        const auto opened = server::Listener::open(address, {}, 1);
        ASSERT_FALSE(opened) << text;
        EXPECT_EQ(problems(state_line(folder) + "listen = [\"" + text + "\"]\nsocket = { group = \"\" }\n"),
                  Told{"f:2:10: listen: " + opened.error()});
    }
    const auto context = fetch::make_client_context("/no/such.pem");
    ASSERT_FALSE(context);
    EXPECT_EQ(problems(state_line(folder) + "fetch.ca_file = \"/no/such.pem\"\n"),
              Told{"f:2:17: fetch.ca_file: " + context.error()});
}

TEST(StartCheck, FindsUsersAndGroupsThatDoNotExist) {
    const test::TempFolder folder;
    const std::string start = state_line(folder);
    EXPECT_EQ(problems(start + "socket = { owner = \"no-such-user\", group = \"no-such-group\" }\n"),
              (Told{"f:2:20: socket.owner: there is no user \"no-such-user\" to own the socket",
                    "f:2:44: socket.group: there is no group \"no-such-group\" to own the socket"}));
    EXPECT_EQ(problems(start + "socket = { owner = \"root\", group = \"0\" }\n"), Told{});
    // The default group matters where a socket would be created, and is reported once.
    const std::string listen = "listen = [\"unix:" + (folder / "s") + "\"]\n";
    if (::getgrnam("postfix") == nullptr) {
        EXPECT_EQ(problems(start + listen).size(), 1u);
    } else {
        EXPECT_EQ(problems(start + listen), Told{});
    }
    EXPECT_EQ(problems(start + listen + "socket = { group = \"no-such-group\" }\n").size(), 1u);
}

TEST(StartCheck, ASocketThatIsTherePassesAndIsLeftAlone) {
    const test::TempFolder folder;
    const net::ListenAddress address{net::ListenAddress::Kind::unix_socket, folder / "s", {}, 0};
    auto listening = server::Listener::open(address, {}, 1);
    ASSERT_TRUE(listening);
    EXPECT_EQ(problems(state_line(folder) + "listen = [\"unix:" + (folder / "s") + "\"]\n"), Told{});
    EXPECT_TRUE(fs::is_socket(folder.path() / "s"));
}

TEST(StartCheck, ACertificateFileMustHaveCertificates) {
    const test::TempFolder folder;
    std::ofstream{folder.path() / "empty.pem"} << "no certificate\n";
    const auto told = problems(state_line(folder) + "fetch.ca_file = \"" + (folder / "empty.pem") + "\"\n");
    ASSERT_EQ(told.size(), 1u);
    EXPECT_NE(told.front().find("cannot use CA file"), std::string::npos);
    const test::TestCa ca;
    EXPECT_EQ(problems(state_line(folder) + "fetch.ca_file = \"" + ca.file() + "\"\n"), Told{});
}

/// A file of the mode, and its path.
std::string file_of(const test::TempFolder& folder, const std::string& name, const std::string& text,
                    fs::perms mode = fs::perms{0600}) {
    std::ofstream{folder / name} << text;
    fs::permissions(folder / name, mode);
    return folder / name;
}

const std::string good_key = "k1 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n";

TEST(StartCheck, ReadsTheFilesOfASharedCache) {
    const test::TempFolder folder;
    const std::string keys = file_of(folder, "keys", good_key),
                      password = file_of(folder, "password", "secret\n");
    const std::string start = state_line(folder) + "[shared]\nengine = \"unix:/e\"\nkey_file = \"";
    EXPECT_EQ(problems(start + keys + "\"\npassword_file = \"" + password + "\"\n"), Told{});
    EXPECT_EQ(problems(start + "/no/such\"\n"),
              Told{"f:4:12: shared.key_file: /no/such: cannot be read: No such file or directory"});
    const std::string short_key = file_of(folder, "short", "k1 00\n"),
                      open = file_of(folder, "open", "x", fs::perms{0604}),
                      empty = file_of(folder, "empty", "\n");
    EXPECT_EQ(
        problems(start + short_key + "\"\npassword_file = \"" + open + "\"\n"),
        (Told{"f:4:12: shared.key_file: " + short_key + ": line 1: the key is shorter than 32 octets",
              "f:5:17: shared.password_file: " + open +
                  ": others may use it (mode 0604), and what is in it is a secret: chmod o= would do"}));
    EXPECT_EQ(problems(start + keys + "\"\npassword_file = \"" + empty + "\"\n"),
              Told{"f:5:17: shared.password_file: " + empty + ": there is no password in it"});
    // Without an engine nothing is read.
    EXPECT_EQ(problems(state_line(folder) + "[shared]\nkey_file = \"/no/such\"\n"), Told{});
}

/// In PEM form.
std::string key_of(const test::Identity& identity) {
    const std::unique_ptr<BIO, decltype(&BIO_free)> out(BIO_new(BIO_s_mem()), &BIO_free);
    PEM_write_bio_PrivateKey(out.get(), identity.key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    char* octets = nullptr;
    const auto size = BIO_get_mem_data(out.get(), &octets);
    return {octets, static_cast<std::size_t>(size)};
}

TEST(StartCheck, ReadsTheCertificatesOfASharedCache) {
    const test::TempFolder folder;
    const test::TestCa ca;
    const std::string keys = file_of(folder, "keys", good_key);
    const test::Identity identity = test::self_signed({});
    const std::string pem = test::to_pem(identity) + key_of(identity);
    const std::string client = file_of(folder, "client.pem", pem),
                      open = file_of(folder, "open", pem, fs::perms{0644});
    const std::string start =
        state_line(folder) + "[shared]\nengine = \"tls:e\"\nkey_file = \"" + keys + "\"\n";
    EXPECT_EQ(problems(start), Told{});
    const std::string certificate = "tls_certificate_file = \"" + client + "\"\ntls_key_file = \"";
    EXPECT_EQ(problems(start + "tls_ca_file = \"" + ca.file() + "\"\n" + certificate + client + "\"\n"),
              Told{});
    const auto told = problems(start + "tls_ca_file = \"" + keys + "\"\n");
    ASSERT_EQ(told.size(), 1u);
    EXPECT_TRUE(told.front().starts_with("f:5:15: shared.tls_ca_file: cannot use CA file " + keys))
        << told.front();
    const std::string no_key = file_of(folder, "no-key", test::to_pem(identity));
    EXPECT_TRUE(problems(start + certificate + no_key + "\"\n")
                    .at(0)
                    .starts_with("f:5:24: shared.tls_certificate_file: cannot use key file " + no_key));
    EXPECT_EQ(problems(start + certificate + open + "\"\n"),
              Told{"f:6:16: shared.tls_key_file: " + open +
                   ": others may use it (mode 0644), and what is in it is a secret: chmod o= would do"});
}

TEST(StartCheck, FoldersThatTheUnitMakesMayBeMissing) {
    const test::TempFolder folder;
    const auto managed =
        app::managed_folders(("/var/lib/other:" + (folder / "state")).c_str(), (folder / "run/").c_str());
    EXPECT_EQ(managed,
              (Told{"/var/lib/stsmapd", "/run/stsmapd", "/var/lib/other", folder / "state", folder / "run"}));
    EXPECT_EQ(app::managed_folders(nullptr, nullptr).size(), 2u);
    EXPECT_EQ(app::managed_folders("", "::").size(), 2u);
    const std::string text = "state_dir = \"" + (folder / "state/") +
                             "\"\nlisten = [\"unix:" + (folder / "run/s") +
                             "\"]\nsocket = { group = \"\" }\n";
    EXPECT_EQ(problems(text).size(), 2u);
    const app::StartCheck found = check_start(load(text), managed);
    EXPECT_TRUE(found.problems.empty());
    ASSERT_EQ(found.notes.size(), 2u);
    EXPECT_NE(found.notes.front().find("is not there yet"), std::string::npos);
}

TEST(StartCheck, WhatAUserMayNotSeeIsANote) {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root to become somebody else";
    const test::TempFolder folder;
    fs::permissions(folder.path(), fs::perms::none);
    const std::string text = "state_dir = \"" + (folder / "state") +
                             "\"\nlisten = [\"unix:" + (folder / "s") + "\"]\nfetch.ca_file = \"" +
                             (folder / "ca.pem") + "\"\nsocket = { group = \"\" }\n";
    const config::Loaded loaded = load(text);
    ASSERT_EQ(::seteuid(65534), 0);
    const app::StartCheck found = check_start(loaded, {});
    ASSERT_EQ(::seteuid(0), 0);
    for (const config::Problem& problem : found.problems) ADD_FAILURE() << to_string(problem);
    EXPECT_EQ(found.notes.size(), 2u);
}

} // namespace
