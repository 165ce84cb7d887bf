#include "cache/valkey/keys.hpp"
#include "cache/valkey/notification.hpp"
#include "support/valkey_sample.hpp"

#include <gtest/gtest.h>

namespace {

using valkey::Notification;
using valkey::read_notification;

const std::string key = valkey::policy_key("stsmapd", "example.com");

TEST(ValkeyNotification, CarriesTheValueWhereItFits) {
    const valkey::KeyRing ring = test::key_ring();
    for (const valkey::Naming naming : {valkey::Naming::plain, valkey::Naming::hidden}) {
        const valkey::Value value = test::sample_value();
        const std::string name = name_of(value.domain, ring.sealing(), naming);
        const std::string octets = seal(value, ring.sealing(), naming, test::fixed_nonce());
        const std::string payload = valkey::notification(valkey::policy_key("stsmapd", name), octets);
        const auto read = read_notification("stsmapd", payload);
        ASSERT_TRUE(read && read->value);
        EXPECT_EQ(read->name, name);
        // The receiver needs not know the domain before.
        const auto opened = open(*read->value, read->name, ring, test::fetched_then);
        ASSERT_TRUE(opened);
        EXPECT_EQ(opened->value, value);
    }
}

TEST(ValkeyNotification, LimitIsExact) {
    const std::string longest(valkey::max_notification - key.size() - 1, 'x');
    const std::string payload = valkey::notification(key, longest);
    EXPECT_EQ(payload.size(), valkey::max_notification);
    EXPECT_EQ(read_notification("stsmapd", payload), (Notification{"example.com", longest}));
    EXPECT_EQ(valkey::notification(key, longest + "x"), key);
    EXPECT_EQ(valkey::notification(key, ""), key);
    EXPECT_EQ(read_notification("stsmapd", key), (Notification{"example.com", std::nullopt}));
    EXPECT_EQ(read_notification("stsmapd", payload + "x"), std::nullopt);
}

TEST(ValkeyNotification, TakesNothingElse) {
    for (const std::string& payload :
         {std::string{}, std::string{" "}, " " + key, "x" + key, key + "\n", std::string{"stsmapd:1:hosts"},
          valkey::lease_key("stsmapd", "example.com"), valkey::policy_key("other", "example.com"),
          std::string{"stsmapd:2:p:{example.com}"}, std::string{"stsmapd:1:p:{a b} x"}})
        EXPECT_EQ(read_notification("stsmapd", payload), std::nullopt) << payload;
    EXPECT_EQ(read_notification("stsmapd", key + " "), (Notification{"example.com", ""}))
        << "open() refuses it";
    EXPECT_EQ(read_notification("stsmapd", key + " a b"), (Notification{"example.com", "a b"}));
}

} // namespace
