// The worked examples of src/cache/valkey/README.md, as the code makes them. They were computed by another program.
#include "cache/valkey/hosts.hpp"
#include "cache/valkey/value.hpp"
#include "support/redis_server.hpp"
#include "support/valkey_sample.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace {

using valkey::Naming;

/// What stands between "```text" and "```", block by block.
std::vector<std::string> blocks() {
    std::ifstream in{STSMAPD_SOURCE_DIR "/src/cache/valkey/README.md"};
    std::vector<std::string> found;
    bool inside = false;
    for (std::string line; std::getline(in, line);) {
        if (line.starts_with("```")) {
            inside = line == "```text";
            if (inside) found.emplace_back();
        } else if (inside) {
            found.back() += line + "\n";
        }
    }
    return found;
}

/// The octets of lines of hex digits.
std::string octets_of(const std::string& lines) {
    std::string octets;
    std::istringstream in{lines};
    for (std::string line; std::getline(in, line);)
        for (std::size_t i = 0; i + 1 < line.size(); i += 2)
            octets.push_back(static_cast<char>(std::stoi(line.substr(i, 2), nullptr, 16)));
    return octets;
}

TEST(ValkeyReadme, ExamplesAreWhatTheCodeMakes) {
    const auto found = blocks();
    ASSERT_EQ(found.size(), 5U);
    const auto ring = valkey::KeyRing::parse(found[0]);
    ASSERT_TRUE(ring);
    const valkey::Key& key = ring->sealing();

    std::istringstream derived{found[1]};
    for (const auto& [use, secret] :
         {std::pair{"seal", &key.seal}, {"name", &key.name}, {"encryption", &key.encryption}}) {
        std::string word, digits, octets;
        derived >> word >> digits;
        EXPECT_EQ(word, use);
        octets = octets_of(digits);
        ASSERT_EQ(octets.size(), valkey::Secret::size);
        valkey::Hash hash{};
        std::ranges::copy(octets, hash.begin());
        EXPECT_TRUE(valkey::Secret{hash} == *secret) << use;
    }

    const valkey::Value value = test::sample_value();
    EXPECT_EQ(seal(value, key, Naming::plain, {}), found[2]);
    const std::string name = name_of(value.domain, key, Naming::hidden);
    EXPECT_EQ(valkey::policy_key(valkey::default_prefix, name) + "\n", found[3]);
    const std::size_t line = found[4].find('\n') + 1;
    const std::string hidden = found[4].substr(0, line) + octets_of(found[4].substr(line));
    EXPECT_EQ(seal(value, key, Naming::hidden, test::fixed_nonce()), hidden);

    // And read by themselves.
    for (const auto& [octets, under] : {std::pair{found[2], std::string{"example.com"}}, {hidden, name}}) {
        const auto opened = open(octets, under, *ring, test::fetched_then);
        ASSERT_TRUE(opened) << to_string(opened.error());
        EXPECT_EQ(opened->value, value);
    }
}

TEST(ValkeyReadme, SaysWhatIsRefusedAndWhatOverwritten) {
    std::ifstream in{STSMAPD_SOURCE_DIR "/src/cache/valkey/README.md"};
    const std::string text{std::istreambuf_iterator<char>{in}, {}};
    for (std::size_t i = 0; i < valkey::refusals; ++i) {
        const auto refusal = static_cast<valkey::Refusal>(i);
        const std::size_t row = text.find("\n| `" + std::string{to_string(refusal)} + "` |");
        ASSERT_NE(row, std::string::npos) << to_string(refusal);
        const std::string line = text.substr(row + 1, text.find('\n', row + 1) - row - 1);
        EXPECT_TRUE(line.ends_with(may_overwrite(refusal) ? "| yes |" : "| never |")) << line;
    }
}

TEST(ValkeyReadme, ShowsAHeartbeat) {
    std::ifstream in{STSMAPD_SOURCE_DIR "/src/cache/valkey/README.md"};
    const std::string text{std::istreambuf_iterator<char>{in}, {}};
    const valkey::Heartbeat beat{
        "1.4.0", base::Instant{base::seconds{1'796'000'000}}, 12'345, {{"taken", 7}}};
    EXPECT_NE(text.find("\n    " + write_heartbeat(beat) + "\n"), std::string::npos);
}

/// The commands that a line of rights allows.
std::set<std::string> allowed(const std::string& rights) {
    std::set<std::string> found;
    std::istringstream in{rights};
    for (std::string word; in >> word;)
        if (word.starts_with('+')) found.insert(word);
    return found;
}

/// The tests' engines run with these rights: test::least_rights.
TEST(ValkeyReadme, TheManualHasTheRightsThatTheTestsRunWith) {
    std::ifstream in{STSMAPD_SOURCE_DIR "/man/stsmapd.8"};
    std::vector<std::string> users;
    for (std::string line; std::getline(in, line);) {
        if (!line.starts_with("user stsmapd on ")) continue;
        for (std::string more; line.ends_with("\\e") && std::getline(in, more);)
            line.replace(line.size() - 2, 2, more);
        users.push_back(line);
    }
    ASSERT_EQ(users.size(), 2U);
    EXPECT_EQ(allowed(users[0]), allowed(test::least_rights));
    EXPECT_EQ(allowed(users[1]), allowed(test::sentinel_rights));
    EXPECT_NE(users[0].find(" ~stsmapd:1:* "), std::string::npos);
    EXPECT_NE(users[0].find(" &" + valkey::channel(valkey::default_prefix) + " "), std::string::npos);
}

} // namespace
