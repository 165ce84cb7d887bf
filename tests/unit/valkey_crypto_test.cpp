// The functions over OpenSSL by known answers; and that secrets end when they should.
#include "cache/valkey/crypto.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <ostream>
#include <type_traits>

namespace {

using valkey::decode_key;
using valkey::Hash;
using valkey::Secret;

Secret secret(unsigned char octet) {
    Hash octets;
    octets.fill(octet);
    return Secret{octets};
}

template <class T>
concept Printable = requires(std::ostream& out, const T& value) {
    out << value;
};
static_assert(!Printable<Secret> && !Printable<valkey::WipedText>);
static_assert(!std::is_convertible_v<Secret, std::string> &&
              !std::is_convertible_v<Secret, std::string_view>);
static_assert(!std::is_copy_constructible_v<Secret> && !std::is_copy_assignable_v<Secret>);

TEST(ValkeyCrypto, DerivesAsRfc5869Does) {
    // Appendix A.3: no salt, no info; the first 32 octets of its 42.
    const unsigned char expected[32] = {0x8d, 0xa4, 0xe7, 0x75, 0xa5, 0x63, 0xc1, 0x8f, 0x71, 0x5f, 0x80,
                                        0x2a, 0x06, 0x3c, 0x5a, 0x31, 0xb8, 0xa1, 0x1f, 0x5c, 0x5e, 0xe1,
                                        0x87, 0x9e, 0xc3, 0x45, 0x4e, 0x5f, 0x3c, 0x73, 0x8d, 0x2d};
    const std::string material(22, '\x0b');
    EXPECT_TRUE(valkey::derive(material, "") == Secret{expected});
    EXPECT_FALSE(valkey::derive(material, "x") == Secret{expected});
    EXPECT_FALSE(valkey::derive(material, "x") == valkey::derive(material, "y"));
}

TEST(ValkeyCrypto, HashesAsRfc4868Does) {
    // Section 2.7.2.1, test case AUTH256-1.
    EXPECT_EQ(valkey::hex(valkey::keyed_hash(secret(0x0b), "Hi There")),
              "198a607eb44bfbc69903a0f1cf2bbdc5ba0aa3f3d9ae3c1c7a3b1696a0b68cf7");
}

TEST(ValkeyCrypto, EncryptsAsTheTestCasesOfGcmSay) {
    // McGrew, Viega, "The Galois/Counter Mode of Operation", test cases 13 and 14.
    const auto of = [](std::string_view plain) { return valkey::encrypt(secret(0), {}, "", plain); };
    const std::string nonce(12, '\0');
    EXPECT_EQ(of(""), nonce + "\x53\x0f\x8a\xfb\xc7\x45\x36\xb9\xa9\x63\xb4\xf1\xc4\xcb\x73\x8b");
    EXPECT_EQ(of(std::string(16, '\0')),
              nonce + "\xce\xa7\x40\x3d\x4d\x60\x6b\x6e\x07\x4e\xc5\xd3\xba\xf3\x9d\x18"
                      "\xd0\xd1\xc8\xa7\x99\x99\x6b\xf0\x26\x5b\x98\xb5\xd4\x8a\xb9\x19");
}

TEST(ValkeyCrypto, DecryptsWhatItEncryptedAndNothingElse) {
    const valkey::Nonce nonce = valkey::random_nonce();
    for (const std::size_t size : {0U, 1U, 15U, 16U, 17U, 4096U, 65536U}) {
        const std::string plain(size, 'x');
        const std::string box = valkey::encrypt(secret(1), nonce, "context", plain);
        EXPECT_EQ(box.size(), size + valkey::encryption_overhead);
        EXPECT_EQ(valkey::decrypt(secret(1), "context", box), plain);
        EXPECT_EQ(valkey::decrypt(secret(2), "context", box), std::nullopt) << "another key";
        EXPECT_EQ(valkey::decrypt(secret(1), "other", box), std::nullopt) << "another context";
    }
    const std::string box = valkey::encrypt(secret(1), nonce, "context", "plain");
    for (std::size_t at = 0; at < box.size(); ++at) {
        EXPECT_EQ(valkey::decrypt(secret(1), "context", box.substr(0, at)), std::nullopt) << "cut at " << at;
        std::string flipped = box;
        flipped[at] = static_cast<char>(flipped[at] ^ 1);
        EXPECT_EQ(valkey::decrypt(secret(1), "context", flipped), std::nullopt) << "flipped at " << at;
    }
}

TEST(ValkeyCrypto, NoNonceTwice) { EXPECT_NE(valkey::random_nonce(), valkey::random_nonce()); }

TEST(ValkeyCrypto, WritesHashesAsText) {
    Hash hash{};
    hash[0] = 0xff;
    hash[1] = 0xef;
    hash[31] = 0x0a;
    EXPECT_EQ(valkey::hex(hash), "ffef" + std::string(58, '0') + "0a");
    EXPECT_EQ(valkey::base64url(hash), "_-8" + std::string(39, 'A') + "o");
}

TEST(ValkeyCrypto, ReadsKeysInHexAndInBase64) {
    const std::pair<const char*, const char*> good[] = {
        {"01ff0A", "\x01\xff\x0a"}, {"YWJj", "abc"},      {"YWI=", "ab"}, {"YQ==", "a"},
        {"+/+/", "\xfb\xff\xbf"},   {"abcd", "\xab\xcd"}, // hex where it may be both
    };
    for (const auto& [text, octets] : good) {
        std::string read;
        read.reserve(64);
        EXPECT_TRUE(decode_key(text, read)) << text;
        EXPECT_EQ(read, octets) << text;
    }
    for (const char* text : {"", "=", "====", "a", "abc", "YW=j", "YWJj\n", " YWJj", "YWJ", "YWI",
                             "Y===", "-_-_", "0g", "YWJj=", "YWJjYWI==", "\xff\xff\xff\xff"}) {
        std::string read;
        read.reserve(64);
        EXPECT_FALSE(decode_key(text, read)) << text;
    }
    std::string full;
    full.reserve(64);
    full.resize(full.capacity());
    EXPECT_FALSE(decode_key("YWJj", full)) << "no room";
    EXPECT_FALSE(decode_key("00ff", full)) << "no room";
}

TEST(ValkeyCrypto, ComparesAll) {
    EXPECT_TRUE(valkey::equal("", ""));
    EXPECT_TRUE(valkey::equal("abc", "abc"));
    EXPECT_FALSE(valkey::equal("abc", "abd"));
    EXPECT_FALSE(valkey::equal("abc", "ab"));
    EXPECT_TRUE(secret(1) == secret(1));
    EXPECT_FALSE(secret(1) == secret(2));
}

TEST(ValkeyCrypto, SecretsAreWipedAtTheirEndAndWhereTheyWereMovedFrom) {
    alignas(Secret) unsigned char room[sizeof(Secret)];
    const auto holds = [&room](unsigned char octet) {
        volatile const unsigned char* at = room;
        for (std::size_t i = 0; i < sizeof room; ++i)
            if (at[i] == octet) return true;
        return false;
    };
    Secret* placed = new (room) Secret{secret(0x5a)};
    ASSERT_TRUE(holds(0x5a));
    Secret moved{std::move(*placed)};
    EXPECT_FALSE(holds(0x5a)) << "moved from";
    EXPECT_TRUE(moved == secret(0x5a));
    *placed = std::move(moved);
    ASSERT_TRUE(holds(0x5a));
    EXPECT_FALSE(moved == secret(0x5a)) << "assigned from"; // NOLINT(bugprone-use-after-move)
    placed->~Secret();
    EXPECT_FALSE(holds(0x5a)) << "ended";
}

TEST(ValkeyCrypto, WipesTexts) {
    std::string text = "a secret that does not fit into the string object itself";
    text.reserve(100);
    const char* at = text.data();
    text.resize(10); // what was cut off is wiped too
    valkey::wipe(text);
    EXPECT_EQ(text, "");
    ASSERT_EQ(text.data(), at);
    text.resize(text.capacity()); // still its own room
    EXPECT_EQ(text.find_first_not_of('\0'), std::string::npos);
}

} // namespace
