#include "cache/valkey/key_ring.hpp"
#include "support/valkey_sample.hpp"

#include <gtest/gtest.h>

namespace {

using valkey::KeyRing;

const std::string hex_key = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
const std::string other_key = "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f";

std::string error_of(const std::string& file) {
    const auto ring = KeyRing::parse(file);
    return ring ? "" : words(ring.error());
}

TEST(ValkeyKeyRing, TheFirstSealsAllAreAccepted) {
    const auto ring = KeyRing::parse("# of the fleet\n\nnew " + other_key + "\r\n\t old_1.-  " + hex_key +
                                     "\t# since May\n");
    ASSERT_TRUE(ring) << words(ring.error());
    EXPECT_EQ(ring->sealing().id, "new");
    ASSERT_EQ(ring->keys().size(), 2U);
    ASSERT_NE(ring->find("old_1.-"), nullptr);
    EXPECT_EQ(ring->find("old_1.-"), &ring->keys()[1]);
    EXPECT_EQ(ring->find("old"), nullptr);
    EXPECT_EQ(ring->find(""), nullptr);
}

TEST(ValkeyKeyRing, ReadsAKeyInBothForms) {
    const auto hex = KeyRing::parse("k " + hex_key);
    const auto base64 = KeyRing::parse("other AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=");
    ASSERT_TRUE(hex && base64);
    EXPECT_TRUE(hex->sealing().seal == base64->sealing().seal);
}

TEST(ValkeyKeyRing, WhatIsDerivedDiffersByUseAndByKey) {
    const auto ring = KeyRing::parse("a " + hex_key + "\nb " + other_key).value();
    const valkey::Key &a = ring.keys()[0], &b = ring.keys()[1];
    const valkey::Secret* all[] = {&a.seal, &a.name, &a.encryption, &b.seal, &b.name, &b.encryption};
    for (std::size_t i = 0; i < std::size(all); ++i)
        for (std::size_t j = 0; j < i; ++j) EXPECT_FALSE(*all[i] == *all[j]) << i << " and " << j;
}

TEST(ValkeyKeyRing, ErrorsNameTheLine) {
    const std::string k = hex_key;
    const std::pair<std::string, const char*> cases[] = {
        {"", "there is no key in it"},
        {"# k " + k + "\n\n", "there is no key in it"},
        {k, "line 1: not an id and a key with a space between"},
        {"k #" + k, "line 1: not an id and a key with a space between"},
        {"\n\nk " + k + " x", "line 3: more than an id and a key"},
        {"k: " + k, "line 1: the id is not 1 to 32 letters, digits, '_', '.' and '-'"},
        {std::string(33, 'k') + " " + k, "line 1: the id is not 1 to 32 letters, digits, '_', '.' and '-'"},
        {"\xef\xbb\xbfk " + k, "line 1: the id is not 1 to 32 letters, digits, '_', '.' and '-'"},
        {std::string("k\0", 2) + " " + k, "line 1: the id is not 1 to 32 letters, digits, '_', '.' and '-'"},
        {"k " + k.substr(2), "line 1: the key is shorter than 32 octets"},
        {"k YWJj", "line 1: the key is shorter than 32 octets"},
        {"k " + k + "0", "line 1: the key is neither base64 nor hex"},
        {"k " + std::string(62, '-'), "line 1: the key is neither base64 nor hex"},
        {"k " + std::string(1026, 'a'), "line 1: the key is longer than 512 octets"},
        {"k " + std::string(688, 'z'), "line 1: the key is longer than 512 octets"}, // base64 of 516
        {"k " + k + "\nk " + other_key, "line 2: the id stands in an earlier line"},
        {"k " + k + "\nl " + k, "line 2: the key stands in an earlier line"},
        {"k " + k + "\nl AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
         "line 2: the key stands in an earlier line"},
    };
    for (const auto& [file, words] : cases) EXPECT_EQ(error_of(file), words) << file;
}

TEST(ValkeyKeyRing, IdsAreComparedOctetByOctet) {
    EXPECT_EQ(error_of("k " + hex_key + "\nK " + other_key), "");
}

TEST(ValkeyKeyRing, HasLimits) {
    std::string file;
    for (char c = 'a'; c < 'a' + 16; ++c)
        file += std::string{c, ' '} + hex_key.substr(2) + std::to_string(c) + (c < 100 ? "\n" : "0\n");
    // Keys of 32 octets and more, all different.
    const auto many = KeyRing::parse(file);
    ASSERT_TRUE(many) << words(many.error());
    EXPECT_EQ(many->keys().size(), valkey::max_keys);
    EXPECT_EQ(error_of(file + "z " + other_key), "line 17: more than 16 keys");

    const std::string line = "k " + hex_key + "\n";
    EXPECT_EQ(error_of(line + std::string(valkey::max_key_file - line.size(), '#')), "");
    EXPECT_EQ(error_of(line + std::string(valkey::max_key_file - line.size() + 1, '#')),
              "the file is larger than 64 KiB");
    EXPECT_EQ(error_of("k " + std::string(1024, 'a')), "") << "the longest key";
}

TEST(ValkeyKeyRing, NoErrorHoldsAnythingOfTheFile) {
    // Octets that no words hold; each place where an error can be.
    const std::string mark = "@@@@";
    for (const std::string& file : {mark, mark + " " + hex_key, "k " + mark, "k " + hex_key + " " + mark,
                                    mark + " " + mark + " " + mark, "k " + hex_key + "\n" + mark,
                                    "k " + hex_key + "\nk " + hex_key + " " + mark}) {
        const std::string words = error_of(file);
        EXPECT_NE(words, "") << file;
        EXPECT_EQ(words.find('@'), std::string::npos) << file;
        EXPECT_EQ(words.find("0001"), std::string::npos) << file;
    }
}

TEST(ValkeyKeyRing, RotationInThreeSteps) {
    const auto before = KeyRing::parse("a " + hex_key).value();
    const auto appended = KeyRing::parse("a " + hex_key + "\nb " + other_key).value();
    const auto moved = KeyRing::parse("b " + other_key + "\na " + hex_key).value();
    const auto after = KeyRing::parse("b " + other_key).value();
    const auto opens = [](const KeyRing& reader, const KeyRing& writer) {
        const auto octets = seal(test::sample_value(), writer.sealing(), valkey::Naming::plain, {});
        return open(octets, "example.com", reader, test::fetched_then).has_value();
    };
    // While hosts are at the same or at neighbouring steps, each reads what the other writes.
    const KeyRing* steps[] = {&before, &appended, &moved, &after};
    for (std::size_t i = 0; i + 1 < std::size(steps); ++i) {
        EXPECT_TRUE(opens(*steps[i], *steps[i + 1])) << i;
        EXPECT_TRUE(opens(*steps[i + 1], *steps[i])) << i;
    }
    EXPECT_FALSE(opens(before, after));
}

} // namespace
