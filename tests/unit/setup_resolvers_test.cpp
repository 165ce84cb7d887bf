// A chroot's resolv.conf compared with the system's, and a file as seen from inside a chroot.
#include "tool/setup/read_as.hpp"
#include "tool/setup/resolvers.hpp"

#include "support/temp_folder.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include <sys/stat.h>
#include <unistd.h>

namespace {

using namespace std::chrono_literals;

using setup::difference;

TEST(Resolvers, AreTheSameWhateverDoesNotMatter) {
    const std::string system = "nameserver 127.0.0.1\nnameserver ::1\noptions edns0 trust-ad\n";
    for (const char* theirs :
         {"nameserver 127.0.0.1\nnameserver ::1\noptions edns0 trust-ad\n",
          "# made by a program\nnameserver   127.0.0.1 \nnameserver\t::1\nsearch example\noptions trust-ad\n"
          "options edns0",
          "options edns0 timeout:5 attempts:2 ndots:3 trust-ad\nnameserver 127.0.0.1\nnameserver 0::1\n",
          "; x\nsortlist 192.0.2.0\noptions edns0 edns0 timeout:1 trust-ad\noptions timeout:5\nnameserver "
          "127.0.0.1\nnameserver ::1\n"})
        EXPECT_EQ(difference(theirs, system), "") << theirs;
    EXPECT_EQ(difference("", "nameserver 127.0.0.1"), "") << "what libc takes where there is none";
}

TEST(Resolvers, DifferInServersAndOptions) {
    const std::string system = "nameserver 127.0.0.1\noptions timeout:1\n";
    const std::pair<const char*, const char*> table[] = {
        {"nameserver 192.0.2.1\noptions timeout:1\n", "it names 192.0.2.1, and the system's 127.0.0.1"},
        {"nameserver 127.0.0.1\nnameserver 192.0.2.1\noptions timeout:1\n",
         "it names 127.0.0.1 192.0.2.1, and"},
        {"nameserver 2001:db8::1\noptions timeout:1\n", "it names [2001:db8::1], and"},
        {"nameserver 127.0.0.1\n", "it has the options none, and the system's timeout:1"},
        {"nameserver 127.0.0.1\noptions timeout:1 use-vc\n", "it has the options timeout:1 use-vc, and"},
        {"nameserver 127.0.0.1\noptions timeout:2\n",
         "it has the options timeout:2, and the system's timeout:1"},
        {"", "it has the options none, and the system's timeout:1"},
        {"nameserver 192.0.2.1\n", "it names 192.0.2.1, and the system's 127.0.0.1; it has the options none"},
    };
    for (const auto& [theirs, words] : table)
        EXPECT_EQ(difference(theirs, system).substr(0, std::string(words).size()), words) << theirs;
    EXPECT_NE(difference("nameserver ::1\nnameserver 127.0.0.1", "nameserver 127.0.0.1\nnameserver ::1"), "")
        << "their order is the order of asking";
}

TEST(ReadAs, SeesTheFileFromWithin) {
    const test::TempFolder folder;
    ::chmod(folder.path().c_str(), 0755);
    const auto within = [&](const std::string& user) {
        return setup::read_as(user, folder.path().string(), "/etc/resolv.conf", 5s);
    };
    std::vector<std::string> users{""};
    if (::geteuid() == 0) users.emplace_back("nobody");
    for (const std::string& user : users) {
        std::filesystem::remove_all(folder / "etc");
        EXPECT_FALSE(within(user).value().has_value());
        std::filesystem::create_directories(folder / "etc");
        std::filesystem::create_directories(folder / "run");
        EXPECT_FALSE(within(user).value().has_value());
        std::ofstream(folder / "run/real") << "nameserver 192.0.2.1\n";
        std::filesystem::create_symlink("/run/real", folder / "etc/resolv.conf");
        EXPECT_EQ(within(user).value().value(), "nameserver 192.0.2.1\n")
            << "a link of the chroot stays within";
        std::filesystem::remove(folder / "run/real");
        EXPECT_FALSE(within(user).value().has_value()) << "a link out of it leads nowhere";
        std::filesystem::remove(folder / "etc/resolv.conf");
        std::filesystem::create_directories(folder / "etc/resolv.conf");
        EXPECT_FALSE(within(user).value().has_value());
        std::filesystem::remove(folder / "etc/resolv.conf");
        std::ofstream(folder / "etc/resolv.conf") << std::string(100'000, '#');
        EXPECT_EQ(within(user).value().value().size(), setup::max_read_as);
    }
    if (::geteuid() != 0) return;
    ::chmod((folder / "etc/resolv.conf").c_str(), 0600);
    EXPECT_FALSE(within("nobody").value().has_value()) << "not to be read by that user";
    EXPECT_TRUE(within("").value().has_value());
    EXPECT_EQ(within("no-such-user").error(), "there is no user no-such-user");
    EXPECT_FALSE(setup::read_as("nobody", folder / "none", "/etc/resolv.conf", 5s));
}

} // namespace
