// Files with secrets: which are read, and that no error says what is in one.
#include "wiring/secret_file.hpp"

#include "support/temp_folder.hpp"

#include <gtest/gtest.h>

#include <sys/stat.h>

#include <filesystem>
#include <fstream>

namespace {

namespace fs = std::filesystem;

class SecretFile : public testing::Test {
protected:
    std::string file(const std::string& text, unsigned mode = 0600) {
        const std::string path = folder / "secret";
        fs::remove(path);
        std::ofstream{path, std::ios::binary} << text;
        fs::permissions(path, fs::perms{mode});
        return path;
    }
    /// What is said of the file; "" when it is read.
    static std::string trouble(const std::string& path, std::size_t limit = 64) {
        valkey::WipedText secret;
        const auto read = app::read_secret(path, limit, secret);
        EXPECT_EQ(static_cast<bool>(read), static_cast<bool>(app::check_secret(path, limit)));
        return read ? "" : read.error();
    }
    static std::string password(const std::string& path) {
        valkey::WipedText secret;
        const auto read = app::read_password(path, secret);
        return read ? secret.octets : "(" + read.error() + ")";
    }
    test::TempFolder folder;
};

TEST_F(SecretFile, IsReadAsAWhole) {
    valkey::WipedText secret;
    secret.octets = "before";
    const std::string octets("a\0b\r\n\n", 6);
    ASSERT_TRUE(app::read_secret(file(octets), 6, secret));
    EXPECT_EQ(secret.octets, octets);
    ASSERT_TRUE(app::read_secret(file(""), 6, secret));
    EXPECT_EQ(secret.octets, "");
}

TEST_F(SecretFile, MustNotBeForOthers) {
    for (const unsigned mode : {0601u, 0602u, 0604u, 0644u, 0777u}) {
        const std::string path = file("hush", mode);
        EXPECT_TRUE(trouble(path).starts_with(path + ": others may use it (mode 0")) << trouble(path);
    }
    for (const unsigned mode : {0400u, 0440u, 0600u, 0640u, 0660u})
        EXPECT_EQ(trouble(file("hush", mode)), "") << mode;
}

TEST_F(SecretFile, MustBeARegularFile) {
    EXPECT_EQ(trouble(folder / "none"), (folder / "none") + ": cannot be read: No such file or directory");
    EXPECT_EQ(trouble(folder.path().string()), folder.path().string() + ": is not a regular file");
    EXPECT_EQ(trouble("/dev/null"), "/dev/null: is not a regular file");
    const std::string pipe = folder / "pipe";
    ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
    EXPECT_EQ(trouble(pipe), pipe + ": is not a regular file"); // and nobody waits for a writer
    fs::create_symlink(file("hush"), folder / "link");
    EXPECT_EQ(trouble(folder / "link"), "");
}

TEST_F(SecretFile, HasALimit) {
    EXPECT_EQ(trouble(file(std::string(64, 'x'))), "");
    const std::string path = file(std::string(65, 'x'));
    EXPECT_EQ(trouble(path), path + ": is larger than 64 octets");
    // Files whose size the system does not say, as in /proc, are counted.
    valkey::WipedText secret;
    EXPECT_TRUE(app::check_secret("/proc/self/environ", 3));
    EXPECT_FALSE(app::read_secret("/proc/self/environ", 3, secret));
}

TEST_F(SecretFile, APasswordLosesOneLineEnd) {
    EXPECT_EQ(password(file("secret")), "secret");
    EXPECT_EQ(password(file("secret\n")), "secret");
    EXPECT_EQ(password(file("secret\r\n")), "secret");
    EXPECT_EQ(password(file("a b\n\n")), "a b\n");
    for (const char* nothing : {"", "\n", "\r\n"}) {
        const std::string path = file(nothing);
        EXPECT_EQ(password(path), "(" + path + ": there is no password in it)");
    }
    const std::string path = file(std::string(4097, 'x'));
    EXPECT_EQ(password(path), "(" + path + ": is larger than 4096 octets)");
}

TEST_F(SecretFile, OfKeysNothingIsSaid) {
    const std::string good = "k1 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n";
    const auto ring = app::read_key_ring(file(good));
    ASSERT_TRUE(ring);
    EXPECT_EQ(ring->sealing().id, "k1");
    const std::string path = file(good + "k2 hush-hush\n");
    const auto bad = app::read_key_ring(path);
    ASSERT_FALSE(bad);
    EXPECT_EQ(bad.error(), path + ": line 2: the key is neither base64 nor hex");
    EXPECT_EQ(app::read_key_ring(file("")).error(),
              folder / "secret" + std::string(": there is no key in it"));
}

TEST_F(SecretFile, ItsNameIsMadePrintable) { EXPECT_EQ(trouble("/no\nsuch").find('\n'), std::string::npos); }

} // namespace
